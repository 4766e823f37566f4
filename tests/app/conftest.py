"""A small project of two domains, and the command line called in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_project import MAPPING
from trained_once import TrainedOnce

from linkspan.cli import main
from linkspan.graph.connecting.connection import Database
from linkspan.graph.roles import InteractionRole, Roles
from linkspan.graph.snapshot import Snapshot
from linkspan.pipeline import Pipeline
from linkspan.workspace import RunFolder, Workspace
from servers import RunningServer, empty


@dataclass
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Answer]


@pytest.fixture
def linkspan(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command as the shell would; its exit code and what it printed."""

    def run(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["linkspan", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        code = left.value.code
        return Answer(code if isinstance(code, int) else 1, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> TrainedOnce:
    """What this worker has trained."""
    return TrainedOnce(tmp_path_factory.mktemp("trainings"))


@pytest.fixture
def trained_once(trainings: TrainedOnce, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what comes after a training: an equal one is not done again, its run is
    copied. Not for tests that change how a model is learned."""

    def train(
        pipeline: Pipeline, snapshot: Snapshot, text: dict[str, Any], *, refit: bool = True
    ) -> RunFolder:
        return trainings.train(pipeline, snapshot, text, refit=refit)

    monkeypatch.setattr(Pipeline, "train", train)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a mapping and data: users keep to one of two tastes, in both domains."""
    rng = np.random.default_rng(0)
    items = ["id,domain,title,author"]
    for number in range(60):
        domain, taste = ("books", "films")[number % 2], number % 4 // 2
        word = ("space", "garden")[taste]
        items.append(f"{number},{domain},The {word} {number},Author {taste}")
    events = ["user,item,at"]
    for user in range(220):
        own = [number for number in range(60) if number % 4 // 2 == user % 2]
        for at, number in enumerate(rng.permutation(own)[:8]):
            events.append(f"{user},{number},{at}")
    (tmp_path / "items.csv").write_text("\n".join(items) + "\n")
    (tmp_path / "events.csv").write_text("\n".join(events) + "\n")
    (tmp_path / "linkspan.toml").write_text(MAPPING)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def taken(project: Path) -> Snapshot:
    """The snapshot of the project's files, put where 'linkspan snapshot' puts it."""
    items = pd.read_csv("items.csv", dtype=str)
    items.insert(0, "key", items["domain"] + "/" + items["id"])
    items = items.sort_values("key", ignore_index=True).assign(text=lambda frame: frame["title"])
    events = pd.read_csv("events.csv", dtype={"user": str, "item": str})
    users = np.sort(events["user"].unique().astype(str))
    row = pd.Series(np.arange(len(items)), index=items["id"])
    saved = pd.DataFrame(
        {
            "user": np.searchsorted(users, events["user"].to_numpy(str)).astype(np.int32),
            "item": row[events["item"]].to_numpy(np.int32),
            "at": events["at"].to_numpy(np.int64),
            "weight": np.float32(1),
            "sign": np.int8(1),
        }
    ).sort_values(["user", "item"], ignore_index=True)
    snapshot = Snapshot(
        roles=Roles(
            domains={name: name.title() for name in sorted(items["domain"].unique())},
            interactions=(InteractionRole(type="SAVED"),),
        ),
        users=pd.DataFrame({"key": users, "id": users}),
        items=items[["key", "id", "domain", "title", "text"]],
        entities={},
        interactions={"SAVED": saved},
        relations={},
    )
    Workspace(project / ".linkspan").save_snapshot(snapshot)
    return snapshot


@pytest.fixture
def login(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names each server in turn."""
    monkeypatch.setenv("NEO4J_URI", server.uri)
    monkeypatch.setenv("NEO4J_USERNAME", server.user)
    monkeypatch.setenv("NEO4J_PASSWORD", server.password)
    monkeypatch.setenv("ARCADEDB_HTTP", server.http_url)


@pytest.fixture
def on_server(login: None, prepared: Database) -> Database:
    """The database that the environment names: no nodes, and Linkspan's constraints."""
    return prepared


@pytest.fixture
def on_bare_server(login: None, db: Database) -> Database:
    """The database that the environment names: empty."""
    return db


ROLES = """
[adopt.users]
label = "Person"
key = "pid"

[adopt.domains.films]
label = "Film"
key = "no"
title = "name"
text = ["name", "plot"]

[adopt.domains.books]
label = "Printed Book"
key = "no"
title = "heading"

[[adopt.interactions]]
type = "RATED"
at = "on"
positive = "stars >= 3"

[adopt.entities.Genre]
label = "Kind"
key = "code"
name = "called"

[[adopt.relations]]
type = "IS_A"
source = "Film"
target = "Kind"

[[adopt.relations]]
type = "HAS"
source = "Kind"
target = "Printed Book"

[train.encoding]
encoder = "hash"

[train.model]
embedding_size = 16

[train.learning]
guard = false
epochs = 4
negatives = 20
batch_size = 128

[publish]
k = 3
similar = 2
"""


@pytest.fixture
def roles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings that adopt the graph of `theirs`, in a folder of their own."""
    (tmp_path / "linkspan.toml").write_text(ROLES)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "linkspan.toml"


@pytest.fixture
def theirs(login: None, server: RunningServer, roles: Path) -> Iterator[Database]:
    """Films numbered 1 to 30 and books numbered '1' to '30', which 120 people of one of two tastes
    rated; one key has an index, one a constraint, and one has neither."""
    empty(server, ("film_no", "person_pid"))
    with Database(server.uri, server.user, server.password, http_url=server.http_url) as db:
        _fill(db)
        yield db


def _fill(db: Database) -> None:
    rng = np.random.default_rng(0)
    db.run("CREATE CONSTRAINT film_no IF NOT EXISTS FOR (n:Film) REQUIRE n.no IS UNIQUE")
    db.run("CREATE INDEX person_pid IF NOT EXISTS FOR (n:Person) ON (n.pid)")
    db.write("UNWIND range(0, 1) AS n CREATE (:Kind {code: n, called: 'taste ' + toString(n)})")
    db.write(
        "UNWIND range(1, 30) AS n CREATE (:Film {no: n, plot: ['a', 'b']}) "
        "CREATE (:`Printed Book` {no: toString(n), heading: 'Book ' + toString(n)})"
    )
    db.write("MATCH (f:Film) SET f.name = 'Film ' + toString(f.no)")
    db.write("MATCH (f:Film), (k:Kind {code: f.no % 2}) CREATE (f)-[:IS_A]->(k)")
    db.write(
        "MATCH (b:`Printed Book`), (k:Kind) WHERE k.code = toInteger(b.no) % 2 "
        "CREATE (k)-[:HAS {since: 1}]->(b)"
    )
    db.write("CREATE (:Person:Admin {pid: 'a/0', run_by: 'x'})-[:OWNS]->(:Shop {key: 's'})")
    events = []
    for user in range(1, 121):
        own = [(label, n) for label in ("f", "b") for n in range(1, 31) if n % 2 == user % 2]
        for day, place in enumerate(rng.permutation(len(own))[:8]):
            label, number = own[place]
            events.append({"u": f"p{user}", "what": label, "n": number, "day": day})
    db.write("UNWIND range(1, 120) AS n CREATE (:Person {pid: 'p' + toString(n)})")
    for what, pattern in (("f", "(i:Film {no: e.n})"), ("b", "(i:`Printed Book`)")):
        where = "" if what == "f" else "WHERE i.no = toString(e.n)"
        db.write(
            f"UNWIND $rows AS e MATCH (u:Person {{pid: e.u}}) MATCH {pattern} {where} CREATE "
            "(u)-[:RATED {on: datetime('2020-01-01T00:00:00Z') + duration({days: e.day}), "
            "stars: 4}]->(i)",
            rows=[event for event in events if event["what"] == what],
        )
    db.write(
        "MATCH (u:Person {pid: 'p1'}), (f:Film {no: 2}) "
        "CREATE (u)-[:RATED {on: datetime('2019-01-01T00:00:00Z'), stars: 1}]->(f)"
    )

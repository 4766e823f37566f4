"""Runs that are kept in fewer bytes: published, asked, searched and refreshed as they are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from linkspan import gnn
from linkspan.graph.asking.client import Client
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.vectors import ItemVectors
from linkspan.opening import open_model
from linkspan.precision import rounded
from linkspan.settings import load_settings
from linkspan.visiting import open_visitors
from linkspan.workspace import RunFolder, Workspace

pytestmark = pytest.mark.usefixtures("trained_once")
Run = Callable[..., Any]
LISTS = "MATCH (u:User)-[r:RECOMMENDED]->(i:Item) WHERE r.run = u.run RETURN u.key AS user, "
LISTS += "u.run AS run, r.domain AS domain, r.rank AS rank, i.key AS item, r.score AS score "
LISTS += "ORDER BY user, domain, rank"


def set_precision(name: str) -> None:
    """Put the precision into ``[train.model]``."""
    lines = [line for line in Path("linkspan.toml").read_text().splitlines() if line]
    kept = [line for line in lines if not line.startswith("precision")]
    place = kept.index("[train.model]") + 1
    Path("linkspan.toml").write_text(
        "\n".join([*kept[:place], f'precision = "{name}"', *kept[place:]])
    )


def check_lists(database: Database, run: RunFolder) -> None:
    """What users read of a run is what its files give, in a batch and to a visitor, to the last
    bit."""
    snapshot = Workspace(run.folder.parent.parent).load_snapshot(run.read("run")["fingerprint"])
    model = open_model(run, snapshot)
    found = pd.DataFrame(database.read(LISTS))
    found = found[found["run"] == run.id].reset_index(drop=True)
    users, items = (frame["key"].to_numpy(object) for frame in (snapshot.users, snapshot.items))
    rows = np.flatnonzero(np.isin(users, found["user"].unique()))
    lists = gnn.score_top(model, 3, users=rows)
    lists = lists.assign(user=users[lists["user"]], item=items[lists["item"]])
    lists = lists.sort_values(["user", "domain", "rank"], ignore_index=True)
    columns = ["user", "domain", "rank", "item"]
    assert len(found)
    pd.testing.assert_frame_equal(found[columns], lists[columns], check_dtype=False)
    np.testing.assert_array_equal(found["score"].astype(np.float32), lists["score"])
    client, visitors = Client(database), open_visitors(database, load_settings(), run.folder)
    for user in found["user"].unique()[:3]:
        history = [row.item for row in client.history(user, k=99)][::-1]
        for domain in ("books", "films"):
            told = visitors.recommend(history, domain, 3)
            mine = found[(found["user"] == user) & (found["domain"] == domain)]
            assert [row.item for row in told] == mine["item"].tolist()
            assert [row.score for row in told] == pytest.approx(mine["score"].tolist(), abs=1e-5)


def check_vectors(database: Database, run: RunFolder, precision: str) -> ItemVectors:
    """The graph holds the vectors of a run's file, which are rounded; items are found by them."""
    vectors = ItemVectors.load(run.vectors)
    assert vectors.precision == precision
    slot = database.read("MATCH (r:Run {id: $run}) RETURN r.vectors AS slot", run=run.id)[0]["slot"]
    rows = database.read(
        f"MATCH (i:Item) RETURN i.key AS key, i.vector_{slot} AS state, "
        f"i.text_vector_{slot} AS text"
    )
    assert len(rows) == len(vectors.keys) == 60
    for row in rows:
        place = vectors.keys.index(row["key"])
        for name, matrix in (("state", vectors.states), ("text", vectors.texts)):
            np.testing.assert_array_equal(np.asarray(row[name], np.float32), matrix[place])
            np.testing.assert_array_equal(rounded(matrix, vectors.precision), matrix)
    client = Client(database, encoder=gnn.HashEncoder())
    found = client.search("The space 4", k=10)  # of one alone Neo4j finds one that is near
    assert found[0].item == "books/4" and found[0].score == pytest.approx(1.0, abs=5e-3)
    assert client.near("books/4", "books", k=3) and client.similar("books/4")
    return vectors


def test_a_run_is_published_asked_and_refreshed_in_its_precision(
    linkspan: Run, project: Path, on_server: Database
) -> None:
    workspace, sizes = Workspace(project / ".linkspan"), []
    for precision in ("single", "int8", "half"):
        set_precision(precision)
        answer = linkspan("run", "--json")
        assert answer.code == 0, answer.err
        run = workspace.run(json.loads(answer.out)["run"])
        check_lists(on_server, run)
        check_vectors(on_server, run, precision)
        sizes.append([file.stat().st_size for file in (run.embedded, run.vectors)])
    assert all(single > half > byte for single, byte, half in zip(*sizes, strict=True))

    set_precision("int8")  # of a new training; a refresh keeps what its run has
    before = pd.DataFrame(on_server.read(LISTS))
    client = Client(on_server)
    for epochs in (0, 1):
        client.feedback("7", client.recommend("7")[0].item)
        answer = linkspan("refresh", "--epochs", str(epochs), "--json")
        assert answer.code == 0, answer.err
        fresh = workspace.run(json.loads(answer.out)["run"])
        assert gnn.load(fresh.final).settings.model.precision == "half"
        found = gnn.load_vectors(fresh.embedded)["item"]
        np.testing.assert_array_equal(found, gnn.load_vectors(run.embedded)["item"])
        check_lists(on_server, fresh)
    after = pd.DataFrame(on_server.read(LISTS))
    rest = [frame[frame["user"] != "7"].reset_index(drop=True) for frame in (before, after)]
    pd.testing.assert_frame_equal(*rest)
    assert set(after.loc[after["user"] == "7", "run"]) == {fresh.id}

"""Forgetting: nothing is left of a user, and no ingest brings the user back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from safetensors import safe_open

from linkspan import connect, gnn
from linkspan.errors import DataError, PublishError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.writing.lease import Lease
from linkspan.opening import open_model
from linkspan.workspace import Workspace

WHO = "zoe-3f9c@example.org"


def holders(folder: Path, text: str) -> list[str]:
    """Files that hold a text, also in packed columns and in names of tensors; not the database."""
    found = []
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or "db" in file.relative_to(folder).parts[:1]:
            continue
        held = text.encode() in file.read_bytes()
        if file.suffix == ".parquet":
            table = pq.read_table(file)
            held |= text in str(table.to_pydict()) or text in str(table.schema)
        if file.suffix == ".safetensors":
            with safe_open(file, framework="np") as tensors:
                held |= text in str((tensors.metadata(), list(tensors.keys())))
        if held:
            found.append(str(file.relative_to(folder)))
    return found


def in_graph(database: Database, text: str) -> int:
    found = [database.read(f"MATCH {x} RETURN properties(x) AS p") for x in ("(x)", "()-[x]->()")]
    return sum(text in str(row["p"]) for rows in found for row in rows)


def test_nothing_is_left_of_a_user(linkspan: Any, project: Path, on_server: Database) -> None:
    events = pd.read_csv("events.csv").astype(str).replace({"user": {"7": WHO}})
    events.to_csv("events.csv", index=False)
    with Path("events.csv").open("a") as file:
        file.write(f"{WHO},nothing,1\nother,nothing,1\n")
    with Path("linkspan.toml").open("a") as file:
        file.write('\n[ingest]\ndangling = "skip"\n')
    assert linkspan("run").code == 0
    first = connect().runs()[0].run
    with connect() as client:
        client.feedback(WHO, client.recommend(WHO)[0].item)
        client.feedback("8", client.recommend("8")[0].item)
    assert linkspan("refresh").code == 0
    home = project / ".linkspan"
    log = home / "some.log"
    log.write_text(f"before\nuser {WHO} failed\nafter\n")
    assert linkspan("train").code == 0 and linkspan("evaluate").code == 0
    kinds = {Path(file).name for file in holders(home, WHO)}
    assert {"recommended.parquet", "some.log"} <= kinds and "000.parquet" in kinds
    assert any(name.endswith(".csv") for name in kinds)
    assert in_graph(on_server, WHO) > 0

    assert linkspan("forget", "nobody", "--yes").code == 3
    assert linkspan("forget", WHO, "--json").code == 2
    told = json.loads(linkspan("forget", WHO, "--yes", "--json").out)
    assert told["graph"]["users"] == 1
    assert set(told["graph"]["relationships"]) == {"FEEDBACK", "RECOMMENDED", "SAVED"}
    assert told["graph"]["relationships"]["SAVED"] == 9
    assert told["files"]["lines of logs"] == 1 and told["files"]["rejected rows"] == 1
    assert told["files"]["models"] == 3 and told["files"]["recommendations in files"] >= 12

    assert holders(home, WHO) == [] and in_graph(on_server, WHO) == 0
    assert "Nothing was left to remove" in linkspan("forget", WHO).out  # and nothing is asked
    assert log.read_text() == "before\nafter\n"
    (rejects,) = (home / "rejects").glob("*.csv")
    assert "other,nothing" in rejects.read_text()
    with connect() as client, pytest.raises(DataError, match="was forgotten"):
        client.feedback(WHO, "films/1", create=True)

    # The linear part is that of a training that never saw the user, and the run is of use still.
    workspace = Workspace(home)
    for run in workspace.runs():
        snapshot = workspace.load_snapshot(run.read("run")["fingerprint"])
        assert WHO not in set(snapshot.users["key"])
        model = open_model(run, snapshot)
        if "base" in run.read("run"):
            continue
        anew = gnn.with_weights(model, model.weights).linear
        assert abs(anew - model.linear).max() < 1e-6
        split = gnn.Split.load(run.split)
        held = open_model(run, snapshot, run.held_out)
        assert split.fingerprint == snapshot.fingerprint() and len(split.test) > 200
        assert held.linear is not None and held.linear.nnz > 0
    assert linkspan("evaluate", first).code == 0

    # The same files again, changed, all of them, and pruned: the user stays away.
    with Path("events.csv").open("a") as file:
        file.write("9,1,99\n")
    for flags in ((), ("--force",), ("--prune", "--yes")):
        if "--prune" in flags:  # which wants no rejected row
            lines = Path("events.csv").read_text().splitlines(keepends=True)
            Path("events.csv").write_text("".join(x for x in lines if ",nothing," not in x))
        answer = json.loads(linkspan("ingest", "--json", *flags).out)
        assert in_graph(on_server, WHO) == 0 and holders(home, WHO) == []
        if flags == ("--force",):
            assert answer["forgotten"] == 9 and answer["rejected"] == 1
    assert linkspan("forget", WHO, "--yes").code == 0  # once more, to no effect
    assert linkspan("snapshot").code == 0
    assert WHO not in set(Workspace(home).load_snapshot().users["key"])


def test_the_client_forgets_in_the_graph(db: Database) -> None:
    from linkspan.graph.asking.client import Client

    db.write("CREATE (:User {key: 'a'})-[:SAVED]->(:Item {key: 'x/1', domain: 'x'})")
    db.write("MATCH (u:User {key: 'a'}) CREATE (u)-[:SAME_AS]->(:User {key: 'b'})")
    client = Client(db)
    with pytest.raises(DataError, match="no user 'c'"):
        client.forget("c")
    with Lease(db, "publish of run 1"), pytest.raises(PublishError, match="publish of run 1"):
        client.forget("a")
    assert client.forget("a", same_as=True).relationships == {"SAME_AS": 2, "SAVED": 1}
    assert db.read("MATCH (u:User) RETURN u.key AS key") == []
    assert client.forget("a").users == 0


def test_a_snapshot_loses_a_user_and_keeps_all_else(tmp_path: Path) -> None:
    from linkspan.graph.roles import InteractionRole, RelationRole, Roles
    from linkspan.graph.snapshot.erasing import erase_users

    def frame(**columns: Any) -> pd.DataFrame:
        return pd.DataFrame(
            {k: np.array(v, np.int32) if k in ("user", "item", "source", "target", "row") else v
             for k, v in columns.items()}
        )  # fmt: skip

    roles = Roles(
        domains={"x": "X"},
        interactions=(InteractionRole(type="SAVED"),),
        relations=(RelationRole(type="KNOWS", source="user", target="user"),),
    )
    saved = frame(user=[0, 1, 1, 2], item=[0, 0, 1, 1], at=np.array([5, 6, 7, 8]))
    saved = saved.assign(weight=np.float32(1), sign=np.int8(1))
    knows = frame(source=[0, 1, 2], target=[2, 2, 0]).assign(weight=np.float32(1))
    snapshot = Snapshot(
        roles=roles,
        users=pd.DataFrame({"key": list("acd"), "id": list("acd")}),
        items=pd.DataFrame(
            {"key": ["x/1", "x/2"], "id": ["1", "2"], "domain": "x", "title": "", "text": ""}
        ),
        entities={},
        interactions={"SAVED": saved},
        relations={("user", "KNOWS", "user"): knows},
        aliases={"user": frame(row=[0, 1], key=["b", "e"])},
    )
    assert erase_users(snapshot, {"nobody"}) is None
    for key in ("c", "e"):  # the user, and another key of the same user
        erased = erase_users(snapshot, {key})
        assert erased is not None and erased.removed == 2
        left = erased.snapshot
        assert list(left.users["key"]) == ["a", "d"] and list(erased.users) == [0, -1, 1]
        assert left.interactions["SAVED"][["user", "item", "at"]].to_numpy().tolist() == [
            [0, 0, 5], [1, 1, 8],
        ]  # fmt: skip
        assert list(erased.events) == [0, -1, -1, 1]
        assert left.relations["user", "KNOWS", "user"]["target"].tolist() == [1, 0]
        assert left.aliases["user"]["key"].tolist() == ["b"]
        left.save(tmp_path / key)
        assert Snapshot.load(tmp_path / key).fingerprint() == left.fingerprint()

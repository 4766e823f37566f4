"""Forgetting: nothing is left of a user, and no ingest brings the user back."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors import safe_open

from linkspan import connect, gnn
from linkspan.errors import DataError, PublishError
from linkspan.forgetting import forget_in_files
from linkspan.graph.connecting.connection import Database
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.writing.lease import Lease
from linkspan.opening import open_model
from linkspan.workspace import RunFolder, Workspace

pytestmark = pytest.mark.usefixtures("trained_once")
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


class Killer:
    """Ends the process, as it were, at one of its writes: none of those after it is done either."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.count = 0
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.left is None or not self._writes(event, arguments):
            return
        self.count += 1
        if self.count > self.left:
            raise KeyboardInterrupt

    def _writes(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "open":
            return bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
        return event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate")


KILLER = Killer()


def killed_at(step: int, workspace: Workspace, keys: set[str]) -> bool:
    """Forget, but for the writes from one on; tells whether there were so many."""
    KILLER.left, KILLER.count = step, 0
    try:
        forget_in_files(workspace, keys)
    except KeyboardInterrupt:
        return True
    finally:
        KILLER.left = None
    return False


def state(workspace: Workspace) -> dict[str, Any]:
    """All that is in a workspace, as its readers see it."""
    found: dict[str, Any] = {"files": sorted(str(f.relative_to(workspace.folder))
                                             for f in workspace.folder.rglob("*"))}  # fmt: skip
    found["latest"] = workspace.load_snapshot().fingerprint()
    for run in workspace.runs():
        snapshot = workspace.load_snapshot(run.read("run")["fingerprint"])
        for folder in (run.held_out, run.final):
            model = open_model(run, snapshot, folder)
            made = model.linear.met if hasattr(model.linear, "met") else model.linear
            found[f"{run.id}/{folder.name}"] = made.toarray().tolist()
        split = gnn.Split.load(run.split)
        assert split.fingerprint == snapshot.fingerprint()
        events = snapshot.events()
        for name in ("train", "validation", "test"):
            rows = events.iloc[getattr(split, name)]
            users, items = snapshot.users["key"], snapshot.items["key"]
            found[f"{run.id}/{name}"] = [
                *zip(users[rows["user"]], items[rows["item"]], strict=True)
            ]
        ranks = pd.read_parquet(run.ranks)
        found[f"{run.id}/ranks"] = [
            *zip(snapshot.users["key"][ranks["user"]], ranks["rank"], strict=True)
        ]
        found[f"{run.id}/lists"] = pd.read_parquet(run.lists).to_dict("list")
        found[f"{run.id}/rules"] = run.is_scored("rules", vectors=False)
    return found


@pytest.mark.parametrize("timed", [True, False])
def test_forgetting_may_be_killed_at_each_of_its_writes(
    linkspan: Any, project: Path, taken: Snapshot, tmp_path: Path, *, timed: bool
) -> None:
    home = project / ".linkspan"
    workspace, snapshot = Workspace(home), taken
    if not timed:  # then the linear part holds histories
        saved = taken.interactions["SAVED"].assign(at=0)
        items = pd.concat(
            [
                taken.items,
                *(
                    taken.items.assign(
                        key=taken.items["key"] + f"-{n}", id=taken.items["id"] + f"-{n}"
                    )
                    for n in range(4)
                ),
            ]
        )
        order = np.argsort(items["key"].to_numpy(str), kind="stable")
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        saved["item"] = place[saved["item"]].astype(np.int32)
        snapshot = replace(
            taken, items=items.iloc[order].reset_index(drop=True), interactions={"SAVED": saved}
        )
        workspace.save_snapshot(snapshot)
    assert linkspan("train").code == 0
    run = workspace.run()
    assert (run.final / "dual.npz").exists() != timed
    events = snapshot.events()
    test = events.iloc[gnn.Split.load(run.split).test]
    pd.DataFrame({"user": test["user"], "rank": test["item"]}).to_parquet(run.ranks)
    table = pa.table({"user": ["7", "8", "9"], "item": ["films/1"] * 3})
    for file in (run.lists, run.similar):
        pq.write_table(table.replace_schema_metadata({"rules": "rules"}), file)
    shutil.copytree(run.folder, run.folder.with_name("20990101-000000-1"))
    (home / "rejects").mkdir()
    (home / "rejects" / "events.csv").write_text("user,item\n7,x\n8,y\n")
    (home / "runs" / "x.csv.1.part").write_text("7")  # of a process that was killed

    whole = Workspace(tmp_path / "whole")
    shutil.copytree(home, whole.folder)
    steps = 0
    assert not killed_at(10**9, whole, {"7", "9"})
    steps, wanted = KILLER.count, state(whole)
    assert len(wanted) > 10 and wanted["20990101-000000-1/lists"]["user"] == ["8"]
    assert not {"7", "9"} & {user for user, _ in wanted[f"{run.id}/test"]}
    assert all(value for name, value in wanted.items() if name.endswith("/rules"))
    every = 1 if os.environ.get("LINKSPAN_SOAK") == "1" else 9  # all of them take six minutes
    for step in range(int(timed), steps, every):
        other = Workspace(tmp_path / f"step{step}")
        shutil.copytree(home, other.folder)
        assert killed_at(step, other, {"7", "9"})
        for each in other.runs():  # no state between the two is taken for one of them
            made_of = other.load_snapshot(each.read("run")["fingerprint"])
            open_model(each, made_of)
            assert gnn.Split.load(each.split).fingerprint == made_of.fingerprint()
        if step % 3 == 0:  # killed twice, at another place
            killed_at(step // 2, other, {"7", "9"})
        if step % 5 == 0:  # another user is forgotten in between
            assert not killed_at(10**9, other, {"nobody"})
        assert not killed_at(10**9, other, {"7", "9"})
        assert state(other) == wanted, step
        shutil.rmtree(other.folder)


def test_models_go_with_a_snapshot_that_cannot_be_read(
    linkspan: Any, project: Path, taken: Snapshot
) -> None:
    assert linkspan("train").code == 0
    workspace = Workspace(project / ".linkspan")
    good, lost, broken = (workspace.run(), *(
        RunFolder(shutil.copytree(workspace.run().folder, workspace.run().folder.with_name(name)))
        for name in ("20990101-000000-1", "20990101-000000-2")
    ))  # fmt: skip
    lost.write("run", {**lost.read("run"), "fingerprint": "0" * 64})
    (broken.held_out / "model.json").unlink()  # was killed while it was saved
    for name, text in (("damaged", "{"), ("begun", None), ("older", '{"format": 1}')):
        folder = workspace.folder / "snapshots" / name
        folder.mkdir()
        (folder / "000.parquet").write_text("7")
        if text is not None:
            (folder / "manifest.json").write_text(text)
    told = forget_in_files(workspace, {"7"})
    assert told["unreadable snapshots"] == 3 and told["models without a snapshot"] == 2
    assert [path.exists() for path in (lost.final, lost.held_out, lost.ranks)] == [False] * 3
    assert good.is_trained and broken.is_trained and not broken.held_out.exists()
    assert len(workspace.snapshots()) == 1
    open_model(good, workspace.load_snapshot(good.read("run")["fingerprint"]))


def test_a_second_start_forgets_the_same_keys(
    linkspan: Any, project: Path, on_server: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("events.csv").open("a") as file:
        file.write(f"{WHO},1,1\n")
    assert linkspan("ingest").code == 0
    on_server.write(
        "MATCH (a:User {key: '7'}), (b:User {key: $who}) CREATE (a)-[:SAME_AS]->(b)", who=WHO
    )
    assert linkspan("snapshot").code == 0
    with monkeypatch.context() as patch:
        patch.setattr("linkspan.commands.forget.forget_in_files", _interrupted)
        assert linkspan("forget", "7", "--same-as", "--yes").code != 0
    assert in_graph(on_server, WHO) == 0 and holders(project / ".linkspan", WHO)
    # The graph knows of one that it has forgotten, and no longer what was one with it.
    assert linkspan("forget", "7", "--yes").code == 0
    assert holders(project / ".linkspan", WHO) == []


def _interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


def test_the_client_forgets_in_the_graph(prepared: Database) -> None:
    from linkspan.graph.asking.client import Client

    prepared.write("CREATE (:User {key: 'a'})-[:SAVED]->(:Item {key: 'x/1', domain: 'x'})")
    prepared.write("MATCH (u:User {key: 'a'}) CREATE (u)-[:SAME_AS]->(:User {key: 'b'})")
    client = Client(prepared)
    with pytest.raises(DataError, match="no user 'c'"):
        client.forget("c")
    with Lease(prepared, "publish of run 1"), pytest.raises(PublishError, match="publish of run 1"):
        client.forget("a")
    assert client.forget("a", same_as=True).relationships == {"SAME_AS": 2, "SAVED": 1}
    assert prepared.read("MATCH (u:User) RETURN u.key AS key") == []
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

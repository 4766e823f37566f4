"""Publishing: whole lists of one run at every moment, resumed after a kill, rolled back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest
from contract_fixtures import Lists, PublishRun, Record

from linkspan import cypher
from linkspan.errors import DatabaseError, PublishError
from linkspan.graph.asking.client import Client
from linkspan.graph.asking.results import Recommendation
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing import publish as publishing
from linkspan.graph.publishing.publish import (
    PARTS,
    check_lists,
    publish,
    rollback,
)
from linkspan.graph.snapshot import Snapshot
from servers import RunningServer


def _as_read(database: Database, user: str) -> list[tuple[Any, ...]]:
    """A user's list by the Cypher file alone."""
    rows = database.read(cypher.load("recommend"), user=user, domain=None, k=1000)
    keys = ("domain", "rank", "item", "score", *PARTS, "because_item")
    return sorted(tuple(row[key] for key in keys) for row in rows)


def _by_client(rows: Sequence[Recommendation]) -> list[tuple[Any, ...]]:
    keys = ("domain", "rank", "item", "score", *PARTS, "because_item")
    return sorted(tuple(getattr(row, key) for key in keys) for row in rows)


def _as_saved(lists: pd.DataFrame, user: str) -> list[tuple[Any, ...]]:
    columns = ["domain", "rank", "item", "score", *PARTS, "because"]
    return sorted(lists.loc[lists["user"] == user, columns].itertuples(index=False, name=None))


def _published(database: Database) -> Counter[str]:
    """Relationships a run, straight from the graph."""
    rows = database.read("MATCH (:User)-[r:RECOMMENDED]->() RETURN r.run AS run, count(*) AS n")
    return Counter({row["run"]: row["n"] for row in rows})


def test_cypher_client_and_saved_lists_agree(
    graph: Database, snapshot: Snapshot, lists: Lists, similar: pd.DataFrame, make_record: Record
) -> None:
    saved = lists(0)
    report = publish(graph, make_record("a"), snapshot.users["key"].tolist(), saved, similar)
    assert (report.recommendations, report.similar) == (len(saved), len(similar))
    assert report.written == len(saved) + len(similar)
    client = Client(graph)
    for user in snapshot.users["key"]:
        by_client = sorted(
            (
                r.domain,
                r.rank,
                r.item,
                r.score,
                *(getattr(r, part) for part in PARTS),
                r.because_item,
            )
            for r in client.recommend(user, k=1000)
        )
        assert by_client == _as_read(graph, user) == _as_saved(saved, user)


def test_the_run_before_stays_until_the_next_and_comes_back(
    graph: Database, lists: Lists, similar: pd.DataFrame, publish_run: PublishRun
) -> None:
    for number, name in enumerate("abc"):
        publish_run(name, number)
    assert set(_published(graph)) == {"b", "c"}
    client = Client(graph)
    states = {run.run: run.state for run in client.runs()}
    assert states == {"a": "superseded", "b": "superseded", "c": "active"}
    assert rollback(graph) == ("c", "b")
    assert _as_read(graph, "7") == _as_saved(lists(1), "7")
    assert {row.run for row in client.similar("comics/1")} == {"b"}
    publish_run("d", 3)
    assert set(_published(graph)) == {"b", "d"}


def test_lists_of_another_kind_of_similar_items_are_others(
    graph: Database, snapshot: Snapshot, lists: Lists, similar: pd.DataFrame, make_record: Record
) -> None:
    """Of as many rows; those of a run of before, which knew no kinds, are those of states."""
    users, states = snapshot.users["key"].tolist(), similar[similar["kind"] == "states"]
    old = states[["item", "other", "rank", "score"]]
    names = [
        publish(graph, make_record("a"), users, lists(0), each).run
        for each in (old, states, states.assign(kind="relations", how="TAGGED", by="x"), similar)
    ]
    assert names == ["a", "a", "a.2", "a"]
    found = graph.read(
        "MATCH (:Item)-[r:SIMILAR]->() RETURN DISTINCT r.run AS run, r.kind AS kind, r.how AS how"
    )
    assert {(row["run"], row["kind"], row["how"]) for row in found} == {
        ("a.2", "relations", "TAGGED"),
        ("a", "states", None),
        ("a", "relations", "WRITTEN_BY"),
    }


def test_a_run_whose_lists_had_gone_is_published_again(
    graph: Database, snapshot: Snapshot, lists: Lists, publish_run: PublishRun
) -> None:
    users = snapshot.users["key"].tolist()
    for number, name in enumerate("abca"):
        publish_run(name, number % 3)
    assert set(_published(graph)) == {"a", "c"}
    assert all(_as_read(graph, user) == _as_saved(lists(0), user) for user in users)


def test_a_publish_goes_on_only_with_the_same_lists(
    graph: Database,
    snapshot: Snapshot,
    lists: Lists,
    similar: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    publish_run: PublishRun,
) -> None:
    users = snapshot.users["key"].tolist()
    with monkeypatch.context() as patch, pytest.raises(PublishError, match="stopped"):
        patch.setattr(publishing.Publisher, "switch", _stop)
        publish_run("a", 0)
    report = publish_run("a", 1)
    assert report.written == len(lists(1)) + len(similar)
    assert _published(graph) == {"a": len(lists(1))}
    assert all(_as_read(graph, user) == _as_saved(lists(1), user) for user in users)


def _stop(*_: Any) -> None:
    raise PublishError("stopped")


def test_there_is_nothing_to_roll_back_to(graph: Database, publish_run: PublishRun) -> None:
    publish_run("a", 0)
    with pytest.raises(PublishError, match="no run to go back to"):
        rollback(graph)


def test_publishing_twice_changes_nothing(graph: Database, publish_run: PublishRun) -> None:
    publish_run("a", 0)
    before = graph.read("MATCH (n) RETURN count(n) AS nodes"), _published(graph)
    assert publish_run("a", 0).written == 0
    assert (graph.read("MATCH (n) RETURN count(n) AS nodes"), _published(graph)) == before


@pytest.mark.parametrize("survives", [0, 3, 9, 14, 17])
def test_a_broken_publish_goes_on_where_it_stopped(
    graph: Database,
    snapshot: Snapshot,
    lists: Lists,
    similar: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    survives: int,
    publish_run: PublishRun,
) -> None:
    """It breaks off after some writes; half of the time the write that broke was committed."""
    monkeypatch.setattr(publishing, "BATCH_ROWS", 40)
    users = snapshot.users["key"].tolist()
    publish_run("a", 0)
    write, left = graph.write, [survives]

    def fragile(query: str, **parameters: Any) -> Any:
        if left[0] == 0:
            if survives % 2:
                write(query, **parameters)
            raise DatabaseError("broken off")
        left[0] -= 1
        return write(query, **parameters)

    with monkeypatch.context() as patch:
        patch.setattr(graph, "write", fragile)
        try:
            publish_run("b", 1)
        except DatabaseError:
            for user in users:
                assert _as_read(graph, user) in (
                    _as_saved(lists(0), user),
                    _as_saved(lists(1), user),
                )
    graph.write("MATCH (l:Lease) SET l.until = 0")  # it may have broken giving it back
    publish_run("b", 1)
    assert _published(graph) == {"a": len(lists(0)), "b": len(lists(1))}
    assert all(_as_read(graph, user) == _as_saved(lists(1), user) for user in users)
    others = graph.read("MATCH (:Item)-[r:SIMILAR {run: 'b'}]->() RETURN count(*) AS n")
    assert others[0]["n"] == len(similar)


def test_a_broken_publish_of_another_run_is_cleared(
    graph: Database,
    snapshot: Snapshot,
    lists: Lists,
    monkeypatch: pytest.MonkeyPatch,
    publish_run: PublishRun,
) -> None:
    users = snapshot.users["key"].tolist()
    publish_run("a", 0)
    write = graph.write

    def fragile(query: str, **parameters: Any) -> Any:
        if query == cypher.load("switch_users"):
            write(query, **{**parameters, "rows": parameters["rows"][:20]})
            raise DatabaseError("broken off")
        return write(query, **parameters)

    with monkeypatch.context() as patch, pytest.raises(DatabaseError, match="broken off"):
        patch.setattr(graph, "write", fragile)
        publish_run("b", 1)
    assert _published(graph)["b"] > 0
    told = graph.read("MATCH (r:Run {id: 'b'}) RETURN r.state AS state, r.reason AS reason")[0]
    assert told == {"state": "failed", "reason": "broken off"}
    clear = publishing.clear_lists

    def clear_and_look(*given: Any) -> None:
        clear(*given)
        assert all(_as_read(graph, user) == _as_saved(lists(0), user) for user in users)

    monkeypatch.setattr(publishing, "clear_lists", clear_and_look)
    publish_run("c", 2)
    assert set(_published(graph)) == {"a", "c"}
    assert {run.run: run.state for run in Client(graph).runs()}["b"] == "failed"


def test_readers_see_whole_lists_of_one_run_while_another_is_published(
    graph: Database,
    server: RunningServer,
    snapshot: Snapshot,
    lists: Lists,
    monkeypatch: pytest.MonkeyPatch,
    publish_run: PublishRun,
) -> None:
    monkeypatch.setattr(publishing, "BATCH_ROWS", 40)  # many transactions
    users = snapshot.users["key"].tolist()
    publish_run("run0", 0)
    expected = {
        (f"run{seed}", user): _as_saved(lists(seed), user) for seed in range(4) for user in users
    }
    wrong: list[str] = []
    reads: Counter[str] = Counter()
    done = threading.Event()

    def read(number: int) -> None:
        with Client(Database(server.uri, server.user, server.password)) as client:
            place = number
            while not done.is_set():
                user = users[place % len(users)]
                place += 1
                rows = client.recommend(user, k=1000)
                runs = {row.run for row in rows}
                found = _by_client(rows)
                if len(runs) != 1 or found != expected[runs.pop(), user]:
                    wrong.append(f"{user}: {len(rows)} rows of runs {runs}")
                reads.update(row.run for row in rows[:1])

    readers = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for reader in readers:
        reader.start()
    try:
        for seed in range(1, 4):
            publish_run(f"run{seed}", seed)
        rollback(graph)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert set(reads) >= {"run0", "run3"} and reads.total() > 200


def test_lists_of_another_graph_are_refused(
    graph: Database, snapshot: Snapshot, lists: Lists, similar: pd.DataFrame, make_record: Record
) -> None:
    strange = lists(0).replace({"item": {"comics/2": "comics/none"}})
    with pytest.raises(PublishError, match="found no user or item in the graph"):
        publish(graph, make_record("a"), snapshot.users["key"].tolist(), strange, similar)


def _damaged(lists: pd.DataFrame, case: str) -> pd.DataFrame:
    if case == "none":
        return lists.iloc[:0]
    if case == "not finite":
        return lists.assign(score=lists["score"].where(lists.index != 3, float("nan")))
    if case == "parts":
        return lists.assign(gnn=lists["gnn"] + 0.5)
    if case == "twice":
        return lists.assign(item=lists["item"].where(lists.index != 1, lists["item"][0]))
    if case == "gap":
        return lists.drop(index=2)
    many = pd.concat([lists[:5].assign(user=str(number)) for number in range(200)])
    return many.reset_index(drop=True)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("none", "no recommendations"),
        ("not finite", "1 scores are not finite"),
        ("parts", "parts of a score miss it by 0.5"),
        ("twice", "twice in a user's list"),
        ("gap", "ranks of a list have gaps"),
        ("collapsed", "collapsed: 200 users get the same 5 items"),
    ],
)
def test_bad_lists_are_refused(case: str, message: str) -> None:
    scores = [0.9, 0.8, 0.7, 0.6, 0.5]
    good = pd.DataFrame(
        {
            "user": "1", "item": [f"c/{n}" for n in range(5)], "domain": "c",
            "rank": range(1, 6), "score": scores, "gnn": scores,
            **dict.fromkeys(PARTS[1:], 0.0), "because": "c/9",
        }
    )  # fmt: skip
    check_lists(good)
    with pytest.raises(PublishError, match=message):
        check_lists(_damaged(good, case))

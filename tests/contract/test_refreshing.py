"""Refreshing in the graph: new lists of some users, kept while another run is published."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from contract.conftest import ROLES
from contract_fixtures import Lists, PublishRun, Record

from linkspan import cypher
from linkspan.errors import PublishError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing import publish as publishing
from linkspan.graph.publishing.publish import rollback
from linkspan.graph.publishing.refresh import publish_refresh
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.changes import find_changes
from linkspan.graph.snapshot.reading import read_snapshot
from linkspan.graph.writing.lease import Lease


def read(database: Database, user: str) -> tuple[str, list[str]]:
    """The run that a user reads, and the list's items."""
    rows = database.read(cypher.load("recommend"), user=user, domain=None, k=1000)
    run = database.read("MATCH (u:User {key: $user}) RETURN u.run AS run", user=user)[0]["run"]
    return run, sorted(row["item"] for row in rows)


def saved(lists: pd.DataFrame, user: str) -> list[str]:
    return sorted(lists.loc[lists["user"] == user, "item"])


def states(database: Database) -> dict[str, str]:
    return {row["run"]: row["state"] for row in database.read(cypher.load("runs"))}


def stop(*_: Any) -> None:
    raise PublishError("stopped")


def test_refreshed_users_keep_their_lists_while_another_run_is_published(
    graph: Database,
    snapshot: Snapshot,
    lists: Lists,
    make_record: Record,
    monkeypatch: pytest.MonkeyPatch,
    publish_run: PublishRun,
) -> None:
    users = snapshot.users["key"].tolist()
    first, second, third = users[:3]
    publish_run("a", 0)
    fresh, fresher = lists(1), lists(2)
    publish_refresh(graph, make_record("b"), "a", fresh[fresh["user"].isin([first, second])])
    publish_refresh(graph, make_record("c"), "a", fresher[fresher["user"] == first])

    def check() -> None:
        assert read(graph, first) == ("c", saved(fresher, first))
        assert read(graph, second) == ("b", saved(fresh, second))
        assert read(graph, third) == ("a", saved(lists(0), third))

    check()
    with monkeypatch.context() as patch, pytest.raises(PublishError, match="stopped"):
        patch.setattr(publishing.Publisher, "switch", stop)
        publish_run("d", 3)
    check()
    assert states(graph) == {"a": "active", "b": "refresh", "c": "refresh", "d": "failed"}
    # One that ended after some were switched, and is given up for another.
    with monkeypatch.context() as patch, pytest.raises(PublishError, match="stopped"):
        patch.setattr(publishing.Publisher, "activate", stop)
        publish_run("d", 3)
    assert read(graph, first)[0] == "d"
    with monkeypatch.context() as patch, pytest.raises(PublishError, match="stopped"):
        patch.setattr(publishing.Publisher, "switch", stop)
        publish_run("e", 3)
    check()

    publish_run("e", 3)
    assert all(read(graph, user) == ("e", saved(lists(3), user)) for user in users[:3])
    assert rollback(graph) == ("e", "a")
    check()
    assert rollback(graph) == ("c", "a")
    assert read(graph, first) == ("b", saved(fresh, first))
    assert rollback(graph) == ("b", "a")
    assert {read(graph, user)[0] for user in users} == {"a"}
    assert rollback(graph) == ("a", "e")


def test_a_refresh_that_was_undone_stays_undone(
    graph: Database, snapshot: Snapshot, lists: Lists, make_record: Record, publish_run: PublishRun
) -> None:
    users = snapshot.users["key"].tolist()
    publish_run("a", 0)
    publish_refresh(graph, make_record("b"), "a", lists(1)[lists(1)["user"] == users[0]])
    assert rollback(graph) == ("b", "a")
    publish_run("c", 2)
    assert rollback(graph) == ("c", "a")
    assert {read(graph, user)[0] for user in users} == {"a"}
    assert states(graph) == {"a": "active", "b": "superseded", "c": "superseded"}


def test_a_refresh_is_refused(
    graph: Database, snapshot: Snapshot, lists: Lists, make_record: Record, publish_run: PublishRun
) -> None:
    users = snapshot.users["key"].tolist()
    publish_run("a", 0)
    fresh = lists(1)[lists(1)["user"] == users[0]]
    with Lease(graph, "publish of run x"), pytest.raises(PublishError, match="run x is going on"):
        publish_refresh(graph, make_record("b"), "a", fresh)
    with pytest.raises(PublishError, match="z is no longer the active one"):
        publish_refresh(graph, make_record("b"), "z", fresh)
    with pytest.raises(PublishError, match="found no user or item"):
        publish_refresh(graph, make_record("b"), "a", fresh.assign(user="nobody"))
    assert read(graph, users[0]) == ("a", saved(lists(0), users[0]))
    assert states(graph) == {"a": "active", "b": "failed"}


# User u has met the items i of both domains where u = i modulo 5; author a wrote i = a - 1.
LISTED = pd.DataFrame({"user": ["9", "10", "13"], "item": ["comics/1", "comics/2", "comics/5"]})
TWINS = "MATCH (a:User {key: '2'}), (b:User {key: '13'}) "
SAME_ITEMS = "MATCH (a:Item {key: 'comics/1'}), (b:Item {key: 'science-fiction/2'}) "


def who_met(*rests: int) -> set[str]:
    return {str(n) for n in range(1, 41) if n % 5 in rests}


@pytest.mark.parametrize(
    ("first", "then", "concerned"),
    [
        ("RETURN 1", "MATCH (i:Item {key: 'comics/1'}) SET i.pages = 3", set()),
        ("RETURN 1", TWINS + "CREATE (b)-[:SAME_AS]->(a)", {"13"}),  # both, under the smaller key
        (TWINS + "CREATE (a)-[:SAME_AS]->(b)", "MATCH ()-[r:SAME_AS]->() DELETE r", {"2", "13"}),
        ("RETURN 1", "MATCH (u:User {key: '2'}) CREATE (u)-[:SAME_AS]->(:User {key: '0'})", {"0"}),
        ("RETURN 1", SAME_ITEMS + "CREATE (a)-[:SAME_AS]->(b)", who_met(1, 2) | {"9"}),
        (
            SAME_ITEMS + "CREATE (a)-[:SAME_AS]->(b)",
            "MATCH ()-[r:SAME_AS]->() DELETE r",
            who_met(1, 2) | {"9"},
        ),
        ("RETURN 1", "MATCH (i:Item {key: 'comics/1'}) SET i.title = 'New'", who_met(1) | {"9"}),
        (
            "RETURN 1",
            "MATCH (:Item {key: 'comics/2'})-[r:WRITTEN_BY]->() DELETE r",
            who_met(2) | {"10"},
        ),
        ("RETURN 1", "MATCH (a:Author {key: 'author/1'}) SET a.name = 'X'", who_met(0) | {"13"}),
        ("RETURN 1", "MATCH (:User {key: '7'})-[r]->(:Item {key: 'comics/2'}) DELETE r", {"7"}),
        (
            "MATCH ()-[r:SAVED]->() REMOVE r.at",  # then all events of a user look alike
            "MATCH (i:Item) WHERE i.key IN ['comics/5', 'comics/10'] DETACH DELETE i",
            who_met(0) | {"13"},
        ),
    ],
)
def test_whom_changes_concern(graph: Database, first: str, then: str, concerned: set[str]) -> None:
    graph.write(first)
    before = read_snapshot(graph, ROLES)
    assert not len(find_changes(before, read_snapshot(graph, ROLES), LISTED).users)
    graph.write(then)
    after = read_snapshot(graph, ROLES)
    found = find_changes(before, after, LISTED)
    assert set(after.users["key"].iloc[found.users]) == concerned

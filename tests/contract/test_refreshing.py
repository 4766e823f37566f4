"""Refreshing in the graph: new lists of some users, kept while another run is published."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from contract_fixtures import Lists, PublishRun, Record

from linkspan import cypher
from linkspan.errors import PublishError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing import publish as publishing
from linkspan.graph.publishing.publish import rollback
from linkspan.graph.publishing.refresh import publish_refresh
from linkspan.graph.snapshot import Snapshot
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

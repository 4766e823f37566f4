"""The lease: one publisher at a time, and a killed one keeps nobody out for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from contract_fixtures import PublishRun

from linkspan import cypher
from linkspan.errors import PublishError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing import publish as publishing
from linkspan.graph.publishing.publish import rollback
from linkspan.graph.writing.constraints import LEASE_BEFORE
from linkspan.graph.writing.lease import Lease


def test_the_second_is_told_who_holds_it(graph: Database) -> None:
    with Lease(graph, "publish of run x"):
        message = (
            r"publish of run x is going on \(process \d+ on .+, lease until \d\d:\d\d:\d\d UTC\)"
        )
        with pytest.raises(PublishError, match=message), Lease(graph, "refresh"):
            pass
        with pytest.raises(PublishError, match=message):
            rollback(graph)
    with Lease(graph, "refresh"):
        pass


def test_only_one_of_many_takes_an_expired_lease(graph: Database) -> None:
    with Lease(graph, "publish"):
        pass
    for _ in range(3):
        graph.write("MATCH (l:Lease) SET l.token = 'dead', l.until = timestamp() - 1")
        start, taken = threading.Barrier(4), []

        def ask(start: threading.Barrier = start, taken: list[Lease] = taken) -> None:
            lease = Lease(graph, "publish")
            start.wait()
            if lease._take(fresh=True) is None:
                taken.append(lease)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(taken) == 1


def test_a_lease_of_an_earlier_version_is_honoured_and_then_removed(graph: Database) -> None:
    before = {"Lease": LEASE_BEFORE}
    graph.run(
        f"CREATE CONSTRAINT linkspan_publishlease_name FOR (n:{LEASE_BEFORE}) "
        "REQUIRE n.name IS UNIQUE"
    )
    held = {"name": "publish", "holder": "process 7", "what": "publish of run old"}
    graph.write(cypher.load("make_lease", before), name="publish")
    take, took = cypher.load("take_lease", before), {**held, "token": "old", "milliseconds": 1500}
    graph.write(take, **took, fresh=True)
    with pytest.raises(PublishError, match="run old is going on"), Lease(graph, "refresh"):
        pass
    with Lease(graph, "ingest", name="ingest"):  # another right
        pass
    time.sleep(1.6)
    graph.write(take, **{**took, "milliseconds": 60_000}, fresh=False)  # it lives, and renews
    with pytest.raises(PublishError, match="run old is going on"), Lease(graph, "refresh"):
        pass
    graph.write(cypher.load("release_lease", before), name="publish", token="old")
    with Lease(graph, "refresh"):
        assert graph.read(f"MATCH (l:{LEASE_BEFORE}) RETURN l") == []
        assert not any("publishlease" in row["name"] for row in graph.run("SHOW CONSTRAINTS"))


def test_it_is_renewed_while_its_holder_lives_and_no_longer(graph: Database) -> None:
    with Lease(graph, "publish", seconds=1.5) as lease:
        time.sleep(3)
        lease.check()
        with pytest.raises(PublishError, match="is going on"), Lease(graph, "refresh"):
            pass
    dead = Lease(graph, "publish", seconds=1.5)  # taken, and never renewed: as after SIGKILL
    assert dead._take(fresh=True) is None
    with pytest.raises(PublishError, match="is going on"), Lease(graph, "refresh"):
        pass
    time.sleep(1.6)
    with Lease(graph, "refresh"):
        pass


def test_a_publisher_that_was_asleep_does_no_harm(
    graph: Database,
    lists: Callable[[int], pd.DataFrame],
    monkeypatch: pytest.MonkeyPatch,
    publish_run: PublishRun,
) -> None:
    """In the middle of its batches another takes over, publishes, and ends; then it wakes up."""
    monkeypatch.setattr(publishing, "BATCH_ROWS", 100)
    monkeypatch.setattr(Lease, "_keep", lambda self: None)  # who sleeps renews nothing
    write, asleep = graph.write, []

    def sleepy(query: str, **parameters: Any) -> Any:
        if query == cypher.load("publish_recommended") and not asleep and parameters["done"] > 10:
            asleep.append(True)
            graph.write("MATCH (l:Lease) SET l.until = 0")
            publish_run("b", 1)
        return write(query, **parameters)

    monkeypatch.setattr(graph, "write", sleepy)
    with pytest.raises(PublishError, match="publish of run a expired and another took it"):
        publish_run("a", 0)
    rows = graph.read("MATCH (:User)-[r:RECOMMENDED]->() RETURN r.run AS run, count(*) AS n")
    assert rows == [{"run": "b", "n": len(lists(1))}]
    assert graph.read("MATCH (u:User) RETURN DISTINCT u.run AS run") == [{"run": "b"}]
    states = graph.read("MATCH (r:Run) RETURN r.id AS run, r.state AS state ORDER BY run")
    assert states == [{"run": "a", "state": "failed"}, {"run": "b", "state": "active"}]

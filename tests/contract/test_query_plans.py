"""The queries that people ask: their plans, and values that look like Cypher."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from neo4j import GraphDatabase
from planted import EVIL, parameters_of, plant

from linkspan import cypher
from linkspan.graph.connecting.connection import Database
from linkspan.graph.users.forgetting import note_forgotten
from linkspan.graph.writing.constraints import prepare
from linkspan.ingest.shaping.targets import NodeTarget
from servers import RunningServer


def test_the_plans_begin_with_an_index(db: Database, server: RunningServer) -> None:
    """But those whose header says that they read all there is."""
    plant(db)
    wrong = {}
    for name in cypher.names():
        query = cypher.describe(name)
        steps = _steps(server, query)
        scans = [step for step in steps if "index" not in step.lower()]
        if query.index.startswith("none"):
            assert "reads" in query.index or "few" in query.index, name
        elif scans or not steps:
            wrong[name] = scans or ["no look-up at all"]
    assert not wrong


@pytest.mark.parametrize("evil", [*EVIL, "\\u0041", "\\\\u0027", "\n\r\t\b", "// $user", "/*"])
def test_a_value_that_is_written_in_comes_back(prepared: Database, evil: str) -> None:
    values = [evil, [evil, "x"], 2**62, -1.5, 1e-7, True, None, []]
    assert prepared.read(cypher.write_in("RETURN $values AS x", {"values": values})) == [
        {"x": values}
    ]


WRITING = ("stored_nodes", "stored_of_kind", "write_nodes", "update_nodes", "known_keys")


@pytest.mark.parametrize("labels", [("Item", "Fantasy"), ("Entity", "Author")], ids="/".join)
def test_to_load_nodes_costs_as_much_in_a_graph_ten_times_as_large(
    db: Database, server: RunningServer, labels: tuple[str, str]
) -> None:
    """Counted in nodes looked at, or in hits, not in time: of ten keys every other one is there."""
    prepare(db)
    target = NodeTarget(*labels)
    work: dict[str, list[int]] = {name: [] for name in WRITING}
    for first, last in ((0, 100), (100, 1_000)):
        keys = [f"k{number}" for number in range(first, last)]
        db.write(target.create_query(), rows=[{"key": key, "properties": {}} for key in keys])
        for name, counts in work.items():
            text = cypher.load(name, dict(zip(("Item", "Fantasy"), labels, strict=True)))
            asked = [f"k{number}" for number in range(first, first + 5)]
            asked += [f"{name}{first}/{number}" for number in range(5)]
            rows = [{"key": key, "place": 0, "properties": {}} for key in asked]
            counts.append(_looked_at(server, text, rows=rows, keys=asked, names=[]))
    assert {name: counts for name, counts in work.items() if max(counts) > 150} == {}


def test_to_forget_costs_as_much_where_ten_times_as_many_were_forgotten(
    db: Database, server: RunningServer
) -> None:
    note_forgotten(db, ["one"])
    counts = []
    for first, last in ((0, 100), (100, 1_000)):
        note_forgotten(db, [f"k{number}" for number in range(first, last)])
        known = db.read("MATCH (f:Forgotten) RETURN f.hash AS hash LIMIT 5")
        rows = [*known, *({"hash": f"new {first}/{number}"} for number in range(5))]
        asked = [{**row, "id": row["hash"]} for row in rows]
        counts.append(_looked_at(server, cypher.load("note_forgotten"), rows=asked))
    assert max(counts) <= 150, counts


def _looked_at(server: RunningServer, text: str, **parameters: Any) -> int:
    """Nodes that a query looked at (ArcadeDB), or hits of the store (Neo4j)."""
    login = (server.user, server.password)
    with GraphDatabase.driver(server.uri, auth=login, notifications_min_severity="OFF") as driver:
        _, summary, _ = driver.execute_query(f"PROFILE {text}", parameters, database_="neo4j")
    plan: Any = summary.profile
    if server.engine == "arcadedb":
        told = plan["args"]["string-representation"]
        steps = re.findall(r"MATCH NODE.*?([\d,]+) rows\)", told)
        assert steps, told
        return sum(int(count.replace(",", "")) for count in steps)
    return _hits(plan)


def _hits(plan: dict[str, Any]) -> int:
    own = plan.get("dbHits", plan["args"].get("DbHits", 0))
    return int(own) + sum(map(_hits, plan.get("children", [])))


def _steps(server: RunningServer, query: cypher.Query) -> list[str]:
    """How a plan comes to its nodes: a line for each scan or look-up, but of the few runs.

    ArcadeDB tells it in words, and of a query that its optimiser leaves alone only once it has run.
    """
    login = (server.user, server.password)
    with GraphDatabase.driver(server.uri, auth=login, notifications_min_severity="OFF") as driver:
        _, summary, _ = driver.execute_query(
            f"PROFILE {query.text}", parameters_of(query.name, {}), database_="neo4j"
        )
    plan: Any = summary.profile
    if server.engine == "arcadedb":
        lines = plan["args"]["string-representation"].splitlines()
        steps = [line for line in lines if re.search(r"(MATCH NODE|Scan|Seek) ?\(\s*\w*:", line)]
    else:
        steps = [line for line in _flat(plan) if re.match(r"\w*(Scan|Seek)", line)]
    return [step for step in steps if ":Run" not in step]


def _flat(plan: dict[str, Any]) -> Iterator[str]:
    yield f"{plan['operatorType']} {plan['args'].get('Details', '')}"
    for child in plan.get("children", []):
        yield from _flat(child)

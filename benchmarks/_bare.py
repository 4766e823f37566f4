"""The best ways known to load, read and publish a graph over Bolt, as plain loops of the driver.

They do the least that ends in the same graph or the same values: no checks, no lease, nothing
that goes on after a loss, rows that lie ready in memory. Tried on both servers, 2026-11-29:

- Writing: batches of 5,000 sorted rows by ``UNWIND`` in one session, each in one transaction, and
  ``CREATE`` with the properties in it. Ends are found by their key and one label. Rows of one
  source node travel together, so that it is named and looked up once, and their values as lists,
  which are shorter than maps: on ArcadeDB 39,000 to 66,000 relationships a second, where a map for
  each and ``SET`` have 14,000 to 24,000; on Neo4j 27,000 to 38,000 and 18,000 to 26,000. Batches of
  20,000 gain nothing; two sessions at once lose, as they wait for each other's nodes. (Beside other
  work, best and worst of two rounds.)
- Reading: the server collects each column of many rows into one list. A driver spends its time on
  records, some 50,000 a second however it is asked (``values``, ``to_df``, any ``fetch_size``);
  as lists ten times as many values come.

What is outside Bolt is no use to a client: ArcadeDB has a batch importer that works inside the
server's process only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from time import perf_counter
from typing import Any, NamedTuple

import neo4j
import pyarrow as pa
from _growth import RunningServer

BATCH = 5_000
NODES = 1_000
"""Source nodes whose relationships are read at once."""


class Sent(NamedTuple):
    """A statement to send.

    Attributes:
        query: Takes ``$rows``.
        batches: Its rows, made while nobody counts the time.
        made: How many nodes or relationships there are after it that were not there before.
    """

    query: str
    batches: Iterable[list[Any]]
    made: int


def open_driver(server: RunningServer) -> neo4j.Driver:
    """A driver that logs in to a server, and is as quiet as Linkspan's."""
    login = (server.user, server.password)
    return neo4j.GraphDatabase.driver(server.uri, auth=login, notifications_min_severity="OFF")


def nodes(labels: str, rows: pa.Table) -> Sent:
    """Nodes, one for each row, with its columns as properties."""
    values = ", ".join(f"{name}: row[{place}]" for place, name in enumerate(rows.column_names))
    query = f"UNWIND $rows AS row CREATE (:{labels} {{{values}}})"
    ordered = rows.sort_by(rows.column_names[0])
    return Sent(query, (_lists(part) for part in _batches(ordered)), len(rows))


def properties(label: str, rows: pa.Table, size: int = BATCH) -> Sent:
    """Properties of nodes that are there: a column with the key, and one for each."""
    values = ", ".join(
        f"n.{n} = row[{place}]" for place, n in enumerate(rows.column_names) if place
    )
    query = f"UNWIND $rows AS row MATCH (n:{label} {{key: row[0]}}) SET {values}"
    return Sent(query, (_lists(part) for part in _batches(rows, size)), 0)


def links(kind: str, source: str, target: str, rows: pa.Table, fixed: str = "") -> Sent:
    """Relationships.

    Args:
        kind: Their type.
        source: Label of the nodes where they begin.
        target: Label of the nodes where they end.
        rows: A column with the source's key, one with the target's, and one for each property.
        fixed: A property that is the same for all, such as ``run: 'r0'``.
    """
    first, second, *names = rows.column_names
    values = [f"{name}: x[{place}]" for place, name in enumerate(names, 1)]
    values += [fixed] if fixed else []
    made = f"{kind} {{{', '.join(values)}}}" if values else kind
    query = (
        f"UNWIND $rows AS row MATCH (s:{source} {{key: row[0]}}) "
        f"UNWIND row[1] AS x MATCH (t:{target} {{key: x[0]}}) CREATE (s)-[:{made}]->(t)"
    )
    ordered = rows.sort_by([(first, "ascending"), (second, "ascending")])
    return Sent(query, (_grouped(_lists(part)) for part in _batches(ordered)), len(rows))


def send(driver: neo4j.Driver, *parts: Sent) -> float:
    """Seconds that it takes to send statements; making their rows is not counted."""
    seconds = 0.0
    with driver.session(database="neo4j") as session:
        for query, batches, wanted in parts:
            made = 0
            for batch in batches:
                began = perf_counter()
                counters = session.execute_write(
                    lambda tx, query=query, batch=batch: tx.run(query, rows=batch).consume()
                ).counters
                seconds += perf_counter() - began
                made += counters.nodes_created + counters.relationships_created
            assert made == wanted, f"{made:,} instead of {wanted:,} by {query}"
    return seconds


def read_nodes(session: neo4j.Session, label: str, *names: str) -> list[list[Any]]:
    """The values of each property, a list for each; every node has them all."""
    columns = ", ".join(f"collect(n.{name})" for name in names)
    return session.execute_read(lambda tx: tx.run(f"MATCH (n:{label}) RETURN {columns}").values())[
        0
    ]


def read_links(
    session: neo4j.Session, pattern: str, keys: list[str], *names: str
) -> list[list[Any]]:
    """Columns of both keys and the properties of relationships, in pages of source nodes.

    Args:
        session: Where to read.
        pattern: Such as ``(s:User)-[r:SAVED]->(t:Item)``.
        keys: Of all nodes that may be a source.
        names: Of the properties; every relationship has them.
    """
    columns = "".join(f", collect(r.{name})" for name in names)
    query = f"UNWIND $keys AS key MATCH {pattern} RETURN collect(key), collect(t.key){columns}"
    found: list[list[Any]] = [[] for _ in range(2 + len(names))]
    for start in range(0, len(keys), NODES):
        page = keys[start : start + NODES]
        values = session.execute_read(lambda tx, page=page: tx.run(query, keys=page).values())[0]
        for place, more in enumerate(values):
            found[place] += more
    return found


def _batches(rows: pa.Table, size: int = BATCH) -> Iterator[pa.RecordBatch]:
    yield from rows.combine_chunks().to_batches(max_chunksize=size)


def _lists(part: pa.RecordBatch) -> list[list[Any]]:
    """Rows as lists."""
    return [list(row) for row in zip(*(column.to_pylist() for column in part), strict=True)]


def _grouped(rows: list[list[Any]]) -> list[Any]:
    """Each first value, with the rest of its rows."""
    return [[key, [row[1:] for row in same]] for key, same in groupby(rows, key=itemgetter(0))]

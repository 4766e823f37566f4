"""Loading, reading and publishing beside the bare driver, on both servers.

Usage: ``python benchmarks/database.py [--engine arcadedb|neo4j] [--repeats N]``

The bare driver sends the very queries and batches that the product sent, recorded on the way, in
a plain loop of managed transactions. Product and driver take turns on an emptied database of a
server that has done the same work once before; each figure is the best of the repeats. A ratio of
rates above 1 means that the product was faster. Needs an idle machine.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import neo4j
import numpy as np
import pandas as pd
from rich.console import Console

from linkspan import cypher
from linkspan.console import table
from linkspan.graph.asking.client import Client
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.publish import PARTS, RunRecord, publish
from linkspan.graph.publishing.vectors import ItemVectors
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.reading import read_snapshot
from linkspan.graph.writing.constraints import prepare
from linkspan.ingest import ingest
from linkspan.ingest.mapping.model import Mapping
from linkspan.ingest.roles import find_roles
from linkspan.settings import demo_settings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from servers import START, RunningServer, empty, started

K = 5
ASKED = 1_000
_BEGUN = "MERGE (r:Run {id: 'bench'}) SET r.users = 0, r.items = 0, r.publisher = $token"


@contextmanager
def recorded(database: Database) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Note every query and batch that is written."""
    sent: list[tuple[str, dict[str, Any]]] = []

    def noting(name: str) -> Callable[..., Any]:
        def note(query: str, **parameters: Any) -> Any:
            sent.append((query, parameters))
            return getattr(Database, name)(database, query, **parameters)

        return note

    for name in ("write", "write_once"):
        setattr(database, name, noting(name))
    try:
        yield sent
    finally:
        del database.write, database.write_once


def bare_writes(server: RunningServer, sent: list[tuple[str, dict[str, Any]]]) -> list[float]:
    """Seconds that a plain loop takes for each of the same queries and batches."""
    login, seconds = (server.user, server.password), []
    with (
        neo4j.GraphDatabase.driver(server.uri, auth=login) as driver,
        driver.session(database="neo4j") as session,
    ):
        for query, parameters in sent:
            started = perf_counter()
            session.execute_write(
                lambda tx, query=query, parameters=parameters: tx.run(query, parameters).consume()
            )
            seconds.append(perf_counter() - started)
    return seconds


def measure_ingest(
    server: RunningServer, database: Database, mapping: Mapping, repeats: int
) -> Iterator[tuple[str, int, list[float], list[float]]]:
    """All of ingest, checks included, and the share of it that loads nodes and relationships."""
    ours: dict[str, list[float]] = defaultdict(list)
    bare: dict[str, list[float]] = defaultdict(list)
    counts: dict[str, int] = {}
    for number in range(repeats + 1):  # the first warms the server up
        empty(server)
        with recorded(database) as sent:
            report = ingest(database, mapping)
        empty(server)
        prepare(database)
        seconds = bare_writes(server, sent)
        links = {
            table.type for table in find_roles(mapping).interactions + find_roles(mapping).relations
        }
        linked = ["source" in (parameters.get("rows") or [{}])[0] for _, parameters in sent]
        rows = [len(parameters.get("rows", ())) for _, parameters in sent]
        for name, kinds in (("ingest", (0, 1)), ("  nodes", (0,)), ("  relationships", (1,))):
            counts[name] = sum(n for n, link in zip(rows, linked, strict=True) if link in kinds)
            if number == 0:
                continue
            ours[name].append(
                report.seconds
                if name == "ingest"
                else sum(x.seconds for x in report.lines if (x.target in links) in kinds)
            )
            bare[name].append(sum(s for s, x in zip(seconds, linked, strict=True) if x in kinds))
    for name, count in counts.items():
        yield name, count, ours[name], bare[name]


def bare_reads(server: RunningServer, queries: list[tuple[str, dict[str, Any]]]) -> float:
    """Seconds that a plain loop takes to read the same rows into memory."""
    login = (server.user, server.password)
    with neo4j.GraphDatabase.driver(server.uri, auth=login) as driver:
        started = perf_counter()
        for query, parameters in queries:
            driver.execute_query(query, parameters, database_="neo4j", routing_="r")
        return perf_counter() - started


def random_lists(snapshot: Snapshot, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """As many recommendations and similar items as the demo publishes, at random."""
    rng = np.random.default_rng(seed)
    users, frames = snapshot.users["key"].to_numpy(), []
    for domain, part in snapshot.items.groupby("domain"):
        keys = part["key"].to_numpy()
        first = rng.integers(0, len(keys) - K, len(users))
        scores = np.sort(rng.random((len(users), K)), axis=1)[:, ::-1]
        frame = {
            "user": np.repeat(users, K),
            "item": keys[(first[:, None] + np.arange(K)).ravel()],
            "domain": domain,
            "rank": np.tile(np.arange(1, K + 1), len(users)),
            "score": scores.ravel(),
            "gnn": scores.ravel(),
            **dict.fromkeys(PARTS[1:], 0.0),
            "because": keys[0],
        }
        frames.append(pd.DataFrame(frame))
    lists = pd.concat(frames).sort_values(["user", "domain", "rank"], ignore_index=True)
    keys = snapshot.items["key"].to_numpy()
    similar = pd.DataFrame(
        {
            "item": np.repeat(keys, 10),
            "other": np.stack([np.roll(keys, step) for step in range(1, 11)], axis=1).ravel(),
            "rank": np.tile(np.arange(1, 11), len(keys)),
            "score": 0.5,
        }
    )  # fmt: skip
    return lists, similar


def random_vectors(snapshot: Snapshot) -> ItemVectors:
    """For each item as many numbers as the demo publishes."""
    keys, random = snapshot.items["key"].tolist(), np.random.default_rng(0)
    states, texts = (random.standard_normal((len(keys), width), np.float32) for width in (64, 384))
    return ItemVectors("bench", keys, states, texts, keys)


def timed(work: Callable[[], Any]) -> float:
    """Seconds of one call."""
    started = perf_counter()
    work()
    return perf_counter() - started


@contextmanager
def askers(
    database: Database, server: RunningServer
) -> Iterator[dict[str, Callable[[str], object]]]:
    """Ways to ask for a user's list: the client, and a driver as quiet, by the same query."""
    client, text = Client(database), cypher.load("recommend")
    login, quiet = (server.user, server.password), {"notifications_min_severity": "OFF"}
    with neo4j.GraphDatabase.driver(server.uri, auth=login, **quiet) as driver:

        def bare(user: str) -> None:
            parameters = {"user": user, "domain": "fantasy", "k": K}
            driver.execute_query(text, parameters, database_="neo4j", routing_="r")

        yield {"linkspan": lambda user: client.recommend(user, "fantasy", K), "driver": bare}


def latencies(
    database: Database, server: RunningServer, users: list[str]
) -> dict[str, list[float]]:
    """Milliseconds of each call, product and driver in turns for the same users."""
    found: dict[str, list[float]] = {"linkspan": [], "driver": []}
    with askers(database, server) as calls:
        for user in users[:200]:
            for call in calls.values():
                call(user)
        for user in users:
            for name, call in calls.items():
                found[name].append(1000 * timed(lambda call=call, user=user: call(user)))
    return found


def measure(server: RunningServer, repeats: int) -> list[tuple[str, ...]]:
    """All figures of one server, as rows of the table."""
    mapping = demo_settings(Path()).mapping()
    rows: list[tuple[str, ...]] = []

    def row(name: str, count: int, ours: list[float], bare: list[float]) -> None:
        ratio = min(bare) / min(ours)
        rates = (f"{count / min(seconds):,.0f} rows/s" for seconds in (ours, bare))
        rows.append((name, *rates, f"{ratio:.2f}"))

    login = server.uri, server.user, server.password
    with Database(*login, http_url=server.http_url) as database:
        for measured in measure_ingest(server, database, mapping, repeats):
            row(*measured)

        queries: list[tuple[str, dict[str, Any]]] = []
        read_rows = database.read_rows
        database.read_rows = lambda query, parameters: (  # type: ignore[method-assign]
            queries.append((query, parameters)),
            read_rows(query, parameters),
        )[1]
        snapshot = read_snapshot(database, find_roles(mapping))
        database.read_rows = read_rows  # type: ignore[method-assign]
        ours, bare = [], []
        for _ in range(repeats):
            ours.append(timed(lambda: read_snapshot(database, find_roles(mapping))))
            bare.append(bare_reads(server, queries))
        row("snapshot", sum(snapshot.counts().values()), ours, bare)

        lists, similar = random_lists(snapshot, 0)
        users = snapshot.users["key"].tolist()
        for name, vectors in (("publish", None), ("  with vectors", random_vectors(snapshot))):
            ours, bare = [], []
            for _ in range(repeats):
                _without_lists(server, database, mapping)
                with recorded(database) as sent:
                    given = (database, _run(), users, lists, similar)
                    ours.append(timed(lambda: publish(*given, vectors=vectors)))  # noqa: B023
                _without_lists(server, database, mapping)
                token = next(given["publisher"] for _, given in sent if "publisher" in given)
                database.run(_BEGUN, token=token)
                bare.append(sum(bare_writes(server, sent)))
            count = len(lists) + len(similar) + (len(vectors.keys) if vectors else 0)
            row(name, count, ours, bare)

        publish(database, _run(), users, lists, similar)
        found = latencies(database, server, users[:ASKED])
        for name, place in (("p50", 50), ("p99", 99)):
            ours_ms, bare_ms = (
                statistics.quantiles(found[who], n=100)[place - 1] for who in ("linkspan", "driver")
            )
            shown = (f"{milliseconds:.2f} ms" for milliseconds in (ours_ms, bare_ms))
            rows.append((f"recommend {name}", *shown, f"{ours_ms / bare_ms:.2f}"))
    return rows


def _run() -> RunRecord:
    return RunRecord("bench", "random", "2026-01-01", "none", {}, {}, ["SAVED"])


def _without_lists(server: RunningServer, database: Database, mapping: Any) -> None:
    """The graph as after ingest; made anew, as deleting is slow on one of the servers."""
    empty(server)
    ingest(database, mapping)


def main() -> None:
    """Measure the servers named on the command line, both by default."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", action="append", choices=START)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    console = Console()
    for engine in arguments.engine or START:
        with started(engine) as server:
            rows = measure(server, arguments.repeats)
        shown = table("", ">linkspan", ">bare driver", ">ratio", title=f"\n{engine}")
        for each in rows:
            shown.add_row(*each)
        console.print(shown)
    console.print("\nRates: linkspan / driver, 0.8 or more wanted. Latency: 1.3 or less at p50.")


if __name__ == "__main__":
    main()

"""Many readers at once beside the bare driver, on both servers, also while a run is published.

Usage: ``python benchmarks/readers.py [--engine arcadedb|neo4j] [--readers N] [--seconds N]``

So many threads share a client, or a driver that is sent the same query, and ask for lists of
goodbooks' users as fast as they can. Client and driver take turns; a ratio above 1 means that the
client answered more. Meanwhile another process publishes runs of random lists, one after the
other. Needs an idle machine.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from time import perf_counter

from database import askers, random_lists
from rich.console import Console

from linkspan.console import table
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.publish import RunRecord, publish
from linkspan.graph.snapshot.reading import read_snapshot
from linkspan.ingest import ingest
from linkspan.ingest.roles import find_roles
from linkspan.settings import demo_settings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from servers import START, RunningServer, started

WARM, TURNS = 4, 8


def record(number: int) -> RunRecord:
    """A run of random lists."""
    return RunRecord(f"run{number}", "random", "2026-01-01", "none", {}, {}, ["SAVED"])


def publish_for_ever(uri: str, user: str) -> None:
    """Runs of random lists, one after the other; the password comes from standard input."""
    with Database(uri, user, sys.stdin.readline().strip()) as database:
        snapshot = read_snapshot(database, find_roles(demo_settings(Path()).mapping()))
        users = snapshot.users["key"].tolist()
        tables = [random_lists(snapshot, seed) for seed in (0, 1)]
        for number in count(1):
            publish(database, record(number), users, *tables[number % 2])
            print(number, flush=True)


def answered(ask: Callable[[str], object], users: list[str], readers: int, seconds: float) -> float:
    """Calls a second of so many threads."""
    end = perf_counter() + seconds

    def read(place: int) -> int:
        done = 0
        while perf_counter() < end:
            ask(users[(place + done * readers) % len(users)])
            done += 1
        return done

    with ThreadPoolExecutor(readers) as pool:
        return sum(pool.map(read, range(readers))) / seconds


def measure(server: RunningServer, readers: int, seconds: float) -> list[tuple[str, ...]]:
    """A row for an idle server, and for one that is being published to."""
    mapping = demo_settings(Path()).mapping()
    rows = []
    with (
        Database(server.uri, server.user, server.password) as database,
        askers(database, server) as calls,
    ):
        ingest(database, mapping)
        snapshot = read_snapshot(database, find_roles(mapping))
        users = snapshot.users["key"].tolist()
        publish(database, record(0), users, *random_lists(snapshot, 0))
        for call in [*calls.values()] * WARM:
            answered(call, users, readers, seconds)
        for name in ("idle", "while runs are published"):
            publisher = _publisher(server) if name != "idle" else None
            found: dict[str, list[float]] = {who: [] for who in calls}
            for turn in range(TURNS):
                for who in sorted(calls, reverse=turn % 2 == 0):
                    found[who].append(answered(calls[who], users, readers, seconds))
            if publisher:
                assert publisher.poll() is None, "the publisher ended"
                publisher.terminate()
                publisher.communicate()
            ours, theirs = (statistics.median(rates) for rates in found.values())
            rows.append((name, f"{ours:,.0f} a second", f"{theirs:,.0f} a second",
                         f"{ours / theirs:.2f}"))  # fmt: skip
    return rows


def _publisher(server: RunningServer) -> subprocess.Popen[str]:
    """Another process that publishes; it has begun."""
    child = server.child([sys.executable, __file__, "--publish", server.uri, server.user])
    assert child.stdout is not None
    child.stdout.readline()
    return child


def main() -> None:
    """Measure the servers named on the command line, both by default."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", action="append", choices=START)
    parser.add_argument("--readers", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--publish", nargs=2, metavar=("URI", "USER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.publish:
        publish_for_ever(*arguments.publish)
    console = Console()
    for engine in arguments.engine or START:
        with started(engine) as server:
            rows = measure(server, arguments.readers, arguments.seconds)
        title = f"\n{engine}, {arguments.readers} readers"
        shown = table("", ">linkspan", ">bare driver", ">ratio", title=title)
        for each in rows:
            shown.add_row(*each)
        console.print(shown)
    console.print("\nReads a second: linkspan / driver, 0.9 or more wanted.")


if __name__ == "__main__":
    main()

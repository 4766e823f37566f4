"""Readers of lists, one and many at once, beside the best way known, at two sizes of the graph.

Usage: ``python benchmarks/readers.py [--engine arcadedb|neo4j] [--users 1000 10000]``

A graph of as many items as users, 20 events and a list of ten a user. One reader asks for lists one
after the other; then 16 threads share a client, or a driver, and ask as fast as they can, also
while another process publishes one run after the other. Client and driver take turns. Latencies are
in ms, the others lists a second; growth and ratio are of rates, so that above 1 is faster.

The other side is a statement that answers the same (nothing met, disliked or dismissed since, with
titles and reasons), for a domain that is given, which is not ordered again at the end, sent as a
transaction of its own by a session that its thread keeps, its values taken as lists. That spares
what a managed transaction costs, two more messages to the server, and is the least that a driver
can do; after a lost connection it does not try again. Needs an idle machine.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from time import perf_counter

import neo4j
import numpy as np
import pyarrow as pa
from _bare import links, open_driver, send
from _growth import Rates, RunningServer, arguments_of, compare
from publishing import K, fill, keys_of, record, similar_items, write_lists

from linkspan.graph.asking.client import Client
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.publish import publish

EVENTS, ASKED, TURNS = 20, 1_000, 8
BARE = """\
MATCH (u:User {key: $user})-[r:RECOMMENDED]->(i:Item)
WHERE r.run = u.run AND r.domain = $domain AND NOT EXISTS { (u)-[:SAVED]->(i) }
  AND NOT EXISTS { MATCH (u)-[f:FEEDBACK]->(i) WHERE f.counts IN ['negative', 'hidden'] }
WITH r, i ORDER BY r.rank LIMIT $k
OPTIONAL MATCH (past:Item {key: r.because})
RETURN i.key, i.title, r.domain, r.rank, r.score, past.title, r.because, r.run,
       r.gnn, r.linear, r.text, r.transitions, r.popularity
"""
Ask = Callable[[str], list[object]]


@contextmanager
def askers(database: Database, server: RunningServer) -> Iterator[tuple[Ask, Ask]]:
    """Ways to ask for a user's list: the client, and the driver."""
    client, kept, opened = Client(database), threading.local(), list[neo4j.Session]()
    with open_driver(server) as driver:

        def bare(user: str) -> list[object]:
            if not hasattr(kept, "session"):
                kept.session = driver.session(database="neo4j", default_access_mode="READ")
                opened.append(kept.session)
            return kept.session.run(BARE, user=user, domain="d", k=K).values()

        yield lambda user: [*client.recommend(user, "d", K)], bare
        for session in opened:
            session.close()


def latencies(asks: tuple[Ask, Ask], users: list[str]) -> tuple[Rates, Rates]:
    """Lists a second at the median and the slowest in a hundred of one reader, for both."""
    found: tuple[list[float], list[float]] = ([], [])
    for user in users:
        answers = []
        for ask, seconds in zip(asks, found, strict=True):
            began = perf_counter()
            answers.append(ask(user))
            seconds.append(perf_counter() - began)
        assert len(answers[0]) == len(answers[1]), "they do not answer the same"
    cuts = (statistics.quantiles(seconds, n=100) for seconds in found)
    ours, theirs = ({"p50 ms": 1 / cut[49], "p99 ms": 1 / cut[98]} for cut in cuts)
    return ours, theirs


def answered(ask: Ask, users: list[str], readers: int, seconds: float) -> float:
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


def many(asks: tuple[Ask, Ask], users: list[str], readers: int, seconds: float) -> list[float]:
    """Medians of calls a second, for both, in turns."""
    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(TURNS + 1):  # the first opens the connections
        for who in (0, 1) if turn % 2 else (1, 0):
            found[who].append(answered(asks[who], users, readers, seconds))
    return [statistics.median(rates[1:]) for rates in found]


def measure(server: RunningServer, users: int, readers: int, seconds: float) -> tuple[Rates, Rates]:
    """Rates of the client and of the driver in a graph of so many users."""
    login = (server.uri, server.user, server.password)
    keys, things = keys_of(users, users)
    with (
        tempfile.TemporaryDirectory() as folder,
        Database(*login, http_url=server.http_url) as database,
        askers(database, server) as asks,
    ):
        fill(server, database, users, users)
        _meet(server, users)
        for number in (0, 1):
            write_lists(Path(folder) / f"{number}.parquet", keys, things, number)
        publish(database, record(0), keys, Path(folder) / "0.parquet", similar_items(things))
        latencies(asks, keys[:200])
        ours, theirs = latencies(asks, np.random.default_rng(0).permutation(keys)[:ASKED].tolist())
        for state in ("idle", "publishing"):
            publisher = _publisher(server, folder, users) if state == "publishing" else None
            rates = many(asks, keys, readers, seconds)
            if publisher:
                assert publisher.poll() is None, "the publisher ended"
                publisher.terminate()
                publisher.communicate()
            stage = f"{readers} readers, {state}"
            ours[stage], theirs[stage] = rates
    return ours, theirs


def _meet(server: RunningServer, users: int) -> None:
    """Events between users and items."""
    names, things = keys_of(users, users)
    first = np.random.default_rng(0).integers(0, users, users)
    met = (first[:, None] + np.arange(EVENTS) * 3) % users
    rows = {
        "user": np.repeat(np.array(names, object), EVENTS),
        "item": np.array(things, object)[met.ravel()],
        "at": np.arange(met.size),
    }
    with open_driver(server) as driver:
        send(driver, links("SAVED", "User", "Item", pa.table(rows)))


def _publisher(server: RunningServer, folder: str, users: int) -> subprocess.Popen[str]:
    """Another process that publishes; it has begun."""
    given = (server.uri, server.user, server.http_url, folder, str(users))
    child = server.child([sys.executable, __file__, "--publish", *given])
    assert child.stdout is not None
    child.stdout.readline()
    return child


def publish_for_ever(uri: str, user: str, http_url: str, folder: str, users: int) -> None:
    """Runs of random lists, one after the other; the password comes from standard input."""
    with Database(uri, user, sys.stdin.readline().strip(), http_url=http_url) as database:
        keys, things = keys_of(users, users)
        similar = similar_items(things)
        for number in count(1):
            print(number, flush=True)
            publish(database, record(number), keys, Path(folder) / f"{number % 2}.parquet", similar)


def main() -> None:
    """Measure the servers named on the command line, both by default."""
    parser = arguments_of(__doc__, "users", (1_000, 10_000))
    parser.add_argument("--readers", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn")
    parser.add_argument("--publish", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.publish:
        *names, users = arguments.publish
        return publish_for_ever(*names, int(users))
    return compare(
        arguments,
        "users",
        lambda server, users: measure(server, users, arguments.readers, arguments.seconds),
    )


if __name__ == "__main__":
    main()

"""Each stage of a publish at two sizes ten times apart, beside the best way known to do it.

Usage: ``python benchmarks/publishing.py [--engine arcadedb|neo4j] [--users 10000 100000]``

Each user gets ten recommendations at random, read from a Parquet file; there are a tenth as many
items, each with ten similar ones and two vectors. Linkspan publishes three runs in a process of its
own. Rates are rows a second, growth is the larger size's over the smaller one's, the ratio is
Linkspan over the other side: plain loops of the driver, whose rows lie ready (`_bare` tells why
that is the best way known).

- recommended, similar, vectors, switched: the first publish as its progress tells it.
- publish: all of the first, with its checks and the making of the indexes; beside all that the
  driver sends, and the same statements for the indexes, without which no vector can be searched.
- removed: lists of the first run, while the third is published. The other side deletes what one of
  two runs wrote: in one statement by ``CALL … IN TRANSACTIONS`` on Neo4j; on ArcadeDB, where Cypher
  takes more than twice as long, by its own SQL, 50,000 at once, which fits its heap.
- third: all of the third publish, which takes the lists of the first away; beside the sum of both.
- Peak MB: resident memory of the publishing process.

Needs an idle machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from _bare import links, nodes, open_driver, properties, send
from _growth import Rates, RunningServer, apart, arguments_of, compare, empty, tell

from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.lists import PARTS
from linkspan.graph.publishing.publish import RunRecord, publish
from linkspan.graph.publishing.vectors import INDEXES, ItemVectors, await_indexes
from linkspan.graph.writing.constraints import prepare
from linkspan.progress import Progress, Task

K, RUNS, VECTORS = 10, 3, 1_000
WIDTHS = {"vector": 64, "text_vector": 384}
STAGES = {"Writing vectors": "vectors", "Switching users": "switched",
          "Removing old lists": "removed"}  # fmt: skip


class Clock(Progress):
    """Seconds of each task by its name; tasks of one name are added up but for the lists."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def task(self, name: str, total: int | None = None, unit: str = "rows") -> Task:
        """Begin to count."""
        stage = STAGES.get(name, name)
        if name == "Publishing":
            stage = "similar" if "recommended" in self.seconds else "recommended"
        return _Counted(self, stage)


class _Counted(Task):
    def __init__(self, clock: Clock, stage: str) -> None:
        self._clock, self._stage = clock, stage

    def __enter__(self) -> Self:
        self._began = perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        before = self._clock.seconds.get(self._stage, 0.0)
        self._clock.seconds[self._stage] = before + perf_counter() - self._began


def keys_of(users: int, items: int) -> tuple[list[str], list[str]]:
    """Keys of users and items, sorted."""
    return [f"u{row:07}" for row in range(users)], [f"d/{row:07}" for row in range(items)]


def fill(server: RunningServer, database: Database, users: int, items: int) -> None:
    """Users and items in an emptied graph."""
    empty(server)
    prepare(database)
    with open_driver(server) as driver:
        for label, keys in zip(("User", "Item"), keys_of(users, items), strict=True):
            send(
                driver,
                nodes(label, pa.table({"key": keys, "id": keys, "domain": ["d"] * len(keys)})),
            )


def write_lists(file: Path, users: list[str], items: list[str], seed: int, step: int = 7) -> None:
    """Ten different items for each user, so many rows apart, 10,000 users at a time."""
    random, writer = np.random.default_rng(seed), None
    names, things = (np.array(keys, object) for keys in (users, items))
    domains = np.array([key.partition("/")[0] for key in items], object)
    for start in range(0, len(users), 10_000):
        rows = np.arange(start, min(start + 10_000, len(users)))
        first = random.integers(0, len(items), len(rows))
        chosen = (first[:, None] + np.arange(K) * step) % len(items)
        scores = np.sort(random.random((len(rows), K)), axis=1)[:, ::-1].ravel()
        frame = {
            "user": np.repeat(names[rows], K),
            "item": things[chosen.ravel()],
            "domain": domains[chosen.ravel()],
            "rank": np.tile(np.arange(1, K + 1), len(rows)),
            "score": scores,
            "gnn": scores,
            **dict.fromkeys(PARTS[1:], 0.0),
            "because": things[0],
        }
        piece = pa.Table.from_pandas(pd.DataFrame(frame), preserve_index=False)
        writer = writer or pq.ParquetWriter(file, piece.schema)
        writer.write_table(piece)
    if writer is not None:
        writer.close()


def similar_items(items: list[str]) -> pd.DataFrame:
    """Ten others for each item."""
    keys, count = np.array(items, object), len(items)
    others = (np.arange(count)[:, None] + np.arange(1, K + 1)) % count
    columns = {"item": np.repeat(keys, K), "other": keys[others.ravel()]}
    columns |= {"kind": "states", "rank": np.tile(np.arange(1, K + 1), count), "score": 0.5}
    return pd.DataFrame(columns)


def record(number: int) -> RunRecord:
    """A run of random lists."""
    return RunRecord(f"r{number}", "random", "2026-01-01", "none", {}, {}, ["SAVED"])


def random_vectors(items: list[str]) -> ItemVectors:
    """As many numbers for each item as the demo publishes."""
    random = np.random.default_rng(0)
    given = (random.standard_normal((len(items), width), np.float32) for width in WIDTHS.values())
    return ItemVectors("bench", items, *given, items)


def publish_runs(uri: str, user: str, http_url: str, folder: str, users: int, items: int) -> None:
    """Publish three runs and tell the seconds of each stage; the password comes from stdin."""
    found, (names, things) = [], keys_of(users, items)
    with Database(uri, user, sys.stdin.readline().strip(), http_url=http_url) as database:
        for number in range(RUNS):
            clock, began = Clock(), perf_counter()
            given = names, Path(folder) / f"{number}.parquet", similar_items(things)
            publish(database, record(number), *given, clock, random_vectors(things))
            found.append({**clock.seconds, "publish": perf_counter() - began})
    tell(runs=found)


def measure(server: RunningServer, users: int) -> tuple[Rates, Rates]:
    """Rates of Linkspan and of the other side for one size."""
    items = max(users // 10, 10 * K)
    lists, similar = users * K, items * K
    counts = {
        "recommended": lists, "similar": similar, "vectors": items, "switched": users,
        "publish": lists + similar + items, "third": lists + similar + items,
        "removed": lists + similar,
    }  # fmt: skip
    with (
        tempfile.TemporaryDirectory() as folder,
        Database(server.uri, server.user, server.password, http_url=server.http_url) as database,
    ):
        for number in range(RUNS):
            write_lists(Path(folder) / f"{number}.parquet", *keys_of(users, items), number)
        fill(server, database, users, items)
        told = apart(server, "--publish", server.http_url, folder, str(users), str(items))
        first, _, third = told["runs"]
        ours = {**first, "removed": third["removed"], "third": third["publish"]}
        fill(server, database, users, items)
        theirs = other_side(server, database, Path(folder), users, items)
    mine, others = ({x: n / side[x] for x, n in counts.items()} for side in (ours, theirs))
    return {**mine, "peak MB": told["peak"]}, others


def other_side(
    server: RunningServer, database: Database, folder: Path, users: int, items: int
) -> Rates:
    """Seconds of the same work, the best way known."""
    keys = keys_of(users, items)
    vectors = random_vectors(keys[1])
    similar = pa.Table.from_pandas(similar_items(keys[1]), preserve_index=False)
    numbers = pa.table(
        {
            "key": keys[1], "vector_a": list(vectors.states), "text_vector_a": list(vectors.texts),
            "text_hash_a": vectors.hashes,
        }
    )  # fmt: skip
    seconds: Rates = {}
    with open_driver(server) as driver:
        for run in ("r1", "r0"):  # the second is measured, among the lists of the first
            lists = pq.read_table(folder / f"{run[1]}.parquet")
            fixed = f"run: '{run}'"
            seconds |= {
                "recommended": send(driver, links("RECOMMENDED", "User", "Item", lists, fixed)),
                "similar": send(driver, links("SIMILAR", "Item", "Item", similar, fixed)),
            }
        seconds["vectors"] = send(driver, properties("Item", numbers, VECTORS))
        began = perf_counter()
        for index, name in INDEXES.items():
            database.create_vector_index(f"{index}_a", "Item", f"{name}_a", WIDTHS[name])
        await_indexes(database)
        indexed = perf_counter() - began
        switched = pa.table({"key": keys[0], "run": ["r0"] * users})
        seconds["switched"] = send(driver, properties("User", switched))
        seconds["publish"] = sum(seconds.values()) + indexed
        began = perf_counter()
        for kind in ("RECOMMENDED", "SIMILAR"):
            if server.engine == "arcadedb":
                command = f"DELETE FROM {kind} WHERE run = 'r0' LIMIT 50000"
                while int(database.sql(command)[0]["count"]):
                    pass
            else:
                found = f"MATCH ()-[r:{kind}]->() WHERE r.run = 'r0' "
                database.run(found + "CALL (r) { DELETE r } IN TRANSACTIONS OF 10000 ROWS")
        seconds["removed"] = perf_counter() - began
        seconds["third"] = seconds["publish"] + seconds["removed"]
    return seconds


def main() -> None:
    """Measure the servers named on the command line, both by default."""
    parser = arguments_of(__doc__, "users", (10_000, 100_000))
    parser.add_argument("--publish", nargs=6, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.publish:
        *names, users, items = arguments.publish
        return publish_runs(*names, int(users), int(items))
    return compare(arguments, "users", measure)


if __name__ == "__main__":
    main()

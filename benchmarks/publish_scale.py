"""Publishing many recommendations, three times: rate, memory, and removing old lists.

Usage: ``python benchmarks/publish_scale.py [--engine arcadedb|neo4j] [--users N] [--items N]``

Each user gets ten recommendations at random, read from a Parquet file; items get vectors. Memory is
the resident set of this process, by the kernel's high-water mark: before the first publish, and the
growth over each. The third publish removes the lists of the first. Needs an idle machine.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from linkspan.console import table
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.lists import PARTS
from linkspan.graph.publishing.publish import RunRecord, publish
from linkspan.graph.publishing.vectors import ItemVectors
from linkspan.graph.writing.constraints import prepare
from linkspan.graph.writing.writer import write_rows

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from servers import START, RunningServer, started

K = 10


def write_lists(file: Path, users: int, items: int, seed: int) -> None:
    """Ten different items for each user, 10,000 users at a time."""
    random, writer = np.random.default_rng(seed), None
    for start in range(0, users, 10_000):
        rows = np.arange(start, min(start + 10_000, users))
        first = random.integers(0, items, len(rows))
        chosen = (first[:, None] + np.arange(K) * 7) % items
        scores = np.sort(random.random((len(rows), K)), axis=1)[:, ::-1].ravel()
        frame = {
            "user": np.repeat([f"u{row}" for row in rows], K),
            "item": [f"d/{item}" for item in chosen.ravel()],
            "domain": "d",
            "rank": np.tile(np.arange(1, K + 1), len(rows)),
            "score": scores,
            "gnn": scores,
            **dict.fromkeys(PARTS[1:], 0.0),
            "because": "d/0",
        }
        piece = pa.Table.from_pandas(pd.DataFrame(frame), preserve_index=False)
        writer = writer or pq.ParquetWriter(file, piece.schema)
        writer.write_table(piece)
    if writer is not None:
        writer.close()


def peak() -> float:
    """Most resident memory so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(server: RunningServer, folder: Path, users: int, items: int) -> list[tuple[str, ...]]:
    """A row for each of three publishes."""
    login = (server.user, server.password)
    keys, names = [f"u{row}" for row in range(users)], [f"d/{row}" for row in range(items)]
    random = np.random.default_rng(0)
    vectors = ItemVectors(
        "bench",
        names,
        random.standard_normal((items, 64), np.float32),
        random.standard_normal((items, 384), np.float32),
        names,
    )
    similar = pd.DataFrame({"item": names, "other": names[::-1], "rank": 1, "score": 0.5})
    similar = similar.sort_values("item", ignore_index=True)
    rows = []
    with Database(server.uri, *login, http_url=server.http_url) as database:
        prepare(database)
        nodes = "UNWIND $rows AS key CREATE (:{label} {{key: key, id: key, domain: 'd'}})"
        write_rows(database, nodes.format(label="User"), keys)
        write_rows(database, nodes.format(label="Item"), names)
        for number in range(3):
            write_lists(folder / "lists.parquet", users, items, number)
            before, started = peak(), perf_counter()
            run = RunRecord(f"r{number}", "random", f"2026-01-0{number + 1}", "", {}, {}, ["SAVED"])
            report = publish(
                database, run, keys, folder / "lists.parquet", similar, vectors=vectors
            )
            seconds = perf_counter() - started
            rate = f"{report.written / seconds:,.0f} rows/s"
            memory = f"{before:,.0f} MB", f"{peak() - before:+,.0f} MB"
            rows.append(
                (f"publish {number + 1}", f"{report.written:,}", f"{seconds:.1f} s", rate, *memory)
            )
    return rows


def main() -> None:
    """Measure the servers named on the command line, both by default."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", action="append", choices=START)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=6_000)
    arguments = parser.parse_args()
    for engine in arguments.engine or START:
        with tempfile.TemporaryDirectory() as folder, started(engine) as server:
            rows = measure(server, Path(folder), arguments.users, arguments.items)
        shown = table(
            "", ">rows", ">time", ">rate", ">memory before", ">growth", title=f"\n{engine}"
        )
        for row in rows:
            shown.add_row(*row)
        Console().print(shown)


if __name__ == "__main__":
    main()

"""Ingest of 1, 2 and 5 million interactions: memory, time beside linear, and skipping.

Usage: ``python benchmarks/ingest_scale.py [--engine arcadedb|neo4j] [--millions 1 2 5]``

The events are generated, skewed like real ones: log-normal activity of users, Zipf popularity of
items, in four domains; a small load before warms the server up. Wanted: peak memory of the ingest
process, the server apart, under 700 MB; time within 1.2 of linear; skipping the unchanged file
under 3% of its load. The share of the time in which the server was waited for is shown: what grows
there is the server's. Beside Neo4j, its own offline ``database import`` of the same rows shows the
physical limit: it writes the store files itself, with no server, no transactions and no indexes.
Needs an idle machine and half an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa
from pyarrow import csv
from rich.console import Console

from linkspan.console import table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from servers import START, RunningServer, empty, started
from servers.neo4j import OPENED
from servers.neo4j_jars import fetch_jars, find_java

DOMAINS = ("books", "films", "food", "kitchen")
MAPPING = """\
[users]
shared = true
[[items]]
file = "items.csv"
id = "id"
domain = { column = "domain" }
properties = { title = "title" }
[[interactions]]
file = "events.csv"
type = "SAVED"
user = "user"
item = "item"
at = { column = "at", unit = "s" }
"""
CHILD = """
import json, resource, sys, time
from pathlib import Path
from linkspan.graph.connecting.connection import Database
from linkspan.ingest import ingest
from linkspan.settings import load_settings
uri, user, folder = sys.argv[1:]

class Timed(Database):
    waited = 0.0

    def timed(self, write, query, parameters):
        started = time.perf_counter()
        try:
            return write(query, **parameters)
        finally:
            self.waited += time.perf_counter() - started

    def write(self, query, **parameters):
        return self.timed(super().write, query, parameters)

    def write_once(self, query, **parameters):
        return self.timed(super().write_once, query, parameters)

with Timed(uri, user, sys.stdin.readline().strip()) as database:
    report = ingest(database, load_settings(Path(folder) / "linkspan.toml").mapping())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
told = {"seconds": report.seconds, "written": report.written, "peak_mb": peak}
print(json.dumps({**told, "waited": database.waited}))
"""


def generate(folder: Path, events: int, seed: int = 0, items: int | None = None) -> None:
    """Write a mapping, ``events / 200`` items or so many, and about ``events`` distinct events."""
    rng = np.random.default_rng(seed)
    items, users = items or max(events // 200, 100), max(events // 25, 100)
    ids = pa.array([f"B{number:07d}" for number in range(items)])
    domains = pa.array([DOMAINS[number % len(DOMAINS)] for number in range(items)])
    titles = pa.array([f"Title of thing {number}, edition {number % 7}" for number in range(items)])
    csv.write_csv(pa.table({"id": ids, "domain": domains, "title": titles}), folder / "items.csv")
    activity = rng.lognormal(0, 1.2, users)
    who = rng.choice(users, events, p=activity / activity.sum())
    popularity = 1 / np.arange(1, items + 1) ** 0.8
    what = rng.choice(items, events, p=popularity / popularity.sum())
    pairs = np.unique(who.astype(np.int64) * items + what)
    pairs = rng.permutation(pairs)  # files are seldom sorted
    at = 1_600_000_000 + rng.integers(0, 10**8, len(pairs))
    names = pa.array([f"A{number:09d}" for number in range(users)])
    rows = {"user": names.take(pa.array(pairs // items)), "item": ids.take(pa.array(pairs % items))}
    csv.write_csv(pa.table({**rows, "at": pa.array(at)}), folder / "events.csv")
    (folder / "linkspan.toml").write_text(MAPPING)


def offline_import(folder: Path) -> float:
    """Seconds that ``neo4j-admin database import`` takes for the same rows, as a cold process."""
    home = folder / "offline"
    (home / "conf").mkdir(parents=True)
    events = csv.read_csv(folder / "events.csv")
    items = csv.read_csv(folder / "items.csv")
    tables = {
        "users": (pa.table({"id": events["user"].unique()}), "key:ID(User)"),
        "items": (items, "id:ID(Item),domain,title"),
        "events": (events, ":START_ID(User),:END_ID(Item),at:long"),
    }
    for name, (rows, header) in tables.items():
        csv.write_csv(rows, home / f"{name}.csv", csv.WriteOptions(include_header=False))
        (home / f"{name}.header.csv").write_text(header + "\n")
    files = {name: f"{home}/{name}.header.csv,{home}/{name}.csv" for name in tables}
    started = perf_counter()
    subprocess.run(
        [
            find_java(),
            *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED),
            "-cp",
            f"{fetch_jars()}/*",
            "org.neo4j.cli.AdminTool",
            *("database", "import", "full", "neo4j", "--overwrite-destination"),
            f"--nodes=User={files['users']}",
            f"--nodes=Item={files['items']}",
            f"--relationships=SAVED={files['events']}",
        ],
        env={**os.environ, "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")},
        cwd=home,
        check=True,
        capture_output=True,
    )
    return perf_counter() - started


def load(server: RunningServer, folder: Path) -> dict[str, float]:
    """One ingest in a process of its own."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD, server.uri, server.user, str(folder)],
        input=server.password + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, float] = json.loads(child.stdout)
    return result


def main() -> None:
    """Measure the servers named on the command line, both by default."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", action="append", choices=START)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 2, 5])
    arguments = parser.parse_args()
    console = Console()
    for engine in arguments.engine or START:
        shown = table(
            *("events", ">seconds", ">server", ">rows/s", ">of linear", ">peak MB", ">skip"),
            *([">offline s"] if engine == "neo4j" else []),
            title=f"\n{engine}",
        )
        first = 0.0
        with tempfile.TemporaryDirectory() as place, started(engine) as server:
            warm = Path(place) / "warm"
            warm.mkdir()
            generate(warm, 100_000)
            load(server, warm)
            for millions in arguments.millions:
                folder = Path(place) / f"data-{millions}"
                folder.mkdir()
                generate(folder, int(millions * 1e6))
                empty(server)
                done = load(server, folder)
                again = load(server, folder)
                rate = done["written"] / done["seconds"]
                first = first or rate
                shown.add_row(
                    f"{millions:g} million",
                    f"{done['seconds']:.0f}",
                    f"{done['waited'] / done['seconds']:.0%}",
                    f"{rate:,.0f}",
                    f"{first / rate:.2f}",
                    f"{done['peak_mb']:.0f}",
                    f"{again['seconds'] / done['seconds']:.1%}",
                    *([f"{offline_import(folder):.0f}"] if engine == "neo4j" else []),
                )
        console.print(shown)
    console.print("\nWanted: 1.2 of linear or less, under 700 MB, skipping under 3%.")


if __name__ == "__main__":
    main()

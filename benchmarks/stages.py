"""Each stage of a load at two sizes ten times apart, beside the best way known to do it.

Usage: ``python benchmarks/stages.py [--engine arcadedb|neo4j] [--items 10000 100000] [--events 2]``

Generated items in four domains, as many entities with one relation each, as many users, and so many
events an item; ``--items 2500 25000 --events 200`` is a load of 0.5 and 5 million events. Linkspan
loads in a process of its own, from files. Rates are rows a second, growth is the larger size's over
the smaller one's (0.8 or more wanted), the ratio is Linkspan over the other side.

- files to rows: reading as text; beside the faster of pyarrow's reader and pandas' C engine, which
  read the same columns as text. No others are as fast that are here already.
- checks: all that comes before the first row is written (``ingest --dry-run``); beside the same
  questions asked with pyarrow: keys, ids that stand twice, unknown items, times, events that stand
  twice. They tell nobody where the row is.
- nodes, users, entities, relations, interactions: as the report tells their seconds, shaping
  included, and for the first three lines of a file and the interactions the wait for it to be read,
  each in a file of its own; beside `_bare`, whose rows lie ready.
- load: all of it; beside pyarrow's reading and all that `_bare` sends.
- offline: the load beside Neo4j's own ``database import``, which writes the store's files itself,
  with no server, no transactions and no indexes: the physical limit.
- read-out: the graph as a snapshot; beside `_bare`, whose values stay lists.
- skipped: the same files once more. Peak MB: resident memory of the loading process (700 wanted).

Needs an idle machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from _bare import links, nodes, open_driver, read_links, read_nodes, send
from _generated import generate
from _growth import Rates, RunningServer, apart, arguments_of, compare, empty, tell
from pyarrow import csv

from linkspan.graph.connecting.connection import Database
from linkspan.graph.snapshot.reading import read_snapshot
from linkspan.graph.writing.constraints import prepare
from linkspan.ingest import ingest
from linkspan.ingest.check import open_sources
from linkspan.ingest.mapping.model import Mapping
from linkspan.ingest.roles import find_roles
from linkspan.settings import load_settings
from servers.neo4j import OPENED
from servers.neo4j_jars import fetch_jars, find_java

FILES = {
    "users": ["id"], "items": ["id", "domain", "title", "author"], "events": ["user", "item", "at"],
}  # fmt: skip
STAGES = {
    "Item": "nodes", "User": "users", "Author": "entities", "WRITTEN_BY": "relations",
    "SAVED": "interactions",
}  # fmt: skip
Tables = dict[str, pa.Table]


def measure(server: RunningServer, items: int, events: int) -> tuple[Rates, Rates]:
    """Rates of Linkspan and of the other side for one size."""
    with (
        tempfile.TemporaryDirectory() as place,
        Database(server.uri, server.user, server.password, http_url=server.http_url) as database,
    ):
        folder = Path(place)
        generate(folder, items, users=max(items, events * items // 25), events=events * items)
        mapping = load_settings(folder / "linkspan.toml").mapping()
        empty(server)
        ours = linkspan(server, database, mapping, folder)
        empty(server)
        prepare(database)
        return ours, other_side(server, folder)


def linkspan(server: RunningServer, database: Database, mapping: Mapping, folder: Path) -> Rates:
    """Rates of reading, checking and loading files, and of reading the graph."""
    rows = sum(len(csv.read_csv(folder / f"{name}.csv")) for name in FILES)
    began = perf_counter()
    assert rows == sum(len(part) for of in open_sources(mapping, None) for part in of.batches())
    rates = {"files to rows": rows / (perf_counter() - began)}
    began = perf_counter()
    ingest(database, mapping, dry_run=True)
    rates["checks"] = rows / (perf_counter() - began)
    loaded, again = (apart(server, "--load", str(folder)) for _ in range(2))
    written, seconds = Counter[str](), Counter[str]()
    for line in loaded["lines"]:
        # Users have a file of their own: those that events name are known, and only waited for.
        stage = STAGES[line["target"] if line["written"] else "SAVED"]
        written[stage] += line["written"]
        seconds[stage] += line["seconds"]
    rates |= {stage: written[stage] / seconds[stage] for stage in written}
    rates["load"] = written.total() / loaded["seconds"]
    if server.engine == "neo4j":
        rates["offline"] = rates["load"]
    rates["skipped"], rates["peak MB"] = rows / again["seconds"], loaded["peak"]
    began = perf_counter()
    rows = sum(read_snapshot(database, find_roles(mapping)).counts().values())
    rates["read-out"] = rows / (perf_counter() - began)
    return rates


def load(uri: str, user: str, folder: str) -> None:
    """Load a folder and tell what was done; the password comes from standard input."""
    with Database(uri, user, sys.stdin.readline().strip()) as database:
        report = ingest(database, load_settings(Path(folder) / "linkspan.toml").mapping())
    tell(seconds=report.seconds, lines=report.as_dict()["lines"])


def other_side(server: RunningServer, folder: Path) -> Rates:
    """The same work, the best way known."""
    seconds = {"files to rows": min(_with_pyarrow(folder), _with_pandas(folder))}
    began = perf_counter()
    tables = check(folder)
    seconds["checks"] = perf_counter() - began
    files = sum(len(tables[name]) for name in FILES)
    counts = {"files to rows": files, "checks": files}
    items, events = tables["items"], tables["events"]
    author = pc.binary_join_element_wise("author/", items["author"], "")
    labels = {domain: domain.capitalize() for domain in pc.unique(items["domain"]).to_pylist()}
    named = items.select(["key", "id", "domain", "title"])
    users = tables["users"]
    parts = {
        "users": [nodes("User", pa.table({"key": users["id"], "id": users["id"]}))],
        "nodes": [
            nodes(f"Item:{label}", named.filter(pc.equal(named["domain"], domain)))
            for domain, label in labels.items()
        ],
        "entities": [nodes("Entity:Author", pa.table({"key": author, "name": items["author"]}))],
        "relations": [
            links("WRITTEN_BY", "Item", "Entity", pa.table({"from": items["key"], "to": author}))
        ],
        "interactions": [links("SAVED", "User", "Item", events)],
    }
    sizes = (len(users), len(items), len(items), len(items), len(events))
    counts |= dict(zip(parts, sizes, strict=True))
    with open_driver(server) as driver:
        for stage, sent in parts.items():
            seconds[stage] = send(driver, *sent)
        counts["load"] = sum(sizes)
        seconds["load"] = seconds["files to rows"] + sum(seconds[stage] for stage in parts)
        began = perf_counter()
        with driver.session(database="neo4j") as session:
            keys = read_nodes(session, "User", "key", "id")[0]
            names = read_nodes(session, "Item", "key", "id", "domain", "title")[0]
            read_nodes(session, "Author", "key", "name")
            saved = read_links(session, "(s:User {key: key})-[r:SAVED]->(t:Item)", keys, "at")
            tie = "(s:Item {key: key})-[r:WRITTEN_BY]->(t:Author)"
            tied = read_links(session, tie, names)
        seconds["read-out"] = perf_counter() - began
    assert (len(saved[0]), len(tied[0])) == (len(events), len(items)), "it is not the same graph"
    counts["read-out"] = counts["load"]
    if server.engine == "neo4j":
        counts["offline"], seconds["offline"] = counts["load"], offline_import(folder, tables)
    return {stage: counts[stage] / seconds[stage] for stage in counts}


def _with_pyarrow(folder: Path) -> float:
    """Seconds in which pyarrow reads the files."""
    began = perf_counter()
    for name in FILES:
        _read(folder, name)
    return perf_counter() - began


def _with_pandas(folder: Path) -> float:
    """Seconds in which pandas reads the files."""
    began = perf_counter()
    for name, columns in FILES.items():
        pd.read_csv(folder / f"{name}.csv", usecols=columns, dtype=str, engine="c")
    return perf_counter() - began


def _read(folder: Path, name: str) -> pa.Table:
    types = dict.fromkeys(FILES[name], pa.string())
    options = csv.ConvertOptions(column_types=types, include_columns=FILES[name])
    return csv.read_csv(folder / f"{name}.csv", convert_options=options)


def check(folder: Path) -> Tables:
    """The files with keys, each question about their rows asked of whole columns."""
    users, items, events = (_read(folder, name) for name in FILES)
    items = items.append_column(
        "key", pc.binary_join_element_wise(items["domain"], items["id"], "/")
    )
    rows = pc.index_in(events["item"], items["id"].combine_chunks())
    assert not rows.null_count, "an event names an item that is not there"
    at = pc.multiply(events["at"].cast(pa.int64()), 1000)
    met = pa.table({"user": events["user"], "item": items["key"].take(rows), "at": at})
    for rows_of, key in ((users, ["id"]), (items, ["key"]), (met, ["user", "item"])):
        assert rows_of.group_by(key).aggregate([]).num_rows == len(rows_of), "a key stands twice"
    return {"users": users, "items": items, "events": met}


def offline_import(folder: Path, tables: Tables) -> float:
    """Seconds that ``neo4j-admin database import`` takes for the same rows, as a cold process."""
    home = folder / "offline"
    (home / "conf").mkdir(parents=True)
    items = tables["items"]
    parts = {
        "User": (tables["users"], "id:ID(User)"),
        "Item": (items.select(["key", "id", "domain", "title"]), "key:ID(Item),id,domain,title"),
        "Author": (items.select(["author"]), "name:ID(Author)"),
        "SAVED": (tables["events"], ":START_ID(User),:END_ID(Item),at:long"),
        "WRITTEN_BY": (items.select(["key", "author"]), ":START_ID(Item),:END_ID(Author)"),
    }
    options = []
    for name, (rows, header) in parts.items():
        csv.write_csv(rows, home / f"{name}.csv", csv.WriteOptions(include_header=False))
        (home / f"{name}.header.csv").write_text(header + "\n")
        kind = "relationships" if name.isupper() else "nodes"
        options.append(f"--{kind}={name}={home}/{name}.header.csv,{home}/{name}.csv")
    began = perf_counter()
    subprocess.run(
        [
            find_java(),
            *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED),
            *("-cp", f"{fetch_jars()}/*", "org.neo4j.cli.AdminTool"),
            *("database", "import", "full", "neo4j", "--overwrite-destination"),
            *options,
        ],
        env={**os.environ, "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")},
        cwd=home,
        check=True,
        capture_output=True,
    )
    return perf_counter() - began


def main() -> None:
    """Measure the servers named on the command line, both by default."""
    parser = arguments_of(__doc__, "items", (10_000, 100_000))
    parser.add_argument("--events", type=int, default=2, help="events an item")
    parser.add_argument("--load", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        return load(*arguments.load)
    return compare(
        arguments, "items", lambda server, items: measure(server, items, arguments.events)
    )


if __name__ == "__main__":
    main()

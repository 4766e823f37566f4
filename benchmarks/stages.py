"""Each stage of a load at two sizes ten times apart, beside the best bare statements known.

Usage: ``python benchmarks/stages.py [--engine arcadedb|neo4j] [--items 10000 100000]``

Generated items in four domains with as many entities, one relation each, two events an item. The
other side is a plain loop of the driver with the fastest statements known over Bolt on both
servers: sorted batches of 5,000 by ``UNWIND``, ``CREATE`` of nodes with both labels, and for
relationships both ends by their key and one label, then ``CREATE``. (ArcadeDB has a batch importer,
which works inside the server's process only.) A rate at the larger size of 0.8 or more of that at
the smaller one is wanted; the ratio is Linkspan over driver. Needs an idle machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import neo4j
import pyarrow as pa
from ingest_scale import MAPPING, generate
from pyarrow import csv
from rich.console import Console

from linkspan.console import table
from linkspan.graph.connecting.connection import Database
from linkspan.graph.snapshot.reading import read_snapshot
from linkspan.graph.writing.constraints import prepare
from linkspan.graph.writing.writer import BATCH_ROWS
from linkspan.ingest import ingest
from linkspan.ingest.roles import find_roles
from linkspan.settings import load_settings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from servers import START, RunningServer, empty, started

ENDS = "MATCH (s:{} {{key: row.source}}) MATCH (t:{} {{key: row.target}}) CREATE (s)-[r:{}]->(t)"
RELATION = """\
[[items.relations]]
type = "WRITTEN_BY"
column = "author"
entity = "Author"
"""
Rows = list[dict[str, Any]]


def make(folder: Path, items: int) -> None:
    """Write the files and mapping of so many items, entities, and twice as many events."""
    generate(folder, 2 * items, items=items)
    rows = csv.read_csv(folder / "items.csv")
    authors = pa.array([f"Author {number}" for number in range(items)])
    csv.write_csv(rows.append_column("author", authors), folder / "items.csv")
    (folder / "linkspan.toml").write_text(
        MAPPING.replace("[[interactions]]", RELATION + "[[interactions]]")
    )


def statements(folder: Path) -> dict[str, list[tuple[str, Rows]]]:
    """Stage to the best statements known, each with its sorted rows."""
    items = sorted(csv.read_csv(folder / "items.csv").to_pylist(), key=lambda row: row["id"])
    events = csv.read_csv(folder / "events.csv").to_pylist()
    nodes = []
    for domain in sorted({row["domain"] for row in items}):
        rows = [{**row, "key": f"{domain}/{row['id']}"} for row in items if row["domain"] == domain]
        made = f"CREATE (n:Item:{domain.capitalize()} {{key: row.key}})"
        nodes.append(
            (f"{made} SET n.id = row.id, n.domain = row.domain, n.title = row.title", rows)
        )
    keys = {row["id"]: f"{row['domain']}/{row['id']}" for row in items}
    authors = [{"key": f"author/{row['author']}", "name": row["author"]} for row in items]
    ties = [{"source": keys[row["id"]], "target": f"author/{row['author']}"} for row in items]
    met = [
        {"source": row["user"], "target": keys[row["item"]], "at": 1000 * row["at"]}
        for row in events
    ]
    users = [{"key": user} for user in sorted({row["user"] for row in events})]
    author = "CREATE (n:Entity:Author {key: row.key}) SET n.name = row.name"
    return {
        "nodes": nodes,
        "entities": [(author, sorted(authors, key=lambda row: row["key"]))],
        "relations": [(ENDS.format("Item", "Entity", "WRITTEN_BY"), sorted(ties, key=_ends))],
        "users": [("CREATE (n:User {key: row.key}) SET n.id = row.key", users)],
        "interactions": [
            (ENDS.format("User", "Item", "SAVED") + " SET r.at = row.at", sorted(met, key=_ends))
        ],
    }


def _ends(row: dict[str, Any]) -> tuple[str, str]:
    return row["source"], row["target"]


def bare(server: RunningServer, stages: dict[str, list[tuple[str, Rows]]]) -> dict[str, float]:
    """Rows a second of each stage in a plain loop of the driver."""
    rates: dict[str, float] = {}
    with (
        neo4j.GraphDatabase.driver(server.uri, auth=(server.user, server.password)) as driver,
        driver.session(database="neo4j") as session,
    ):
        for stage, parts in stages.items():
            began = perf_counter()
            for query, rows in parts:
                text = f"UNWIND $rows AS row {query}"
                for start in range(0, len(rows), BATCH_ROWS):
                    batch = rows[start : start + BATCH_ROWS]
                    session.execute_write(
                        lambda tx, text=text, batch=batch: tx.run(text, rows=batch).consume()
                    )
            rates[stage] = sum(len(rows) for _, rows in parts) / (perf_counter() - began)
    return rates


def ours(database: Database, folder: Path) -> dict[str, float]:
    """Rows a second of each stage of an ingest, and of reading the graph."""
    mapping = load_settings(folder / "linkspan.toml").mapping()
    names = {
        "Item": "nodes", "Author": "entities", "WRITTEN_BY": "relations",
        "User": "users", "SAVED": "interactions",
    }  # fmt: skip
    rates = {
        names[line.target]: line.written / line.seconds for line in ingest(database, mapping).lines
    }
    began = perf_counter()
    rows = sum(read_snapshot(database, find_roles(mapping)).counts().values())
    return {**rates, "read-out": rows / (perf_counter() - began)}


def measure(server: RunningServer, sizes: list[int]) -> list[tuple[str, ...]]:
    """A row for each stage: rates at each size, growth, and the ratio to the driver."""
    found: list[tuple[dict[str, float], dict[str, float]]] = []
    with Database(server.uri, server.user, server.password, http_url=server.http_url) as database:
        for size in [sizes[0], *sizes]:  # the first warms the server up
            with tempfile.TemporaryDirectory() as place:
                make(Path(place), size)
                empty(server)
                rates = ours(database, Path(place))
                empty(server)
                prepare(database)
                found.append((rates, bare(server, statements(Path(place)))))
    small, large = found[1], found[-1]
    shown = []
    for stage in small[0]:
        for name, place in (("linkspan", 0), ("driver", 1)):
            if stage in small[place]:
                first, last = small[place][stage], large[place][stage]
                ratio = f"{large[0][stage] / large[1][stage]:.2f}" if stage in large[1] else ""
                shown.append(
                    (stage, name, f"{first:,.0f}", f"{last:,.0f}", f"{last / first:.2f}", ratio)
                )
    return shown


def main() -> None:
    """Measure the servers named on the command line, both by default."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", action="append", choices=START)
    parser.add_argument("--items", type=int, nargs=2, default=[10_000, 100_000])
    arguments = parser.parse_args()
    console = Console()
    for engine in arguments.engine or START:
        with started(engine) as server:
            rows = measure(server, arguments.items)
        sizes = (f">{size:,} items, rows/s" for size in arguments.items)
        shown = table("", "by", *sizes, ">growth", ">linkspan / driver", title=f"\n{engine}")
        for row in rows:
            shown.add_row(*row)
        console.print(shown)
    console.print("\nGrowth: 0.8 or more wanted for nodes and entities.")


if __name__ == "__main__":
    main()

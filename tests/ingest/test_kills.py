"""Ingest killed at random moments and started again ends in the graph of an undisturbed one.

``make soak`` does this 50 times a server on 20,000 events; otherwise it is 5 times on 2,000, and a
Neo4j keeps its schema, as it plans every query anew after a change of it.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from linkspan.graph.connecting.connection import Database
from linkspan.graph.connecting.driving import Options
from linkspan.ingest import Mapping, ingest
from linkspan.settings import load_settings
from servers import RunningServer, empty

SOAK = os.environ.get("LINKSPAN_SOAK") == "1"
KILLS, EVENTS = (50, 20_000) if SOAK else (5, 2_000)
BATCH_ROWS = EVENTS // 8
pytestmark = [pytest.mark.soak] if SOAK else []  # then make soak runs it, else every run does
SEED = 20261121
MAPPING = """\
[users]
shared = true

[[items]]
file = "books.csv"
id = "book_id"
domain = { column = "domain" }
text = ["title", "authors"]
properties = { title = "title", authors = { column = "authors", split = "|" } }

[[items.relations]]
type = "WRITTEN_BY"
column = "authors"
split = "|"
entity = "Author"

[[interactions]]
file = "saved.csv"
type = "SAVED"
user = "user_id"
item = "book_id"
at = { column = "position", unit = "position" }
"""
# Small batches, so that there are many moments to be killed at.
CHILD = """
import sys
from pathlib import Path
from linkspan.graph.connecting.connection import Database
from linkspan.ingest import ingest
from linkspan.ingest.readers import csv_reader
from linkspan.settings import load_settings
csv_reader.BATCH_ROWS = int(sys.argv[3])
with Database(sys.argv[1], "LOGIN", sys.stdin.readline().strip()) as database:
    print("ready", flush=True)
    ingest(database, load_settings(Path(sys.argv[2])).mapping())
    print("done", flush=True)
"""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first events of goodbooks with their books, and a mapping."""
    folder = tmp_path_factory.mktemp("shelf")
    with as_file(files("linkspan") / "data" / "goodbooks") as data:
        saved = pd.read_csv(data / "to_read.csv.gz", dtype=str).head(EVENTS)
        books = pd.read_csv(data / "books.csv.gz", dtype=str)
    saved.to_csv(folder / "saved.csv", index=False)
    books[books["book_id"].isin(saved["book_id"])].to_csv(folder / "books.csv", index=False)
    (folder / "linkspan.toml").write_text(MAPPING)
    return folder


@pytest.fixture
def mapping(shelf: Path) -> Mapping:
    return load_settings(shelf / "linkspan.toml").mapping()


def start(server: RunningServer, shelf: Path) -> subprocess.Popen[str]:
    """A child that is about to ingest."""
    child = server.child(
        [
            sys.executable,
            "-c",
            CHILD.replace("LOGIN", server.user),
            server.uri,
            str(shelf / "linkspan.toml"),
            str(BATCH_ROWS),
        ]
    )
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    return child


def test_killed_at_random_moments(
    server: RunningServer,
    db: Database,
    shelf: Path,
    mapping: Mapping,
    read_graph: Callable[..., Any],
    own_schema: frozenset[str],
) -> None:
    rng, whole, keep = random.Random(SEED), 0.0, () if SOAK else own_schema
    for _ in range(2):  # the first warms the server up
        empty(server, keep)
        with start(server, shelf) as child:
            assert child.stdout is not None
            began = time.monotonic()
            assert child.stdout.readline() == "done\n"
            whole = time.monotonic() - began
    graph = read_graph(db)
    assert len(graph["links"]) > EVENTS
    broken = 0
    for number in range(1, KILLS + 1):
        empty(server, keep)
        with start(server, shelf) as child:
            wait = rng.uniform(0, whole)
            time.sleep(wait)
            child.kill()
        found = db.read("MATCH (n) RETURN count(n) AS nodes")[0]["nodes"]
        entries = db.read("MATCH (f:LoadedFile) RETURN f.loaded AS loaded, f.rows AS rows")
        broken += found > 0 and sum(row["loaded"] == row["rows"] for row in entries) < 2
        db.write("MATCH (l:Lease) SET l.until = 0")  # as after ten seconds
        ingest(db, mapping)
        assert read_graph(db) == graph, f"kill {number} of {KILLS}, after {wait:.3f} s"
        print(
            f"{server.engine}: kill {number} after {wait:.2f} of {whole:.2f} s at {found:,} nodes, "
            f"files at {[row['loaded'] for row in entries]}: the same graph after the resume"
        )
    assert broken >= KILLS // 3, "too few kills hit the load"


def test_the_server_killed_in_mid_load(
    server: RunningServer,
    db: Database,
    mapping: Mapping,
    read_graph: Callable[..., Any],
    own_schema: frozenset[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The driver tries again until the server is back."""
    monkeypatch.setattr("linkspan.ingest.readers.csv_reader.BATCH_ROWS", BATCH_ROWS)
    ingest(db, mapping)
    graph = read_graph(db)
    for moment in (2, 9, 30) if SOAK else (9,):
        empty(server, () if SOAK else own_schema)
        writes = 0
        write = Database.write

        def counted(self: Database, query: str, **parameters: Any) -> Any:
            nonlocal writes
            writes += 1
            return write(self, query, **parameters)  # noqa: B023

        monkeypatch.setattr(Database, "write", counted)
        with (
            Database(
                server.uri, server.user, server.password, options=Options(timeout=120)
            ) as patient,
            ThreadPoolExecutor(1) as thread,
        ):
            load = thread.submit(ingest, patient, mapping)
            while writes < moment:
                time.sleep(0.001)
            server.restart()
            load.result()
        monkeypatch.setattr(Database, "write", write)
        assert writes > moment
        assert read_graph(db) == graph

"""Publishing under readers, and killed at random moments.

``make soak`` does 20 publishes and rollbacks with 50,000 reads by 8 processes, and 30 kills, a
server; otherwise it is a tenth, with fewer readers.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.publish import RunRecord, publish, rollback
from linkspan.graph.publishing.vectors import ItemVectors, text_hash
from linkspan.graph.snapshot import Snapshot
from servers import RunningServer

SOAK = os.environ.get("LINKSPAN_SOAK") == "1"
PUBLISHES, READS, KILLS, READERS = (20, 50_000, 30, 8) if SOAK else (2, 2_000, 3, 3)
pytestmark = [pytest.mark.soak] if SOAK else []  # then make soak runs it, else every run does
SEED = 20261125

READER = """
import json, os, sys
from pathlib import Path
from linkspan.graph.asking.client import Client
from linkspan.graph.connecting.connection import Database
uri, user, stop, place, rows, users = sys.argv[1:7]
users, place, reads, wrong, runs = users.split(","), int(place), 0, [], set()
with Client(Database(uri, user, sys.stdin.readline().strip())) as client:
    print("ready", flush=True)
    while not Path(stop).exists():
        found = client.recommend(users[place % len(users)], k=1000)
        place, reads = place + 7, reads + 1
        seen = {row.run for row in found}
        lists = {}
        for row in found:
            lists.setdefault(row.domain, []).append(row.rank)
        gaps = [ranks for ranks in lists.values() if ranks != list(range(1, len(ranks) + 1))]
        if len(seen) != 1 or gaps or len(found) != int(rows):
            wrong.append(f"{len(found)} rows of runs {sorted(seen)}, ranks {lists}")
        runs |= seen
        if reads % 100 == 0:
            Path(stop + "." + sys.argv[4]).write_text(str(reads))
print(json.dumps({"reads": reads, "wrong": wrong[:5], "runs": sorted(runs)}))
"""
PUBLISHER = """
import sys
from pathlib import Path
from linkspan.graph.publishing import publish as publishing
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.publish import RunRecord, publish
from linkspan.graph.publishing.vectors import ItemVectors
publishing.BATCH_ROWS = 40
uri, user, http, folder, run, seed = sys.argv[1:7]
folder = Path(folder)
record = RunRecord(run, "test", f"2026-01-01T00:00:00+00:00 {run}", "f", {}, {}, ["SAVED"])
users = (folder / "users").read_text().split()
with Database(uri, user, sys.stdin.readline().strip(), http_url=http) as database:
    print("ready", flush=True)
    publish(database, record, users, folder / f"lists{seed}.parquet", folder / "similar.parquet",
            vectors=ItemVectors.load(folder / f"vectors{seed}.parquet"))
    print("done", flush=True)
"""


def test_readers_in_other_processes_see_whole_lists(
    graph: Database,
    server: RunningServer,
    snapshot: Snapshot,
    lists: Callable[[int], pd.DataFrame],
    similar: pd.DataFrame,
    make_record: Callable[[str], RunRecord],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("linkspan.graph.publishing.publish.BATCH_ROWS", 40)  # many transactions
    users, tables = snapshot.users["key"].tolist(), [lists(0), lists(1)]
    publish(graph, make_record("run00"), users, tables[0], similar)
    stop, per_user = tmp_path / "stop", len(tables[0]) // len(users)
    children = [
        server.child([
            sys.executable, "-c", READER,
            server.uri, server.user, str(stop), str(place), str(per_user), ",".join(users),
        ])
        for place in range(READERS)
    ]  # fmt: skip
    done = rolled = 0
    try:
        for child in children:
            assert child.stdout is not None and child.stdout.readline() == "ready\n"
        while done < PUBLISHES or _reads(stop) < READS:
            done += 1
            publish(graph, make_record(f"run{done:02}"), users, tables[done % 2], similar)
            if done % 2:
                rollback(graph)
                rolled += 1
    finally:
        stop.touch()
        told = [json.loads(child.communicate()[0] or "{}") for child in children]
    reads = sum(each["reads"] for each in told)
    print(
        f"{server.engine}: {reads:,} reads by {READERS} processes during {done} publishes and "
        f"{rolled} roll-backs, {len(set().union(*(each['runs'] for each in told)))} runs seen, "
        f"{sum(len(each['wrong']) for each in told)} wrong lists"
    )
    assert [each["wrong"] for each in told] == [[]] * READERS
    assert reads >= READS and rolled >= PUBLISHES // 2


def _reads(stop: Path) -> int:
    return sum(int(file.read_text() or 0) for file in stop.parent.glob("stop.*"))


def _graph(database: Database, names: dict[str, str]) -> dict[str, list[str]]:
    """All that publishing wrote, with the runs under other names."""
    queries = {
        "lists": "MATCH (a:User)-[r:RECOMMENDED]->(b) RETURN a.key AS a, b.key AS b, "
        "properties(r) AS p",
        "similar": "MATCH (a:Item)-[r:SIMILAR]->(b) RETURN a.key AS a, b.key AS b, "
        "properties(r) AS p",
        "users": "MATCH (u:User) RETURN u.key AS a, u.run AS run",
        "items": "MATCH (i:Item) RETURN properties(i) AS p",
        "runs": "MATCH (r:Run) WHERE r.users > 0 RETURN r.id AS run, r.state AS state, "
        "r.users AS users, r.items AS items, r.vectors AS slot, r.reason AS reason",
        "indexes": "SHOW INDEXES",
    }
    found = {}
    for part, query in queries.items():
        rows = database.run(query)
        if part == "indexes":
            rows = [{"name": row["name"]} for row in rows if row["type"] == "VECTOR"]
        for row in rows:
            values = row.get("p", row)
            if "run" in values:
                values["run"] = names[values["run"]]
        flat = ({k: sorted(v.items()) if k == "p" else v for k, v in row.items()} for row in rows)
        found[part] = sorted(map(repr, flat))
    return found


def test_killed_at_random_moments_of_publishing(
    graph: Database,
    server: RunningServer,
    snapshot: Snapshot,
    lists: Callable[[int], pd.DataFrame],
    similar: pd.DataFrame,
    make_record: Callable[[str], RunRecord],
    tmp_path: Path,
) -> None:
    users, keys = snapshot.users["key"].tolist(), snapshot.items["key"].tolist()
    (tmp_path / "users").write_text("\n".join(users))
    similar.to_parquet(tmp_path / "similar.parquet", index=False)
    hashes = [text_hash("test", text) for text in snapshot.items["text"]]
    vectors = []
    for seed in (0, 1):
        lists(seed).to_parquet(tmp_path / f"lists{seed}.parquet", index=False)
        states, texts = (
            np.random.default_rng(seed + more).random((len(keys), 8), np.float32)
            for more in (0, 7 - seed)
        )
        vectors.append(ItemVectors("test", keys, states, texts, hashes))
        vectors[seed].save(tmp_path / f"vectors{seed}.parquet")

    def start(number: int) -> subprocess.Popen[str]:
        arguments = (server.uri, server.user, server.http_url, str(tmp_path), f"r{number:02}")
        child = server.child([sys.executable, "-c", PUBLISHER, *arguments, str(number % 2)])
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        return child

    def read(number: int) -> dict[str, list[str]]:
        return _graph(graph, {f"r{number:02}": "now", f"r{number - 1:02}": "before"})

    whole, graphs = 0.0, {}
    for number in range(3):  # none of them killed: what the graph should be, and how long it takes
        with start(number) as child:
            began = time.monotonic()
            assert child.stdout is not None and child.stdout.readline() == "done\n"
            whole = time.monotonic() - began
        graphs[number % 2] = read(number)
    rng, broken = random.Random(SEED), 0
    for number in range(3, 3 + KILLS):
        with start(number) as child:
            wait = rng.uniform(0, whole)
            time.sleep(wait)
            child.kill()
        run = f"r{number:02}"
        found = graph.run("MATCH (r:Run {id: $run}) RETURN r.state AS s, r.users AS n", run=run)
        state, count = (found[0]["s"], found[0]["n"]) if found else ("not begun", 0)
        broken += state == "publishing"
        graph.write("MATCH (l:Lease) SET l.until = 0")  # as after half a minute
        seed = number % 2
        files = tmp_path / f"lists{seed}.parquet", tmp_path / "similar.parquet"
        publish(graph, make_record(run), users, *files, vectors=vectors[seed])
        assert read(number) == graphs[seed], f"kill {number - 2} of {KILLS}, after {wait:.3f} s"
        print(
            f"{server.engine}: kill {number - 2} after {wait:.2f} of {whole:.2f} s, {state} with "
            f"{count} lists: the same graph after the resume"
        )
    if SOAK:  # three kills may all miss it
        assert broken >= KILLS // 3, "too few kills hit the publishing"

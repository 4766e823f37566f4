"""``linkspan ingest --bulk`` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from linkspan.graph.connecting.connection import Database
from servers import RunningServer

EVENTS = "MATCH ()-[r:SAVED]->() RETURN count(r) AS c"


def test_it_loads_or_tells_what_to_run(
    linkspan: Any, project: Path, on_server: Database, server: RunningServer
) -> None:
    for other in ("--force", "--prune"):
        refused = linkspan("ingest", "--bulk", other)
        assert refused.code == 2 and f"Leave '{other}' out" in refused.err
    answer = linkspan("ingest", "--bulk", "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    (line,) = (line for line in told["lines"] if line["target"] == "SAVED")
    assert line["written"] == 1760
    files = project / ".linkspan" / "bulk"
    if server.engine == "neo4j":
        assert on_server.read(EVENTS) == [{"c": 0}] and (files / "manifest.json").exists()
        again = linkspan("ingest", "--bulk")
        run = f"cd {files} && neo4j-admin database import full neo4j @import.args"
        assert run in told["next_step"], told["next_step"]
        assert run in again.out.splitlines(), repr(again.out)
    else:
        assert on_server.read(EVENTS) == [{"c": 1760}] and not files.exists()
        assert told["next_step"] is None
        again = linkspan("ingest", "--bulk")
        assert again.out.count("skipped") == len({line["file"] for line in told["lines"]})
    assert again.code == 0, again.err

"""``linkspan ingest --prune`` as a person meets it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from linkspan.graph.connecting.connection import Database

EVENTS = "MATCH ()-[r:SAVED]->() RETURN count(r) AS c"


def test_it_shows_asks_and_removes(
    linkspan: Any, project: Path, on_server: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert linkspan("ingest", "--prune", "--yes").code == 0
    events = project / "events.csv"
    events.write_text("".join(events.read_text().splitlines(keepends=True)[:-8]))
    shown = linkspan("ingest", "--prune", "--dry-run")
    assert shown.code == 0 and on_server.read(EVENTS) == [{"c": 1760}]
    removed = [
        line.split() for line in shown.out.splitlines() if line.startswith(("SAVED", "User"))
    ]
    assert removed[-2][:4] == ["SAVED", "8", "1,752", "219"]
    assert removed[-1] == ["User", "1", "219", "219"]
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    refused = linkspan("ingest", "--prune")
    assert refused.code != 0 and "Traceback" not in refused.err
    assert on_server.read(EVENTS) == [{"c": 1760}]
    answer = linkspan("ingest", "--prune", "--json")
    assert answer.code == 2 and "Add --yes" in answer.err
    answer = linkspan("ingest", "--prune", "--yes", "--json")
    assert json.loads(answer.out)["pruned"]["gone"] == {"SAVED": 8, "User": 1}
    assert on_server.read(EVENTS) == [{"c": 1752}]
    again = linkspan("ingest", "--prune", "--yes")
    assert "Nothing in the graph has gone from the files" in again.out

"""Feedback by the command line, and what a later ingest makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from linkspan.errors import DataError
from linkspan.events import load_events
from linkspan.graph.connecting.connection import Database
from linkspan.graph.users.feedback import Event

EVENTS = """user,item,kind,at,run
7,films/1,accept,2026-01-02T03:04:05Z,
7,films/3,dislike,1767323046000,old
8,films/1,love,,
"""


def test_feedback_outlives_ingest_and_prune(
    linkspan: Any, project: Path, on_server: Database
) -> None:
    with (project / "linkspan.toml").open("a") as file:
        file.write('\n[feedback.kinds]\nlove = "positive"\n')
    assert linkspan("ingest").code == 0
    met = {row["item"] for row in json.loads(linkspan("history", "7", "-k", "99", "--json").out)}
    new = sorted({f"films/{number}" for number in range(1, 60, 2)} - met)[:2]
    Path("told.csv").write_text(f"user,item,kind\n7,{new[0]},accept\nnew,{new[1]},accept\n")
    unknown = linkspan("feedback", "--file", "told.csv")
    assert unknown.code == 3 and "no user 'new'" in unknown.err and "--create" in unknown.err
    said = json.loads(linkspan("feedback", "--file", "told.csv", "--create", "--json").out)
    assert said["new"] == 2
    assert linkspan("feedback", "7", new[1], "--kind", "dislike").out.startswith("1 new")
    counted = "MATCH (:User)-[r]->(:Item) RETURN type(r) AS type, count(*) AS n ORDER BY type"
    before = on_server.read(counted)
    assert before == [{"type": "FEEDBACK", "n": 3}, {"type": "SAVED", "n": 220 * 8 + 2}]
    for command in (("ingest", "--force"), ("ingest", "--prune", "--yes")):
        assert linkspan(*command).code == 0
        assert on_server.read(counted) == before
    rows = json.loads(linkspan("snapshot", "--json").out)["rows"]
    assert rows["interaction/SAVED"] == 220 * 8 + 3 and rows["users"] == 221
    # The file now says of itself what feedback said: still one interaction.
    with Path("events.csv").open("a") as file:
        file.write(f"7,{new[0].removeprefix('films/')},99\n")
    assert linkspan("ingest").code == 0
    assert on_server.read(counted) == before
    assert linkspan("acceptance").out.startswith("No feedback on any list yet")
    assert linkspan("feedback", "7").code == 2


def test_a_file_of_feedback_is_read(tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_text(EVENTS)
    assert load_events(file) == [
        Event("7", "films/1", "accept", 1767323045000),
        Event("7", "films/3", "dislike", 1767323046000, "old"),
        Event("8", "films/1", "love"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it cannot be read"),
        ("user,item\n7,films/1\n", "it has no column 'kind'"),
        ("user,item,kind\n7,,accept\n", r"line 2, column 'item'.*nothing stands here"),
        ("user,item,kind,at\n7,films/1,accept,soon\n", r"line 2, column 'at'.*no time.*'soon'"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "events.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        load_events(file)
    with pytest.raises(DataError, match="cannot be read"):
        load_events(tmp_path / "none.csv")

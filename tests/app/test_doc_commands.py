"""The commands of the README and of the pages, run as they stand there."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linkspan.graph.connecting.connection import Database
from linkspan.settings import load_settings
from linkspan.settings_schema import build_schema
from pages import LEFT_OUT, PAGES, ROOT, commands, exported, left_out

pytestmark = pytest.mark.usefixtures("trained_once")
Do = Callable[[str], str]

# What stands in the pages, and what there is of it in the project; 20 trials would take long.
HERE = {
    "ann": "7", "13669": "10", "fantasy/7": "books/8", "science-fiction/1": "films/1",
    "science-fiction/7": "films/7", "20": "2",
}  # fmt: skip
WORD = re.compile(r"(?<![\w/-])(?:" + "|".join([*HERE, "RUN"]) + r")(?![\w/-])")
PRINTED = {
    "linkspan ingest --dry-run": "SAVED",
    "linkspan recommend": "film",
    "linkspan compare": "difference",
    "linkspan tune": "Validation NDCG@10",
    "linkspan feedback 13669": "1 new",
    "linkspan feedback --file likes.csv": "4 new",
    "linkspan feedback --file told.csv": "2 new",
    "linkspan acceptance": "films",
    "linkspan forget": "Forgotten.",
    "linkspan query  ": "recommend_across",
    "linkspan query similar -p": "score",
    "linkspan query similar --print": "MATCH",
    "linkspan similar fantasy/7 --kind": "WRITTEN_BY",
    "linkspan explain": "because",
    "linkspan doctor": "active run",
    "linkspan inspect": "Person",
    "linkspan unadopt": "Removed",
}
"""Beginnings of lines, and what the command prints."""


@pytest.fixture
def do(linkspan: Any, monkeypatch: pytest.MonkeyPatch) -> Do:
    """Run a line of a page: with names that exist here, a 'y' for its question, and ``>``."""

    def run(line: str) -> str:
        def named(found: re.Match[str]) -> str:
            runs = Path(".linkspan/runs")
            return HERE.get(found[0]) or min(each.name for each in runs.iterdir())

        command, _, file = WORD.sub(named, line).partition(" > ")
        first, *words = shlex.split(command)
        assert first == "linkspan", f"no test runs the line '{line}'"
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
        answer = linkspan(*words)
        assert answer.code == 0, (line, answer.err)
        told = [text for start, text in PRINTED.items() if f"{line}  ".startswith(start)]
        assert all(text in answer.out for text in told), (line, told, answer.out)
        if file:
            Path(file).write_text(answer.out)
        return str(answer.out)

    return run


def add_domain(project: Path, name: str) -> None:
    """Items of a new domain, and users who have met some of them."""
    with (project / "items.csv").open("a") as items, (project / "events.csv").open("a") as events:
        for number in range(900, 912):
            items.write(f"{number},{name},{name} {number},Ann\n")
        for user in range(20, 40):
            for at in range(4):
                events.write(f"{user},{900 + (user + 3 * at) % 12},{50 + at}\n")


@pytest.mark.slow
def test_the_commands_of_the_pages_run(do: Do, project: Path, on_server: Database) -> None:
    toml = project / "linkspan.toml"
    toml.write_text(toml.read_text().replace("epochs = 6", "epochs = 2"))
    (project / "pairs.csv").write_text("user,domain,item\n7,films,1\n10,books,2\n")
    told = "user,item,kind,at,run\n13,films/1,accept,,\n13,films/3,view,2026-01-02T03:04:05Z,r\n"
    (project / "told.csv").write_text(told)
    shown = "MATCH ({key: '11'})-[r:RECOMMENDED]->(i) WHERE r.rank < 3 RETURN i.key AS key"
    for page in ("README.md", "queries.md", "explanations.md", "feedback.md"):
        for line in commands(page):
            if "likes.csv" in line:
                likes = "".join(f"11,{row['key']},accept\n" for row in on_server.read(shown))
                (project / "likes.csv").write_text(f"user,item,kind\n{likes}")
            if line.startswith("linkspan adapt "):
                add_domain(project, line.split()[2])
                do("linkspan ingest")
                do("linkspan snapshot")
            if page == "feedback.md" and line == "linkspan ingest":
                with (project / "events.csv").open("a") as file:
                    file.write("newcomer,1,1\n")
            if not left_out(line) and not line.startswith("export NEO4J_"):
                do(line)
    assert {"report.html", "scores.csv", "why.svg"} <= {file.name for file in project.iterdir()}
    kept = "MATCH (u:User) WHERE u.key IN ['7', '10', 'newcomer'] RETURN u.key AS key"
    assert on_server.read(kept) == [{"key": "newcomer"}]
    states = on_server.read("MATCH (r:Run) RETURN r.state AS state ORDER BY state")
    assert {"state": "active"} in states and {"state": "refresh"} in states


def test_the_commands_of_the_page_on_adopting_run(do: Do, theirs: Database) -> None:
    toml = Path("linkspan.toml")
    small = toml.read_text().partition("[train.encoding]")[2]
    toml.unlink()
    export, *lines = commands("adopt.md")
    assert set(exported(export)) == {"NEO4J_URI", "NEO4J_PASSWORD"}
    for line in lines:
        do(line)
        if "--write" in line:
            toml.write_text(f"{toml.read_text()}\n[train.encoding]{small}")
    assert theirs.read("MATCH (n:Run) RETURN count(n) AS n") == [{"n": 0}]


def test_the_commands_of_the_page_on_the_mapping_run(
    do: Do, project: Path, on_server: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema, export, load, *asked = commands("mapping.md")
    do(schema)
    assert json.loads(Path("linkspan.schema.json").read_text()) == build_schema()
    toml = project / "linkspan.toml"
    toml.write_text(toml.read_text().replace("shared = true", "shared = true\npseudonymise = true"))
    ((name, value),) = exported(export).items()
    assert name == "LINKSPAN_USER_KEY" and len(value) == 64
    monkeypatch.setenv(name, value)
    do(load)
    pseudonym = do("linkspan pseudonym ann").strip()
    on_server.write(
        "MATCH (u:User {key: $key}), (i:Item {key: 'films/1'}) SET u.run = 'r' "
        "CREATE (:Run {id: 'r', state: 'active', interactions: ['SAVED']}) CREATE (u)-"
        "[:RECOMMENDED {run: 'r', domain: 'films', rank: 1, score: 1.0, because: 'films/3'}]->(i)",
        key=pseudonym,
    )
    assert [do(line) for line in asked] == [do("linkspan recommend ann"), f"{pseudonym}\n"]


def test_the_lines_that_are_left_out_are_right(linkspan: Any) -> None:
    lines = {line for page in PAGES for line in commands(page) if left_out(line)}
    assert {start for start in LEFT_OUT for line in lines if line.startswith(start)} == {*LEFT_OUT}
    ci = (ROOT / ".ci" / "run").read_text()
    for line in sorted(lines):
        first, *words = line.split()
        if first == "make":
            assert re.search(rf"\bmake (-C \S+ --no-print-directory )?{words[0]}\b", ci), line
        if first == "linkspan":  # its options are known
            place = 0 if words[0].startswith("-") else 1
            answer = linkspan(*words[:place], "--help", *words[place:])
            assert answer.code == 0 and "Usage" in answer.out, (line, answer.err)


def test_what_is_printed_is_looked_at() -> None:
    lines = [f"{line}  " for page in PAGES for line in commands(page)]
    assert [s for s in PRINTED if not any(line.startswith(s) for line in lines)] == []


def test_the_addresses_of_the_pages_are_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for page in ("README.md", "adopt.md"):
        for line in commands(page):
            if line.startswith("export "):
                for name, value in exported(line).items():
                    monkeypatch.setenv(name, value)
        login = load_settings().login()
        assert login.uri == "neo4j://localhost:7687" and login.password
        monkeypatch.delenv("NEO4J_URI")
        monkeypatch.delenv("NEO4J_PASSWORD")

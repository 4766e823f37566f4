"""The pages for newcomers, followed as they stand there."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from linkspan.cli import main
from linkspan.graph.connection import Database
from linkspan.ingest.adoption import adoption_from_tables
from servers import RunningServer

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str) -> str:
    monkeypatch.setattr(sys, "argv", line.split("#", maxsplit=1)[0].split())
    with pytest.raises(SystemExit) as left:
        main()
    printed = capsys.readouterr()
    assert left.value.code in (0, None), (line, printed.err)
    return printed.out


def test_a_newcomer_comes_from_three_files_to_a_graph(
    db: Database,
    server: RunningServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NEO4J_URI", server.uri)
    monkeypatch.setenv("NEO4J_USERNAME", server.user)
    monkeypatch.setenv("NEO4J_PASSWORD", server.password)
    monkeypatch.chdir(tmp_path)
    for name, text in zip(("books", "films", "ratings"), blocks("data.md", "csv"), strict=True):
        Path(f"{name}.csv").write_text(text)
    commands = [line for block in blocks("data.md", "sh") for line in block.splitlines()]
    told, said = blocks("data.md", "text")
    assert commands[0] == "linkspan init"
    printed = [line.rstrip() for line in run(monkeypatch, capsys, commands[0]).splitlines()]
    assert printed[:4] == told.splitlines()
    for line in blocks("data.md", "toml")[0].splitlines():
        assert line in Path("linkspan.toml").read_text().splitlines()
    ratings = Path("ratings.csv").read_text()
    Path("ratings.csv").write_text(ratings.replace("ann,2,", "ann,7,"))
    monkeypatch.setattr(sys, "argv", commands[1].split())
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err.startswith(said.strip())
    Path("ratings.csv").write_text(ratings)
    for line in commands[1:]:
        if line.startswith("linkspan up"):
            continue
        out = run(monkeypatch, capsys, line)
        if "bridges" in line:
            assert "Jane Austen" in out and "Frank Herbert" in out
    (query,) = blocks("data.md", "cypher")
    assert db.read(query) == [
        {"title": "Dune", "domain": "books", "rating": 5, "author": "Frank Herbert"},
        {"title": "Emma", "domain": "films", "rating": 2, "author": "Jane Austen"},
    ]


def test_the_roles_of_the_page_are_taken() -> None:
    (text,) = blocks("adopt.md", "toml")
    roles = adoption_from_tables(tomllib.loads(text)).roles()
    assert roles.names is not None and set(roles.names.items) == {"films", "books"}
    commands = {
        line.split()[1] for block in blocks("adopt.md", "sh") for line in block.splitlines()
    }
    assert {"inspect", "run", "recommend", "unadopt"} <= commands

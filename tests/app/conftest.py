"""A small project of two domains, and the command line called in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from linkspan.cli import main
from linkspan.graph.connection import Database
from servers import RunningServer

MAPPING = """
[users]
shared = true

[[items]]
file = "items.csv"
id = "id"
domain = { column = "domain" }
text = ["title"]

[items.properties]
title = "title"

[[items.relations]]
type = "WRITTEN_BY"
column = "author"
entity = "Author"

[[interactions]]
file = "events.csv"
type = "SAVED"
user = "user"
item = "item"
at = { column = "at", unit = "position" }

[train]
encoder = "hash"
embedding_size = 16
epochs = 6
negatives = 20
batch_size = 128

[publish]
k = 3
similar = 2
"""


@dataclass
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Answer]


@pytest.fixture
def linkspan(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command as the shell would; its exit code and what it printed."""

    def run(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["linkspan", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        code = left.value.code
        return Answer(code if isinstance(code, int) else 1, captured.out, captured.err)

    return run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a mapping and data: users keep to one of two tastes, in both domains."""
    rng = np.random.default_rng(0)
    items = ["id,domain,title,author"]
    for number in range(60):
        domain, taste = ("books", "films")[number % 2], number % 4 // 2
        word = ("space", "garden")[taste]
        items.append(f"{number},{domain},The {word} {number},Author {taste}")
    events = ["user,item,at"]
    for user in range(220):
        own = [number for number in range(60) if number % 4 // 2 == user % 2]
        for at, number in enumerate(rng.permutation(own)[:8]):
            events.append(f"{user},{number},{at}")
    (tmp_path / "items.csv").write_text("\n".join(items) + "\n")
    (tmp_path / "events.csv").write_text("\n".join(events) + "\n")
    (tmp_path / "linkspan.toml").write_text(MAPPING)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def on_server(server: RunningServer, db: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The environment names each server in turn; its database is empty."""
    monkeypatch.setenv("NEO4J_URI", server.uri)
    monkeypatch.setenv("NEO4J_USERNAME", server.user)
    monkeypatch.setenv("NEO4J_PASSWORD", server.password)
    return db

"""The pages for newcomers, followed as they stand there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from linkspan import cypher
from linkspan.gnn.settings import TrainSettings
from linkspan.graph.conditions import parse_condition
from linkspan.graph.connecting.connection import Database
from linkspan.ingest.mapping.adoption import adoption_from_tables
from linkspan.settings import PublishSettings, Settings, load_settings
from pages import blocks, commands, left_out, read_page


def test_a_newcomer_comes_from_three_files_to_a_graph(
    linkspan: Any, on_server: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(line: str) -> str:
        answer = linkspan(*line.split()[1:])
        assert answer.code == 0, (line, answer.err)
        return str(answer.out)

    monkeypatch.chdir(tmp_path)
    for name, text in zip(("books", "films", "ratings"), blocks("data.md", "csv"), strict=True):
        Path(f"{name}.csv").write_text(text)
    init, check, *lines = commands("data.md")
    told, said = blocks("data.md", "text")
    assert init == "linkspan init"
    printed = [line.rstrip() for line in run(init).splitlines()]
    assert printed[:4] == told.splitlines()
    (guesses,) = blocks("data.md", "toml")
    for line in guesses.splitlines():
        assert line in Path("linkspan.toml").read_text().splitlines()
    ratings = Path("ratings.csv").read_text()
    Path("ratings.csv").write_text(ratings.replace("ann,2,", "ann,7,"))
    assert linkspan(*check.split()[1:]).err.startswith(said.strip())
    Path("ratings.csv").write_text(ratings)
    for line in (check, *lines):
        if left_out(line):
            continue
        out = run(line)
        if "bridges" in line:
            assert "Jane Austen" in out and "Frank Herbert" in out
    (query,) = blocks("data.md", "cypher")
    assert on_server.read(query) == [
        {"title": "Dune", "domain": "books", "rating": 5, "author": "Frank Herbert"},
        {"title": "Emma", "domain": "films", "rating": 2, "author": "Jane Austen"},
    ]


def test_the_roles_of_the_page_are_taken() -> None:
    (text,) = blocks("adopt.md", "toml")
    roles = adoption_from_tables(tomllib.loads(text)).roles()
    assert roles.names is not None and set(roles.names.items) == {"films", "books"}


def test_the_settings_of_the_pages_are_taken(tmp_path: Path) -> None:
    def load(text: str) -> Settings:
        file = tmp_path / "linkspan.toml"
        file.write_text(text)
        return load_settings(file)

    (text,) = blocks("features.md", "toml")
    train = load(text).train
    assert train == TrainSettings.of(fusion="attention", long_texts="mean")
    split, domain, memory, guard = blocks("measuring.md", "toml")
    assert load(split).split.protocol == "last-out"
    assert load(domain).split.domain == "comics"
    assert load(memory).train.machine.memory == 4000
    assert load(guard).train == TrainSettings.of(guard=False)
    (transfer,) = blocks("transfer.md", "toml")
    assert load(transfer).train == TrainSettings.of(mmd=0.1, align="items", clusters=6)
    (cluster,) = blocks("scale.md", "toml")
    assert load(cluster).cluster.workers == 16
    _, precise = blocks("publishing.md", "toml")
    assert load(precise).train == TrainSettings.of(precision="half")
    (budget,) = blocks("privacy.md", "toml")
    assert load(budget).privacy.epsilon == 2.0
    (text,) = blocks("feedback.md", "toml")
    feedback = load(text).feedback
    assert feedback.interaction == "BOUGHT"
    assert feedback.kinds == {"cart": "positive", "skip": "hidden"}


def test_the_page_of_queries_says_what_their_headers_say() -> None:
    page = read_page("queries.md")
    lines = [
        f"| `{query.name}` | {query.purpose} | {query.parameters} | {query.index} |"
        for query in map(cypher.describe, cypher.names())
    ]
    assert sorted(line for line in page.splitlines() if line.startswith("| `")) == sorted(lines)
    assert re.findall("^## (.*)$", page, re.M) == [g[0].upper() + g[1:] for g in cypher.GROUPS]


def test_the_rules_of_the_page_on_publishing_are_taken() -> None:
    text, _ = blocks("publishing.md", "toml")
    settings = PublishSettings.model_validate(tomllib.loads(text)["publish"])
    assert [str(parse_condition(rule).value) for rule in settings.require + settings.exclude] == [
        "True", "2000.0", "adult",
    ]  # fmt: skip
    assert set(tomllib.loads(text)["publish"]) | {"users"} == set(PublishSettings.model_fields)

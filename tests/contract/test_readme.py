"""The README's queries, Python and mapping, run as they stand there."""

from __future__ import annotations

from pathlib import Path

import pytest
from contract_fixtures import PublishRun

from linkspan.demo import show_query
from linkspan.graph.connecting.connection import Database
from linkspan.ingest import ingest
from linkspan.settings import load_settings
from pages import blocks
from servers import RunningServer

READER, PLANTED = "13669", "7"


@pytest.fixture
def published(graph: Database, publish_run: PublishRun) -> Database:
    publish_run("a", 0)
    return graph


def test_there_are_five_queries() -> None:
    assert len(blocks("README.md", "cypher")) == 5


@pytest.mark.parametrize("number", range(5))
def test_a_query_runs(published: Database, number: int) -> None:
    query = blocks("README.md", "cypher")[number].replace(READER, PLANTED)
    # The planted graph has other domains than the README's fourth query.
    query = query.replace("'fantasy'", "'science-fiction'").replace("'childrens'", "'comics'")
    query = query.replace("'science-fiction/1'", "'comics/9'")
    rows = published.read(query)
    # Whether the best book shares an author with the shelf is chance here.
    assert rows or number == 1


def test_the_query_that_the_demo_prints_runs(
    published: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    (printed,) = blocks("README.md", "text")
    show_query("12472", "mystery")
    assert capsys.readouterr().out in printed
    assert "Reader 12472" in printed and "nothing from mystery" in printed
    text = printed.partition("The Cypher that produced it\n")[2].partition("\n\n")[0]
    rows = published.read(text.replace("'12472'", f"'{PLANTED}'").replace("'mystery'", "'comics'"))
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5]


def test_the_python_runs(
    published: Database,
    server: RunningServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NEO4J_URI", server.uri)
    monkeypatch.setenv("NEO4J_USERNAME", server.user)
    monkeypatch.setenv("NEO4J_PASSWORD", server.password)
    (code,) = blocks("README.md", "python")
    exec(compile(code.replace(READER, PLANTED), "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert printed.startswith("1 Book ") and "because of Book 1" in printed
    assert "science-fiction" in printed and "because you met Book 1" in printed


def test_the_python_on_feedback_runs(
    published: Database,
    server: RunningServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NEO4J_URI", server.uri)
    monkeypatch.setenv("NEO4J_USERNAME", server.user)
    monkeypatch.setenv("NEO4J_PASSWORD", server.password)
    (code,) = blocks("feedback.md", "python")
    exec(compile(code.replace(READER, PLANTED), "feedback.md", "exec"), {})
    assert capsys.readouterr().out.count("/") == 9  # one of ten has left


def test_the_mapping_loads_what_it_says(prepared: Database, tmp_path: Path) -> None:
    (mapping,) = blocks("README.md", "toml")
    (tmp_path / "linkspan.toml").write_text(mapping)
    (tmp_path / "products.csv").write_text(
        "id,shop,name,maker\n1,books,Dune,Herbert\n2,films,Dune,Villeneuve\n3,films,Arrival,Villeneuve\n"
    )
    (tmp_path / "purchases.csv").write_text(
        "user,product,time\nann,1,2026-01-02T03:04:05Z\nann,3,2026-02-01\nben,2,2026-01-05T10:00:00\n"
    )
    report = ingest(prepared, load_settings(tmp_path / "linkspan.toml").mapping())
    assert report.rejected == 0
    rows = prepared.read(
        "MATCH (u:User {key: 'ann'})-[r:BOUGHT]->(i:Item)-[:MADE_BY]->(m:Maker) "
        "RETURN i.key AS item, i.title AS title, m.name AS maker, r.at AS at ORDER BY at"
    )
    assert rows == [
        {"item": "books/1", "title": "Dune", "maker": "Herbert", "at": 1767323045000},
        {"item": "films/3", "title": "Arrival", "maker": "Villeneuve", "at": 1769904000000},
    ]

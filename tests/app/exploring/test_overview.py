"""Counting of all of the graph, which a page must not ask a large one for again and again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from linkspan.errors import DatabaseError
from linkspan.exploring import overview
from linkspan.exploring.app import create_app
from linkspan.exploring.sources import Sources
from linkspan.graph.connecting.driving import Options
from linkspan.settings import demo_settings

HERE = "http://127.0.0.1:8765"
LINE = {"what": "users", "count": 3, "wanted": None}


class Counting:
    """A client of a graph whose counts take their time, on a clock of its own."""

    def __init__(self) -> None:
        self.now, self.takes, self.asked = 1_000.0, 1.0, 0
        self.gone = False
        self.database = SimpleNamespace(options=Options(query_timeout=30))

    async def query(self, name: str) -> list[dict[str, Any]]:
        self.asked += 1
        self.now += min(self.takes, 30)
        if self.takes >= 30 or self.gone:
            raise DatabaseError("a query took longer than it may")
        return [dict(LINE)]

    async def close(self) -> None:
        pass


@pytest.fixture
def graph(monkeypatch: pytest.MonkeyPatch) -> Counting:
    found = Counting()
    monkeypatch.setattr(overview, "time", SimpleNamespace(monotonic=lambda: found.now))
    return found


@pytest.fixture
def page(graph: Counting, tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(Sources(demo_settings(tmp_path), lambda: graph))  # type: ignore[arg-type,return-value]
    with TestClient(app, base_url=HERE, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(("takes", "rests"), [(1.0, 60), (10.0, 200)])
def test_counts_are_kept_as_long_as_they_are_dear(
    page: TestClient, graph: Counting, takes: float, rests: float
) -> None:
    graph.takes = takes
    for later, asked in ((0, 1), (rests - 1, 1), (2, 2)):
        graph.now += later
        rows = page.get("/api/health").json()["rows"]
        assert rows == [{**LINE, "bad": False, "hint": ""}] and graph.asked == asked


def test_what_took_too_long_is_told_and_not_asked_at_each_visit(
    page: TestClient, graph: Counting
) -> None:
    graph.takes = 99
    for later, asked in ((0, 1), (599, 1), (2, 2)):
        graph.now += later
        answer = page.get("/api/health")
        assert answer.status_code == 503 and graph.asked == asked
        told = answer.json()["detail"]
        assert "more than 30 s" in told and "linkspan query health" in told


def test_a_graph_that_was_away_is_asked_at_once(page: TestClient, graph: Counting) -> None:
    graph.gone = True
    assert page.get("/api/health").status_code == 503
    graph.gone = False
    assert page.get("/api/health").status_code == 200 and graph.asked == 2

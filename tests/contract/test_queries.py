"""The queries that people ask: what they answer on a planted graph, under two sets of names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from planted import EVIL, THEIRS, parameters_of, plant, plant_theirs

from linkspan import cypher
from linkspan.errors import DatabaseError
from linkspan.graph.connecting.connection import Database
from servers import RunningServer, empty

Rows = list[list[Any]]
Planted = tuple[Database, Any]
PARTS = [0.0] * 5
FELLOW = ["User", "1 fellow users", "SAVED", 1, 0.5**0.5]
CASES: dict[str, tuple[dict[str, Any], Rows]] = {
    "feedback": (
        {},
        [
            ["r2", "books", 1, 0, 0, 1, 0.0, None],
            ["r2", "games", 3, 2, 1, 0, 2 / 3, 3.0],
            ["r1", "films", 1, 0, 0, 1, 0.0, None],
        ],
    ),
    "activity": (
        {},
        [
            ["books", "SAVED", 3, 3, 4, 1, 4],
            ["films", "SAVED", 3, 2, 3, 5, 8],
            ["games", "SAVED", 2, 2, 2, 7, 9],
        ],
    ),
    "alike_between": (
        {},
        [
            ["books/2", "Emma", "films/2", "Clueless", 0.95],
            ["books/1", "Dune", "films/1", "Dune", 0.9],
        ],
    ),
    "bridges": ({}, [["Frank Herbert", "Author", 2, 1], ["Jane Austen", "Author", 1, 1]]),
    "by_entity": (
        {"domain": None},
        [
            ["books/1", "Dune", "books", "WRITTEN_BY", 2],
            ["films/1", "Dune", "films", "WRITTEN_BY", 2],
            ["books/3", "Dune Messiah", "books", "WRITTEN_BY", 1],
        ],
    ),
    "compare_runs": (
        {"other": "r2"},
        [
            ["books", 1, 4, 1, 1.0, 1],
            ["films", 0, 2, 0, None, 0],
            ["games", 2, 3, 2, 1.0, 0],
        ],
    ),
    "coverage": (
        {},
        [["books", 3, 3, 1.0, 3], ["films", 2, 1, 0.5, 2], ["games", 2, 2, 1.0, 2]],
    ),
    "fellows": ({}, [["ben", 2, 3, 2 / 3]]),
    "find": (
        {"domain": None, "k": 3},
        [
            ["books/1", "Dune", "books", 2],
            ["films/1", "Dune", "films", 2],
            ["books/3", "Dune Messiah", "books", 1],
        ],
    ),
    "flow": (
        {"k": 2},
        [["books", "books", 2], ["books", "films", 1]],
    ),
    "health": (
        {},
        [
            ["users", 4, None],
            ["items", 7, None],
            ["interactions", 9, None],
            ["active runs", 1, 1],
            ["runs half published", 0, 0],
            ["users who read neither the active run nor a refresh of it", 0, 0],
            ["users without a list", 1, 0],
            ["recommendations that are read", 9, None],
            ["recommendations of runs that are gone", 0, 0],
        ],
    ),
    "history": (
        {"domain": None},
        [
            ["films/1", "Dune", "films", "SAVED", 5],
            ["books/3", "Dune Messiah", "books", "SAVED", 4],
            ["books/1", "Dune", "books", "SAVED", 1],
        ],
    ),
    "list_changes": (
        {"other": "r2"},
        [
            ["books", "books/2", "Emma", None, 1],
            ["films", "films/2", "Clueless", None, 1],
            ["games", "games/2", "Tetris", 1, 2],
            ["games", "games/1", "Dune II", 2, 1],
        ],
    ),
    "lists_by_run": ({}, [["r2", "active", 3, 9, 3], ["r1", "superseded", 2, 3, 0]]),
    "met_with": (
        {"domain": None},
        [
            ["films/1", "Dune", "films", 2, 1.0],
            ["books/3", "Dune Messiah", "books", 1, 1.0],
            ["games/1", "Dune II", "games", 1, 1.0],
        ],
    ),
    "most_recommended": (
        {"domain": "games"},
        [["games/2", "Tetris", 2, 1, 1], ["games/1", "Dune II", 1, 1, 1]],
    ),
    "never_recommended": ({"domain": "films"}, [["films/1", "Dune", 2]]),
    "overlap": (
        {},
        [["books", "films", 3, 1.0], ["books", "games", 1, 0.5], ["films", "games", 1, 0.5]],
    ),
    "popular": (
        {},
        [["books/1", "Dune", 2], ["books/2", "Emma", 1], ["books/3", "Dune Messiah", 1]],
    ),
    "profile": (
        {},
        [["books", 2, 1, 4, 1], ["films", 1, 5, 5, 1], ["games", 0, None, None, 2]],
    ),
    "recommend": (
        {"domain": "games"},
        [
            ["games/1", "Dune II", "games", 1, 0.9, "Dune", "books/1", "r2", 0.9, *PARTS],
            ["games/2", "Tetris", "games", 2, 0.2, "Dune", "films/1", "r2", 0.2, *PARTS],
        ],
    ),
    "recommend_across": (
        {"k": 3},
        [
            ["games/1", "Dune II", "games", 1, 0.9, "Dune", "books"],
            ["films/2", "Clueless", "films", 1, 0.4, "Dune", "books"],
            ["books/2", "Emma", "books", 1, 0.3, "Dune", "films"],
        ],
    ),
    "recommend_by": (
        {"entity": "author/ja"},
        [["films/2", "Clueless", "films", 1, 0.4], ["books/2", "Emma", "books", 1, 0.3]],
    ),
    "recommend_new": (
        {},
        [
            ["games/1", "Dune II", "games", 1, 0.9, "Dune"],
            ["games/2", "Tetris", "games", 2, 0.2, "Dune"],
        ],
    ),
    "recommend_per_domain": (
        {"k": 1},
        [
            ["books", 1, "books/2", "Emma", 0.3, "Dune"],
            ["films", 1, "films/2", "Clueless", 0.4, "Dune"],
            ["games", 1, "games/1", "Dune II", 0.9, "Dune"],
        ],
    ),
    "recommend_rows": (
        {},
        [["ben", "books/3", 0.8], ["ben", "films/2", 0.3]],
    ),
    "recommended_to": (
        {"item": "films/2"},
        [["ann", 1, 0.4, "Dune", "books/1"], ["ben", 1, 0.3, "Alien", "films/1"]],
    ),
    "runs": (
        {},
        [
            ["r2", "active", "2026-01-01 r2", "test", "{}", True, None, None],
            ["r1", "superseded", "2026-01-01 r1", "test", "{}", True, None, None],
        ],
    ),
    "score_parts": (
        {},
        [
            ["books", 4, 0.425, 0.425, *PARTS],
            ["films", 2, 0.35, 0.35, *PARTS],
            ["games", 3, 1.7 / 3, 1.7 / 3, *PARTS],
        ],
    ),
    "similar": (
        {"domain": "books"},
        [["books/3", "Dune Messiah", "books", 2, 0.8, "r2", None, None]],
    ),
    "similar_across": (
        {},
        [["films/1", "Dune", "films", 0.9], ["games/1", "Dune II", "games", 0.7]],
    ),
    "start_from_items": (
        {"domain": None},
        [["books/1", "Dune", "books", 0.9, "Dune"], ["games/1", "Dune II", "games", 0.6, "Dune"]],
    ),
    "start_from_text": (
        {"domain": None, "text": "em"},
        [["films/2", "Clueless", "films", 0.95, "Emma"]],
    ),
    "tastes": (
        {},
        [
            ["author/fh", "Frank Herbert", "Author", 3, ["books", "films"]],
            ["tag/desert", "desert", "Tag", 1, ["books"]],
        ],
    ),
    "ties": (
        {},
        [
            ["tag/desert", "desert", "Tag", "TAGGED", 2],
            ["author/fh", "Frank Herbert", "Author", "WRITTEN_BY", 3],
        ],
    ),
    "trending": (
        {},
        [
            ["books/2", "Emma", 1, 1, 1.0],
            ["books/3", "Dune Messiah", 1, 1, 1.0],
            ["books/1", "Dune", 1, 2, 0.5],
        ],
    ),
    "without_list": ({}, [["dan", "r2", 1]]),
    "why": (
        {"item": "games/1"},
        [
            ["books/1", "Dune", "books", "Dune II", True, "Tag", "desert", "TAGGED", 2, 1.0],
            ["books/1", "Dune", "books", "Dune II", True, *FELLOW],
            ["films/1", "Dune", "films", "Dune II", True, *FELLOW],
        ],
    ),
}
DRAWN: dict[str, tuple[dict[str, Any], set[str]]] = {
    "as_graph": (
        {},
        {
            "ann RECOMMENDED books/2", "ann RECOMMENDED films/2", "ann RECOMMENDED games/1",
            "ann SAVED books/1 TAGGED tag/desert TAGGED games/1",
        },
    ),
    "bridges_as_graph": (
        {},
        {
            "books/1 WRITTEN_BY author/fh", "books/3 WRITTEN_BY author/fh",
            "films/1 WRITTEN_BY author/fh",
            "books/2 WRITTEN_BY author/ja", "films/2 WRITTEN_BY author/ja",
        },
    ),
    "item_as_graph": (
        {},
        {
            "books/1 WRITTEN_BY author/fh", "books/1 TAGGED tag/desert",
            "books/1 SIMILAR films/1", "books/1 SIMILAR books/3", "books/1 SIMILAR games/1",
        },
    ),
    "why_as_graph": (
        {"item": "games/1"},
        {
            "ann RECOMMENDED games/1",
            "ann SAVED books/1 TAGGED tag/desert TAGGED games/1",
            "ann SAVED books/1 SAVED ben SAVED games/1",
            "ann SAVED films/1 SAVED ben SAVED games/1",
        },
    ),
}  # fmt: skip
"""The paths of the queries for a graph browser."""


@pytest.fixture(scope="module", params=[None, THEIRS], ids=["ours", "theirs"])
def planted(server: RunningServer, request: pytest.FixtureRequest) -> Iterator[Planted]:
    """The planted graph, which all only read, and its names: None for the default ones."""
    empty(server)
    with Database(server.uri, server.user, server.password, http_url=server.http_url) as db:
        plant_theirs(db) if request.param else plant(db)
        yield db, request.param


def test_every_query_has_expected_rows() -> None:
    assert len(cypher.names()) >= 20
    assert set(cypher.names()) == {*CASES, *DRAWN}
    for name in cypher.names():
        query = cypher.describe(name)
        assert query.group in cypher.GROUPS, name
        body = "\n".join(line for line in query.text.splitlines() if line[:2] != "//")
        assert {each.name for each in query.asked} == set(cypher.parameters(body)), name


def test_the_rows_are_right_under_both_sets_of_names(planted: Planted) -> None:
    db, names = planted
    wrong = {}
    for name, (given, expected) in CASES.items():
        found = db.read(cypher.load(name, None, names), **parameters_of(name, given))
        rows = [list(row.values()) for row in found]
        if not _equal(rows, expected):
            wrong[name] = rows
        header = cypher.describe(name).columns
        assert all(re.search(rf"\b{column}\b", header) for column in found[0]), (name, header)
    assert not wrong


def test_items_that_are_like_one_by_relations(planted: Planted) -> None:
    db, names = planted
    book = ["books/3", "Dune Messiah", "books"]
    film, by = ["films/1", "Dune", "films"], ["WRITTEN_BY", "Frank Herbert"]
    expected = {
        "similar": [
            [*book, 1, 0.75, "r2", *by], [*film, 1, 0.7, "r2", *by],
        ],
        "similar_across": [[*film, 0.7]],
        "alike_between": [["books/1", "Dune", "films/1", "Dune", 0.7]],
        "start_from_items": [["books/1", "Dune", "books", 0.7, "Dune"]],
        "start_from_text": [["books/2", "Emma", "books", 1.0, "Clueless"]],
    }  # fmt: skip
    given = {"kind": "relations", "domain": None, "text": "clue"}
    for name, rows in expected.items():
        more = {"domain": "books"} if name == "alike_between" else {}
        asked = parameters_of(name, {**given, **more})
        found = [list(row.values()) for row in db.read(cypher.load(name, None, names), **asked)]
        assert _equal(found, rows), (name, found)
    asked = parameters_of("item_as_graph", given)
    drawn = db.read(cypher.load("item_as_graph", None, names), **asked)
    assert {_shown(row["tie"]) for row in drawn if "SIMILAR" in _shown(row["tie"])} == {
        "books/1 SIMILAR books/3",
        "books/1 SIMILAR films/1",
    }


def test_what_a_graph_browser_draws(planted: Planted) -> None:
    db, names = planted
    wrong = {}
    for name, (given, expected) in DRAWN.items():
        found = db.read(cypher.load(name, None, names), **parameters_of(name, given))
        paths = {_shown(path) for row in found for path in row.values() if path is not None}
        if paths != expected:
            wrong[name] = paths
    assert not wrong


def test_the_rows_are_the_same_however_values_come(planted: Planted) -> None:
    """Graph browsers send 3.0 for 3, as do drivers of languages with one kind of number; a person
    pastes a query with its values written in."""
    db, names = planted
    wrong = {}
    for name, (given, _) in {**CASES, **DRAWN}.items():
        text, values = cypher.load(name, None, names), parameters_of(name, given)
        expected = _comparable(db.read(text, **values))
        floats = {k: float(v) if isinstance(v, int) else v for k, v in values.items()}
        for way, asked, sent in (
            ("floats", text, floats),
            ("written", cypher.write_in(text, values), {}),
        ):
            try:
                found = _comparable(db.read(asked, **sent))
            except DatabaseError as error:
                found = [str(error)]
            if found != expected:
                wrong[name, way] = found
    assert not wrong


def test_cypher_in_a_parameter_is_only_a_value(planted: Planted) -> None:
    """Asked after the tests above, whose plans the servers have still."""
    db, names = planted
    count = "MATCH (n) RETURN count(n) AS n"
    before = db.read(count)
    for name in cypher.names():
        asked, text = cypher.describe(name).asked, cypher.load(name, None, names)
        for evil in EVIL:
            texts = {each.name: evil for each in asked if each.required and each.default is None}
            lists = {each.name: [evil] for each in asked if each.default == []}
            if not texts and not lists:
                continue
            rows = db.read(text, **parameters_of(name, texts | lists))
            # Every title holds the empty text, and nothing else here is called like that.
            assert rows == [] or (evil == "" and "text" in texts), (name, evil, rows)
            assert db.read(count) == before, (name, evil)


def _comparable(rows: list[dict[str, Any]]) -> list[str]:
    """Rows as text, with the paths of a graph browser as in `DRAWN`, which come in any order."""
    shown = [{k: _shown(v) if hasattr(v, "nodes") else v for k, v in row.items()} for row in rows]
    paths = any(hasattr(value, "nodes") for row in rows for value in row.values())
    return sorted(map(str, shown)) if paths else [str(row) for row in shown]


def _equal(rows: Rows, expected: Rows) -> bool:
    """Equal, but for the last digits of numbers."""
    return len(rows) == len(expected) and all(
        len(row) == len(wanted)
        and all(
            x == pytest.approx(y) if isinstance(y, float) else x == y
            for x, y in zip(row, wanted, strict=True)
        )
        for row, wanted in zip(rows, expected, strict=True)
    )


def _shown(path: Any) -> str:
    """A path in the words of `DRAWN`, whichever names the graph has."""
    words = [_key(path.nodes[0])]
    for link, node in zip(path.relationships, path.nodes[1:], strict=True):
        words += [link.type, _key(node)]
    return " ".join(words)


def _key(node: Any) -> str:
    if "key" in node or "x" in node or "pid" in node:
        return str(node.get("key") or node.get("x") or node.get("pid"))
    return f"author/{node['code']}" if "code" in node else f"tag/{node['word']}"

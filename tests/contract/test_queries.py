"""The queries that people ask: what they answer on a planted graph, under two sets of names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from planted import EVIL, THEIRS, parameters_of, plant, plant_theirs
from planted_rows import CASES, DRAWN, Rows

from linkspan import cypher
from linkspan.errors import DatabaseError
from linkspan.graph.connecting.connection import Database
from servers import RunningServer, empty

Planted = tuple[Database, Any]


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


@pytest.mark.parametrize("planted", [None], ids=["ours"], indirect=True)
def test_cypher_in_a_parameter_is_only_a_value(planted: Planted) -> None:
    """By one set of names, which stand in the text and never in a value. Neo4j plans each query
    anew for texts of another length."""
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

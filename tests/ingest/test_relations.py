"""Relations whose type stands in a column, and entities that are items."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unicodedata import normalize

import pytest

from linkspan.errors import ConfigError, DataError, LinkspanError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.roles import RelationRole
from linkspan.graph.snapshot.reading import read_snapshot
from linkspan.ingest import ingest
from linkspan.ingest.mapping.names import relation_type
from linkspan.ingest.roles import find_roles

TRIPLES = """
[[links]]
file = "links.csv"
item = "thing"
domain = "food"
entity = "thing_id"
kind = "Concept"

[[relations]]
file = "triples.csv"
type = { column = "how" }
source = { entity = "head", kind = "Concept" }
target = { entity = "tail", kind = "Concept" }
"""
LINKS = "thing,thing_id\n1,m.1\n2,m.2\n"
ROWS = (
    "head,how,tail\n"
    "m.1,food.dish.region,m.9\n"  # item to entity
    "m.9,food.region.dish,m.2\n"  # entity to item
    "m.1,goes with,m.2\n"  # item to item
    "m.9,part_of,m.8\n"  # entity to entity
    "m.1,part_of,m.8\n"  # the same type with another end
    "m.1,food.dish.region,m.9\n"  # said twice
    "m.1,also,m.9\n"  # the same ends with another type
)


@pytest.fixture
def linked(shop: Any) -> Any:
    shop.toml += TRIPLES
    shop.write("links.csv", LINKS)
    shop.write("triples.csv", ROWS)
    return shop


def test_each_row_says_type_and_ends(
    db: Database, linked: Any, read_graph: Callable[..., Any]
) -> None:
    report = ingest(db, linked.mapping())
    found = db.read(
        "MATCH (a)-[r]->(b) WHERE NOT a:User AND type(r) <> 'MADE_BY' AND type(r) <> 'BOUGHT_WITH' "
        "RETURN a.key AS a, type(r) AS t, b.key AS b"
    )
    assert sorted(tuple(row.values()) for row in found) == [
        ("concept/m.9", "FOOD_REGION_DISH", "food/2"),
        ("concept/m.9", "PART_OF", "concept/m.8"),
        ("food/1", "ALSO", "concept/m.9"),
        ("food/1", "FOOD_DISH_REGION", "concept/m.9"),
        ("food/1", "GOES_WITH", "food/2"),
        ("food/1", "PART_OF", "concept/m.8"),
    ]
    assert db.read("MATCH (c:Concept) RETURN count(c) AS n") == [{"n": 2}]
    items = db.read("MATCH (i:Food) RETURN i.id AS id, i.entity AS entity, i.title AS title")
    assert sorted((row["id"], row["entity"], row["title"]) for row in items) == [
        ("1", "m.1", "Green Curry"),
        ("2", "m.2", "Rice, black"),
    ]
    for line in report.lines:
        assert line.read == line.written + line.unchanged + line.rejected, line
    (line,) = (line for line in report.lines if line.target == "{how}")
    assert (line.read, line.written, line.unchanged) == (7, 6, 1)
    (line,) = (line for line in report.lines if line.file == "links.csv")
    assert (line.read, line.written) == (2, 2)
    graph = read_graph(db)
    assert ingest(db, linked.mapping(), force=True).written == 0
    assert read_graph(db) == graph
    snapshot = read_snapshot(db, find_roles(linked.mapping()))
    assert {key: len(frame) for key, frame in snapshot.relations.items()} == {
        ("item", "MADE_BY", "Maker"): 3,
        ("item", "BOUGHT_WITH", "item"): 2,
        ("item", "ALSO", "Concept"): 1,
        ("item", "FOOD_DISH_REGION", "Concept"): 1,
        ("Concept", "FOOD_REGION_DISH", "item"): 1,
        ("item", "GOES_WITH", "item"): 1,
        ("Concept", "PART_OF", "Concept"): 1,
        ("item", "PART_OF", "Concept"): 1,
    }


def test_a_changed_link_loads_the_relations_again(db: Database, linked: Any) -> None:
    ingest(db, linked.mapping())
    linked.write("links.csv", LINKS + "3,m.8\n")
    linked.remap('domain = "food"\nentity', "entity")
    report = ingest(db, linked.mapping())
    assert {line.file for line in report.lines if not line.skipped} == {"links.csv", "triples.csv"}
    found = db.read("MATCH (a:Item)-[:PART_OF]->(b:Item) RETURN a.key AS a, b.key AS b")
    assert found == [{"a": "food/1", "b": "kitchen-ware/3"}]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_value_is_the_same_in_every_unicode_form(linked: Any, recorder: Any, form: str) -> None:
    linked.write("triples.csv", ROWS.replace("part_of", normalize("NFD", "à_côté")))
    listed = normalize(form, "à_côté")
    linked.remap('column = "how" }', f'column = "how", values = ["{listed}"] }}')
    taken = next(
        line
        for line in ingest(recorder, linked.mapping(), dry_run=True).lines
        if line.target == "{how}"
    )
    assert taken.read == ROWS.count("part_of") > 0


def test_values_limit_what_is_taken(linked: Any, recorder: Any) -> None:
    linked.remap('column = "how" }', 'column = "how", values = ["part_of", "goes with"] }')
    report = ingest(recorder, linked.mapping(), dry_run=True)
    assert {line.target: line.read for line in report.lines}["{how}"] == 3
    roles = find_roles(linked.mapping()).relations
    assert [role for role in roles if role.type == "GOES_WITH"] == [
        RelationRole(type="GOES_WITH", source="item", target="item")
    ]
    assert {role.type for role in roles} == {"MADE_BY", "BOUGHT_WITH", "PART_OF", "GOES_WITH"}


def test_roles_need_no_file_where_all_is_said(shop: Any) -> None:
    shop.remap('type = "BOUGHT_WITH"', 'type = { column = "nowhere", values = ["a.b", "c"] }')
    assert [role.type for role in find_roles(shop.mapping()).relations] == ["MADE_BY", "A_B", "C"]


MISTAKES: list[tuple[str, str, str, type[LinkspanError], str]] = [
    (
        "triples.csv", "goes with", "", DataError,
        "triples.csv, line 4, column 'how': the relation has no type (found ''). Every row needs "
        "one.",
    ),
    (
        "triples.csv", "goes with", "…", DataError,
        "triples.csv, line 4, column 'how': a relationship type begins with a letter and has "
        "letters, digits and '_' only, not '' (found '…'). Mend it, or leave it out with 'values' "
        "of 'type' in the mapping.",
    ),
    (
        "triples.csv", "goes with", "bought", DataError,
        "triples.csv, line 4, column 'how': type 'BOUGHT' would stand for an interaction and "
        "bought (found 'bought'). Mend it, or leave it out with 'values' of 'type' in the mapping.",
    ),
    (
        "triples.csv", "goes with", "part.of", DataError,
        "triples.csv, line 5, column 'how': type 'PART_OF' would stand for part.of and part_of "
        "(found 'part_of'). Mend it, or leave it out with 'values' of 'type' in the mapping.",
    ),
    (
        "triples.csv", "m.1,also,m.9", ",also,m.9", DataError,
        "triples.csv, line 8, column 'head': the id is empty (found ''). Every row needs one.",
    ),
    (
        "links.csv", "2,m.2", "2,m.1", DataError,
        "links.csv, line 3, column 'thing_id': another row says that this entity is another item "
        "(found 'm.1'). Link each entity to one item.",
    ),
    (
        "links.csv", "2,m.2", "2,m.2\n2,m.3", DataError,
        "links.csv, line 4: line 3 says something else of the same item (found 'food/2'). Keep one "
        "of the two rows.",
    ),
    (
        "links.csv", "2,m.2", "22,m.2", DataError,
        "links.csv, line 3, column 'thing': no items file has this item (found '22'). Add it to an "
        "items file, or remove this row.",
    ),
    (
        "linkspan.toml", 'column = "how" }', 'column = "how", values = ["part-of"] }', ConfigError,
        "[[relations]] 2, type: no row has 'part-of' in column 'how'. Perhaps 'part_of' is meant.",
    ),
    (
        "linkspan.toml", 'column = "how" }', 'column = "how", values = ["a.b", "a_b"] }',
        ConfigError,
        "[[relations]] 2, type: 'a.b' and another of the 'values' would have type 'A_B'",
    ),
    (
        "linkspan.toml", 'column = "how" }', 'column = "how", values = ["bought"] }', ConfigError,
        "the mapping: relationship type 'BOUGHT' would stand for a relation and an interaction",
    ),
    (
        "linkspan.toml", '{ column = "how" }', '{ values = ["bought"] }', ConfigError,
        "[[relations]] 2, type: a type is either a name or { column = ... }",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "error", "message"), MISTAKES)
def test_one_clear_line_and_nothing_written(
    linked: Any, recorder: Any, file: str, old: str, new: str, error: Any, message: str
) -> None:
    if file == "linkspan.toml":
        linked.remap(old, new)
    else:
        linked.replace(file, old, new)
    with pytest.raises(error) as raised:
        ingest(recorder, linked.mapping())
    assert str(raised.value).removeprefix(f"{linked.folder}/") == message
    assert recorder.writes == []


def test_two_rows_of_one_type_and_ends_that_differ(linked: Any, recorder: Any) -> None:
    linked.toml += 'weight = "much"\n'
    linked.write("triples.csv", "head,how,tail,much\nm.1,a,m.2,1\nm.1,b,m.2,2\nm.1,a,m.2,3\n")
    with pytest.raises(DataError, match=r"line 4: line 2 .* item and item .*'food/1 and food/2'"):
        ingest(recorder, linked.mapping())


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("also_bought", "ALSO_BOUGHT"),
        ("film.actor.film", "FILM_ACTOR_FILM"),
        ("/people/person/spouse_s", "PEOPLE_PERSON_SPOUSE_S"),
        ("Written by", "WRITTEN_BY"),
        ("3d", "_3D"),
        ("écrit par", "ÉCRIT_PAR"),
    ],
)
def test_types_of_values(value: str, name: str) -> None:
    assert relation_type(value) == name


@pytest.mark.parametrize("value", ["", "--", "similar", "a" * 65])
def test_values_that_give_no_type(value: str) -> None:
    with pytest.raises(ValueError, match="relationship type"):
        relation_type(value)

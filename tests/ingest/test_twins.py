"""Ids in two forms, which make two users of one, are told, and mended by ``integer_ids``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from linkspan.errors import ConfigError, DataError
from linkspan.graph.connecting.connection import Database
from linkspan.ingest import ingest, mapping_from_tables
from linkspan.ingest.proposing.proposal import propose
from linkspan.ingest.readers.integer_ids import whole_number
from linkspan.ingest.shaping.codes import KeyCodes
from linkspan.ingest.shaping.twins import find_twins

BOOKS = {"b.csv": "item_id,title\n1,Dune\n2,Omens\n"}
FILMS = {"f.csv": "item_id,title\n1,Alien\n2,Heat\n"}
TABLES = """
[users]
shared = true
[[items]]
file = "b.csv"
id = "item_id"
domain = "books"
properties = { title = "title" }
[[interactions]]
file = "read.csv"
type = "READ"
user = "user_id"
item = "item_id"
domain = "books"
"""


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.0", "1"), ("1", "1"), ("1.", "1"), ("007", "7"), ("1e5", "100000"), ("1.5E+1", "15"),
        ("1,234,567", "1234567"), ("1,000.0", "1000"), ("-3.00", "-3"), ("0.0", "0"), ("+4", "4"),
        ("12345678901234567890.0", "12345678901234567890"),
        ("1.5", None), ("1,5", None), ("a1", None), ("", None), ("1e-3", None), ("nan", None),
        ("1e999", None), ("1.0.0", None), ("0x10", None),
    ],
)  # fmt: skip
def test_a_whole_number_in_whatever_form(text: str, number: str | None) -> None:
    assert whole_number(text) == number


def _twins(*ids: str) -> list[tuple[int, str, str]]:
    codes = KeyCodes()
    codes.add(pa.array(ids))
    return [(found.number, found.one, found.other) for found in find_twins(codes)]


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (["1", "2", "1.0", "2.0", "3.0"], [(2, "1.0", "1")]),
        (["films/1", "films/1.0", "books/2", "films/2.0"], [(1, "films/1.0", "films/1")]),
        (["100000", "1e5"], [(1, "1e5", "100000")]),
        (["1000", "1,000"], [(1, "1,000", "1000")]),
        (["007", "7"], [(1, "007", "7")]),
        (["Ann", "ann", "bob"], [(1, "Ann", "ann")]),
        (["1", "2"], []),
        (["1.0", "2.0"], []),  # alike everywhere
        (["1.5", "1"], []),
        (["ann", "bob", "1.0"], []),
        ([*(f"{n:04}" for n in range(1, 100)), "1"], []),  # one of many: ids of their own
        ([*(f"aB{n}" for n in range(100)), "ab7"], []),
    ],
)
def test_twins_are_found(ids: list[str], found: list[tuple[int, str, str]]) -> None:
    assert _twins(*ids) == found


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)


def _mapping(folder: Path, more: str = "", table: str = "") -> Any:
    return mapping_from_tables(tomllib.loads(TABLES + table + more), folder)


def test_ingest_says_so_and_names_the_way_out(
    db: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    films = """
    [[items]]
    file = "f.csv"
    id = "item_id"
    domain = "films"
    [[interactions]]
    file = "seen.csv"
    type = "SEEN"
    user = "user_id"
    item = "item_id"
    domain = "films"
    """
    _write(tmp_path, {**BOOKS, **FILMS, "read.csv": "user_id,item_id\n1,1\n2,2\n"})
    _write(tmp_path, {"seen.csv": "user_id,item_id\n1.0,1\n2.0,2\n"})
    ingest(None, _mapping(tmp_path, films), dry_run=True)  # type: ignore[arg-type]
    says = (
        "the ids '1.0' and '1' are two users, and so are 1 more: if they are one, name their "
        "column in 'integer_ids' of its table (seen.csv, column 'user_id')"
    )
    assert says in caplog.text
    caplog.clear()
    ingest(db, _mapping(tmp_path))
    assert "two users" not in caplog.text
    ingest(db, _mapping(tmp_path, films))  # the first file is not read again
    assert says in caplog.text
    caplog.clear()
    mended = films.replace('"SEEN"', '"SEEN"\ninteger_ids = ["user_id"]')
    db.run("MATCH (u:User) DETACH DELETE u")
    ingest(db, _mapping(tmp_path, mended), force=True)
    assert "two users" not in caplog.text
    rows = db.read("MATCH (u:User)-[:READ]->() MATCH (u)-[:SEEN]->() RETURN u.key AS key")
    assert sorted(row["key"] for row in rows) == ["1", "2"]


def test_an_id_that_is_no_whole_number_is_a_problem(tmp_path: Path) -> None:
    _write(tmp_path, {**BOOKS, "read.csv": "user_id,item_id\n1.0,1\nann,2.0\n"})
    table = 'integer_ids = ["user_id", "item_id"]'
    with pytest.raises(DataError, match=r"line 3, column 'user_id': this id is not a whole number"):
        ingest(None, _mapping(tmp_path, table=table), dry_run=True)  # type: ignore[arg-type]
    skip = '\n[ingest]\nmalformed = "skip"\n'
    report = ingest(None, _mapping(tmp_path, skip, table), dry_run=True)  # type: ignore[arg-type]
    assert (report.written, report.rejected) == (3, 1)


def test_only_columns_with_ids_can_be_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="integer_ids names 'when', which is no column with ids"):
        _mapping(tmp_path, table='integer_ids = ["when"]')


def test_an_item_in_another_form_has_a_hint(tmp_path: Path) -> None:
    _write(tmp_path, {**BOOKS, "read.csv": "user_id,item_id\nann,2.0\n"})
    with pytest.raises(DataError, match="if it is 2, name the column in 'integer_ids'"):
        ingest(None, _mapping(tmp_path), dry_run=True)  # type: ignore[arg-type]
    _write(tmp_path, {"read.csv": "user_id,item_id\na,3\n"})
    with pytest.raises(DataError, match=r"or remove this row\.$"):
        ingest(None, _mapping(tmp_path), dry_run=True)  # type: ignore[arg-type]


def test_init_proposes_it(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {
            "books.csv": "item_id,title\n1,Dune\n2,Omens\n",
            "films.csv": "item_id,title\n1.0,Alien\n2.0,Heat\n",
            "ratings.books.csv": "user_id,item_id\n1,1\n2,2\n",
            "ratings.films.csv": "user_id,item_id\n1.0,1.0\n2.0,2.0\n",
        },
    )
    tables = tomllib.loads(propose(tmp_path).text)
    assert [table.get("integer_ids") for table in tables["items"]] == [None, ["item_id"]]
    assert [table.get("integer_ids") for table in tables["interactions"]] == [
        None, ["user_id", "item_id"],
    ]  # fmt: skip
    assert tables["users"]["shared"] is True
    ingest(None, mapping_from_tables(tables, tmp_path), dry_run=True)  # type: ignore[arg-type]

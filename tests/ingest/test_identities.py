"""Users and items that are one: what the files may say, and the relationships it becomes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from linkspan.errors import ConfigError, DataError
from linkspan.graph.connecting.connection import Database
from linkspan.ingest import IngestReport, ingest

ITEMS = """
[[identities]]
file = "same.csv"
left = { item = "a", domain = "food" }
right = { item = "b", domain = { column = "shelf" } }
"""
USERS = (
    '\n[[identities]]\nfile = "people2.csv"\nleft = { user = "one" }\nright = { user = "two" }\n'
)


@pytest.fixture
def same(shop: Any) -> Any:
    """The shop with files that say that curry and wok are one, and so are all three people."""
    shop.toml += ITEMS + USERS
    shop.write("same.csv", "a,b,shelf\n1,3,kitchen-ware\n")
    shop.write("people2.csv", "one,two\nbob,ann\nann,bob\nbob,cid\ncid,bob\ncid,ann\nbob,cid\n")
    return shop


def line(report: IngestReport, file: str) -> tuple[int, int, int, int]:
    found = next(x for x in report.lines if (x.file, x.target) == (file, "SAME_AS"))
    return found.read, found.written, found.unchanged, found.rejected


def test_a_pair_given_both_ways_is_one_relationship(
    db: Database, same: Any, read_graph: Callable[..., Any]
) -> None:
    report = ingest(db, same.mapping())
    assert line(report, "same.csv") == (1, 1, 0, 0)
    assert line(report, "people2.csv") == (6, 3, 3, 0)
    graph = read_graph(db)
    assert [link[:3] for link in graph["links"] if link[1] == "SAME_AS"] == [
        ("ann", "SAME_AS", "bob"),
        ("ann", "SAME_AS", "cid"),
        ("bob", "SAME_AS", "cid"),
        ("food/1", "SAME_AS", "kitchen-ware/3"),
    ]
    again = ingest(db, same.mapping(), force=True)
    assert again.written == 0
    assert read_graph(db) == graph


def test_users_of_two_domains(db: Database, shop: Any) -> None:
    shop.toml = shop.toml.replace("shared = true", "", 1)
    start, end = shop.toml.index("[[users.files]]"), shop.toml.index("[[items]]")
    shop.toml = shop.toml[:start] + shop.toml[end:]
    shop.toml += USERS
    with pytest.raises(ConfigError, match=r"\[\[identities\]\] 1, left needs 'domain'"):
        shop.mapping()
    shop.remap('{ user = "one" }', '{ user = "one", domain = "kitchen-ware" }')
    shop.remap('{ user = "two" }', '{ user = "two", domain = "food" }')
    shop.write("people2.csv", "one,two\nann,ann\nann,zoe\n")
    ingest(db, shop.mapping())
    found = db.read("MATCH (a:User)-[:SAME_AS]->(b:User) RETURN a.key AS a, b.key AS b")
    assert sorted(tuple(row.values()) for row in found) == [
        ("food/ann", "kitchen-ware/ann"),
        ("food/zoe", "kitchen-ware/ann"),
    ]


@pytest.mark.parametrize(
    ("file", "row", "message"),
    [
        ("people2.csv", "cid,cid", r"line 8, column 'two': this is the same user as .*'cid'"),
        ("people2.csv", "cid,", r"line 8, column 'two': the id is empty"),
        ("same.csv", "2,2,food", r"line 3, column 'b': this is the same item as .*'2'"),
        ("same.csv", "2,9,food", r"line 3, column 'b': no items file has this item .*'9'"),
    ],
)
def test_a_bad_pair(same: Any, recorder: Any, file: str, row: str, message: str) -> None:
    same.write(file, same.text(file) + row + "\n")
    with pytest.raises(DataError, match=rf"{file}, {message}"):
        ingest(recorder, same.mapping())
    assert recorder.writes == []
    same.toml += '\n[ingest]\ndangling = "skip"\nmalformed = "skip"\n'
    assert line(ingest(recorder, same.mapping(), dry_run=True), file)[3] == 1


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ('{ user = "a" }', '{ item = "b" }'),
        ('{ entity = "a", kind = "Maker" }', '{ entity = "b", kind = "Maker" }'),
    ],
)
def test_only_two_users_or_two_items_are_one(shop: Any, left: str, right: str) -> None:
    shop.toml += f'\n[[identities]]\nfile = "x.csv"\nleft = {left}\nright = {right}\n'
    with pytest.raises(ConfigError, match=r"\[\[identities\]\] 1: 'left' and 'right' are two use"):
        shop.mapping()


def test_the_type_is_not_for_relations(shop: Any) -> None:
    shop.remap('type = "BOUGHT_WITH"', 'type = "SAME_AS"')
    with pytest.raises(ConfigError, match="a relationship type 'SAME_AS' is reserved"):
        shop.mapping()


def test_a_chain_that_joins_two_items_of_one_domain_is_told(
    same: Any, recorder: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ingest(recorder, same.mapping(), dry_run=True)
    assert caplog.messages == []
    same.write("same.csv", same.text("same.csv") + "2,3,kitchen-ware\n")
    with caplog.at_level(logging.WARNING):
        ingest(recorder, same.mapping(), dry_run=True)
    (message,) = caplog.messages
    assert message.startswith("identities join items of one domain, 1 time(s), such as ")
    assert "such as food/1 and food/2:" in message

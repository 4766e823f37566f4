"""A small shop with two domains, in four files, that each test may damage."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from linkspan.errors import LinkspanError
from linkspan.graph.connection import Counters
from linkspan.ingest import TABLES, Mapping, ingest, mapping_from_tables

MAPPING = """\
[users]
shared = true

[[users.files]]
file = "people.csv"
id = "person"
properties = { age = { column = "age", type = "integer" } }

[[items]]
file = "things.csv"
id = "thing"
domain = { column = "shelf", values = ["food", "kitchen-ware"] }
text = ["title", "makers"]

[items.properties]
title = "title"
makers = { column = "makers", split = "|" }
price = { column = "price", type = "number" }
fresh = { column = "fresh", type = "boolean" }

[[items.relations]]
type = "MADE_BY"
column = "makers"
split = "|"
entity = "Maker"

[[interactions]]
file = "bought.csv"
type = "BOUGHT"
user = "person"
item = "thing"
at = { column = "when", unit = "s" }
weight = "amount"
properties = { rating = { column = "rating", type = "integer" } }
positive = "rating >= 4"

[[relations]]
file = "with.csv"
type = "BOUGHT_WITH"
source = { item = "one", domain = "food" }
target = { item = "other", domain = "kitchen-ware" }
weight = "times"
"""
PEOPLE = "person,age\nann,31\nbob,\n"
THINGS = (
    "thing,shelf,title,makers,price,fresh\n"
    "1,food,Green Curry,Mae Ploy|Thai Co,3.5,yes\n"
    '2,food,"Rice, black",Thai Co,,no\n'
    "3,kitchen-ware,Wok,,25,\n"
)
BOUGHT = (
    "person,thing,when,amount,rating\n"
    "ann,1,1700000000,2,5\n"
    "ann,3,1700000100,1,3\n"
    "bob,2,1700000000,,\n"
    "cid,2,1700000050,0.5,4\n"
)
WITH = "one,other,times\n1,3,7\n2,3,\n"


@dataclass
class Shop:
    """Files in a folder, and the text of the mapping beside them."""

    folder: Path
    toml: str = MAPPING

    def write(self, name: str, data: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def replace(self, name: str, old: str, new: str) -> None:
        text = self.text(name)
        assert text.count(old) >= 1, f"{old!r} is not in {name}"
        self.write(name, text.replace(old, new, 1))

    def remap(self, old: str, new: str) -> None:
        assert old in self.toml, f"{old!r} is not in the mapping"
        self.toml = self.toml.replace(old, new, 1)

    def mapping(self) -> Mapping:
        tables = tomllib.loads(self.toml)
        return mapping_from_tables({k: v for k, v in tables.items() if k in TABLES}, self.folder)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """The undamaged shop."""
    made = Shop(tmp_path)
    for name, text in [
        ("people.csv", PEOPLE),
        ("things.csv", THINGS),
        ("bought.csv", BOUGHT),
        ("with.csv", WITH),
    ]:
        made.write(name, text)
    return made


class Recorder:
    """A database that is empty and notes what it is told to do."""

    def __init__(self) -> None:
        self.writes: list[str] = []

    def read(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        return [{"found": 0}] if "AS found" in query else []

    def write(self, query: str, **parameters: Any) -> Counters:
        self.writes.append(query)
        return Counters()

    def run(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        self.writes.append(query)
        return []


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def refusal(shop: Shop, recorder: Recorder) -> Callable[[type[LinkspanError]], str]:
    """Ingests the shop, sees that it fails before anything is written, and gives the line; in it
    DIR stands for the shop's folder."""

    def refused(error: type[LinkspanError]) -> str:
        with pytest.raises(LinkspanError) as raised:
            ingest(recorder, shop.mapping())  # type: ignore[arg-type]
        assert type(raised.value) is error
        assert recorder.writes == []
        return str(raised.value).replace(str(shop.folder), "DIR")

    return refused


Graph = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def read_graph() -> Callable[[Any], Graph]:
    """Reads every node and relationship, in an order of its own, by plain Cypher."""

    def plain(properties: dict[str, Any]) -> str:
        return repr(sorted(properties.items()))

    def read(db: Any) -> Graph:
        nodes = db.read("MATCH (n) RETURN labels(n) AS l, properties(n) AS p")
        links = db.read(
            "MATCH (a)-[r]->(b) RETURN a.key AS a, type(r) AS t, b.key AS b, properties(r) AS p"
        )
        return {
            "nodes": sorted(
                (",".join(sorted(row["l"])), plain(row["p"]))
                for row in nodes
                if "LoadedFile" not in row["l"]
            ),
            "links": sorted((row["a"], row["t"], row["b"], plain(row["p"])) for row in links),
        }

    return read

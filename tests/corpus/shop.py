"""A small sound shop with two domains, in four files."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from linkspan.ingest import TABLES, Mapping, mapping_from_tables

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


def open_shop(folder: Path) -> Shop:
    """Write the sound shop into a folder."""
    shop = Shop(folder)
    files = {"people": PEOPLE, "things": THINGS, "bought": BOUGHT, "with": WITH}
    for name, text in files.items():
        shop.write(f"{name}.csv", text)
    return shop

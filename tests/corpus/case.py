"""What a case is, and the ways to damage a shop."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.shop import Shop

Damage = Callable[[Shop], object]

WITHOUT_1 = {"bought.csv": {2}, "with.csv": {2}}
WITHOUT_2 = {"bought.csv": {4, 5}, "with.csv": {3}}
WITHOUT_3 = {"bought.csv": {3}, "with.csv": {2, 3}}
"""Rows that refer to an item, which fall with it."""


@dataclass(frozen=True)
class Case:
    """One damaged input.

    Attributes:
        name: What is wrong.
        damage: Makes it so in a sound shop.
        says: The line that is told where every problem stops, DIR for the folder; empty where
            nothing is wrong with what looks wrong.
        rejects: By file the lines that are rejected where bad rows are passed over; None where the
            file as a whole, or the mapping, stops all the same.
        reads: By label or type the rows that are read, where not those of the sound shop.
        query: Cypher that shows what came of it; ``finds`` is its one value, ``$met`` may be asked.
        met: The id that the query asks for.
    """

    name: str
    damage: Damage
    says: str = ""
    rejects: dict[str, set[int]] | None = field(default_factory=dict)
    reads: dict[str, int] = field(default_factory=dict)
    query: str = ""
    finds: Any = None
    met: str = ""


def stops(name: str, damage: Damage, says: str) -> Case:
    """A case that no policy passes over."""
    return Case(name, damage, says, rejects=None)


def rejected(
    name: str, damage: Damage, says: str, also: dict[str, set[int]] | None = None, **reads: int
) -> Case:
    """A case of a bad row, the one that ``says`` names, and of others that fall with it."""
    rejects = {file: set(lines) for file, lines in (also or {}).items()}
    if place := re.match(r"DIR/(\S+), (?:line|row) (\d+)", says):
        rejects.setdefault(place[1], set()).add(int(place[2]))
    return Case(name, damage, says, rejects, reads)


def taken(
    name: str, damage: Damage, query: str = "", finds: Any = None, met: str = "", **reads: int
) -> Case:
    """A case that looks wrong and is not."""
    return Case(name, damage, query=query, finds=finds, met=met, reads=reads)


def put(name: str, data: str | bytes) -> Damage:
    """Write a file."""
    return lambda shop: shop.write(name, data)


def swap(name: str, old: str, new: str) -> Damage:
    """Put something else in one place of a file."""
    return lambda shop: shop.replace(name, old, new)


def swap_bytes(name: str, old: bytes, new: bytes) -> Damage:
    """Put bytes in one place of a file."""
    return lambda shop: shop.write(name, (shop.folder / name).read_bytes().replace(old, new, 1))


def remap(old: str, new: str) -> Damage:
    """Put something else in one place of the mapping."""
    return lambda shop: shop.remap(old, new)


def add(toml: str) -> Damage:
    """Add tables to the mapping."""

    def damage(shop: Shop) -> None:
        shop.toml += toml

    return damage


def each(*damages: Damage) -> Damage:
    """Several damages in turn."""

    def damage(shop: Shop) -> None:
        for one in damages:
            one(shop)

    return damage


def encode(name: str, encoding: str, old: str = "", new: str = "") -> Damage:
    """Write a file in another encoding, with something in it that is not ASCII."""
    return lambda shop: shop.write(name, shop.text(name).replace(old, new).encode(encoding))


def rename(name: str, to: str, pack: Callable[[bytes], bytes] = bytes) -> Damage:
    """Give a file, packed somehow, another name, in the mapping too."""

    def damage(shop: Shop) -> None:
        shop.remap(f'file = "{name}"', f'file = "{to}"')
        shop.write(to, pack((shop.folder / name).read_bytes()))

    return damage


def columns_of(data: bytes) -> dict[str, list[str]]:
    """Columns of a CSV file."""
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    return {name: [row[name] for row in rows] for name in rows[0]}


def as_jsonl(name: str) -> Damage:
    """Make a CSV file JSON lines, every value text."""

    def pack(data: bytes) -> bytes:
        rows = csv.DictReader(io.StringIO(data.decode()))
        return b"".join(json.dumps(row).encode() + b"\n" for row in rows)

    return rename(name, name.replace(".csv", ".jsonl"), pack)


def as_parquet(name: str, **columns: Any) -> Damage:
    """Make a CSV file Parquet, with other columns in place of its own."""

    def pack(data: bytes) -> bytes:
        sink = io.BytesIO()
        pq.write_table(pa.table({**columns_of(data), **columns}), sink)
        return sink.getvalue()

    return rename(name, name.replace(".csv", ".parquet"), pack)

"""Writes a ``linkspan.toml`` for a folder of files, with its guesses marked."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from linkspan.errors import DataError, LinkspanError
from linkspan.ingest.mapping.model import mapping_from_tables
from linkspan.ingest.mapping.names import domain_label
from linkspan.ingest.proposing.guess import (
    ENTITIES,
    Guess,
    Kind,
    bare,
    guess,
    items_of_events,
    plain,
    properties,
    rating,
    repeats,
    splits,
    toml,
    weight,
)
from linkspan.ingest.proposing.peek import ROWS, peek
from linkspan.ingest.proposing.seen_rows import SeenRows, says_the_domain

_HEAD = """\
# What the files of this folder become in the graph. docs/mapping.md describes every key.
# Where a line says 'guess', nothing in the files says it for certain: look at it.
# 'linkspan ingest --dry-run' checks all rows and writes nothing.
"""
_POLICIES = """
# By default a wrong row stops the ingest before anything is written. To skip such rows:
# [ingest]
# malformed = "skip"            # rows that cannot be read
# dangling = "skip"             # rows that refer to an item that no file has
"""


@dataclass(frozen=True)
class Proposal:
    """A mapping for a folder of files.

    Attributes:
        text: The ``linkspan.toml``.
        found: File to what it seems to hold.
        open: In words, what could not be told, and what to fill in.
    """

    text: str
    found: dict[str, str]
    open: list[str]


def propose(folder: Path) -> Proposal:
    """Look into the files of a folder and write a mapping for them.

    Reads the first 100,000 rows of each file; folders in it are left out.

    Raises:
        DataError: There is no such folder, or no file in it that can be read.
    """
    if not folder.is_dir():
        raise DataError("there is no such folder", file=folder, hint="Name the one with your files")
    peeks, recbole, notes = peek(folder)
    if not peeks and not recbole:
        reason = notes[0] if notes else "no file here ends in .csv, .tsv, or those with .gz"
        raise DataError(reason, file=folder, hint="Name the folder with your files")
    fallback = re.sub(r"[\W_]+", "-", folder.resolve().name.lower()).strip("-") or "items"
    guesses: list[Guess] = []
    for each in peeks:
        made = guess(each, fallback)
        if isinstance(made, str):
            notes.append(made)
        else:
            guesses.append(made)
        if each.nested:
            notes.append(
                f"{each.file}: {', '.join(each.nested)} left out, as objects and lists of lists "
                "have no place in a mapping: write each value under a key of its own"
            )
        if not each.whole:
            notes.append(f"{each.file} is long: only its first {ROWS:,} rows were looked at")
    found: dict[str, str] = {made.peek.file: made.kind for made in guesses}
    if not recbole and not any(made.kind == "items" for made in guesses):
        guesses += items_of_events(guesses, fallback)
    writer = _Writer(guesses, notes)
    text = _HEAD + writer.write() + _recbole(recbole) + writer.policies()
    found |= {file: f"[recbole] {name}" for name, files in recbole.items() for file in files}
    _check(text, folder, writer.notes, bool(recbole))
    return Proposal(text, found, writer.notes)


class _Writer:
    """Writes the tables of the mapping."""

    def __init__(self, guesses: list[Guess], notes: list[str]) -> None:
        self.notes = notes
        self._by = {
            kind: [made for made in guesses if made.kind == kind] for kind in get_args(Kind)
        }
        self._items = {id(made): set(made.peek.values(made.id)) for made in self._by["items"]}
        self._domains = {made.domain for made in self._by["items"] if made.domain}
        for m in self._by["items"]:
            self._domains |= set(m.peek.values(m.domain_column)) if m.domain_column else set()
        self._labels = set(map(domain_label, self._domains))
        self._several = len(self._by["items"]) > 1 or any(
            m.domain_column for m in self._by["items"]
        )
        self._rows = SeenRows()

    def write(self) -> str:
        lines = [*self._users()]
        for made in self._by["items"]:
            lines += self._item_table(made)
        self._agree()
        for made in self._by["interactions"]:
            lines += self._interaction_table(made)
        for made in self._by["relations"]:
            lines += self._relation_table(made)
        for kind, name in (("items", "item_id"), ("interactions", "user_id and item_id")):
            if not self._by[kind] and not any("[recbole]" in note for note in self.notes):
                self.notes.append(f"no file of {kind} was found: it would have a column {name}")
        return "\n".join(lines) + "\n"

    def policies(self) -> str:
        if not self._rows.clash:
            return _POLICIES
        return (
            '\n[ingest]\nduplicates = "update"   '
            "# guess: some rows have one key and different values; the last one counts\n"
            + _POLICIES
        ).replace("# [ingest]\n", "")

    def _users(self) -> list[str]:
        shared, why = self._are_shared()
        lines = ["", "[users]", f"shared = {toml(shared)}   # guess: {why}"]
        for made in self._by["users"]:
            lines += [
                "",
                "[[users.files]]",
                *_file(made),
                f"id = {toml(made.id)}",
                *_integer_ids(made),
            ]
            if not shared:
                lines += self._domain_line(made)
            lines += self._properties(made)
            self._rows.note("users", made, [made.id])
        return lines

    def _are_shared(self) -> tuple[bool, str]:
        """Tell whether one id is one user in all domains."""
        files = self._by["interactions"]
        if len(files) < 2 or any(made.domain is None for made in files):
            return True, "one user id is one user in all domains"
        users = [set(made.peek.values(made.user)) for made in files]
        common = set.intersection(*users)
        if common:
            return True, f"{len(common):,} user ids stand in every file of interactions"
        if any(made.domain is None and not made.domain_column for made in self._by["users"]):
            return True, "a file of users names no domain"
        return False, "no user id stands in two domains, so each has its own users"

    def _domain_line(self, made: Guess) -> list[str]:
        if made.domain_column:
            return [f"domain = {toml({'column': made.domain_column})}"]
        if made.domain is None:
            return []
        why = made.guesses.get("domain")
        return [f"domain = {toml(made.domain)}" + (f"   # guess: {why}" if why else "")]

    def _properties(self, made: Guess, without: tuple[str, ...] = ()) -> list[str]:
        lines = []
        rated = rating(made) if made.kind == "interactions" else None
        for name, (column, kind, split) in properties(made).items():
            if name in without:
                continue
            spec: dict[str, object] = {
                "column": column,
                **({"type": kind} if kind and not split else {}),
            }
            spec |= {"split": split} if split else {}
            spec |= {"absent": rated.absent} if rated and rated.positive.property == name else {}
            spec = {key: each for key, each in spec.items() if each}
            value = toml(column if len(spec) == 1 else spec)
            guessed = "   # guess: by what stands in it" if len(spec) > 1 else ""
            lines.append(f"{bare(name)} = {value}{guessed}")
        table = {"users": "users.files"}.get(made.kind, made.kind)
        return ["", f"[{table}.properties]", *lines] if lines else []

    def _item_table(self, made: Guess) -> list[str]:
        if "items" in made.guesses:  # of a file of events, which has nothing else to say of them
            lines = ["", "[[items]]" + _why(made, "items"), *_file(made), f"id = {toml(made.id)}"]
            self.notes.append(
                f"{made.peek.file}: its items have no title and no text; with a file of items they "
                "can be told apart by more than who met them"
            )
            return [*lines, *_integer_ids(made), *self._domain_line(made)]
        named = properties(made)
        text = [
            name
            for name, (column, kind, split) in named.items()
            if not kind and (name == "title" or split or _is_prose(made, column))
        ]
        ids = made.peek.values(made.id)
        keys = [made.id, *([made.domain_column] if made.domain_column else [])]
        self._rows.note("items", made, keys)
        lines = ["", "[[items]]", *_file(made), f"id = {toml(made.id)}"]
        lines += [*_integer_ids(made), *self._domain_line(made)]
        guessed = "   # guess: what the text encoder reads" if text != ["title"] else ""
        lines.append(f"text = {toml(text)}{guessed}")
        if "title" not in named:
            self.notes.append(
                f"{made.peek.file} has no column 'title': items are shown by their keys"
            )
        if len(ids) < len(made.peek.rows):
            self.notes.append(f"{made.peek.file} has rows without a '{made.id}'")
        lines += self._properties(made)
        for column in (*made.peek.columns, *made.peek.lists):
            if plain(column) in ENTITIES and column not in made.taken:
                kind, label = ENTITIES[plain(column)]
                label += "Kind" * (label in self._labels)
                split = splits(column, made.peek.values(column))
                lines += ["", "[[items.relations]]   # guess: nodes that tie domains together"]
                lines += [f"type = {toml(kind)}", f"column = {toml(column)}"]
                lines += [f"entity = {toml(label)}", *([f"split = {toml(split)}"] if split else [])]
        return lines

    def _agree(self) -> None:
        """Files of one type make relationships of one shape; others get a type of their own."""
        shapes: dict[str, list[object]] = {}
        for made in self._by["interactions"]:
            position = made.time and made.time[1] == "position"
            shape = (position, repeats(made), weight(made) is None, rating(made))
            known = shapes.setdefault(made.type, [])
            if shape not in known:
                known.append(shape)
            if number := known.index(shape):
                made.type = f"{made.type}_{number + 1}"
                made.guesses["type"] = "apart from the type above, as their columns differ"

    def _interaction_table(self, made: Guess) -> list[str]:
        if made.domain_column and not says_the_domain(made, self._by["items"]):
            made.domain_column = None
        if made.domain is not None and made.domain not in self._domains and self._domains:
            made.domain = None  # a word in the file's name that is no domain
        self._look_up(made, made.item, made.domain)
        lines = ["", "[[interactions]]", *_file(made)]
        lines.append(f"type = {toml(made.type)}" + _why(made, "type"))
        lines += [f"user = {toml(made.user)}", f"item = {toml(made.item)}"]
        lines += _integer_ids(made)
        if made.domain_column or made.domain is not None:
            lines += self._domain_line(made)
        keys = [made.user, made.item, *([made.domain_column] if made.domain_column else [])]
        if made.time:
            at = {"column": made.time[0], "unit": made.time[1]}
            lines.append(f"at = {toml(at)}" + _why(made, "at"))
            if repeats(made):
                lines.append("repeat = true   # guess: some users meet an item more than once")
                keys.append(made.time[0])
        elif "no time" in made.guesses:
            self.notes.append(f"{made.peek.file}: no time is taken: {made.guesses['no time']}")
        else:
            self.notes.append(f"{made.peek.file} has no time: histories have no order")
        self._rows.note(made.type, made, keys)
        heavy = weight(made)
        if heavy:
            lines.append(f"weight = {toml(heavy)}   # guess: how strong an event is")
        liked = rating(made)
        if liked:
            why = "it says so" if liked.positive.value is True else "by the scale of the ratings"
            lines.append(f"positive = {toml(str(liked.positive))}   # guess: {why}")
            if liked.absent:
                self.notes.append(
                    f"{made.peek.file}: {liked.absent[0]} stands apart from the other values of "
                    f"'{liked.positive.property}', so it is taken for 'not rated': such events are "
                    "neither liked nor disliked. If it is a rating, take 'absent' out"
                )
        without = tuple(n for n, (c, _, _) in properties(made).items() if c == heavy)
        return lines + self._properties(made, without)

    def _relation_table(self, made: Guess) -> list[str]:
        ends = []
        for column in made.ends:
            values = set(made.peek.values(column))
            owner = self._owner(column, values)
            if owner is None:
                some = next(iter(sorted(values)), "")
                self.notes.append(
                    f"{made.peek.file} is left out: no file of items or users has the ids in "
                    f"column '{column}', such as {some!r}; write its table by hand "
                    "(docs/mapping.md)"
                )
                return []
            ends.append(owner)
        table = ["", "[[relations]]", *_file(made)]
        table.append(f"type = {toml(made.type)}" + _why(made, "type"))
        table += [
            f"{name} = {toml(end)}" for name, end in zip(("source", "target"), ends, strict=True)
        ]
        self._rows.note(made.type, made, list(made.ends))
        table += _integer_ids(made)
        more = [name for name in made.peek.columns if name not in made.ends]
        if heavy := weight(made):
            table.append(f"weight = {toml(heavy)}   # guess: how strong it is")
        kinds = [name for name in more if plain(name) in ("type", "relation", "kind")]
        if kinds:
            self.notes.append(
                f"{made.peek.file}: if column '{kinds[0]}' says what each row means, make it the "
                "'type' (docs/mapping.md)"
            )
        return table

    def _owner(self, column: str, values: set[str]) -> dict[str, object] | None:
        """The end of a relation whose ids these are."""
        users: set[str] = set()
        for each in (*self._by["users"], *self._by["interactions"]):
            users |= set(each.peek.values(each.user or each.id))
        items = [m for m in self._by["items"] if len(values & self._items[id(m)]) * 2 > len(values)]
        everything = set().union(*self._items.values())
        if len(items) == 1 and items[0].domain:
            return {"item": column, "domain": items[0].domain}
        if values and len(values & everything) * 2 > len(values):
            return {"item": column}
        return {"user": column} if values and len(values & users) * 2 > len(values) else None

    def _look_up(self, made: Guess, column: str, domain: str | None) -> None:
        """Say where an item's id does not tell its domain."""
        if domain is not None or made.domain_column or not self._several:
            if domain is None and not made.domain_column and len(self._domains) == 1:
                made.domain = next(iter(self._domains))
            return
        seen: set[str] = set()
        for each in self._by["items"]:
            keys = [each.id, *([each.domain_column] if each.domain_column else [])]
            ids = each.peek.rows[keys].drop_duplicates()[each.id].dropna()
            if ids.duplicated().any() or seen & set(ids):
                self.notes.append(
                    f"{made.peek.file}: item ids stand in several domains, and nothing says "
                    "which is meant: add 'domain = \"...\"' or a column 'domain'"
                )
                return
            seen |= set(ids)


def _file(made: Guess) -> list[str]:
    """The keys that say where a file is, and how it is written."""
    why = {"encoding": "   # guess: by its bytes", "columns": "   # guess: by what stands in them"}
    keys = made.peek.keys.items()
    lines = [f"{key} = {toml(value)}{why.get(key, '')}" for key, value in keys]
    return [f"file = {toml(made.peek.file)}", *lines]


def _why(made: Guess, key: str) -> str:
    return f"   # guess: {made.guesses[key]}" if key in made.guesses else ""


def _integer_ids(made: Guess) -> list[str]:
    if not made.integer_ids:
        return []
    return [f"integer_ids = {toml(made.integer_ids)}   # guess: all of them end in '.0'"]


def _is_prose(made: Guess, column: str) -> bool:
    """Tell whether a column holds text that says what an item is."""
    values = made.peek.values(column)
    return plain(column) in ENTITIES or bool(values.str.len().mean() > 20)


def _recbole(sets: dict[str, list[str]]) -> str:
    text = ""
    for name, files in sets.items():
        domain = re.sub(r"[\W_]+", "-", name.lower()).strip("-")
        table = "[recbole]" if len(sets) == 1 else "[[recbole]]"
        text += (
            f'\n{table}   # {", ".join(files)}\npath = "."\nname = {toml(name)}\n'
            f"domain = {toml(domain)}   # guess: from the name of the files\n"
        )
    return text


def _check(text: str, folder: Path, notes: list[str], recbole: bool) -> None:
    """Say so where the mapping would not be taken yet."""
    try:
        tables = tomllib.loads(text)
        if not recbole:
            mapping_from_tables(tables, folder)
    except LinkspanError as error:
        notes.append(f"the mapping is not whole yet: {error}")

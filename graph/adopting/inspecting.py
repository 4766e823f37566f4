"""Looks at any graph and says what is in it; reads a bounded part of each label and type."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from linkspan import cypher
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.vectors import PROPERTIES
from linkspan.progress import SILENT, Progress

NODES = 10_000
"""Nodes of each label that are looked at, the first ones."""
LINKS = 100_000
"""Relationships of each type that are looked at for their ends, the first ones."""

OURS = frozenset({"RECOMMENDED", "SIMILAR", "FEEDBACK"})
OUR_LABELS = frozenset({"Run"})
_BOOKKEEPING = ("LoadedFile", "BulkLoad", "UserKey", "Lease", "Forgotten", "ForgottenKey")


@dataclass(frozen=True)
class Property:
    """A property of a label or a type, as seen on the part looked at.

    Attributes:
        types: Kinds of its values, as the server names them, such as ``STRING``.
        filled: Share of nodes or relationships that have it, 0 to 1.
        different: Share of its values that differ, 0 to 1; for nodes only, else 0.
        length: Characters of its values as text, on average; for nodes only, else 0.
    """

    types: list[str]
    filled: float
    different: float = 0.0
    length: float = 0.0


@dataclass(frozen=True)
class Degrees:
    """Numbers of relationships of one type that nodes of one label have.

    Attributes:
        mean: On average, nodes without any counted.
        median: Of the node in the middle.
        most: Of the node with most.
    """

    mean: float
    median: float
    most: int


@dataclass(frozen=True)
class Label:
    """A label.

    Attributes:
        count: Its nodes, all of them.
        properties: Name to property.
    """

    count: int
    properties: dict[str, Property]


@dataclass(frozen=True)
class Joins:
    """The relationships of a type between two labels.

    Attributes:
        source: Label at the start.
        target: Label at the end.
        count: How many; scaled up where not all were looked at.
        out: Degrees of the nodes at the start, over all of this type.
        into: Degrees of the nodes at the end, likewise.
    """

    source: str
    target: str
    count: int
    out: Degrees
    into: Degrees


@dataclass(frozen=True)
class Type:
    """A relationship type.

    Attributes:
        count: Its relationships, all of them.
        joins: The labels that it joins, the most frequent first.
        properties: Name to property.
    """

    count: int
    joins: list[Joins]
    properties: dict[str, Property]


@dataclass(frozen=True)
class Picture:
    """Labels and relationship types of a graph, and what they hold.

    Attributes:
        labels: Label to what it holds, those with most nodes first.
        types: Relationship type to what it joins, those with most first.
        sampled: Labels and types of which only a part was looked at.
    """

    labels: dict[str, Label]
    types: dict[str, Type]
    sampled: list[str] = field(default_factory=list)


def read_picture(database: Database, progress: Progress = SILENT) -> Picture:
    """Look at labels, types, properties and degrees.

    Counts are of the whole graph; all else of the first `NODES` nodes of a label, and the first
    `LINKS` relationships of a type. A node of several labels counts for each; the labels of
    Linkspan's own bookkeeping are left out.

    Raises:
        DatabaseError: A query failed.
    """
    found = [row["name"] for row in database.read(cypher.load("all_labels"))]
    names = [name for name in found if name not in _BOOKKEEPING]
    kinds = [row["name"] for row in database.read(cypher.load("all_types"))]
    with progress.task("Looking at the graph", len(names) + len(kinds), "names") as task:
        labels = {}
        for name in names:
            if (label := _read_label(database, name)).count:
                labels[name] = label
            task.advance()
        degrees: dict[tuple[str, str, str], Degrees] = {}
        types = {}
        for kind in kinds:
            if (read := _read_type(database, kind, labels, degrees)).count:
                types[kind] = read
            task.advance()
    sampled = [name for name, label in labels.items() if label.count > NODES]
    sampled += [kind for kind, read in types.items() if read.count > LINKS]
    return Picture(
        labels=dict(sorted(labels.items(), key=lambda entry: -entry[1].count)),
        types=dict(sorted(types.items(), key=lambda entry: -entry[1].count)),
        sampled=sampled,
    )


def read_overlap(
    database: Database, users: str, kinds: list[str], labels: list[str]
) -> dict[tuple[str, str], int]:
    """Count the users that have met items of two labels.

    Args:
        database: The graph.
        users: Label of the users; the first `NODES` are looked at.
        kinds: Types from users to items.
        labels: Labels of items.

    Returns:
        Each pair of labels, in the order given and with itself, to a number of users.

    Raises:
        DatabaseError: A query failed.
    """
    met: defaultdict[str, set[str]] = defaultdict(set)
    query = cypher.load("inspect_reach", {"User": users, "SAVED": kinds})
    for row in database.read(query, sample=NODES):
        met[row["user"]].update(set(row["labels"]) & set(labels))
    return {
        (one, other): sum(one in found and other in found for found in met.values())
        for place, one in enumerate(labels)
        for other in labels[place:]
    }


def _read_label(database: Database, name: str) -> Label:
    replace = {"Item": name}
    count = database.read(cypher.load("inspect_label", replace))[0]["count"]
    seen = min(count, NODES)
    query = cypher.load("inspect_properties", replace)
    properties = {}
    for key, (types, filled) in _types(database.read(query, sample=NODES)).items():
        if key in PROPERTIES:
            continue
        unique = cypher.load("inspect_unique", replace)
        found = database.read(unique, name=key, sample=NODES)[0]
        properties[key] = Property(
            types=types,
            filled=filled / seen,
            different=found["different"] / max(found["values"], 1),
            length=found["length"] or 0.0,
        )
    return Label(count, properties)


def _read_type(
    database: Database,
    kind: str,
    labels: dict[str, Label],
    degrees: dict[tuple[str, str, str], Degrees],
) -> Type:
    replace = {"SAVED": kind}
    count = database.read(cypher.load("inspect_type", replace))[0]["count"]
    ends: Counter[tuple[str, str]] = Counter()
    for row in database.read(cypher.load("inspect_ends", replace), sample=LINKS):
        ends[_main(row["sources"], labels), _main(row["targets"], labels)] += row["count"]
    scale = count / max(sum(ends.values()), 1)
    query = cypher.load("inspect_link_properties", replace)
    seen = min(count, NODES)
    return Type(
        count=count,
        joins=[
            Joins(
                source,
                target,
                round(found * scale),
                _read_degrees(database, "out", kind, source, degrees),
                _read_degrees(database, "in", kind, target, degrees),
            )
            for (source, target), found in ends.most_common()
        ],
        properties={
            name: Property(types, filled / seen)
            for name, (types, filled) in _types(database.read(query, sample=NODES)).items()
        },
    )


def _read_degrees(
    database: Database,
    way: str,
    kind: str,
    label: str,
    known: dict[tuple[str, str, str], Degrees],
) -> Degrees:
    if (way, kind, label) not in known:
        replace = {"User" if way == "out" else "Item": label, "SAVED": kind}
        rows = database.read(cypher.load(f"inspect_{way}_degrees", replace), sample=NODES)
        values = np.repeat([row["degree"] for row in rows], [row["nodes"] for row in rows])
        made = Degrees(0.0, 0.0, 0)
        if len(values):
            made = Degrees(float(values.mean()), float(np.median(values)), int(values.max()))
        known[way, kind, label] = made
    return known[way, kind, label]


def _main(names: list[str], labels: dict[str, Label]) -> str:
    """Of the labels of a node, the most specific of those that Linkspan does not give, else any.

    Beside ``Item``, ``Entity`` and ``User`` a node of Linkspan's has the label of its domain or
    kind; of other labels that stand together, the one with most nodes says what all of them are.
    """
    own = [name for name in names if name not in ("Item", "Entity")] or names
    return max(
        own, key=lambda name: (labels[name].count if name in labels else 0, name), default=""
    )


def _types(rows: list[dict[str, Any]]) -> dict[str, tuple[list[str], int]]:
    """Property to the kinds of its values, without ``NOT NULL``, and how many have it."""
    types: defaultdict[str, list[str]] = defaultdict(list)
    filled: Counter[str] = Counter()
    for row in rows:
        types[row["name"]].append(row["type"].replace(" NOT NULL", ""))
        filled[row["name"]] += row["filled"]
    return {name: (sorted(set(found)), filled[name]) for name, found in types.items()}

"""Targets of rows: nodes of a label, or relationships of a type between two labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from linkspan import cypher


@dataclass(frozen=True)
class NodeTarget:
    """Nodes of one label.

    Attributes:
        label: ``Item``, ``User`` or ``Entity``.
        kind: Second label: that of the domain or of the entity kind; None for users.
        linked: Whether the rows only add the entities that items are.
    """

    label: str
    kind: str | None = None
    linked: bool = False

    @property
    def shown(self) -> str:
        """As the report names it."""
        return self.kind if self.label == "Entity" and self.kind else self.label

    def write_query(self) -> str:
        """The query that writes those of the rows that the graph does not have."""
        return cypher.load("write_nodes", self._labels()) if self.kind else self._users("write")

    def create_query(self) -> str:
        """The query that writes rows that the graph is known not to have."""
        return cypher.load("create_nodes", self._labels()) if self.kind else self._users("create")

    def update_query(self) -> str:
        """The query that writes the properties of rows that the graph has."""
        return cypher.load("update_nodes", {"Item": self.label})

    def stored_query(self) -> str:
        """The query that reads what the graph has of such rows."""
        if self.kind:
            return cypher.load("stored_of_kind", self._labels())
        return cypher.load("stored_nodes", {"Item": self.label})

    def any_query(self) -> str:
        """The query that says whether the graph has any such node."""
        return cypher.load("any_node", {"Item": self.label})

    def keys_query(self) -> str:
        """The query that reads the keys of all such nodes."""
        return cypher.load("keys_of_nodes", {"Item": self.kind or self.label})

    def delete_query(self) -> str:
        """The query that deletes such nodes, with their relationships."""
        return cypher.load("delete_nodes", {"Item": self.label})

    def _labels(self) -> dict[str, str]:
        return {"Item": self.label, "Fantasy": self.kind or ""}

    def _users(self, verb: str) -> str:
        assert self.label == "User"
        return cypher.load(f"{verb}_users")


@dataclass(frozen=True)
class VectorTarget(NodeTarget):
    """A property of items that are written before.

    Attributes:
        name: Of the property.
    """

    name: str = ""

    @property
    def shown(self) -> str:
        """As the report names it."""
        return f"{self.label}.{self.name}"

    def write_query(self) -> str:
        """The query that writes such rows, with their properties in a map."""
        return self.update_query()


@dataclass(frozen=True)
class LinkTarget:
    """Relationships of one type.

    Attributes:
        type: Relationship type.
        source: Where they begin: ``item``, ``user`` or the label of an entity kind.
        target: Where they end, likewise.
        repeat: Whether one source and target have one relationship for each ``at``.
    """

    type: str
    source: str
    target: str
    repeat: bool = False

    @property
    def shown(self) -> str:
        """As the report names it."""
        return self.type

    @property
    def labels(self) -> tuple[str, str]:
        """Labels of the nodes where they begin and end, without the kinds of entities."""
        return _LABELS.get(self.source, "Entity"), _LABELS.get(self.target, "Entity")

    def write_query(self) -> str:
        """The query that writes such rows, with their properties in a map."""
        return cypher.load("write_repeated" if self.repeat else "write_links", self._names())

    def create_query(self) -> str:
        """The query that writes rows that the graph does not have."""
        return cypher.load("create_links", self._names())

    def stored_query(self) -> str:
        """The query that reads what the graph has of such rows."""
        name = "stored_repeated" if self.repeat else "stored_links"
        return cypher.load(name, self._names())

    def any_query(self) -> str:
        """The query that says whether the graph has any such relationship."""
        return cypher.load("any_link", {"SAVED": self.type})

    def keys_query(self) -> str:
        """The query that reads the keys of both ends of all such relationships."""
        return cypher.load("keys_of_links", self._names())

    def delete_query(self) -> str:
        """The query that deletes such relationships."""
        return cypher.load("delete_links", self._names())

    def _names(self) -> dict[str, str]:
        source, target = self.labels
        return {"User": source, "Item": target, "SAVED": self.type}


LINKED = NodeTarget("Item", linked=True)
"""Items of which the rows say only which entities they are."""
RELATIONS = LinkTarget("*", "*", "*")
"""Relations of any type and between any ends: each row says which."""
_LABELS = {"item": "Item", "user": "User"}
Target = NodeTarget | LinkTarget


@dataclass(frozen=True)
class Table:
    """Rows for one target.

    Attributes:
        target: What they become.
        keys: ``key``, or ``source``, ``target`` and, where events repeat, ``at``; ``(N,)`` each.
        properties: Property to ``(N,)`` values.
    """

    target: Target
    keys: dict[str, pa.Array]
    properties: dict[str, pa.Array]

    def __len__(self) -> int:
        return len(next(iter(self.keys.values())))

    def filter(self, rows: pa.Array) -> Table:
        """The rows for which a boolean array is true."""
        return Table(
            self.target,
            {name: values.filter(rows) for name, values in self.keys.items()},
            {name: values.filter(rows) for name, values in self.properties.items()},
        )

    def sorted(self) -> Table:
        """The same rows by key: both servers lock, and write, fastest in one order."""
        names = list(self.keys)
        order = pc.sort_indices(
            pa.table(list(self.keys.values()), names=names),
            sort_keys=[(name, "ascending") for name in names],
        )
        return Table(
            self.target,
            {name: values.take(order) for name, values in self.keys.items()},
            {name: values.take(order) for name, values in self.properties.items()},
        )

    def write_query(self) -> str:
        """The query that writes `rows`."""
        return self._with_properties(self.target.write_query())

    def create_query(self) -> str:
        """The query that writes `rows` that the graph is known not to have.

        A relationship is made with its properties: on ArcadeDB 1.5 to 2.5 times as fast as with
        SET behind it, on Neo4j the same. For nodes it makes no difference on either.
        """
        text = self.target.create_query()
        if isinstance(self.target, NodeTarget):
            return self._with_properties(text)
        own = [*list(self.keys)[2:], *self.properties]
        places = [*list(self.keys)[2:], *self.places]
        each = (
            f"{cypher.quote(name)}: row.{place}" for name, place in zip(own, places, strict=True)
        )
        what = f" {{{', '.join(each)}}}" if own else ""
        return _put(text, "]->(t)\nSET r += row.properties", f"{what}]->(t)")

    def update_query(self) -> str:
        """The query that writes the properties of `rows` that the graph has."""
        assert isinstance(self.target, NodeTarget)
        return self._with_properties(self.target.update_query())

    def _with_properties(self, text: str) -> str:
        """A query that sets the properties of `rows`.

        It is the one in the file with the properties set one by one: on ArcadeDB 1.7 times as fast
        as from a map inside each row, on Neo4j the same.
        """
        variable = "n" if isinstance(self.target, NodeTarget) else "r"
        each = (
            f"{variable}.{cypher.quote(name)} = row.{place}"
            for name, place in zip(self.properties, self.places, strict=True)
        )
        what = f"SET {', '.join(each)}" if self.properties else ""
        return _put(text, f"SET {variable} += row.properties", what)

    @property
    def places(self) -> list[str]:
        """Name of each property in a row of `rows`; keys have names of their own."""
        return [f"p{number}" for number in range(len(self.properties))]

    def rows(self) -> list[dict[str, Any]]:
        """The rows as the queries take them."""
        names = [*self.keys, *self.places]
        columns = [*self.keys.values(), *self.properties.values()]
        lists = [column.to_pylist() for column in columns]
        return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]


def _put(text: str, place: str, what: str) -> str:
    """The text of a query with what a place of it gives way to; rows would be written bare else."""
    if text.count(place) != 1:
        raise ValueError(f"a query has {text.count(place)} places like {place!r}, not one:\n{text}")
    return text.replace(place, what)

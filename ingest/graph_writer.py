"""Writes tables of rows into the graph: only what is new or other than what is there."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pyarrow as pa

from linkspan.graph.connecting.connection import Database
from linkspan.graph.writing.writer import BATCH_ROWS, write_rows
from linkspan.ingest.shaping.codes import KeyCodes
from linkspan.ingest.shaping.duplicates import is_dated
from linkspan.ingest.shaping.targets import LinkTarget, NodeTarget, Table, Target, VectorTarget
from linkspan.progress import Task


class GraphWriter:
    """Writes the tables of one ingest.

    A label or type that the graph did not have when the ingest began is written at once. Where it
    has some, the rows that stand there are read first, and only those that differ are sent: what is
    unchanged is known to be, and is never touched.

    Args:
        database: The graph.
        latest: Leave an event of the graph as it is where it is later than the row's.

    Attributes:
        older: How many rows were left out because the graph has a later event.
    """

    def __init__(self, database: Database, *, latest: bool = False) -> None:
        self._database, self._latest = database, latest
        self.older = 0
        self._empty: dict[str, bool] = {}
        self._seen = {label: KeyCodes() for label in ("User", "Item", "Entity")}

    def new_nodes(self, table: Table) -> Table:
        """Nodes that no earlier table of this ingest had; what is no node, as it is."""
        target = table.target
        if not isinstance(target, NodeTarget) or isinstance(target, VectorTarget) or target.linked:
            return table
        codes = self._seen[target.label]
        known = len(codes)
        return table.filter(pa.array(codes.add(table.keys["key"]) >= known))

    def ready(self, table: Table) -> list[dict[str, Any]]:
        """The rows by key, as the queries take them."""
        return table.sorted().rows()

    def write(self, table: Table, rows: list[dict[str, Any]], task: Task) -> int:
        """Write the rows of a table.

        Args:
            table: The table; none of its keys stands there twice.
            rows: Its rows in the order of their keys.
            task: Told of every batch.

        Returns:
            Rows that were new or changed.

        Raises:
            DatabaseError: A batch failed; those before it stay written.
        """
        if isinstance(table.target, NodeTarget) and not isinstance(table.target, VectorTarget):
            return self._write_nodes(table, rows, task)
        query = table.write_query()
        if _is_interaction(table.target) and self._was_empty(table.target):
            return self._create(table, rows, task)
        if self._was_empty(table.target):
            return write_rows(self._database, query, rows, task=task).relationships_created
        written = 0
        for start in range(0, len(rows), BATCH_ROWS):
            batch = rows[start : start + BATCH_ROWS]
            changed = self._changed(table, batch)
            write_rows(self._database, query, changed)
            written += len(changed)
            task.advance(len(batch))
        return written

    def _write_nodes(self, table: Table, rows: list[dict[str, Any]], task: Task) -> int:
        """Create nodes that are new, and set the properties of those that differ.

        To merge a node with two labels, ArcadeDB reads all nodes. Where a connection is lost while
        a batch is sent, nobody knows whether it was written: then what is missing of it is.
        """
        written = 0
        for start in range(0, len(rows), BATCH_ROWS):
            batch = rows[start : start + BATCH_ROWS]
            stored = {} if self._was_empty(table.target) else self._stored(table, batch)
            new = [row for place, row in enumerate(batch) if place not in stored]
            changed = [
                row
                for place, row in enumerate(batch)
                if place in stored and not _same(stored[place], _values(table, row))
            ]
            if new and not self._database.write_once(table.create_query(), rows=new):
                write_rows(self._database, table.write_query(), new)
            write_rows(self._database, table.update_query(), changed)
            written += len(new) + len(changed)
            task.advance(len(batch))
        return written

    def _create(self, table: Table, rows: list[dict[str, Any]], task: Task) -> int:
        """Write interactions that the graph does not have, without looking for each of them.

        To look reads all that a user has. Where a connection is lost while a batch is sent, nobody
        knows whether it was written: then it is looked for.
        """
        query = table.create_query()
        for start in range(0, len(rows), BATCH_ROWS):
            batch = rows[start : start + BATCH_ROWS]
            if not self._database.write_once(query, rows=batch):
                write_rows(self._database, table.write_query(), self._changed(table, batch))
            task.advance(len(batch))
        return len(rows)

    def _changed(self, table: Table, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows that the graph does not have, or has with other values."""
        stored = self._stored(table, rows)
        changed = [
            p
            for p, row in enumerate(rows)
            if p not in stored or not _same(stored[p], _values(table, row))
        ]
        if self._latest and is_dated(table):
            at = list(table.properties).index("at")
            kept = {place: found[at] for place, found in stored.items() if found[at] is not None}
            new = [p for p in changed if p not in kept or kept[p] <= rows[p][table.places[at]]]
            self.older += len(changed) - len(new)
            changed = new
        return [rows[place] for place in changed]

    def _stored(self, table: Table, rows: list[dict[str, Any]]) -> dict[int, list[Any]]:
        """Properties of those rows that the graph has, by the place of the row."""
        keys = list(table.keys)
        asked = [{"place": i, **{key: row[key] for key in keys}} for i, row in enumerate(rows)]
        found = self._read(table.target, asked, list(table.properties))
        stored = dict(found)
        if len(stored) == len(found) or not isinstance(table.target, LinkTarget):
            return stored
        several = Counter(place for place, _ in found)
        self._leave_latest(table.target, [row for row in asked if several[row["place"]] > 1])
        return dict(self._read(table.target, asked, list(table.properties)))

    def _read(
        self, target: Target, asked: list[dict[str, Any]], names: list[str]
    ) -> list[tuple[int, list[Any]]]:
        """Places and properties of all that the graph has of some rows."""
        found = self._database.read_rows(target.stored_query(), {"rows": asked, "names": names})
        return [(place, values) for place, values in found if values is not None]

    def _leave_latest(self, target: LinkTarget, asked: list[dict[str, Any]]) -> None:
        """Delete all but the latest event of each pair: they stem from when events repeated."""
        times: defaultdict[int, set[Any]] = defaultdict(set)
        for place, (at,) in self._read(target, asked, ["at"]):
            if at is not None:
                times[place].add(at)
        gone = [
            {"source": row["source"], "target": row["target"], "at": at}
            for row in asked
            for at in sorted(times[row["place"]])[:-1]
        ]
        write_rows(self._database, target.delete_query(), gone)

    def _was_empty(self, target: Target) -> bool:
        """Tell whether the graph had nothing like it before this ingest; asked before row one."""
        if isinstance(target, VectorTarget) or (isinstance(target, NodeTarget) and target.linked):
            return False  # its items were there first
        name = target.label if isinstance(target, NodeTarget) else target.type
        if name not in self._empty:
            rows = self._database.read(target.any_query())
            self._empty[name] = rows[0]["found"] == 0
        return self._empty[name]


def _values(table: Table, row: dict[str, Any]) -> list[Any]:
    """The properties of a row, in the order of the table."""
    return [row[name] for name in table.places]


def _same(stored: list[Any], values: list[Any]) -> bool:
    """Tell whether values are equal and of the same types: 1, 1.0 and true are three values."""
    return stored == values and _types(stored) == _types(values)


def _types(values: list[Any]) -> list[Any]:
    return [[*map(type, each)] if type(each) is list else type(each) for each in values]


def _is_interaction(target: Target) -> bool:
    """Tell whether rows are relationships from users to items; no two of them have one key."""
    return isinstance(target, LinkTarget) and (target.source, target.target) == ("user", "item")

"""Ledger of the files that were loaded: kept in the graph itself, one node a file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from linkspan import cypher
from linkspan.graph.connecting.connection import Database
from linkspan.ingest.mapping.model import Mapping
from linkspan.ingest.mapping.relation_tables import LinksTable, RelationsTable
from linkspan.ingest.mapping.tables import (
    EntitiesTable,
    FileTable,
    InteractionsTable,
    ItemsTable,
    VectorsTable,
)
from linkspan.ingest.readers.source import Source
from linkspan.ingest.shaping.statistics import statistics_groups

Stored = dict[str, dict[str, Any]]
_FORMAT = 3  # grows when the same file and mapping make another graph than before


@dataclass(frozen=True)
class Entry:
    """Record of a file that was loaded, to its end or up to some row.

    Attributes:
        sha256: Of the file.
        mapping: SHA-256 of what the mapping says of it.
        items: SHA-256 of all files of items and entities at that time, and of what the mapping says
            of them; where its entities may be items, of links files, too.
        rows: Rows in the file.
        rejected: Rows that are not taken.
        loaded: Rows up to which it was loaded, rejected ones counted.
    """

    sha256: str
    mapping: str
    items: str
    rows: int
    rejected: int
    loaded: int

    @property
    def whole(self) -> bool:
        """True where it was loaded to its end."""
        return self.loaded == self.rows


_FIELDS = tuple(field.name for field in fields(Entry))


def read_ledger(database: Database) -> Stored:
    """Read all entries of the graph: key to properties.

    Raises:
        DatabaseError: The query failed.
    """
    rows = database.read(cypher.load("read_ledger"))
    return {row["key"]: row["properties"] for row in rows}


def write_entries(database: Database, entries: list[dict[str, Any]]) -> None:
    """Note how far files are loaded, each as `Ledger.entry` says it.

    Raises:
        DatabaseError: The server failed.
    """
    for entry in entries:
        database.write(cypher.load("write_ledger"), **entry)


def strangers(stored: Stored, sources: list[Source]) -> dict[str, str]:
    """Files that were loaded and are not among the sources: key of the entry to name."""
    keys = {_key(source) for source in sources}
    return {key: properties["file"] for key, properties in stored.items() if key not in keys}


class Ledger:
    """Says which files need not be loaded again.

    Args:
        mapping: The mapping.
        sources: Its files.

    Raises:
        DataError: A file cannot be read.
    """

    def __init__(self, mapping: Mapping, sources: list[Source]) -> None:
        self._keys = [_key(source) for source in sources]
        self._sources, self._linked = sources, mapping.linked_kinds
        self._sha256 = [source.sha256() for source in sources]
        policies = mapping.ingest.model_dump_json(exclude={"max_rejects"})
        shared = mapping.users.model_dump_json(include={"shared", "pseudonymise"})
        kinds = ",".join(sorted({table.kind for table in mapping.entities}))
        self._groups = statistics_groups([source.spec for source in sources])
        self._mapping = [
            _sha256(
                _FORMAT,
                source.spec.model_dump_json(),
                shared,
                kinds,
                policies,
                *(self._sha256[other] for other in self.scaled_with(number)),
                *(sources[other].spec.model_dump_json() for other in self.scaled_with(number)),
            )
            for number, source in enumerate(sources)
        ]
        self._items = self._together(ItemsTable, EntitiesTable)
        self._items_and_links = self._together(ItemsTable, EntitiesTable, LinksTable)

    def known(self, database: Database) -> dict[int, Entry]:
        """Entries, by number, of the files of which any row was loaded as the files are now."""
        stored = {
            key: Entry(**{name: properties.get(name, 0) for name in _FIELDS})
            for key, properties in read_ledger(database).items()
        }
        found = {}
        for number, key in enumerate(self._keys):
            entry = stored.get(key)
            if (
                entry is not None
                and entry.sha256 == self._sha256[number]
                and entry.mapping == self._mapping[number]
                and (
                    entry.items == self._items_for(number)
                    or not self._depends_on_items(number, entry)
                )
            ):
                found[number] = entry
        return found

    def entry(self, number: int, rows: int, rejected: int, loaded: int) -> dict[str, Any]:
        """Note of how far a file is loaded, for `write_entries`; see `Entry` for the counts."""
        source = self._sources[number]
        return {
            "key": self._keys[number],
            "properties": {
                "file": source.name,
                "table": source.table,
                "sha256": self._sha256[number],
                "mapping": self._mapping[number],
                "items": self._items_for(number),
                "rows": rows,
                "rejected": rejected,
                "loaded": loaded,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        }

    def scaled_with(self, number: int) -> list[int]:
        """Numbers of the files whose values depend on each other's, if this one's do."""
        return self._groups.get(number, [])

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all files, and of what the mapping says of them."""
        return _sha256(*self._keys, *self._sha256, *self._mapping)

    def _together(self, *kinds: type[FileTable]) -> str:
        """SHA-256 of all files with tables of these kinds, and of what the mapping says of them."""
        return _sha256(
            *(
                part
                for number, source in enumerate(self._sources)
                if isinstance(source.spec, kinds)
                for part in (self._sha256[number], self._mapping[number])
            )
        )

    def _items_for(self, number: int) -> str:
        spec = self._sources[number].spec
        linked = isinstance(spec, RelationsTable) and self._is_linked(spec)
        return self._items_and_links if linked else self._items

    def _is_linked(self, spec: RelationsTable) -> bool:
        """Tell whether entities at its ends may be items."""
        return bool({spec.source.kind, spec.target.kind} & self._linked)

    def _depends_on_items(self, number: int, entry: Entry) -> bool:
        """Tell whether other files of items or entities could make other rows of this file."""
        spec = self._sources[number].spec
        if number in self._groups:
            return True  # as one row comes or goes, the mean of all moves
        if isinstance(spec, InteractionsTable | LinksTable | VectorsTable):
            return spec.domain is None or entry.rejected > 0
        if isinstance(spec, ItemsTable):  # an entity may have come that was not there
            return entry.rejected > 0
        if isinstance(spec, RelationsTable) and self._is_linked(spec):
            return True
        ends = spec.ends.values()
        looked_up = any(end.item and end.domain is None for end in ends)
        return looked_up or (bool(ends) and entry.rejected > 0)


def _key(source: Source) -> str:
    return f"{source.name} {source.table}"


def _sha256(*parts: object) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()

"""Removes from the graph what has gone from the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from linkspan import cypher
from linkspan.errors import DataError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.users.forgetting import read_forgotten
from linkspan.graph.writing.writer import write_rows
from linkspan.ingest.check import check, open_sources
from linkspan.ingest.ledger import Stored, read_ledger, strangers
from linkspan.ingest.load import pseudonyms_of
from linkspan.ingest.loader import held, ingest_lease
from linkspan.ingest.mapping.model import Mapping
from linkspan.ingest.shaping.codes import Codes, KeyCodes
from linkspan.ingest.shaping.forgotten import shape_known
from linkspan.ingest.shaping.targets import LinkTarget, NodeTarget, Table, Target
from linkspan.progress import SILENT, Progress

_DELETE_ROWS = 1_000  # nodes a transaction, each with all its relationships: it has to fit the heap


@dataclass(frozen=True)
class Gone:
    """Nodes of one label, or relationships of one type, that no file holds any more.

    Attributes:
        target: What they are.
        rows: Their keys, as the query that deletes them takes them.
        kept: How many others of the kind stay.
    """

    target: Target
    rows: list[dict[str, Any]]
    kept: int


@dataclass(frozen=True)
class Pruning:
    """Rows and files that would be removed.

    Attributes:
        gone: By label and type; relationships before nodes. Those of which all stay are left out.
        files: Names of files that were loaded once and that the mapping no longer names.
        ledger: What had been loaded when the graph was looked at.
    """

    gone: list[Gone]
    files: dict[str, str]
    ledger: Stored

    def as_dict(self) -> dict[str, Any]:
        """Counts, as JSON takes them."""
        counts: Counter[str] = Counter()
        for each in self.gone:  # one type may go between several pairs of labels
            counts[each.target.shown] += len(each.rows)
        return {"gone": dict(counts), "files": sorted(set(self.files.values()))}


def find_gone(database: Database, mapping: Mapping, progress: Progress = SILENT) -> Pruning:
    """Compare the graph with the files; nothing is written.

    The files are taken for the whole truth about every label and type of which they hold a row; a
    type of which they hold none is left alone, as an empty file is more often a failed export.

    Raises:
        ConfigError: A file or a column is missing.
        DataError: A row is wrong or rejected: what it should have said is not known, and might be
            what the graph holds.
    """
    sources = open_sources(mapping, pseudonyms_of(mapping))
    ledger = read_ledger(database)
    checked = check(mapping, sources, progress=progress, forgotten=read_forgotten(database))
    for number, found in checked.files.items():
        if lost := found.rejected - found.dropped:
            raise DataError(
                f"{lost:,} of its rows are rejected, so what is gone is not known",
                file=sources[number].path,
                hint="Mend or remove these rows, then prune",
            )
    kept: dict[Target, _Keys] = {}
    shared = mapping.users.shared
    for source in sources:
        with progress.task(f"Comparing {source.name}") as task:
            for batch in source.batches():
                shaped = shape_known(source.spec, batch, checked.catalogue, shared)
                for table in shaped.tables(checked.catalogue, shared):
                    kept.setdefault(_whole(table.target), _Keys()).add(table)
                task.advance(len(batch))
    gone = [_gone(database, target, keys) for target, keys in kept.items()]
    gone.sort(key=lambda each: isinstance(each.target, NodeTarget))
    return Pruning([each for each in gone if each.rows], strangers(ledger, sources), ledger)


def prune(database: Database, pruning: Pruning, progress: Progress = SILENT) -> None:
    """Delete what `find_gone` found, while no ingest writes: it is waited for, and waits.

    Raises:
        DataError: Files were loaded since then: what was gone may be back.
        DatabaseError: A batch failed; those before it stay deleted, and pruning again goes on.
    """
    with ingest_lease(database, "another prune") as lease:
        if read_ledger(database) != pruning.ledger:
            raise DataError(
                "files were loaded while the graph was compared with them; nothing was removed",
                hint="Prune again",
            )
        for gone in pruning.gone:
            with progress.task(f"Removing {gone.target.shown}", len(gone.rows)) as task:
                rows = held(gone.rows, lease)
                query = gone.target.delete_query()
                write_rows(database, query, rows, batch_size=_DELETE_ROWS, task=task)
        files = [{"key": key} for key in pruning.files]
        write_rows(database, cypher.load("delete_ledger"), files)


def _whole(target: Target) -> Target:
    """All that one query reads, which is compared at once.

    Items of all domains are, as a domain may have gone as a whole, and relationships of one type to
    entities of all kinds.
    """
    if isinstance(target, LinkTarget):
        source, end = (
            role if role in ("item", "user") else "*" for role in (target.source, target.target)
        )
        return replace(target, source=source, target=end)
    return NodeTarget("Item") if target.label == "Item" else target


class _Keys:
    """The keys of one target: 8 bytes a row, beside the keys of its nodes."""

    def __init__(self) -> None:
        self._nodes = KeyCodes()
        self._links: list[Codes] = []
        self._times: list[Codes] = []

    def add(self, table: Table) -> None:
        """Take in the rows of a table."""
        keys = list(table.keys.values())
        codes = self._nodes.add(keys[0])
        if isinstance(table.target, LinkTarget):
            self._links.append((codes << 32) | self._nodes.add(keys[1]))
            if table.target.repeat:
                self._times.append(keys[2].to_numpy())

    def has(self, rows: list[list[Any]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Tell of each row of keys whether it is among them."""
        columns = [pa.array(column) for column in zip(*rows, strict=True)]
        codes = self._nodes.find(columns[0].cast(pa.string()))
        if not self._links:
            return codes >= 0
        ends = self._nodes.find(columns[1].cast(pa.string()))
        wanted = np.where((codes < 0) | (ends < 0), -1, (codes << 32) | ends)
        if not self._times:
            places = np.searchsorted(self._sorted, wanted)
            found: np.ndarray[Any, np.dtype[np.bool_]] = self._sorted[places] == wanted
            return found
        times = columns[2].to_pylist()
        pairs = zip(wanted.tolist(), times, strict=True)
        return np.fromiter((pair in self._pairs for pair in pairs), bool, len(rows))

    @cached_property
    def _sorted(self) -> Codes:
        """The links in order, and an end; made once, as the graph is compared batch by batch."""
        return np.append(np.unique(np.concatenate(self._links)), np.iinfo(np.int64).max)

    @cached_property
    def _pairs(self) -> set[tuple[int, int]]:
        """Links with their times, likewise."""
        links, times = np.concatenate(self._links), np.concatenate(self._times)
        return set(zip(links.tolist(), times.tolist(), strict=True))


def _gone(database: Database, target: Target, keys: _Keys) -> Gone:
    """Find what the graph has of a target and the files have not."""
    names = ["key"] if isinstance(target, NodeTarget) else ["source", "target", "at"]
    repeat = isinstance(target, LinkTarget) and target.repeat
    rows, kept = [], 0
    for batch in database.read_batches(target.keys_query()):
        there = keys.has(batch)
        kept += int(there.sum())
        for row in _picked(batch, ~there):
            found = dict(zip(names, row, strict=True))
            rows.append(found if repeat or "at" not in found else {**found, "at": None})
    return Gone(target, rows, kept)


def _picked(
    rows: list[list[Any]], mask: np.ndarray[Any, np.dtype[np.bool_]]
) -> Iterator[list[Any]]:
    return (rows[place] for place in np.flatnonzero(mask).tolist())

"""Pieces that files become, ready to be sent; made while the piece before is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from linkspan.errors import DataError
from linkspan.ingest.check import Checked
from linkspan.ingest.readers.problems import Problem
from linkspan.ingest.readers.source import Batch, Source
from linkspan.ingest.shaping.duplicates import REJECT, SAME, WRITE, Clashes
from linkspan.ingest.shaping.forgotten import shape_known
from linkspan.ingest.shaping.shapes import Shaped
from linkspan.ingest.shaping.targets import Table
from linkspan.progress import Task


class Writer(Protocol):
    """A place where the tables of one ingest go: the graph, or files for its importer."""

    def new_nodes(self, table: Table) -> Table:
        """Those of the table's nodes that no earlier table had, as far as they may stand twice."""

    def ready(self, table: Table) -> Any:
        """The rows of a table as `write` takes them; made while the table before is written."""

    def write(self, table: Table, rows: Any, task: Task) -> int:
        """Write the rows of a table; returns how many were new or changed."""


@dataclass(frozen=True)
class TablePiece:
    """Rows for one target.

    Attributes:
        number: Number of the source they come from.
        table: The rows as columns.
        rows: The rows as the writer takes them; None where they were loaded before.
    """

    number: int
    table: Table
    rows: Any


@dataclass(frozen=True)
class BatchEnd:
    """All tables of a batch have come.

    Attributes:
        number: Number of the source.
        loaded: Rows of the file up to here, rejected ones too.
        read: Rows of the batch.
        same: Rows of which another row says the same, or that another row replaces.
        problems: Rows that are rejected, or whose user was forgotten.
    """

    number: int
    loaded: int
    read: int = 0
    same: int = 0
    problems: list[Problem] = field(default_factory=list)


Piece = TablePiece | BatchEnd


def pieces(
    sources: Mapping[int, Source],
    checked: Checked,
    writer: Writer,
    loaded: Mapping[int, int],
    *,
    shared_users: bool,
) -> Iterator[Piece]:
    """Read the files again, one after the other.

    Args:
        sources: The files to load by number; each ends with a `BatchEnd`, even an empty one.
        checked: What the checking pass found in them.
        writer: Knows which users and entities have come before.
        loaded: Rows that were loaded before, by number.
        shared_users: Whether one user id is one user in all domains.

    Raises:
        DataError: A file is not the one that was checked.
    """
    for number, source in sources.items():
        found, catalogue, done, bad = checked.files[number], checked.catalogue, 0, 0
        for batch in source.batches():
            shaped = shape_known(source.spec, batch, catalogue, shared_users)
            actions = found.actions[done : done + len(shaped)]
            done, bad = done + len(shaped), bad + len(shaped.problems)
            if done > found.good:
                break
            known = done + bad <= loaded.get(number, 0)
            clashes = found.clashes.of_lines(shaped.lines[actions == REJECT])
            kept = checked.statistics.apply(source.spec, shaped.filter(actions == WRITE))
            for table in kept.tables(catalogue, shared_users):
                new = writer.new_nodes(table)
                yield TablePiece(number, new, None if known else writer.ready(new))
            yield BatchEnd(
                number,
                loaded=done + bad,
                read=len(shaped) + len(shaped.problems),
                same=int(np.count_nonzero(actions == SAME)),
                problems=[*shaped.problems, *_problems(batch, clashes, checked, shaped)],
            )
        if (done, bad) != (found.good, found.bad):
            raise DataError(
                "the file changed while it was read",
                file=source.path,
                hint="Start again when nothing writes to it",
            )
        yield BatchEnd(number, loaded=found.rows)


def _problems(
    batch: Batch, clashes: Clashes, checked: Checked, shaped: Shaped
) -> Iterator[Problem]:
    """Problems of rows of a batch that are rejected as they say something else than another row."""
    for clash in clashes:
        row = int(np.searchsorted(batch.lines, clash.line))
        yield replace(checked.problem(clash, shaped.table.target), cells=batch.cells(row))

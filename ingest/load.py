"""Loads the files of a mapping into the graph."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from linkspan.errors import DataError
from linkspan.graph.connection import Database
from linkspan.graph.schema import prepare
from linkspan.ingest.ahead import ahead
from linkspan.ingest.check import Checked, CheckedFile, check, open_sources
from linkspan.ingest.duplicates import REJECT, SAME, WRITE
from linkspan.ingest.graph_writer import GraphWriter
from linkspan.ingest.ledger import Entry, Ledger
from linkspan.ingest.mapping import Mapping
from linkspan.ingest.problems import Problem
from linkspan.ingest.readers import Batch, Source
from linkspan.ingest.rejects import RejectsFile
from linkspan.ingest.report import IngestReport, Line
from linkspan.ingest.shapes import shape
from linkspan.ingest.tables import (
    EntitiesTable,
    InteractionsTable,
    ItemsTable,
    LinksTable,
    RelationsTable,
    UsersFile,
)
from linkspan.ingest.targets import LinkTarget, Table
from linkspan.progress import SILENT, Progress, Task


def ingest(
    database: Database,
    mapping: Mapping,
    *,
    dry_run: bool = False,
    force: bool = False,
    rejects: Path | None = None,
    progress: Progress = SILENT,
) -> IngestReport:
    """Load the files of a mapping: check all of them first, then write what is new or changed.

    Memory grows with the number of users, items and events (about 30 bytes an event), not with the
    size of the files. Killed at any moment and started again, it ends in the same graph.

    Args:
        database: The graph.
        mapping: What the files hold and become.
        dry_run: Check only; the database is not touched.
        force: Load files, too, that were loaded before and have not changed.
        rejects: Folder for the files of rejected rows; ``rejects`` beside the mapping without it.
        progress: Told of each file.

    Raises:
        ConfigError: A file or a column is missing.
        DataError: A row is wrong and may not be skipped; nothing was written.
        DatabaseError: A write failed; what was written before stays, and the next ingest goes on.
    """
    started = time.perf_counter()
    sources = open_sources(mapping)
    report = IngestReport(dry_run=dry_run)
    if dry_run:
        checked = check(mapping, sources, progress=progress)
        report.lines += [
            _checked(source, checked.files[number]) for number, source in enumerate(sources)
        ]
    else:
        ledger = Ledger(mapping, sources)
        unchanged = {} if force else ledger.unchanged(database)
        everything = len(unchanged) == len(sources)
        skip = {n for n in unchanged if everything or not _is_referred_to(sources[n])}
        checked = check(mapping, sources, skip=frozenset(skip), progress=progress)
        if not everything:
            prepare(database)
        folder = rejects or mapping.base / "rejects"
        loader = _Loader(mapping, checked, GraphWriter(database), report, folder, progress)
        for number, source in enumerate(sources):
            if number in unchanged:
                report.lines.append(_skipped(source, unchanged[number]))
                continue
            ledger.open(database, number)
            loader.load(number, source)
            found = checked.files[number]
            ledger.close(database, number, found.rows, found.rejected)
    report.seconds = time.perf_counter() - started
    return report


@dataclass
class _Loader:
    """Writes the files of one ingest after they were checked."""

    mapping: Mapping
    checked: Checked
    writer: GraphWriter
    report: IngestReport
    rejects: Path
    progress: Progress

    def load(self, number: int, source: Source) -> None:
        """Read a file again and write what its rows become.

        Raises:
            DataError: It is not the file that was checked.
        """
        main = self.report.line(source.name, _target(source))
        began = time.perf_counter()
        with (
            self.progress.task(f"Loading {source.name}", self.checked.files[number].good) as task,
            RejectsFile(self.rejects, source) as rejects,
        ):
            # The next rows are made ready while the server writes these.
            for prepared in ahead(self._prepared(number, source)):
                rejects.add(prepared.problems)
                main.read += prepared.read
                main.unchanged += prepared.same
                main.rejected += len(prepared.problems)
                for table, rows in prepared.tables:
                    line = self._write(table, rows, source, main, task)
                    line.seconds += time.perf_counter() - began
                    began = time.perf_counter()
        main.rejects = rejects.path if main.rejected else None

    def _prepared(self, number: int, source: Source) -> Iterator[_Prepared]:
        """All that a file becomes, batch by batch, ready to be sent."""
        found, catalogue, done, bad = self.checked.files[number], self.checked.catalogue, 0, 0
        shared = self.mapping.users.shared
        for batch in source.batches():
            shaped = shape(source.spec, batch, catalogue, shared)
            actions = found.actions[done : done + len(shaped)]
            done, bad = done + len(shaped), bad + len(shaped.problems)
            if done > found.good:
                break
            clashes = _clashes(batch, shaped.lines[actions == REJECT], found)
            tables = shaped.filter(actions == WRITE).tables(catalogue, shared)
            new = (self.writer.new_nodes(table) for table in tables)
            yield _Prepared(
                read=len(shaped) + len(shaped.problems),
                same=int(np.count_nonzero(actions == SAME)),
                problems=[*shaped.problems, *clashes],
                tables=[(table, table.sorted().rows()) for table in new],
            )
        if (done, bad) != (found.good, found.bad):
            raise DataError(
                "the file changed while it was read",
                file=source.path,
                hint="Start again when nothing writes to it",
            )

    def _write(
        self, table: Table, rows: list[dict[str, Any]], source: Source, main: Line, task: Task
    ) -> Line:
        """Write one table of a batch; returns its line of the report."""
        own = isinstance(source.spec, RelationsTable) and isinstance(table.target, LinkTarget)
        if own or table.target.shown == main.target:
            line, told = main, task
        else:
            line, told = self.report.line(source.name, table.target.shown), Task()
            line.read += len(rows)
        written = self.writer.write(table, rows, told)
        line.written += written
        line.unchanged += len(rows) - written
        return line


@dataclass(frozen=True)
class _Prepared:
    """What a batch of a file becomes.

    Attributes:
        read: Its rows.
        same: Rows of which another row says the same, or that another row replaces.
        problems: Rows that are rejected.
        tables: The tables in the order in which they are written, each with its sorted rows.
    """

    read: int
    same: int
    problems: list[Problem]
    tables: list[tuple[Table, list[dict[str, Any]]]]


def _clashes(batch: Batch, lines: npt.NDArray[np.int64], found: CheckedFile) -> Iterator[Problem]:
    """Why rows of a batch are rejected that say something else than another row."""
    for line in lines.tolist():
        row = int(np.searchsorted(batch.lines, line))
        yield replace(found.clashes[line], cells=batch.cells(row))


def _skipped(source: Source, entry: Entry) -> Line:
    """The line of a file that was loaded before."""
    return Line(
        source.name,
        _target(source),
        read=entry.rows,
        unchanged=entry.rows - entry.rejected,
        rejected=entry.rejected,
        skipped=True,
    )


def _is_referred_to(source: Source) -> bool:
    """Whether rows of other files may refer to its rows, so that it has to be read for its keys."""
    return isinstance(source.spec, ItemsTable | EntitiesTable | LinksTable | UsersFile)


def _target(source: Source) -> str:
    """What the rows of a file become, as the report names it."""
    spec = source.spec
    if isinstance(spec, RelationsTable):
        return spec.type.shown
    if isinstance(spec, InteractionsTable):
        return spec.type
    if isinstance(spec, EntitiesTable):
        return spec.kind
    return "User" if isinstance(spec, UsersFile) else "Item"


def _checked(source: Source, found: CheckedFile) -> Line:
    """The line of a file that was checked but is not loaded."""
    line = Line(source.name, _target(source), read=found.rows, rejected=found.rejected)
    line.written = int(np.count_nonzero(found.actions == WRITE))
    line.unchanged = found.good - line.written - len(found.clashes)
    return line

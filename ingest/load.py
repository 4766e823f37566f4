"""Loads the files of a mapping into the graph."""

from __future__ import annotations

import time

import numpy as np

from linkspan.errors import DataError
from linkspan.graph.connection import Database
from linkspan.graph.schema import prepare
from linkspan.ingest.check import Checked, check, open_sources
from linkspan.ingest.duplicates import SAME, WRITE, Actions
from linkspan.ingest.graph_writer import GraphWriter
from linkspan.ingest.ledger import Entry, Ledger
from linkspan.ingest.mapping import Mapping
from linkspan.ingest.readers import Source
from linkspan.ingest.report import IngestReport, Line
from linkspan.ingest.shapes import shape
from linkspan.ingest.tables import (
    EntitiesTable,
    InteractionsTable,
    ItemsTable,
    RelationsTable,
    UsersFile,
)
from linkspan.progress import SILENT, Progress, Task


def ingest(
    database: Database,
    mapping: Mapping,
    *,
    dry_run: bool = False,
    force: bool = False,
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
        progress: Told of each file.

    Raises:
        ConfigError: A file or a column is missing.
        DataError: A row is wrong; nothing was written.
        DatabaseError: A write failed; what was written before stays, and the next ingest goes on.
    """
    started = time.perf_counter()
    sources = open_sources(mapping)
    if dry_run:
        report = IngestReport(dry_run=True)
        checked = check(mapping, sources, progress=progress)
        for number, source in enumerate(sources):
            _report_check(report, source, checked, number)
    else:
        ledger = Ledger(mapping, sources)
        unchanged = {} if force else ledger.unchanged(database)
        report = _load(database, mapping, sources, ledger, unchanged, progress)
    report.seconds = time.perf_counter() - started
    return report


def _load(
    database: Database,
    mapping: Mapping,
    sources: list[Source],
    ledger: Ledger,
    unchanged: dict[int, Entry],
    progress: Progress,
) -> IngestReport:
    """Check and load all files but those that have not changed."""
    report = IngestReport()
    everything = len(unchanged) == len(sources)
    skip = {n for n in unchanged if everything or not _is_referred_to(sources[n])}
    checked = check(mapping, sources, skip=frozenset(skip), progress=progress)
    if not everything:
        prepare(database)
    writer = GraphWriter(database)
    for number, source in enumerate(sources):
        if number in unchanged:
            entry = unchanged[number]
            report.lines.append(
                Line(
                    source.name,
                    _target(source),
                    read=entry.rows,
                    unchanged=entry.rows - entry.rejected,
                    rejected=entry.rejected,
                    skipped=True,
                )
            )
            continue
        ledger.open(database, number)
        _write(source, mapping, checked, number, writer, report, progress)
        ledger.close(database, number, checked.rows[number], 0)
    return report


def _write(
    source: Source,
    mapping: Mapping,
    checked: Checked,
    number: int,
    writer: GraphWriter,
    report: IngestReport,
    progress: Progress,
) -> None:
    """Read a file again and write what its rows become."""
    catalogue, actions, done = checked.catalogue, checked.actions[number], 0
    main = report.line(source.name, _target(source))
    with progress.task(f"Loading {source.name}", checked.rows[number]) as task:
        for batch in source.batches():
            began = time.perf_counter()
            shaped = shape(source.spec, batch, catalogue, mapping.users.shared)
            action: Actions = actions[done : done + len(shaped)]
            done += len(shaped)
            if len(action) < len(shaped):
                break
            main.read += len(shaped)
            main.unchanged += int(np.count_nonzero(action == SAME))
            shaped = shaped.filter(action == WRITE)
            main.seconds += time.perf_counter() - began
            for table in shaped.tables(catalogue.listed_kinds, mapping.users.shared):
                began = time.perf_counter()
                rows = writer.new_nodes(table)
                if table.target.shown == main.target:
                    line, told = main, task
                else:
                    line, told = report.line(source.name, table.target.shown), Task()
                    line.read += len(rows)
                written = writer.write(rows, told)
                line.written += written
                line.unchanged += len(rows) - written
                line.seconds += time.perf_counter() - began
    if done != checked.rows[number]:
        raise DataError(
            "the file changed while it was read",
            file=source.path,
            hint="Start again when nothing writes to it",
        )


def _is_referred_to(source: Source) -> bool:
    """Whether rows of other files may refer to its rows, so that it has to be read for its keys."""
    return isinstance(source.spec, ItemsTable | EntitiesTable | UsersFile)


def _target(source: Source) -> str:
    """What the rows of a file become, as the report names it."""
    spec = source.spec
    if isinstance(spec, InteractionsTable | RelationsTable):
        return spec.type
    if isinstance(spec, EntitiesTable):
        return spec.kind
    return "Item" if isinstance(spec, ItemsTable) else "User"


def _report_check(report: IngestReport, source: Source, checked: Checked, number: int) -> None:
    """A line for a file that was checked but is not loaded."""
    line = report.line(source.name, _target(source))
    line.read = checked.rows[number]
    line.written = int(np.count_nonzero(checked.actions[number] == WRITE))
    line.unchanged = line.read - line.written

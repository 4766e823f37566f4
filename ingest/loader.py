"""Writes the files of one ingest: those that were not loaded before, under a lease."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

from linkspan import cypher
from linkspan.graph.bulk.unfinished import check_finished
from linkspan.graph.connecting.connection import Database
from linkspan.graph.users.forgetting import read_forgotten
from linkspan.graph.users.pseudonyms import Pseudonyms, check_graph
from linkspan.graph.writing.ahead import ahead
from linkspan.graph.writing.constraints import prepare
from linkspan.graph.writing.lease import Lease
from linkspan.graph.writing.writer import BATCH_ROWS
from linkspan.ingest.check import Checked, CheckedFile, check
from linkspan.ingest.graph_writer import GraphWriter
from linkspan.ingest.ledger import Entry, Ledger, write_entries
from linkspan.ingest.mapping.model import Mapping
from linkspan.ingest.mapping.relation_tables import IdentitiesTable, LinksTable, RelationsTable
from linkspan.ingest.mapping.tables import EntitiesTable, ItemsTable, UsersFile
from linkspan.ingest.pieces import Piece, TablePiece, Writer, pieces
from linkspan.ingest.readers.source import Source
from linkspan.ingest.rejects import RejectsFile
from linkspan.ingest.report import IngestReport, Line
from linkspan.ingest.shaping.targets import LinkTarget
from linkspan.ingest.shaping.twins import warn_of_twins
from linkspan.progress import Progress, Task

_log = logging.getLogger(__name__)

Row = TypeVar("Row")
LEASE_SECONDS = 10.0
"""Seconds that one who was killed keeps others waiting."""


def ingest_lease(database: Database, what: str) -> Lease:
    """The right to change what files become in the graph; others who would wait."""
    return Lease(database, what, LEASE_SECONDS, name="ingest", wait=True)


def held(rows: Iterable[Row], lease: Lease) -> Iterator[Row]:
    """Rows, or pieces, while the lease is ours.

    Raises:
        PublishError: It expired, and another took it.
    """
    for row in rows:
        lease.check()
        yield row


@dataclass(frozen=True)
class Plan:
    """Files to be written, and what they were found to hold.

    Attributes:
        known: Entries of the ledger, by the number of the file.
        rest: The files of which some is to be loaded, by number.
        checked: What is to be made of their rows.
    """

    known: dict[int, Entry]
    rest: dict[int, Source]
    checked: Checked


class Loader:
    """Writes the files of one ingest."""

    def __init__(
        self,
        database: Database,
        mapping: Mapping,
        sources: list[Source],
        pseudonyms: Pseudonyms | None,
        report: IngestReport,
        progress: Progress,
    ) -> None:
        self._database, self._mapping, self._sources = database, mapping, sources
        self._pseudonyms = pseudonyms
        self._report, self._progress = report, progress
        self._ledger = Ledger(mapping, sources)

    def load(self, *, force: bool, rejects: Path) -> None:
        """Check all files, then write what was not loaded before."""
        check_graph(self._database, self._pseudonyms)
        check_finished(self._database)
        plan = self._plan(force)
        if plan.rest:
            with ingest_lease(self._database, "another ingest") as lease:
                if self._known(force) != plan.known:  # others have loaded something meanwhile
                    plan = self._plan(force)
                self._tell(plan)
                self._write_files(plan, lease, force=force, rejects=rejects)
        else:
            self._tell(plan)
        self._sort_lines()

    def _sort_lines(self) -> None:
        order = {source.name: n for n, source in reversed([*enumerate(self._sources)])}
        self._report.lines.sort(key=lambda line: order[line.file])

    def _tell(self, plan: Plan) -> None:
        """Warn of odd ids, before their users are there, and report what was loaded before."""
        warn_of_twins(plan.checked.catalogue, list(plan.checked.odd_ids), self._known_users)
        self._report.lines += [
            _skipped(self._sources[number], entry)
            for number, entry in plan.known.items()
            if entry.whole
        ]

    def _known(self, force: bool) -> dict[int, Entry]:
        return {} if force else self._ledger.known(self._database)

    def _plan(self, force: bool) -> Plan:
        """Check all files that are to be read."""
        known = self._known(force)
        whole = {number for number, entry in known.items() if entry.whole}
        rest = {n: source for n, source in enumerate(self._sources) if n not in whole}
        scaled = {other for number in rest for other in self._ledger.scaled_with(number)}
        skip = {n for n in whole - scaled if not (rest and _is_referred_to(self._sources[n]))}
        checked = check(
            self._mapping,
            self._sources,
            skip=frozenset(skip),
            progress=self._progress,
            forgotten=read_forgotten(self._database),
        )
        return Plan(known, rest, checked)

    def _write_files(self, plan: Plan, lease: Lease, *, force: bool, rejects: Path) -> None:
        """Write all files that were not loaded before."""
        latest = self._mapping.ingest.duplicates == "update" and not force
        writer = GraphWriter(self._database, latest=latest)
        prepare(self._database)
        self._note_key()
        self._write_pieces(plan, lease, writer, rejects)
        if writer.older:
            _log.warning(
                "%s event(s) are older than what the graph has of the same user and item, which "
                "stays; with '--force' the files' take its place",
                f"{writer.older:,}",
            )

    def _write_pieces(self, plan: Plan, lease: Lease, writer: Writer, rejects: Path) -> None:
        """Hand the rows of all files to a writer."""
        loaded = {number: entry.loaded for number, entry in plan.known.items()}
        shared = self._mapping.users.shared
        # The next piece is made ready while the server writes this one.
        made = ahead(pieces(plan.rest, plan.checked, writer, loaded, shared_users=shared))
        for number, of_file in groupby(made, key=attrgetter("number")):
            found, before = plan.checked.files[number], loaded.get(number, 0)
            self._load_file(number, held(of_file, lease), writer, found, before, rejects)

    def _note(self, number: int, found: CheckedFile, loaded: int) -> None:
        """Note in the ledger how far a file is loaded."""
        entry = self._ledger.entry(number, found.rows, found.rejected, loaded)
        write_entries(self._database, [entry])

    def _known_users(self, keys: list[str]) -> set[str]:
        """Those of some users' keys that the graph has."""
        query = cypher.load("known_keys", {"Item": "User"})
        parts = [keys[start : start + BATCH_ROWS] for start in range(0, len(keys), BATCH_ROWS)]
        return {row["key"] for part in parts for row in self._database.read(query, keys=part)}

    def _note_key(self) -> None:
        """Keep the check value of the key to pseudonyms in the graph."""
        if self._pseudonyms is not None:
            query, shared = cypher.load("write_user_key"), self._mapping.users.shared
            self._database.write(query, check=self._pseudonyms.check, shared=shared)

    def _load_file(
        self,
        number: int,
        of_file: Iterator[Piece],
        writer: Writer,
        found: CheckedFile,
        loaded: int,
        rejects: Path,
    ) -> None:
        """Write the pieces of one file, and note in the ledger how far it got."""
        source = self._sources[number]
        main = self._report.line(source.name, target_of(source))
        self._note(number, found, loaded)
        began = time.perf_counter()
        with (
            self._progress.task(f"Loading {source.name}", found.good) as task,
            RejectsFile(rejects, source) as rejected,
        ):
            for piece in of_file:
                if isinstance(piece, TablePiece):
                    line = self._write(piece, writer, source, main, task)
                else:
                    line = main
                    rejected.add(piece.problems)
                    main.read += piece.read
                    main.unchanged += piece.same
                    passed = sum(problem.kind == "forgotten" for problem in piece.problems)
                    main.forgotten += passed
                    main.rejected += len(piece.problems) - passed
                    if piece.loaded > loaded:
                        loaded = piece.loaded
                        self._note(number, found, loaded)
                line.seconds += time.perf_counter() - began
                began = time.perf_counter()
        main.rejects = rejected.path if main.rejected else None

    def _write(
        self, piece: TablePiece, writer: Writer, source: Source, main: Line, task: Task
    ) -> Line:
        """Write one table of a batch; returns its line of the report."""
        count, target = len(piece.table), piece.table.target
        own = isinstance(source.spec, RelationsTable) and isinstance(target, LinkTarget)
        if own or target.shown == main.target:
            line, told = main, task
        else:
            line, told = self._report.line(source.name, target.shown), Task()
            line.read += count
        written = 0
        if piece.rows is None:
            told.advance(count)
        else:
            written = writer.write(piece.table, piece.rows, told)
        line.written += written
        line.unchanged += count - written
        return line


def _skipped(source: Source, entry: Entry) -> Line:
    """The line of a file that was loaded before."""
    return Line(
        source.name,
        target_of(source),
        read=entry.rows,
        unchanged=entry.rows - entry.rejected,
        rejected=entry.rejected,
        skipped=True,
    )


def _is_referred_to(source: Source) -> bool:
    """Tell whether rows of other files may refer to its rows, or go on from them: read it then."""
    return isinstance(
        source.spec, ItemsTable | EntitiesTable | LinksTable | UsersFile | IdentitiesTable
    )


def target_of(source: Source) -> str:
    """Label or type that the rows of a file become, as the report names it."""
    return source.spec.becomes

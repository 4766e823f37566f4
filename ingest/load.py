"""Loads the files of a mapping into the graph."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from linkspan.errors import ConfigError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.users.pseudonyms import VARIABLE, Pseudonyms
from linkspan.ingest.bulk.load import Bulk, BulkLoader
from linkspan.ingest.check import CheckedFile, check, open_sources
from linkspan.ingest.loader import Loader, target_of
from linkspan.ingest.mapping.model import Mapping
from linkspan.ingest.readers.source import Source
from linkspan.ingest.report import IngestReport, Line
from linkspan.ingest.shaping.duplicates import WRITE
from linkspan.ingest.shaping.twins import warn_of_twins
from linkspan.progress import SILENT, Progress


def ingest(
    database: Database,
    mapping: Mapping,
    *,
    dry_run: bool = False,
    force: bool = False,
    bulk: Bulk | None = None,
    rejects: Path | None = None,
    progress: Progress = SILENT,
) -> IngestReport:
    """Load the files of a mapping: check all of them first, then write what is new or changed.

    Memory grows with the number of users, items and events (about 30 bytes an event), not with the
    size of the files. Killed at any moment and started again, it ends in the same graph. Of several
    at once one writes; the others wait for it to end, those after a kill for up to `LEASE_SECONDS`.

    Args:
        database: The graph.
        mapping: What the files hold and become.
        dry_run: Check only; the database is not touched.
        force: Load files, too, that were loaded before and have not changed, and let their events
            take the place of later ones in the graph.
        bulk: Load into an empty database past its transactions; the report says what is to be done
            before the rows are there. The next ingest, bulk or not, finds nothing to change.
        rejects: Folder for the files of rejected rows; ``rejects`` beside the mapping without it.
        progress: Told of each file.

    Raises:
        ConfigError: A file or a column is missing, or the key to users' pseudonyms is missing or
            another than before; or the database is not empty and a bulk load is asked for.
        DataError: A row is wrong and may not be skipped; nothing was written.
        DatabaseError: A write failed; what was written before stays, and the next ingest goes on.
    """
    started = time.perf_counter()
    pseudonyms = pseudonyms_of(mapping)
    sources = open_sources(mapping, pseudonyms)
    report = IngestReport(dry_run=dry_run)
    if dry_run:
        checked = check(mapping, sources, progress=progress)
        warn_of_twins(checked.catalogue, list(checked.odd_ids))
        report.lines += [
            _checked(source, checked.files[number]) for number, source in enumerate(sources)
        ]
    else:
        rejects = rejects or mapping.base / "rejects"
        given = (database, mapping, sources, pseudonyms, report, progress)
        if bulk is None:
            Loader(*given).load(force=force, rejects=rejects)
        else:
            BulkLoader(*given).load_in_bulk(bulk, rejects=rejects)
    report.seconds = time.perf_counter() - started
    return report


def pseudonyms_of(mapping: Mapping) -> Pseudonyms | None:
    """Pseudonyms that take the place of users' ids, where the mapping says so.

    Raises:
        ConfigError: Its key is not in the environment.
    """
    if not mapping.users.pseudonymise:
        return None
    pseudonyms = Pseudonyms.from_environment()
    if pseudonyms is None:
        raise ConfigError(
            f"[users] says 'pseudonymise = true', and {VARIABLE} is not set",
            hint="Put the secret key there, 16 bytes or more",
        )
    return pseudonyms


def _checked(source: Source, found: CheckedFile) -> Line:
    """The line of a file that was checked but is not loaded."""
    line = Line(source.name, target_of(source), read=found.rows, rejected=found.rejected)
    line.written = int(np.count_nonzero(found.actions == WRITE))
    line.unchanged = found.good - line.written - len(found.clashes)
    return line

"""Loads the files of a mapping into an empty database, past its transactions."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa

from linkspan import cypher
from linkspan.errors import ConfigError, DatabaseError
from linkspan.graph.bulk import arcadedb_batch, neo4j_admin, unfinished
from linkspan.graph.bulk.arcadedb_files import ArcadeFiles
from linkspan.graph.bulk.files import BulkFiles
from linkspan.graph.bulk.neo4j_files import Neo4jFiles
from linkspan.graph.writing.constraints import prepare
from linkspan.graph.writing.lease import Lease
from linkspan.ingest.bulk.writer import BulkWriter
from linkspan.ingest.check import CheckedFile
from linkspan.ingest.ledger import write_entries
from linkspan.ingest.loader import Loader, ingest_lease
from linkspan.ingest.mapping.relation_tables import LinksTable
from linkspan.ingest.mapping.tables import VectorsTable

_log = logging.getLogger(__name__)

_MANIFEST = "manifest.json"
_LATER = (LinksTable, VectorsTable)  # they say more of items that are there


@dataclass(frozen=True)
class Bulk:
    """Places that a bulk load uses.

    Attributes:
        folder: Where its files are written; nothing else may be in it. For Neo4j they stay there
            until the load is finished.
        home: Home of the Neo4j behind the connection, on this machine, which is stopped for the
            import and started again; None: the command is reported, to be run by hand.
    """

    folder: Path
    home: Path | None = None


class BulkLoader(Loader):
    """Writes the files of one ingest into an empty database.

    What adds to items that are there, vectors and the entities that they are, is loaded after that
    in the ordinary way.
    """

    def load_in_bulk(self, bulk: Bulk, *, rejects: Path) -> None:
        """Load as far as can be; the report says what is to be done before the rest.

        Raises:
            ConfigError: The database is not empty, or a folder cannot be used.
            DatabaseError: The engine's importer failed: nothing of it is taken for loaded.
        """
        self._bulk = bulk
        self._entries: dict[int, dict[str, Any]] = {}
        self._is_bulk = True
        if self._database.capabilities.engine == "Neo4j":
            self._load_neo4j(rejects)
        else:
            self._load_arcadedb(rejects)
        loaded = {line.file for line in self._report.lines}
        self._is_bulk = False
        if self._report.next_step is None:
            self.load(force=False, rejects=rejects)
        lines = self._report.lines
        lines[:] = [line for line in lines if not (line.skipped and line.file in loaded)]
        self._sort_lines()

    def _load_arcadedb(self, rejects: Path) -> None:
        """Write the files and send them to the server."""
        with ingest_lease(self._database, "another ingest") as lease:
            if unfinished.read_token(self._database) is not None:
                _log.warning("a bulk load was broken off; what there is of it is taken away")
                arcadedb_batch.clear(self._database)
            if not self._is_to_load():
                return
            with _part_of(self._bulk.folder) as part:
                prepare(self._database)
                files = ArcadeFiles(
                    part,
                    lambda labels: arcadedb_batch.vertex_type(self._database, labels),
                    lambda name: arcadedb_batch.edge_type(self._database, name),
                )
                self._write_bulk(files, lease, rejects)
                unfinished.begin(self._database, uuid4().hex)
                self._note_key()
                with self._progress.task("Loading in bulk", files.records) as task:
                    arcadedb_batch.send(self._database, files, task)
                self._finish(list(self._entries.values()))

    def _load_neo4j(self, rejects: Path) -> None:
        """Write the files and have them imported; or finish what was imported since."""
        folder, home = self._bulk.folder, self._bulk.home
        if home is not None:
            neo4j_admin.check_home(home, self._database)
        with ingest_lease(self._database, "another ingest") as lease:
            if self._finish_imported() or not self._write_once(lease, rejects):
                return
        # No lease from here on: the database that it is in is about to be replaced.
        if home is not None:
            neo4j_admin.import_files(folder, self._database, home)
            with ingest_lease(self._database, "another ingest"):
                self._finish_imported()
            return
        self._report.next_step = (
            "The files for Neo4j's importer are written. Now stop the server and run, where it "
            "is (copy the folder there if need be):\n\n"
            f"{self._command}\n\n"
            "Then start the server, and run 'linkspan ingest --bulk' again: it checks what was "
            "imported and makes the indexes. What anyone writes into the database before the "
            "import is lost."
        )

    def _write_once(self, lease: Lease, rejects: Path) -> bool:
        """Write the importer's files, unless they lie there; returns whether there is need."""
        if not self._is_to_load():
            return False
        stored = self._manifest()
        if stored is not None and stored["fingerprint"] == self._ledger.fingerprint:
            return True
        token, folder = uuid4().hex, self._bulk.folder
        with _part_of(folder) as part:
            files = Neo4jFiles(part)
            files.add_nodes((unfinished.LABEL,), {"token": pa.array([token])})
            if self._pseudonyms is not None:
                check, shared = [self._pseudonyms.check], [self._mapping.users.shared]
                files.add_nodes(
                    ("UserKey",), {"check": pa.array(check), "shared": pa.array(shared)}
                )
            self._write_bulk(files, lease, rejects, numbered=files.labels.total())
            manifest = {
                "token": token,
                "fingerprint": self._ledger.fingerprint,
                "entries": list(self._entries.values()),
                "labels": files.labels,
                "types": files.types,
            }
            (part / _MANIFEST).write_text(json.dumps(manifest, indent=1), "utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            part.rename(folder)
        return True

    def _is_to_load(self) -> bool:
        """Tell whether a file is not loaded; see that nothing else is, either.

        Raises:
            ConfigError: The database is not empty.
        """
        known = self._known(False)
        if len(known) == len(self._sources) and all(entry.whole for entry in known.values()):
            return False
        unfinished.check_empty(self._database)
        return True

    def _write_bulk(self, files: BulkFiles, lease: Lease, rejects: Path, numbered: int = 0) -> None:
        """Check all files of the mapping and write those of the bulk load."""
        plan = self._plan(False)
        self._tell(plan)
        rest = {n: source for n, source in plan.rest.items() if not isinstance(source.spec, _LATER)}
        writer = BulkWriter(files, self._mapping, numbered)
        self._write_pieces(replace(plan, rest=rest), lease, writer, rejects)
        writer.close()

    def _note(self, number: int, found: CheckedFile, loaded: int) -> None:
        """Keep for the end what the ledger will say of files of the bulk load."""
        if self._is_bulk:
            self._entries[number] = self._ledger.entry(number, found.rows, found.rejected, loaded)
        else:
            super()._note(number, found, loaded)

    @property
    def _command(self) -> str:
        """The command that has Neo4j import the files."""
        return neo4j_admin.command(self._bulk.folder, self._database.database, self._bulk.home)

    def _manifest(self) -> dict[str, Any] | None:
        """Contents of the importer's files; None where there are none, or not all of them."""
        try:
            found: dict[str, Any] = json.loads((self._bulk.folder / _MANIFEST).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return found

    def _finish_imported(self) -> bool:
        """Finish what Neo4j's importer has imported; returns whether there was anything.

        Raises:
            DatabaseError: It is not the whole of these files.
        """
        token, stored = unfinished.read_token(self._database), self._manifest()
        if token is None:
            return False
        if stored is None or stored["token"] != token:
            raise DatabaseError(
                f"the database holds an import of other files than those in {self._bulk.folder}",
                hint="Import these: " + self._command
                if stored
                else "Finish it where they were written, or empty the database and begin anew",
            )
        for query, name, counts in (
            ("inspect_label", "Item", stored["labels"]),
            ("inspect_type", "SAVED", stored["types"]),
        ):
            for what, wanted in counts.items():
                found = self._database.read(cypher.load(query, {name: what}))[0]["count"]
                if found != wanted:
                    raise DatabaseError(
                        f"the import is not whole: {found:,} of {wanted:,} {what}",
                        hint=f"Stop the server, run it again ({self._command}), and start the "
                        "server",
                    )
        prepare(self._database)
        self._finish(stored["entries"])
        shutil.rmtree(self._bulk.folder, ignore_errors=True)
        return True

    def _finish(self, entries: list[dict[str, Any]]) -> None:
        """Write the ledger, then say that the load is finished."""
        write_entries(self._database, entries)
        unfinished.end(self._database)


@contextmanager
def _part_of(folder: Path) -> Iterator[Path]:
    """An empty folder beside another, which goes in the end unless it takes its place.

    Raises:
        ConfigError: It cannot be made, or not written into.
    """
    part = folder.with_name(f"{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
    except OSError as error:
        raise ConfigError(
            f"the files of a bulk load cannot be written into {part}: {error.strerror or error}",
            hint="Make room there, or work in a folder that you may write into; nothing was loaded",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)

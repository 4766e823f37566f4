"""Takes the lists of earlier runs out of the graph."""

from __future__ import annotations

from collections.abc import Callable

from linkspan import cypher
from linkspan.cypher import Names
from linkspan.errors import DatabaseError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.writing.writer import write_rows
from linkspan.progress import SILENT, Progress

_LISTS = 200
_AT_ONCE = 50_000
"""Relationships that one SQL command deletes: each command reads the type from its beginning."""


def clear_lists(
    database: Database,
    names: Names | None,
    keep: list[str],
    check: Callable[[], None] = lambda: None,
    progress: Progress = SILENT,
) -> None:
    """Remove the lists of all runs but those kept; nobody reads them then.

    ArcadeDB deletes a type's relationships at less than half the cost by its own SQL; where its own
    API does not answer, by Cypher as on Neo4j.

    Args:
        database: The graph.
        names: Of an adopted graph.
        keep: Ids of the runs whose lists stay.
        check: Called before each batch; raises where the right to do this was lost.
        progress: Told of each batch.

    Raises:
        DatabaseError: The server failed; call again to go on.
    """
    if not database.capabilities.vector_index_in_cypher:
        try:
            return _clear_in_sql(database, keep, check, progress)
        except DatabaseError:
            pass
    for stale, delete in (("stale_users", "delete_recommended"), ("stale_items", "delete_similar")):
        check()
        keys = [row["key"] for row in database.read(cypher.load(stale, None, names), keep=keep)]
        query = cypher.load(delete, None, names)
        with progress.task("Removing old lists", len(keys), "lists") as task:
            keys.sort()
            for start in range(0, len(keys), _LISTS):
                check()
                batch = keys[start : start + _LISTS]
                write_rows(database, query, batch, task=task, keep=keep)
    return None


def _clear_in_sql(
    database: Database, keep: list[str], check: Callable[[], None], progress: Progress
) -> None:
    kept = ", ".join("'" + run.replace("\\", "\\\\").replace("'", "\\'") + "'" for run in keep)
    with progress.task("Removing old lists", None, "relationships") as task:
        for kind in ("RECOMMENDED", "SIMILAR"):
            known = database.sql(f"SELECT FROM schema:types WHERE name = '{kind}'")
            gone = -1 if known else 0
            while gone:
                check()
                command = f"DELETE FROM {kind} WHERE run NOT IN [{kept}] LIMIT {_AT_ONCE}"
                gone = int(database.sql(command)[0]["count"])
                task.advance(gone)

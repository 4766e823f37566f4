"""Writes new lists for some users, beside those of the run that all others go on reading."""

from __future__ import annotations

from linkspan import cypher
from linkspan.errors import PublishError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.lists import ListSource, check_lists, list_rows, pieces
from linkspan.graph.publishing.publish import Publisher, RunRecord, noting_failure
from linkspan.graph.publishing.undoing import IN_FORCE
from linkspan.graph.writing.lease import Lease
from linkspan.progress import SILENT, Progress


def publish_refresh(
    database: Database, run: RunRecord, base: str, lists: ListSource, progress: Progress = SILENT
) -> int:
    """Write lists as a run of its own and let its users read them, whole.

    Killed before its end, it leaves lists that the next publish removes; start another one then.
    Users who were switched by then read the new lists.

    Args:
        database: The graph.
        run: The refresh.
        base: Id of the run that it refreshes, the active one.
        lists: Of the users concerned, as for `linkspan.graph.publishing.publish.publish`.
        progress: Told of each batch.

    Returns:
        How many relationships were written.

    Raises:
        PublishError: The lists are refused, the base is no longer active, or another publishes.
        DatabaseError: The server failed.
    """
    counts = check_lists(lists)
    with Lease(database, f"refresh of run {base}") as lease, noting_failure(run.id, lease):
        about = {"run": run.id, "publisher": lease.token}
        begin = cypher.load("begin_refresh")
        if not database.write_read(begin, **about, base=base, properties=run.properties()):
            raise PublishError(
                f"run {base} is no longer the active one",
                hint="Refresh again, from the run that is",
            )
        publisher = Publisher(database, run, lease, progress)
        written = publisher.write("publish_recommended", list_rows(lists), 0, counts.rows)
        publisher.check_written(written, counts.rows)
        users = [key for piece in pieces(lists, "user") for key in piece["user"].unique()]
        publisher.switch(users)
        database.write(cypher.load("end_refresh"), **about, state=IN_FORCE)
    return written

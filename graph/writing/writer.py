"""Batched writes: rows through ``UNWIND $rows``, one managed transaction a batch."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from neo4j.exceptions import ConstraintError, IncompleteCommit

from linkspan.errors import DatabaseError
from linkspan.graph.connecting.connection import Counters, Database
from linkspan.progress import Task

BATCH_ROWS = 5_000
"""Rows a transaction; measured: both servers gain nothing above, and stay responsive below."""


def write_rows(
    database: Database,
    query: str,
    rows: Iterable[Any],
    *,
    batch_size: int = BATCH_ROWS,
    task: Task | None = None,
    **parameters: Any,
) -> Counters:
    """Send rows to a query in batches.

    Args:
        database: Where to write.
        query: Begins with ``UNWIND $rows AS row``, and gives the same graph when it is sent
            twice: a batch is sent again after a lost connection, or where another made its keys.
        rows: Rows in the order in which they should be written; sorted rows lock in one order.
        batch_size: Rows a transaction.
        task: Told of every batch written.
        parameters: Further parameters, the same for every batch.

    Returns:
        What was changed, over all batches.

    Raises:
        DatabaseError: A batch failed; those before it stay written.
    """
    total = Counters()
    remaining = iter(rows)
    while batch := list(islice(remaining, batch_size)):
        total += _sent(database, query, batch, parameters)
        if task is not None:
            task.advance(len(batch))
    return total


def _sent(database: Database, query: str, batch: list[Any], parameters: dict[str, Any]) -> Counters:
    try:
        return database.write(query, rows=batch, **parameters)
    except DatabaseError as error:
        # The driver does not try these again, as it cannot know what the query does. Of two who
        # merge one key at once ArcadeDB refuses one; the next time it finds the node.
        if not isinstance(error.__cause__, IncompleteCommit | ConstraintError):
            raise
    return database.write(query, rows=batch, **parameters)

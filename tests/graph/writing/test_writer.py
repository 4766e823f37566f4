"""Batches that are sent again."""

from __future__ import annotations

from typing import Any

import pytest
from neo4j.exceptions import ConstraintError, IncompleteCommit, ServiceUnavailable

from linkspan.errors import DatabaseError
from linkspan.graph.connecting.connection import Counters
from linkspan.graph.writing.writer import write_rows


class Dying:
    """A database whose connection is lost at the second write."""

    def __init__(self, lost: Exception) -> None:
        self._lost, self.sent = lost, list[list[int]]()

    def write(self, query: str, rows: list[int], **parameters: Any) -> Counters:
        self.sent.append(rows)
        if len(self.sent) == 2:
            raise DatabaseError("no graph database answers") from self._lost
        return Counters(nodes_created=len(rows))


@pytest.mark.parametrize(
    "lost",
    [
        IncompleteCommit("Failed to read from defunct connection"),
        ConstraintError("Duplicated key [k] found on index 'User[key]'"),
    ],
    ids=["not confirmed", "another made the key"],
)
def test_a_batch_is_sent_again(lost: Exception) -> None:
    """The driver does not: it cannot know that the same graph comes of it."""
    database = Dying(lost)
    total = write_rows(database, "", range(5), batch_size=2)  # type: ignore[arg-type]
    assert database.sent == [[0, 1], [2, 3], [2, 3], [4]]
    assert total.nodes_created == 5


def test_a_server_that_stays_away_is_told() -> None:
    database = Dying(ServiceUnavailable("nobody is there"))
    with pytest.raises(DatabaseError):
        write_rows(database, "", range(5), batch_size=2)  # type: ignore[arg-type]

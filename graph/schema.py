"""Constraints and indexes that Linkspan needs; made once, checked cheaply after that."""

from __future__ import annotations

from linkspan import cypher
from linkspan.graph.connection import Database

_UNIQUE = {"User": "key", "Item": "key", "Entity": "key", "Run": "id"}


def prepare(database: Database) -> None:
    """Make the unique constraints on the keys, each with its index, unless they are there.

    Raises:
        DatabaseError: The server refused, as it does where two nodes already share a key.
    """
    for label, key in _UNIQUE.items():
        database.run(
            f"CREATE CONSTRAINT linkspan_{label.lower()}_{key} IF NOT EXISTS "
            f"FOR (n:{cypher.quote(label)}) REQUIRE n.{key} IS UNIQUE"
        )

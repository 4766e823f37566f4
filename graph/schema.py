"""Constraints and indexes that Linkspan needs; made once, checked cheaply after that."""

from __future__ import annotations

from linkspan import cypher
from linkspan.graph.connection import Database

_UNIQUE = {"User": "key", "Item": "key", "Entity": "key", "Run": "id"}


def prepare(database: Database) -> None:
    """Make the constraints on the keys and the index on domains, unless they are there.

    Raises:
        DatabaseError: The server refused, as it does where two nodes already share a key.
    """
    for label, key in _UNIQUE.items():
        database.run(
            f"CREATE CONSTRAINT linkspan_{label.lower()}_{key} IF NOT EXISTS "
            f"FOR (n:{cypher.quote(label)}) REQUIRE n.{key} IS UNIQUE"
        )
    database.run("CREATE INDEX linkspan_item_domain IF NOT EXISTS FOR (n:Item) ON (n.domain)")

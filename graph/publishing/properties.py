"""Reads what the rules of a publish look at: properties of items, and those of their users.

The graph is read as it is when lists are made, not the snapshot: what is sold out today was in
stock when the model was trained.
"""

from __future__ import annotations

from typing import Any

from linkspan import cypher
from linkspan.cypher import Names
from linkspan.errors import ConfigError
from linkspan.graph.connecting.connection import Database


def read_properties(
    database: Database, role: str, properties: list[str], names: Names | None
) -> dict[str, list[Any]]:
    """Properties of all users, or items.

    Args:
        database: The graph.
        role: ``user`` or ``item``.
        properties: Their names.
        names: Of an adopted graph.

    Returns:
        Key to a value for each of ``properties``, None where it is absent.

    Raises:
        ConfigError: None of them has one of the properties.
        DatabaseError: The query failed.
    """
    query = cypher.load(f"properties_of_{role}s", None, names)
    rows = {row["key"]: row["found"] for row in database.read(query, properties=properties)}
    for place, name in enumerate(properties):
        if rows and all(values[place] is None for values in rows.values()):
            raise ConfigError(
                f"no {role} has a property '{name}'", hint="Look at the rules in [publish]"
            )
    return rows

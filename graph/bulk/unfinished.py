"""The node that says of a database that a bulk load into it is not finished."""

from __future__ import annotations

from linkspan import cypher
from linkspan.errors import ConfigError, DatabaseError
from linkspan.graph.connecting.connection import Database

LABEL = "BulkLoad"
"""Label of that node; its ``token`` tells one bulk load from another."""


def read_token(database: Database) -> str | None:
    """Read the token of the bulk load that is not finished; None where there is none.

    Raises:
        DatabaseError: The query failed.
    """
    rows = database.read(cypher.load("read_bulk_load"))
    return rows[0]["token"] if rows else None


def begin(database: Database, token: str) -> None:
    """Note that a bulk load begins.

    Raises:
        DatabaseError: The server failed.
    """
    database.write(cypher.load("begin_bulk_load"), token=token)


def end(database: Database) -> None:
    """Note that the bulk load is finished.

    Raises:
        DatabaseError: The server failed.
    """
    database.write(cypher.load("end_bulk_load"))


def check_finished(database: Database) -> None:
    """Refuse a database that holds a bulk load which is not finished.

    Raises:
        DatabaseError: It does.
    """
    if read_token(database) is not None:
        raise DatabaseError(
            f"a bulk load into this database ({database.uri}) is not finished",
            hint="Run 'linkspan ingest --bulk' again, which finishes it or begins anew",
        )


def check_empty(database: Database) -> None:
    """Refuse a database that holds anything but leases.

    Raises:
        ConfigError: It does.
    """
    rows = database.read(cypher.load("any_content"))
    if rows:
        what = ":".join(rows[0]["labels"]) or "nodes without a label"
        raise ConfigError(
            f"a bulk load fills an empty database, and this one ({database.uri}) has {what}",
            hint="Leave '--bulk' out to add to what is there, or give an empty database "
            "([database] uri or name)",
        )

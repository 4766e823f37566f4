"""The public way in for applications."""

from __future__ import annotations

import os

from linkspan.graph.client import Client
from linkspan.graph.connection import open_database
from linkspan.graph.pseudonyms import Pseudonyms


def connect(
    uri: str | None = None,
    user: str | None = None,
    password: str | None = None,
    database: str | None = None,
) -> Client:
    """Connect to a graph that recommendations were published into.

    Args:
        uri: ``neo4j://``, ``bolt://`` or ``neo4j+s://`` with host and port, or ``embedded:DIR``;
            default: ``NEO4J_URI``, else ``embedded:.linkspan/db``.
        user: Login name; default ``NEO4J_USERNAME``.
        password: Its password; default ``NEO4J_PASSWORD``.
        database: Name of the database; default ``NEO4J_DATABASE``.

    Returns:
        A client, to be closed or used in a ``with`` statement.

    Raises:
        ConfigError: The address cannot be used, there is no database, or ``LINKSPAN_USER_KEY``,
            which is needed to give users by their ids where they have pseudonyms, is too short.
        DatabaseError: The embedded server did not start.
    """
    return Client(
        open_database(
            uri or os.environ.get("NEO4J_URI", "embedded:.linkspan/db"),
            user or os.environ.get("NEO4J_USERNAME"),
            password or os.environ.get("NEO4J_PASSWORD"),
            database or os.environ.get("NEO4J_DATABASE"),
            create=False,
        ),
        Pseudonyms.from_environment(),
    )

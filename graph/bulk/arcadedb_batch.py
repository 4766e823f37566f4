"""ArcadeDB's batch endpoint: its own graph importer, in the server's process."""

from __future__ import annotations

import time
from collections.abc import Iterator

from linkspan import cypher
from linkspan.errors import DatabaseError
from linkspan.graph.bulk.arcadedb_files import ArcadeFiles
from linkspan.graph.bulk.unfinished import LABEL
from linkspan.graph.connecting.connection import Database
from linkspan.progress import Task

_LINGERING_SECONDS = 2.0


def vertex_type(database: Database, labels: tuple[str, ...]) -> str:
    """The server's type of nodes with some labels, made as its own Cypher makes it.

    Raises:
        DatabaseError: The server refused.
    """
    pattern = ":".join(map(cypher.quote, labels))
    database.write(f"CREATE (n:{pattern} {{key: ''}}) DELETE n")
    if len(labels) == 1:
        return labels[0]
    for row in database.sql("SELECT name, parentTypes FROM schema:types"):
        if set(row["parentTypes"] or ()) == set(labels):
            return str(row["name"])
    raise DatabaseError(f"ArcadeDB has no type for nodes labelled {':'.join(labels)}")


def edge_type(database: Database, name: str) -> None:
    """Make the server's type of relationships of a type.

    Raises:
        DatabaseError: The server refused.
    """
    database.sql(f"CREATE EDGE TYPE `{name}` IF NOT EXISTS")


def send(database: Database, files: ArcadeFiles, task: Task) -> None:
    """Send all that was written; what is there by then stays there if it fails.

    Raises:
        DatabaseError: The server refused it, is gone, or took less than was sent.
    """

    def parts() -> Iterator[bytes]:
        for part in files.parts():
            yield part
            task.advance(part.count(b"\n"))

    taken = database.send_records(parts(), files.size, files.records)
    found = {name: taken.get(f"{name}Created") for name in ("vertices", "edges")}
    wanted = {"vertices": files.labels.total(), "edges": files.types.total()}
    if found != wanted:
        raise DatabaseError(f"ArcadeDB made {found}, and {wanted} were sent")


def clear(database: Database) -> None:
    """Take all away but leases: what there is of a load that was broken off.

    Its nodes and relationships may not agree with each other, so they are not looked at.

    Raises:
        DatabaseError: The server refused.
    """
    rows = database.sql("SELECT name, type, parentTypes FROM schema:types")
    # Relationships first, then types of several labels; last what says that it was broken off.
    rows.sort(key=lambda row: (row["name"] == LABEL, row["type"] != "edge", not row["parentTypes"]))
    for row in rows:
        if row["name"] != "Lease":
            database.sql(f"DROP TYPE `{row['name']}` IF EXISTS UNSAFE")
    # The server may still be at a request whose sender is gone: without its types it ends.
    time.sleep(_LINGERING_SECONDS)

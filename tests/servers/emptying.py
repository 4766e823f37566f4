"""Emptying of a test database, without the product's own code."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection
from urllib.request import Request, urlopen

from neo4j import GraphDatabase, Session

from servers.running import RunningServer

DATABASE = "neo4j"
_BATCH = 10_000  # nodes or relationships in one transaction: it has to fit the heap


def empty(server: RunningServer, keep: Collection[str] = ()) -> None:
    """Leave no node, relationship, constraint or index in the server's database.

    Args:
        server: The server.
        keep: Names of constraints and indexes that may stay where it is Neo4j, which forgets the
            plans of all queries at every change of a schema.
    """
    if server.engine == "arcadedb":
        # It deletes some thousand relationships a second; a database is made anew in 0.1 s.
        _tell_arcadedb(server, f"drop database {DATABASE}")
        _tell_arcadedb(server, f"create database {DATABASE}")
        return
    login = (server.user, server.password)
    with (
        GraphDatabase.driver(server.uri, auth=login, notifications_min_severity="OFF") as driver,
        driver.session(database=DATABASE) as session,
    ):
        _delete(session, "()-[n]->()")  # a popular item has more than one transaction takes
        _delete(session, "(n)")
        _drop_schema(session, keep)


def _tell_arcadedb(server: RunningServer, command: str) -> None:
    """Send a command to ArcadeDB's own API."""
    login = base64.b64encode(f"{server.user}:{server.password}".encode()).decode()
    request = Request(
        f"{server.http_url}api/v1/server",
        data=json.dumps({"command": command}).encode(),
        headers={"Authorization": f"Basic {login}", "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=60) as answer:
        answer.read()


def _delete(session: Session, pattern: str) -> None:
    """Delete all that a pattern matches."""
    delete = f"MATCH {pattern} WITH n LIMIT {_BATCH} DELETE n RETURN count(*) AS deleted"
    while session.run(delete).single(strict=True)["deleted"]:
        pass


def _drop_schema(session: Session, keep: Collection[str]) -> None:
    """Drop all other constraints and indexes, except the two that every Neo4j database has."""
    for name in {*session.run("SHOW CONSTRAINTS YIELD name").value()}.difference(keep):
        session.run(f"DROP CONSTRAINT `{name}` IF EXISTS").consume()
    indexes = "SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name"
    for name in {*session.run(indexes).value()}.difference(keep):
        session.run(f"DROP INDEX `{name}` IF EXISTS").consume()

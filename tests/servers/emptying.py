"""How a test database is emptied, without the product's own code."""

from __future__ import annotations

import base64
import json
from urllib.request import Request, urlopen

from neo4j import GraphDatabase, Session

from servers.running import RunningServer

DATABASE = "neo4j"
_BATCH = 1_000  # nodes in one transaction, with all their relationships: it has to fit the heap


def empty(server: RunningServer) -> None:
    """Leave no node, relationship, constraint or index in the server's database."""
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
        _delete_nodes(session)
        _drop_schema(session)


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


def _delete_nodes(session: Session) -> None:
    """Delete all nodes with their relationships."""
    delete = f"MATCH (n) WITH n LIMIT {_BATCH} DETACH DELETE n RETURN count(*) AS deleted"
    while session.run(delete).single(strict=True)["deleted"]:
        pass


def _drop_schema(session: Session) -> None:
    """Drop all constraints and indexes, except the two that every Neo4j database has."""
    for name in session.run("SHOW CONSTRAINTS YIELD name").value():
        session.run(f"DROP CONSTRAINT `{name}` IF EXISTS").consume()
    indexes = "SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name"
    for name in session.run(indexes).value():
        session.run(f"DROP INDEX `{name}` IF EXISTS").consume()

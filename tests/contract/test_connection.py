"""What a person sees when the server cannot be used, and what the two servers are."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from time import perf_counter

import pytest
from neo4j.exceptions import TransientError

from linkspan.errors import ConfigError, DatabaseError
from linkspan.graph.connecting.async_connection import AsyncDatabase
from linkspan.graph.connecting.connection import Database, open_database
from linkspan.graph.writing.constraints import prepare
from servers import RunningServer


def test_capabilities_name_the_engine(db: Database, server: RunningServer) -> None:
    can = db.capabilities
    assert can.engine.lower() == server.engine
    assert can.version[0].isdigit() and can.bolt.startswith("5.")
    assert can.vector_index_in_cypher is (can.engine == "Neo4j")


def test_a_wrong_password_is_one_clear_line(server: RunningServer) -> None:
    with (
        Database(server.uri, server.user, "wrong-password") as database,
        pytest.raises(DatabaseError, match=r"refused the login of user .* Check NEO4J_USERNAME"),
    ):
        database.read("RETURN 1 AS one")


def test_a_missing_database_is_one_clear_line(server: RunningServer) -> None:
    with (
        Database(server.uri, server.user, server.password, "nowhere") as database,
        pytest.raises(DatabaseError, match="nowhere"),
    ):
        database.read("RETURN 1 AS one")


@pytest.fixture(params=["bolt", "neo4j"])
def nowhere(request: pytest.FixtureRequest) -> str:
    """An address at which nobody answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"{request.param}://127.0.0.1:{probe.getsockname()[1]}"


def test_a_missing_server_is_told_at_once(nowhere: str) -> None:
    started = perf_counter()
    with (
        Database(nowhere, "neo4j", "password") as database,
        pytest.raises(DatabaseError, match=f"no graph database answers at {nowhere}"),
    ):
        database.read("RETURN 1 AS one")
    assert perf_counter() - started < 10  # and not the 30 s for which a query is tried again


def test_a_missing_server_is_told_at_once_without_waiting(nowhere: str) -> None:
    async def read() -> None:
        database = AsyncDatabase(nowhere, "neo4j", "password")
        try:
            await database.read("RETURN 1 AS one")
        finally:
            await database.close()

    started = perf_counter()
    with pytest.raises(DatabaseError, match=f"no graph database answers at {nowhere}"):
        asyncio.run(read())
    assert perf_counter() - started < 10


def test_the_command_line_says_one_line_of_it(nowhere: str) -> None:
    environment = {**os.environ, "NEO4J_URI": nowhere, "NEO4J_PASSWORD": "password"}
    command = [sys.executable, "-m", "linkspan.cli", "recommend", "1"]
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 4
    assert ended.stderr.startswith("error: no graph database answers at ")
    assert ended.stderr.count("\n") == 1, ended.stderr


@pytest.mark.parametrize("uri", ["http://localhost:7474", "localhost:7687", "bolt://", "nonsense"])
def test_another_form_of_address_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError, match="is not the address of a graph database"):
        open_database(uri, "neo4j", "password")


def test_a_server_needs_a_password() -> None:
    with pytest.raises(ConfigError, match="Set NEO4J_PASSWORD"):
        open_database("bolt://127.0.0.1:7687", "neo4j")


def test_the_schema_is_made_once_and_guards_the_keys(db: Database) -> None:
    prepare(db)
    prepare(db)
    db.write("CREATE (:Item:Comics {key: 'comics/1', domain: 'comics'})")
    with pytest.raises(DatabaseError):
        db.write("CREATE (:Item:Fantasy {key: 'comics/1', domain: 'fantasy'})")
    names = {row["name"] for row in db.run("SHOW CONSTRAINTS")}
    assert names >= {"linkspan_user_key", "linkspan_item_key", "linkspan_entity_key"}


def test_a_deadlock_is_tried_again(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    lost, once = iter(range(3)), Database._run_once

    def run(self: Database, query: str, parameters: dict[str, object]) -> list[dict[str, object]]:
        if next(lost, None) is not None:
            raise TransientError("deadlock detected")
        return once(self, query, parameters)

    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(Database, "_run_once", run)
    assert db.run("RETURN 1 AS one") == [{"one": 1}]
    lost = iter(range(9))  # for ever
    with pytest.raises(DatabaseError, match="a query failed"):
        db.run("RETURN 1 AS one")

"""The one door to a graph database: the official driver, with clear errors."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC
from functools import cached_property
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import neo4j
import neo4j.time
import pandas as pd
from neo4j.exceptions import DriverError, Neo4jError, TransientError

from linkspan.graph.connecting import arcadedb
from linkspan.graph.connecting.capabilities import Capabilities
from linkspan.graph.connecting.driving import (
    DEFAULT,
    UNUSABLE,
    Options,
    as_dicts,
    check_address,
    driver_errors,
    find_login,
    reading,
    unusable,
)
from linkspan.graph.connecting.embedded import EmbeddedServer

_FETCH_ROWS = 10_000


@dataclass
class Counters:
    """Counts of what a write changed, as the server counted it."""

    nodes_created: int = 0
    nodes_deleted: int = 0
    relationships_created: int = 0
    relationships_deleted: int = 0
    properties_set: int = 0

    def __iadd__(self, other: Counters) -> Self:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
        return self


def open_database(
    uri: str,
    user: str | None = None,
    password: str | None = None,
    database: str | None = None,
    *,
    create: bool = True,
    options: Options = DEFAULT,
    http_url: str | None = None,
) -> Database:
    """Connect to a server, or start or join the embedded one.

    Args:
        uri: ``embedded:DIR``, or the address of a server.
        user: Login name; the embedded server has its own.
        password: Its password, likewise.
        database: Name of the database, likewise.
        create: Whether to make the embedded database where there is none.
        options: How patient the connection is, and how wide.
        http_url: Where a server that is ArcadeDB serves its own API; see `Database`.

    Raises:
        ConfigError: The address has another form, there is no password for a server, or there is no
            embedded database and none should be made.
        DatabaseError: The embedded server did not start.
    """
    login = find_login(uri, user, password, database, create=create)
    return Database(**vars(login), options=options, http_url=http_url)


class Database:
    """A connection to one database on one server; a context manager.

    Args:
        uri: ``neo4j://``, ``bolt://`` or their ``+s`` and ``+ssc`` forms.
        user: Login name.
        password: Its password.
        database: Name of the database.
        embedded: The embedded server behind the address, left when the connection is closed.
        options: How patient it is, and how wide.
        http_url: Where ArcadeDB serves its own API; by default on its usual port of the same host.

    Raises:
        ConfigError: The address has another form.
    """

    def __init__(
        self,
        uri: str,
        user: str,
        password: str,
        database: str = "neo4j",
        *,
        embedded: EmbeddedServer | None = None,
        options: Options = DEFAULT,
        http_url: str | None = None,
    ) -> None:
        self.uri, self.user, self.database, self.embedded = uri, user, database, embedded
        self.options = options
        check_address(uri)
        self._password, self._reached = password, False
        own = embedded.http_url if embedded else f"http://{urlsplit(uri).hostname}:{arcadedb.PORT}/"
        self.http_url = http_url or own
        self._driver = self._open_driver()

    def _open_driver(self) -> neo4j.Driver:
        try:
            return neo4j.GraphDatabase.driver(
                self.uri, auth=(self.user, self._password), **self.options.of_driver()
            )
        except UNUSABLE as error:
            raise unusable(self.uri, error) from error

    def reopen(self) -> None:
        """Connect anew, after the database was replaced by another.

        The driver remembers how far the old one had come, and would wait for the new one to come as
        far.
        """
        self._driver.close()
        self._driver, self._reached = self._open_driver(), False

    @cached_property
    def capabilities(self) -> Capabilities:
        """Capabilities of the server; asked for once.

        Raises:
            DatabaseError: The server cannot be reached or refuses the login.
        """
        with self._errors():
            info = self._driver.get_server_info()
        return Capabilities.of_agent(info.agent, info.protocol_version)

    def read(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a reading query in a managed transaction.

        Returns:
            One dict a row, by column name.

        Raises:
            ConfigError: A parameter is nothing that a graph can hold.
            DatabaseError: The query failed, or the server is gone.
        """
        with self._errors():
            records, _, _ = self._driver.execute_query(
                self.options.timed(query),
                parameters,
                routing_=neo4j.RoutingControl.READ,
                database_=self.database,
            )
        return as_dicts(records)

    def read_once(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """As `read`, but not tried again when the connection is lost.

        Raises:
            ConfigError: A parameter is nothing that a graph can hold.
            DatabaseError: The query failed, or the server is gone.
        """
        with (
            self._errors(),
            self._driver.session(**reading(self.database)) as session,
        ):
            return as_dicts(session.run(self.options.timed(query), parameters))

    def read_rows(self, query: str, parameters: dict[str, Any]) -> list[list[Any]]:
        """Run a reading query; its rows as lists in column order, the cheapest form.

        Raises:
            DatabaseError: The query failed, or the server is gone.
        """

        def work(transaction: neo4j.ManagedTransaction) -> list[list[Any]]:
            return transaction.run(query, parameters).values()

        with (
            self._errors(),
            self._driver.session(database=self.database, fetch_size=_FETCH_ROWS) as session,
        ):
            return session.execute_read(work)

    def read_batches(self, query: str, **parameters: Any) -> Iterator[list[list[Any]]]:
        """Run a reading query and give its rows as they come: memory does not grow with them.

        A lost connection is not tried again: rows may have been used already.

        Raises:
            DatabaseError: The query failed, or the server is gone.
        """
        with (
            self._errors(),
            self._driver.session(**reading(self.database), fetch_size=_FETCH_ROWS) as session,
        ):
            result = session.run(query, parameters)
            while records := result.fetch(_FETCH_ROWS):
                yield [record.values() for record in records]

    def read_frame(self, query: str, columns: list[str], **parameters: Any) -> pd.DataFrame:
        """Run a reading query that returns many rows.

        Args:
            query: Returns as many columns as ``columns`` names.
            columns: Names of the columns in the frame.
            parameters: Query parameters.

        Returns:
            A frame of objects; the caller sets the dtypes.
        """
        rows = self.read_rows(query, parameters)
        values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
        return pd.DataFrame(dict(zip(columns, values, strict=True)), dtype=object)

    def write(self, query: str, **parameters: Any) -> Counters:
        """Run a writing query in one managed transaction, tried again when the server says so.

        Raises:
            DatabaseError: The query failed, or the server is gone.
        """

        def work(transaction: neo4j.ManagedTransaction) -> neo4j.ResultSummary:
            return transaction.run(query, parameters).consume()

        with self._errors(), self._driver.session(database=self.database) as session:
            counters = session.execute_write(work).counters
        return Counters(
            nodes_created=counters.nodes_created,
            nodes_deleted=counters.nodes_deleted,
            relationships_created=counters.relationships_created,
            relationships_deleted=counters.relationships_deleted,
            properties_set=counters.properties_set,
        )

    def write_read(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a writing query as `write` does; returns one dict a row.

        Raises:
            DatabaseError: The query failed, or the server is gone.
        """

        def work(transaction: neo4j.ManagedTransaction) -> list[dict[str, Any]]:
            return transaction.run(query, parameters).data()

        with self._errors(), self._driver.session(database=self.database) as session:
            return session.execute_write(work)

    def write_once(self, query: str, **parameters: Any) -> bool:
        """Run a writing query in one transaction, which is not tried again.

        Returns:
            Whether it was done. If not, the connection was lost, or the server said that it may be
            tried again; whether anything was written has to be looked up.

        Raises:
            DatabaseError: The query failed.
        """
        with self._errors():
            try:
                with (
                    self._driver.session(database=self.database) as session,
                    session.begin_transaction() as transaction,
                ):
                    transaction.run(query, parameters).consume()
                    transaction.commit()
            except (Neo4jError, DriverError) as error:
                if error.is_retryable():
                    return False
                raise
        return True

    def run(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a query in an auto-commit transaction: schema statements, a write that returns rows.

        One that the server gave up for another's sake, as in a deadlock, wrote nothing: it is tried
        again. (The driver does so by itself only where it manages the transaction.)

        Raises:
            DatabaseError: The query failed, or the server is gone.
        """
        with self._errors():
            for wait in (0.1, 0.2, 0.5, 1.0, 2.0):
                try:
                    return self._run_once(query, parameters)
                except TransientError as error:
                    if not error.is_retryable():
                        raise
                    time.sleep(wait * (1 + random.random()))
            return self._run_once(query, parameters)

    def _run_once(self, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        with self._driver.session(database=self.database) as session:
            return session.run(query, parameters).data()

    def create_vector_index(self, name: str, label: str, key: str, size: int) -> None:
        """Make a vector index for cosines, unless there is one of this name.

        Args:
            name: Its name, a plain word.
            label: Label of the nodes.
            key: Property that holds the vector, a plain word.
            size: Width of the vectors.

        Raises:
            DatabaseError: The server refused; or it is ArcadeDB, whose Cypher does not make such an
                index, and its own API does not answer.
        """
        for statement in self.capabilities.vector_index(name, label, key, size):
            if self.capabilities.vector_index_in_cypher:
                self.run(statement)
            else:
                self.sql(statement)

    def declare_vectors(self, label: str, key: str) -> None:
        """Say that a property will hold vectors, so that they take fewer bytes.

        Args:
            label: Label of the nodes.
            key: The property, a plain word.

        Raises:
            DatabaseError: As for `create_vector_index`.
        """
        for statement in self.capabilities.vector_property(label, key):
            self.sql(statement)

    def sql(self, command: str) -> list[dict[str, Any]]:
        """Run a command of ArcadeDB's own language.

        Raises:
            DatabaseError: Its API does not answer, or the server refused.
        """
        login = self.user, self._password
        return arcadedb.run_sql(self.http_url, *login, self.database, command)

    def send_records(self, parts: Iterator[bytes], size: int, records: int) -> dict[str, Any]:
        """Send records to ArcadeDB's batch endpoint; see `arcadedb.send_records`.

        Raises:
            DatabaseError: Its API does not answer, or the server refused.
        """
        login = self.user, self._password
        return arcadedb.send_records(self.http_url, login, self.database, parts, size, records)

    def close(self) -> None:
        """Close all connections. May be called twice."""
        self._driver.close()
        if self.embedded is not None:
            self.embedded.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _errors(self) -> AbstractContextManager[None]:
        """Our errors; the first is told at once, as no query is tried again before one answered."""
        named = self.uri, self.user, self.database, self.embedded
        if not self._reached:
            with driver_errors(*named), self._driver.session(**reading(self.database)) as session:
                session.run("RETURN 1").consume()
            self._reached = True
        return driver_errors(*named)


def milliseconds(value: Any) -> Any:
    """A point in time or a day as milliseconds UTC; anything else as it is."""
    if isinstance(value, neo4j.time.Date):
        value = neo4j.time.DateTime(value.year, value.month, value.day)
    if not isinstance(value, neo4j.time.DateTime):
        return value
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return round(value.to_native().timestamp() * 1000)

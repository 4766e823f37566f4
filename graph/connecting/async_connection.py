"""The door to a graph database for programs that do not wait: the driver's asynchronous form.

It only reads. What writes does so by the other form, in a thread (`AsyncDatabase.blocking`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any

import neo4j

from linkspan.graph.connecting.connection import Database
from linkspan.graph.connecting.driving import (
    DEFAULT,
    UNUSABLE,
    Options,
    as_dicts,
    check_address,
    driver_errors,
    reading,
    timed_out,
    unusable,
)
from linkspan.graph.connecting.embedded import EmbeddedServer


class AsyncDatabase:
    """A connection to one database on one server, for one event loop.

    Args:
        uri: ``neo4j://``, ``bolt://`` or their ``+s`` and ``+ssc`` forms.
        user: Login name.
        password: Its password.
        database: Name of the database.
        embedded: The embedded server behind the address, left when the connection is closed.
        options: How patient it is, and how wide.

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
    ) -> None:
        self.uri, self.user, self.database, self.embedded = uri, user, database, embedded
        self.options, self._password, self._reached = options, password, False
        check_address(uri)
        try:
            self._driver = neo4j.AsyncGraphDatabase.driver(
                uri, auth=(user, password), **options.of_driver()
            )
        except UNUSABLE as error:
            raise unusable(uri, error) from error

    @cached_property
    def blocking(self) -> Database:
        """A connection of the other form to the same database, for a thread; closed with this."""
        login = (self.uri, self.user, self._password, self.database)
        return Database(*login, options=self.options)

    async def read(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a reading query in a managed transaction.

        Returns:
            One dict a row, by column name.

        Raises:
            ConfigError: A parameter is nothing that a graph can hold.
            DatabaseError: The query failed or took too long, or the server is gone.
        """
        async with self._limits():
            records, _, _ = await self._driver.execute_query(
                self.options.timed(query),
                parameters,
                routing_=neo4j.RoutingControl.READ,
                database_=self.database,
            )
        return as_dicts(records)

    async def read_once(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """As `read`, but not tried again when the connection is lost.

        Raises:
            ConfigError: A parameter is nothing that a graph can hold.
            DatabaseError: The query failed or took too long, or the server is gone.
        """
        async with (
            self._limits(),
            self._driver.session(**reading(self.database)) as session,
        ):
            result = await session.run(self.options.timed(query), parameters)
            return as_dicts([record async for record in result])

    async def close(self) -> None:
        """Close all connections. May be called twice."""
        await self._driver.close()
        if "blocking" in vars(self):
            await asyncio.to_thread(self.blocking.close)
        if self.embedded is not None:
            self.embedded.leave()

    @asynccontextmanager
    async def _limits(self) -> AsyncIterator[None]:
        """Our errors, and an end to waiting where the server does not end a query itself."""
        limit = self.options.query_timeout
        with driver_errors(self.uri, self.user, self.database, self.embedded):
            try:
                async with asyncio.timeout(limit and limit + self.options.timeout):
                    if not self._reached:  # as in the other form
                        async with self._driver.session(**reading(self.database)) as session:
                            await (await session.run("RETURN 1")).consume()
                        self._reached = True
                    yield
            except TimeoutError as error:
                raise timed_out() from error

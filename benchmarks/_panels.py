"""Questions of a panel of the page to the graph, kept, and asked again by the bare driver.

A panel asks one question after the other, or some at once: those that it does not ask in its own
task (`asyncio.gather`). The bare driver asks the same texts with the same parameters, in the same
order and as many at once, in sessions of the same options, and makes nothing of the rows.
"""

from __future__ import annotations

import asyncio
import gzip
import http
import http.client
import json
from collections.abc import Awaitable
from itertools import groupby
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import neo4j

from linkspan.graph.connecting.async_connection import AsyncDatabase
from linkspan.graph.connecting.driving import Options

OPTIONS = Options(timeout=5.0, query_timeout=30.0)
"""Those of `linkspan explore`."""

Reads = list[tuple[str, dict[str, Any]]]
"""Cypher and parameters, one after the other."""
Steps = list[list[Reads]]
"""Questions at once, step by step."""


class _Kept(NamedTuple):
    task: asyncio.Task[Any] | None
    query: str
    parameters: dict[str, Any]


class KeepingDatabase(AsyncDatabase):
    """A connection that keeps what is read through it."""

    def __init__(self, *login: Any, **options: Any) -> None:
        super().__init__(*login, **options)
        self._kept: list[_Kept] = []

    async def read(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """As the connection does."""
        self._kept.append(_Kept(asyncio.current_task(), query, parameters))
        return await super().read(query, **parameters)

    async def steps_of(self, asking: Awaitable[Any]) -> Steps:
        """Questions that are asked until an answer is there."""
        self._kept, steps = [], Steps()
        await asking
        own = asyncio.current_task()
        for alone, part in groupby(self._kept, key=lambda each: each.task is own):
            chains: dict[Any, Reads] = {}
            for place, each in enumerate(part):
                chain = chains.setdefault(place if alone else each.task, [])
                chain.append((each.query, each.parameters))
            steps += [[chain] for chain in chains.values()] if alone else [[*chains.values()]]
        return steps


async def ask_bare(driver: neo4j.AsyncDriver, steps: Steps) -> None:
    """Ask by the driver alone."""

    async def read(reads: Reads) -> None:
        for query, parameters in reads:
            await driver.execute_query(
                OPTIONS.timed(query),
                parameters,
                routing_=neo4j.RoutingControl.READ,
                database_="neo4j",
            )

    for chains in steps:
        await asyncio.gather(*map(read, chains))


class HttpClient:
    """A connection that stays open, as a browser's does."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc)

    def ask(self, path: str, values: dict[str, Any], body: Any = None) -> bytes:
        """The answer under ``/api/``."""
        method, sent = ("GET", None) if body is None else ("POST", json.dumps(body))
        address = f"/api/{path}?{urlencode(values)}"
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
        self._connection.request(method, address, sent, headers)
        answer = self._connection.getresponse()
        found = answer.read()
        assert answer.status == http.HTTPStatus.OK, f"{address}: {found[:300]!r}"
        return gzip.decompress(found) if answer.headers["Content-Encoding"] else found

    def connect(self) -> None:
        """Connect anew, as the server leaves who was silent for some seconds."""
        self._connection.close()
        self.ask("signed-in", {})

    def seconds(self, path: str, values: dict[str, Any], body: Any = None) -> float:
        """Time that an answer takes."""
        began = perf_counter()
        self.ask(path, values, body)
        return perf_counter() - began

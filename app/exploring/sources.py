"""What the page asks: the graph, opened at the first question, and the active run's model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import Request

from linkspan.graph.asking.async_client import AsyncClient
from linkspan.graph.asking.results import Run
from linkspan.graph.connecting.connection import Database
from linkspan.settings import Settings
from linkspan.workspace import Workspace

if TYPE_CHECKING:
    from linkspan.exploring.supposing import Supposing


class Sources:
    """The graph and the model behind a page; both are opened when they are first needed.

    So a page can say that no database answers, and later find one that does.

    Args:
        settings: Whose workspace and database are meant.
        connect: Makes the client.
        write: Whether feedback may be written.
    """

    def __init__(
        self, settings: Settings, connect: Callable[[], AsyncClient], *, write: bool = False
    ) -> None:
        self.settings, self.write = settings, write
        self.workspace = Workspace(settings.folder)
        self._connect = connect
        self._client: AsyncClient | None = None
        self._opening, self._loading, self.mapping = (asyncio.Lock() for _ in range(3))
        self._model: tuple[str, Supposing] | None = None

    async def client(self) -> AsyncClient:
        """The client, which all requests share.

        Raises:
            ConfigError: There is no database.
        """
        async with self._opening:
            if self._client is None:  # an embedded server takes its seconds to start
                self._client = await asyncio.to_thread(self._connect)
            return self._client

    async def active(self) -> Run | None:
        """The active run as the graph has it; None before the first."""
        runs = await (await self.client()).runs()
        return next((run for run in runs if run.state == "active"), None)

    async def supposing(self) -> Supposing:
        """The model of the active run; loaded again when another run has become active.

        Raises:
            PublishError: No run is active.
            ModelError: The model is not on this machine, or the extra ``train`` is not.
        """
        from linkspan.exploring.supposing import open_supposing

        client = await self.client()
        found = await self.active()
        active = found.run if found else ""
        async with self._loading:
            if self._model is None or self._model[0] != active:
                database: Database = client.database.blocking
                model = await asyncio.to_thread(open_supposing, database, self.settings)
                self._model = active, model
            return self._model[1]

    async def close(self) -> None:
        """Leave the database."""
        if self._client is not None:
            await self._client.close()


def sources_of(request: Request) -> Sources:
    """The sources of an application."""
    sources: Sources = request.app.state.sources
    return sources

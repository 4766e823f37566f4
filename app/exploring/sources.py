"""Sources of what the page shows: the graph and the active run's model, opened when needed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Query, Request

from linkspan.errors import DatabaseError, LinkspanError
from linkspan.graph.asking.async_client import AsyncClient
from linkspan.settings import Settings
from linkspan.workspace import Workspace

if TYPE_CHECKING:
    from linkspan.exploring.newcomers import Newcomers
    from linkspan.exploring.supposing import Supposing
    from linkspan.loading import LoadedRun


class Sources:
    """The graph and the model behind a page; both are opened when they are first needed.

    So a page can say that no database answers, and later find one that does.

    Attributes:
        settings: Whose workspace and database are meant.
        workspace: That of the settings.
        write: Whether feedback may be written.
        rest: Address of `linkspan serve`, or None.
        drawing: Held while a map of items is made.
        meeting: Held while a newcomer meets all users.
        counting: Held while all of the graph is counted.
        counted: When that is to be done again, in seconds of the monotonic clock, and what was
            found, or that it took too long.

    Args:
        settings: Whose workspace and database are meant.
        connect: Makes the client.
        write: Whether feedback may be written.
        rest: Address of `linkspan serve`, where the page shall lead to its answers.
    """

    def __init__(
        self,
        settings: Settings,
        connect: Callable[[], AsyncClient],
        *,
        write: bool = False,
        rest: str | None = None,
    ) -> None:
        self.settings, self.write, self.rest = settings, write, rest
        self.workspace = Workspace(settings.folder)
        self._connect = connect
        self._client: AsyncClient | None = None
        self._opening, self._loading = asyncio.Lock(), asyncio.Lock()
        self.drawing, self.meeting, self.counting = (asyncio.Lock() for _ in range(3))
        self.counted: tuple[float, list[dict[str, Any]] | DatabaseError] = (-math.inf, [])
        self._loaded: tuple[tuple[str, ...], LoadedRun] | None = None
        self._newcomers: tuple[LoadedRun, Newcomers] | None = None
        self._supposing: Supposing | None = None
        self._warming: asyncio.Task[None] | None = None

    async def client(self) -> AsyncClient:
        """The client, which all requests share.

        Raises:
            ConfigError: There is no database.
        """
        async with self._opening:
            if self._client is None:  # an embedded server takes its seconds to start
                self._client = await asyncio.to_thread(self._connect)
            return self._client

    async def loaded(self) -> LoadedRun:
        """The active run, or its latest refresh; loaded again when another is in force.

        Raises:
            PublishError: No run is active.
            ModelError: The model is not on this machine, or the extra ``train`` is not.
        """
        from linkspan.loading import load_run

        client = await self.client()
        runs = await client.runs()
        force = tuple(run.run for run in runs if run.state in ("active", "refresh"))
        async with self._loading:
            if self._loaded is None or self._loaded[0] != force:
                database = client.database.blocking
                self._loaded = force, await asyncio.to_thread(load_run, database, self.settings)
            return self._loaded[1]

    async def supposing(self) -> Supposing:
        """Ask the active run by another past; it keeps what it found of the last users.

        Raises:
            PublishError: No run is active.
            ModelError: The model is not there.
        """
        from linkspan.exploring.supposing import Supposing

        run = await self.loaded()
        if self._supposing is None or self._supposing.run is not run:
            self._supposing = Supposing(run)
        return self._supposing

    async def newcomers(self) -> Newcomers:
        """Meet items that do not exist by this, which holds the active run's encoder.

        Raises:
            PublishError: No run is active.
            ModelError: The model or its encoder is not there.
        """
        from linkspan.exploring.newcomers import Newcomers

        run = await self.loaded()
        async with self._loading:
            if self._newcomers is None or self._newcomers[0] is not run:
                self._newcomers = run, await asyncio.to_thread(Newcomers, run)
            return self._newcomers[1]

    def warm(self) -> None:
        """Begin to load the model, so that it is there when it is asked."""
        if self._warming is None:
            self._warming = asyncio.create_task(self._try_loading())

    async def _try_loading(self) -> None:
        with suppress(LinkspanError):  # told to who asks the model
            await self.loaded()

    async def close(self) -> None:
        """Leave the database."""
        if self._warming is not None:
            await self._warming  # its thread would go on with a database that is gone
        if self._client is not None:
            await self._client.close()


def _sources_of(request: Request) -> Sources:
    sources: Sources = request.app.state.sources
    return sources


Asked = Annotated[Sources, Depends(_sources_of)]
"""The sources of the application, for its calls."""
Key = Annotated[str, Query(min_length=1, max_length=10_000)]
"""Key of a user, item or entity in a query string."""

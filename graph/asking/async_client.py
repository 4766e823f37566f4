"""The client for programs that do not wait: what `Client` asks, fetched asynchronously."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from linkspan.graph.asking.client import Client
from linkspan.graph.asking.needs import Asking, Encode, Encoder, EncoderOfRuns, Result
from linkspan.graph.asking.questions import Fallback, Questions
from linkspan.graph.asking.results import (
    Acceptance,
    Explanation,
    FoundItem,
    HistoryItem,
    Likeness,
    Lists,
    Recommendation,
    Results,
    Run,
    SimilarItem,
)
from linkspan.graph.asking.visitors import Past, Recommender, recommend_visitor
from linkspan.graph.connecting.async_connection import AsyncDatabase
from linkspan.graph.users.feedback import Event, FeedbackWriter
from linkspan.graph.users.forgetting import Forgot
from linkspan.graph.users.pseudonyms import Pseudonyms


class AsyncClient:
    """Reads recommendations from the graph; an asynchronous context manager, for one event loop.

    Its methods are those of `Client`, with the same arguments, results and errors, to be awaited;
    any number may be under way at once. A text is encoded, and what writes is done, in a thread.

    Args:
        database: An open connection, closed with the client.
        pseudonyms: Made with the key that the graph was loaded with, where it has pseudonyms.
        encoder: That of the run, for `search` by meaning, or what gives it.
        model: What recommends by a history.
    """

    def __init__(
        self,
        database: AsyncDatabase,
        pseudonyms: Pseudonyms | None = None,
        encoder: Encoder | EncoderOfRuns | None = None,
        model: Recommender | None = None,
    ) -> None:
        self.database, self._pseudonyms, self._model = database, pseudonyms, model
        self._questions = Questions(pseudonyms, encoder)

    async def recommend(
        self,
        user: str | None = None,
        domain: str | None = None,
        k: int = 10,
        *,
        fallback: Fallback = None,
        history: Past | None = None,
    ) -> Results[Recommendation]:
        """The best items for a user or, in a thread, by a history: `Client.recommend`."""
        if user is None or history is not None:
            return await asyncio.to_thread(recommend_visitor, self._model, user, history, domain, k)
        return await self._answer(self._questions.recommend(user, domain, k, fallback))

    async def recommend_many(
        self,
        users: Iterable[str],
        domain: str | None = None,
        k: int = 10,
        *,
        fallback: Fallback = None,
    ) -> Lists:
        """The best items for each of many users: `Client.recommend_many`."""
        return await self._answer(self._questions.recommend_many(users, domain, k, fallback))

    async def similar(
        self, item: str, domain: str | None = None, k: int = 10, *, kind: Likeness = "states"
    ) -> Results[SimilarItem]:
        """Items that are like an item: `Client.similar`."""
        return await self._answer(self._questions.similar(item, domain, k, kind))

    async def history(
        self, user: str, domain: str | None = None, k: int = 10
    ) -> Results[HistoryItem]:
        """Items that a user has met, the latest first: `Client.history`."""
        return await self._answer(self._questions.history(user, domain, k))

    async def explain(self, user: str, item: str, k: int = 5) -> Explanation:
        """Explain why an item is recommended to a user: `Client.explain`."""
        return await self._answer(self._questions.explain(user, item, k))

    async def search(self, text: str, domain: str | None = None, k: int = 10) -> Results[FoundItem]:
        """Items by a text: `Client.search`."""
        return await self._answer(self._questions.search(text, domain, k))

    async def near(self, item: str, domain: str | None = None, k: int = 10) -> Results[FoundItem]:
        """Items whose text is like that of an item: `Client.near`."""
        return await self._answer(self._questions.near(item, domain, k))

    async def feedback(
        self,
        user: str,
        item: str,
        kind: str = "accept",
        *,
        at: int | None = None,
        run: str | None = None,
        create: bool = False,
    ) -> bool:
        """Write what a user said of an item, in a thread: `Client.feedback`."""
        event = Event(await self.user_key(user), item, kind, at, run)
        return bool(await asyncio.to_thread(self._writer.write, [event], create=create))

    async def forget(self, user: str, *, same_as: bool = False) -> Forgot:
        """Remove a user from the graph, in a thread: `Client.forget`."""
        client = Client(self.database.blocking, self._pseudonyms)
        return await asyncio.to_thread(client.forget, user, same_as=same_as)

    async def acceptance(self) -> Results[Acceptance]:
        """Count what became of what each run showed: `Client.acceptance`."""
        return await self._answer(self._questions.acceptance())

    async def runs(self) -> Results[Run]:
        """The runs that were published, the latest first: `Client.runs`."""
        return await self._answer(self._questions.runs())

    async def domains(self) -> list[str]:
        """Names of the graph's domains: `Client.domains`."""
        return await self._answer(self._questions.domains())

    async def has_user(self, user: str) -> bool:
        """Tell whether the graph has a user of this key: `Client.has_user`."""
        return await self._answer(self._questions.has_user(user))

    async def has_item(self, item: str) -> bool:
        """Tell whether the graph has an item of this key: `Client.has_item`."""
        return await self._answer(self._questions.has_item(item))

    async def user_key(self, user: str) -> str:
        """The key that a user has in the graph: `Client.user_key`."""
        return await self._answer(self._questions.user_key(user))

    async def text(self, name: str) -> str:
        """The Cypher of a query as it runs in this graph: `Client.text`."""
        return await self._answer(self._questions.text(name))

    async def query(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run one of the queries in ``cypher/`` by its name: `Client.query`."""
        return await self._answer(self._questions.query(name, **parameters))

    async def close(self) -> None:
        """Close the connection. May be called twice."""
        await self.database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @cached_property
    def _writer(self) -> FeedbackWriter:
        return FeedbackWriter(self.database.blocking)

    async def _answer(self, asking: Asking[Result]) -> Result:
        """Fetch what a question needs until it has its result."""
        answer: Any = None
        while True:
            try:
                need = asking.send(answer)
            except StopIteration as done:
                result: Result = done.value
                return result
            if isinstance(need, Encode):
                answer = await asyncio.to_thread(need)
            else:
                read = self.database.read if need.retry else self.database.read_once
                answer = await read(need.text, **need.parameters)

"""The asynchronous client: the very same as the other one, and patient to the same end."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from contract_fixtures import PublishRun

import linkspan
from linkspan.errors import ConfigError, DatabaseError, DataError
from linkspan.graph.asking.async_client import AsyncClient
from linkspan.graph.asking.client import Client
from linkspan.graph.connecting.async_connection import AsyncDatabase
from linkspan.graph.connecting.connection import Database
from linkspan.graph.connecting.driving import Options
from linkspan.graph.users.feedback import KINDS, FeedbackRules
from servers import Cable, RunningServer

# Of use to Linkspan's own commands, which do not run in an event loop.
ONLY_SYNC = {"names", "writer"}


@pytest.fixture
def published(graph: Database, publish_run: PublishRun) -> Database:
    publish_run("a", 0)
    return graph


def public(kind: type) -> dict[str, Any]:
    return {name: value for name, value in vars(kind).items() if not name.startswith("_")}


def test_both_clients_have_the_same_methods() -> None:
    sync, other = public(Client), public(AsyncClient)
    assert set(sync) - ONLY_SYNC == set(other)
    for name, method in other.items():
        assert inspect.iscoroutinefunction(method), name
        assert inspect.signature(method) == inspect.signature(sync[name]), name
    assert (
        inspect.signature(linkspan.connect).parameters
        == inspect.signature(linkspan.connect_async).parameters
    )


def test_both_clients_give_the_same(
    published: Database, server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEO4J_URI", server.uri)
    monkeypatch.setenv("NEO4J_USERNAME", server.user)
    monkeypatch.setenv("NEO4J_PASSWORD", server.password)
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        ("recommend", ("7", "comics", 3), {}),
        ("recommend", ("nobody",), {"fallback": "popular"}),
        ("recommend_many", (["7", "nobody", "8"],), {"k": 4}),
        ("similar", ("comics/1",), {}),
        ("similar", ("comics/1",), {"kind": "relations"}),
        ("history", ("7",), {}),
        ("explain", ("5", "comics/5"), {}),
        ("search", ("book 1",), {"domain": "comics"}),
        ("near", ("comics/1",), {}),
        ("runs", (), {}),
        ("domains", (), {}),
        ("acceptance", (), {}),
        ("has_user", ("7",), {}),
        ("has_item", ("comics/1",), {}),
        ("user_key", ("7",), {}),
        ("text", ("history",), {}),
        ("query", ("popular",), {"domain": "comics", "k": 2}),
    ]
    assert {name for name, _, _ in calls} == set(public(AsyncClient)) - {
        "close",
        "feedback",
        "forget",
    }

    async def ask() -> list[Any]:
        async with linkspan.connect_async() as client:
            assert await client.feedback("7", "comics/1", "view", at=5, run="a")
            assert not await client.feedback("7", "comics/1", "view", at=5, run="a")
            with pytest.raises(DataError, match="no user 'nobody'"):
                await client.feedback("nobody", "comics/1")
            return await asyncio.gather(
                *(getattr(client, name)(*values, **named) for name, values, named in calls)
            )

    found = asyncio.run(ask())
    with linkspan.connect() as client:
        assert not client.feedback("7", "comics/1", "view", at=5, run="a")
        assert found == [getattr(client, name)(*values, **named) for name, values, named in calls]
    empty = {name for (name, _, _), rows in zip(calls, found, strict=True) if not rows}
    # The item may stand in no list of the user; the runs have no vectors (test_vectors.py).
    assert empty <= {"acceptance", "near"}

    async def forget() -> int:
        async with linkspan.connect_async() as client:
            with pytest.raises(DataError, match="no user 'nobody'"):
                await client.forget("nobody")
            removed = await client.forget("7")
            assert not await client.has_user("7")
            return removed.users

    assert asyncio.run(forget()) == 1


def test_it_follows_what_is_published_later(published: Database, server: RunningServer) -> None:
    rules = FeedbackRules(kinds={**KINDS, "cart": "positive"}, type="BOUGHT", at=None)

    async def ask() -> bool:
        login = (server.uri, server.user, server.password)
        async with AsyncClient(AsyncDatabase(*login, database="neo4j")) as client:
            await client.feedback("7", "comics/3", "click")
            with pytest.raises(ConfigError, match="no kind of feedback 'cart'"):
                await client.feedback("7", "comics/3", "cart")
            published.write(
                "MATCH (r:Run {state: 'active'}) SET r.feedback = $rules",
                rules=rules.model_dump_json(),
            )
            return await client.feedback("7", "comics/3", "cart")

    assert asyncio.run(ask())
    assert published.read("MATCH ()-[r:BOUGHT]->() RETURN count(r) AS n") == [{"n": 1}]


def test_bad_arguments_are_named_there_too(published: Database, server: RunningServer) -> None:
    async def ask() -> None:
        async with AsyncClient(AsyncDatabase(server.uri, server.user, server.password)) as client:
            with pytest.raises(ConfigError, match=r"no domain 'comix'\. It has comics"):
                await client.recommend("7", "comix")
            with pytest.raises(ConfigError, match="k is 0"):
                await client.similar("comics/1", k=0)
        async with AsyncClient(AsyncDatabase(server.uri, server.user, "wrong-password")) as client:
            with pytest.raises(DatabaseError, match="refused the login"):
                await client.runs()

    asyncio.run(ask())


@pytest.fixture
def cable(server: RunningServer) -> Iterator[Cable]:
    made = Cable(server.uri)
    yield made
    made.close()


def both_ways(
    cable: Cable, server: RunningServer, options: Options, steps: Callable[..., Any]
) -> None:
    """Take the same steps with each client, through the cable."""
    login = (cable.uri, server.user, server.password)
    with Client(Database(*login, options=options)) as client:
        steps(client, lambda answer: answer)
    with asyncio.Runner() as runner:

        def wait(answer: Coroutine[Any, Any, Any]) -> Any:
            return runner.run(answer)

        async def opened() -> AsyncClient:
            return AsyncClient(AsyncDatabase(*login, options=options))

        other = wait(opened())
        steps(other, wait)
        wait(other.close())


def test_a_connection_that_is_lost_in_a_query_is_tried_again(
    published: Database, server: RunningServer, cable: Cable
) -> None:
    def steps(client: Any, wait: Callable[[Any], Any]) -> None:
        expected = wait(client.recommend("7"))
        cable.mark, cable.cuts = b"RECOMMENDED", 2
        assert wait(client.recommend("7")) == expected
        assert cable.cuts == 0  # it was sent three times

    both_ways(cable, server, Options(timeout=30), steps)


def test_a_server_that_goes_away_is_one_line_and_may_come_back(
    published: Database, server: RunningServer, cable: Cable
) -> None:
    def steps(client: Any, wait: Callable[[Any], Any]) -> None:
        expected = wait(client.recommend("7"))
        cable.cut()
        with pytest.raises(DatabaseError) as caught:
            wait(client.recommend("7"))
        told = str(caught.value)
        assert told.startswith("no graph database answers at bolt://") and "\n" not in told
        cable.mend()
        assert wait(client.recommend("7")) == expected

    both_ways(cable, server, Options(timeout=1), steps)


def test_a_query_may_take_only_so_long(server: RunningServer) -> None:
    # Neo4j looks every two seconds whether a query is late; ArcadeDB works on to its end.
    size = 200_000_000 if server.engine == "neo4j" else 3_000_000
    slow = f"UNWIND range(1, {size}) AS x WITH x WHERE toString(x) ENDS WITH '77' RETURN count(*)"
    patience = 5.0 if server.engine == "neo4j" else 0.3  # it looks every two seconds, busy later
    login, options = (server.uri, server.user, server.password), Options(patience, 0.2)
    with pytest.raises(DatabaseError, match="a query took longer than it may"):

        async def ask() -> None:
            database = AsyncDatabase(*login, options=options)
            try:
                await database.read(slow)
            finally:
                await database.close()

        asyncio.run(ask())
    if server.engine == "neo4j":  # ArcadeDB does not end a query
        with (
            Database(*login, options=options) as database,
            pytest.raises(DatabaseError, match="a query took longer than it may"),
        ):
            database.read(slow)


@pytest.mark.parametrize("name", ["timeout", "query_timeout", "pool_size"])
def test_options_are_above_zero(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is 0"):
        Options(**{name: 0})

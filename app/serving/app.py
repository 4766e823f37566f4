"""The endpoints: each is one call of the asynchronous client.

Keys in a path may hold slashes. An item is the rest of the path as it stands,
``/similar/books/7``; so is a user in ``/recommend``. In ``/explain/USER/ITEM`` the user ends at the
first slash: one whose key holds a slash is written with ``%2F``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated
from urllib.parse import unquote

import fastapi
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi_offline import FastAPIOffline
from pydantic import AfterValidator

import linkspan
from linkspan.errors import DatabaseError
from linkspan.graph.asking.async_client import AsyncClient
from linkspan.graph.asking.questions import Fallback
from linkspan.graph.asking.results import Explanation, Likeness
from linkspan.serving.answers import (
    ForVisitor,
    Found,
    Health,
    Recommendations,
    Said,
    SimilarItems,
    Visitor,
    Written,
)
from linkspan.serving.guarding import check_token
from linkspan.serving.measuring import Measured, Metrics, RawPath
from linkspan.serving.problems import RESPONSES, handle_errors

_HEALTH_SECONDS = 3.0


def client_of(request: Request) -> AsyncClient:
    """The client that all requests share."""
    client: AsyncClient = request.app.state.client
    return client


def _unquoted(key: str) -> str:
    return unquote(key, errors="strict")


Client = Annotated[AsyncClient, Depends(client_of)]
User = Annotated[str, fastapi.Path(description="Key of the user."), AfterValidator(_unquoted)]
Item = Annotated[
    str, fastapi.Path(description="Key of the item: domain/id."), AfterValidator(_unquoted)
]
Domain = Annotated[str | None, Query(description="Only from this domain.")]
K = Annotated[int, Query(ge=1, le=1000, description="At most this many.")]

guarded = APIRouter(dependencies=[Depends(check_token)], responses=RESPONSES)
open_to_all = APIRouter()


@guarded.get("/recommend/{user:path}", tags=["ask"])
async def recommend(
    client: Client,
    user: User,
    domain: Domain = None,
    k: K = 10,
    fallback: Annotated[
        Fallback, Query(description="What a user without a list gets; else nothing.")
    ] = None,
) -> Recommendations:
    """The best items for a user; none for a user without a list, unless there is a fallback."""
    found = await client.recommend(user, domain, k, fallback=fallback)
    return Recommendations(user=user, results=found)


@guarded.post("/recommend", tags=["ask"])
async def recommend_visitor(client: Client, visitor: Visitor) -> ForVisitor:
    """The best items for a visitor whom the graph does not have, by what was met so far.

    The server's model scores them (`linkspan serve --model`), as for a user of this history; each
    row's `run` says whose model it is.
    """
    found = await client.recommend(history=visitor.history, domain=visitor.domain, k=visitor.k)
    return ForVisitor(results=found)


@guarded.get("/similar/{item:path}", tags=["ask"])
async def similar(
    client: Client,
    item: Item,
    domain: Domain = None,
    k: K = 10,
    kind: Annotated[
        Likeness, Query(description="By what was learned, or by what both share in the graph.")
    ] = "states",
) -> SimilarItems:
    """Items that are like an item, in its own domain and in others."""
    return SimilarItems(item=item, results=await client.similar(item, domain, k, kind=kind))


@guarded.get("/explain/{user}/{item:path}", tags=["ask"])
async def explain(client: Client, user: User, item: Item, k: K = 5) -> Explanation:
    """Why an item is recommended to a user; a slash in the user's key is written `%2F`."""
    return await client.explain(user, item, k)


@guarded.get("/search", tags=["ask"])
async def search(
    client: Client,
    text: Annotated[str, Query(min_length=1, max_length=1000)],
    domain: Domain = None,
    k: K = 10,
) -> Found:
    """Items by a text: by its meaning where the server has an encoder, else by their titles."""
    return Found(text=text, results=await client.search(text, domain, k))


@guarded.post("/feedback", tags=["tell"])
async def feedback(client: Client, said: Said) -> Written:
    """Write what a user said of an item; the database's user needs the right to write."""
    return Written(new=await client.feedback(**said.model_dump()))


@guarded.get("/metrics", tags=["watch"], response_class=Response)
async def metrics(request: Request) -> Response:
    """Metrics in Prometheus' text format."""
    kept: Metrics = request.app.state.metrics
    return kept.answer()


@open_to_all.get("/health", tags=["watch"], responses={503: RESPONSES[503]})
async def health(client: Client) -> Health:
    """Whether the server and its database answer; needs no token."""
    try:
        async with asyncio.timeout(_HEALTH_SECONDS):
            runs = await client.runs()
    except TimeoutError as error:
        raise DatabaseError(f"no answer within {_HEALTH_SECONDS:.0f} s") from error
    active = (run.run for run in runs if run.state == "active")
    return Health(version=linkspan.__version__, run=next(active, None))


def create_app(connect: Callable[[], AsyncClient], token: str | None = None) -> FastAPI:
    """Make the application.

    Args:
        connect: Makes the client when the server starts, such as `linkspan.connect_async`; it is
            closed when the server stops.
        token: What a request must bear; None: any request may pass.

    Returns:
        An ASGI application, for uvicorn or any other server.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with connect() as client:
            app.state.client = client
            yield

    app = FastAPIOffline(
        title="Linkspan",
        redoc_url=None,
        summary="Recommendations from a knowledge graph, each with its reason.",
        version=linkspan.__version__,
        lifespan=lifespan,
    )
    app.state.token, app.state.metrics = token, Metrics()
    app.include_router(guarded)
    app.include_router(open_to_all)
    app.add_middleware(RawPath)
    app.add_middleware(Measured, metrics=app.state.metrics)
    handle_errors(app)
    return app

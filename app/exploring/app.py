"""The application behind `linkspan explore`: the page's own files, and the answers it shows.

An address of a view is answered with the same file, ``index.html``; what is shown there the page
asks for under ``/api/``.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.staticfiles import StaticFiles

import linkspan
from linkspan.errors import DatabaseError, LinkspanError
from linkspan.exploring import graphs, items, overview, queries, runs, users
from linkspan.exploring.guarding import DATA, Guard, sign_in_routes
from linkspan.exploring.sources import Sources
from linkspan.serving.problems import handle_errors, problem

PAGE = Path(str(files("linkspan.exploring") / "page"))
VIEWS = ("", "user", "item", "model", "cypher")
_COOKIE, _SECONDS = "linkspan-explore", 12 * 3600


def create_app(
    sources: Sources, token: str | None = None, names: Iterable[str] = (), port: int = 8765
) -> FastAPI:
    """Make the application.

    Args:
        sources: What it asks; closed when the server stops.
        token: What a person has to give once; None: only requests of this machine pass.
        names: Names by which this machine may be called.
        port: That it listens to: cookies of one machine are told apart by their names alone.

    Returns:
        An ASGI application, for uvicorn.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await sources.close()

    app = FastAPI(
        title="Linkspan explore",
        version=linkspan.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.sources = sources
    app.include_router(sign_in_routes(token))
    for part in (overview, users, items, runs, queries, graphs):
        app.include_router(part.routes, prefix="/api")

    def index() -> FileResponse:
        return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})

    for view in VIEWS:
        app.add_api_route(f"/{view}", index, methods=["GET"])
    app.mount("/page", StaticFiles(directory=PAGE))

    @app.get("/{elsewhere:path}")
    def nowhere(elsewhere: str) -> FileResponse:
        """The page says itself that there is no such view."""
        if f"/{elsewhere}".startswith(DATA):
            raise HTTPException(404, f"there is no /{elsewhere}")
        return FileResponse(PAGE / "index.html", 404, headers={"Cache-Control": "no-cache"})

    handle_errors(app)
    for kind in (LinkspanError, DatabaseError):  # who looks at the page is who runs it
        app.add_exception_handler(kind, _tell)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(Guard, token=token, names=names)
    app.add_middleware(
        SessionMiddleware,
        secret_key=secrets.token_urlsafe(32),
        session_cookie=f"{_COOKIE}-{port}",
        max_age=_SECONDS,
        same_site="strict",
    )
    return app


async def _tell(_: Request, error: Exception) -> JSONResponse:
    """An error that is not the asker's, with its hint."""
    return problem(503, str(error))

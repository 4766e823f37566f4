"""Errors as answers: ``application/problem+json`` (RFC 9457), with the right status.

What only the operator should read, such as the database's address, goes to the log.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from linkspan.errors import ArgumentError, DatabaseError, DataError, LinkspanError
from linkspan.serving.answers import Problem

logger = logging.getLogger(__name__)

_DESCRIBED = {
    401: "The token is missing or wrong",
    422: "An argument is wrong; `detail` says which, and what there is",
    503: "The graph database does not answer, or the server is not set up for this",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": text,
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }
    for status, text in _DESCRIBED.items()
}
"""For the description of every endpoint."""


def handle_errors(app: FastAPI) -> None:
    """Answer every error of an application with a `Problem`."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ArgumentError, _argument)
    app.add_exception_handler(DataError, _argument)
    app.add_exception_handler(LinkspanError, _setting)
    app.add_exception_handler(DatabaseError, _database)
    app.add_exception_handler(Exception, _bug)


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An error as an answer."""
    shown = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return JSONResponse(shown.model_dump(), status, headers, media_type="application/problem+json")


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, error.detail, dict(error.headers or {}))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    told = (f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in error.errors())
    return problem(422, "; ".join(told))


async def _argument(_: Request, error: Exception) -> JSONResponse:
    return problem(422, str(error))


async def _setting(_: Request, error: Exception) -> JSONResponse:
    """Faults that no caller can mend: no run, another encoder, rules that are not there."""
    logger.error("%s", error)
    return problem(503, f"the server is not set up for this: {error}")


async def _database(_: Request, error: Exception) -> JSONResponse:
    logger.warning("%s", error)
    return problem(503, "the graph database does not answer", {"Retry-After": "5"})


async def _bug(_: Request, error: Exception) -> JSONResponse:
    # Starlette raises it again after the answer, so that the server logs the traceback.
    return problem(500, "the server failed; its log says why")

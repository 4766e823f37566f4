"""The Cypher panel: each query of the library, run as it stands."""

from __future__ import annotations

from dataclasses import asdict
from time import perf_counter
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from linkspan import cypher
from linkspan.errors import ArgumentError
from linkspan.exploring.sources import Asked
from linkspan.graph.asking.values import drawn, plain

ROWS = 1_000
"""Rows that are shown and drawn."""
MOST = 10_000
"""The largest number that a parameter may be: rows are fetched before they are cut."""

routes = APIRouter()


@routes.get("/queries")
async def list_queries() -> dict[str, Any]:
    """The queries by their groups."""
    found = [cypher.describe(name) for name in cypher.names()]
    return {
        "groups": cypher.GROUPS,
        "queries": [
            {
                **{name: getattr(query, name) for name in ("name", "group", "purpose", "columns")},
                "parameters": [asdict(each) for each in query.asked],
            }
            for query in found
        ],
    }


@routes.get("/query")
async def show_query(asked: Asked, name: str) -> dict[str, str]:
    """The Cypher of a query, as it runs in this graph."""
    _check(name)
    return {"name": name, "text": await (await asked.client()).text(name)}


class Asking(BaseModel):
    """A query to run."""

    model_config = ConfigDict(extra="forbid")

    name: str
    parameters: dict[str, Any] = {}


@routes.post("/query")
async def run_query(asked: Asked, asking: Asking) -> dict[str, Any]:
    """Run a query in a reading transaction.

    Returns:
        ``columns``, ``rows`` (1,000 at most), ``count`` (of all rows), ``graph`` (what can be
        drawn, or null) and ``seconds``.

    Raises:
        ArgumentError: There is no such query, or a parameter is missing or unknown.
    """
    query = _check(asking.name)
    known = {each.name for each in query.asked}
    numbers = {each.name for each in query.asked if isinstance(each.default, int)}
    for name in asking.parameters:
        if name not in known:
            raise ArgumentError(f"the query {query.name} has no parameter {name!r}")
    for each in query.asked:
        if each.required and asking.parameters.get(each.name) in (None, "", []):
            raise ArgumentError(f"{each.name} is missing", hint=f"Give the {each.meaning}")
    for name, value in asking.parameters.items():
        if name in numbers and not (isinstance(value, int) and 1 <= value <= MOST):
            raise ArgumentError(f"{name} is {value!r}", hint=f"Give a whole number, 1 to {MOST:,}")
    started = perf_counter()
    rows = await (await asked.client()).query(asking.name, **asking.parameters)
    seconds, shown = round(perf_counter() - started, 3), rows[:ROWS]
    return {
        "columns": list(rows[0]) if rows else [],
        "rows": [[plain(value) for value in row.values()] for row in shown],
        "count": len(rows),
        "graph": drawn(shown),
        "seconds": seconds,
    }


def _check(name: str) -> cypher.Query:
    """The query of this name, which a person may ask.

    Raises:
        ArgumentError: There is none.
    """
    if name not in cypher.names():
        raise ArgumentError(f"there is no query {name!r}", hint="The page lists them")
    return cypher.describe(name)

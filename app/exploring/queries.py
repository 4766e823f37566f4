"""The Cypher panel: each query of the library, run as it stands."""

from __future__ import annotations

import json
from dataclasses import asdict
from time import perf_counter
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from linkspan import cypher
from linkspan.errors import ArgumentError
from linkspan.exploring.sources import Asked
from linkspan.graph.asking.async_client import AsyncClient
from linkspan.graph.asking.values import drawn, plain

ROWS = 1_000
"""Rows that are shown and drawn."""
MOST = 10_000
"""The largest number that a parameter may be: rows are fetched before they are cut."""

_NAMED = {
    "user": "user", "users": "user", "item": "item", "items": "item", "entity": "entity",
    "domain": "domain", "run": "run",
}  # fmt: skip
"""Parameter to what its value names."""
_ASKED = 20
"""Keys of a list that are looked for one by one."""

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
async def show_query(asked: Asked, name: str, values: str = "") -> dict[str, str]:
    """The Cypher of a query, as it runs in this graph.

    Args:
        asked: Whose graph is meant.
        name: Name of the query.
        values: JSON of parameters to write into the text; empty: they stay ``$name``.

    Raises:
        ArgumentError: There is no such query, or a value is none.
    """
    query, client = _check(name), await asked.client()
    text = await client.text(name)
    if values:
        given = await _meant(client, query, _read(values))
        text = cypher.write_in(text, query.defaults | given)
    return {"name": name, "text": text}


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
        drawn, or null), ``seconds`` and ``missing`` (rows of ``parameter``, ``what`` and ``key``,
        of what was named and is not in the graph; where there are rows, of lists alone).

    Raises:
        ArgumentError: There is no such query, or a parameter is missing or unknown.
    """
    query, client = _check(asking.name), await asked.client()
    for each in query.asked:
        if each.required and asking.parameters.get(each.name) in (None, "", []):
            raise ArgumentError(f"{each.name} is missing", hint=f"Give the {each.meaning}")
    parameters = await _meant(client, query, asking.parameters)
    started = perf_counter()
    rows = await client.query(asking.name, **parameters)
    seconds, shown = round(perf_counter() - started, 3), rows[:ROWS]
    return {
        "columns": list(rows[0]) if rows else [],
        "rows": [[plain(value) for value in row.values()] for row in shown],
        "count": len(rows),
        "graph": drawn(shown),
        "seconds": seconds,
        "missing": await _missing(client, query, asking.parameters, alone=not rows),
    }


def _read(values: str) -> dict[str, Any]:
    """Parameters from their JSON."""
    try:
        found = json.loads(values)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ArgumentError(f"values is {values!r}", hint='Give JSON, as {"user": "7"}')
    return found


async def _meant(client: AsyncClient, query: cypher.Query, given: dict[str, Any]) -> dict[str, Any]:
    """Parameters as the graph has them: users by their pseudonyms where it has these.

    Raises:
        ArgumentError: One is unknown, or no number where the query wants one.
    """
    known = {each.name: each for each in query.asked}
    for name, value in given.items():
        if name not in known:
            raise ArgumentError(f"the query {query.name} has no parameter {name!r}")
        number = isinstance(known[name].default, int)
        if number and not (isinstance(value, int) and 1 <= value <= MOST):
            raise ArgumentError(f"{name} is {value!r}", hint=f"Give a whole number, 1 to {MOST:,}")
    meant = dict(given)
    if isinstance(given.get("user"), str):
        meant["user"] = await client.user_key(given["user"])
    if isinstance(given.get("users"), list):
        meant["users"] = [await client.user_key(user) for user in given["users"]]
    return meant


async def _missing(
    client: AsyncClient, query: cypher.Query, given: dict[str, Any], *, alone: bool
) -> list[dict[str, str]]:
    """Keys that were named and are not in the graph: those of lists, and others if so asked."""
    missing: list[dict[str, str]] = []
    for name, value in given.items():
        what = _NAMED.get(name, "")
        if name == "other":
            what = "domain" if any(each.name == "domain" for each in query.asked) else "run"
        keys = value if isinstance(value, list) else [value] if alone else []
        for key in keys[:_ASKED] if what else ():
            if key and not await _has(client, what, key):
                missing.append({"parameter": name, "what": what, "key": key})
    return missing


async def _has(client: AsyncClient, what: str, key: str) -> bool:
    if what == "user":
        return await client.has_user(key)
    if what == "item":
        return await client.has_item(key)
    if what == "entity":
        return bool(await client.query("has_entity", entity=key))
    return key in (
        await client.domains() if what == "domain" else [run.run for run in await client.runs()]
    )


def _check(name: str) -> cypher.Query:
    """The query of this name, which a person may ask.

    Raises:
        ArgumentError: There is none.
    """
    if name not in cypher.names():
        raise ArgumentError(f"there is no query {name!r}", hint="The page lists them")
    return cypher.describe(name)

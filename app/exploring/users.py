"""The user panel: search, past and lists, why an item, what if, and feedback."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from linkspan.errors import ArgumentError, ConfigError
from linkspan.exploring.sources import Asked, Key
from linkspan.graph.asking.values import plain

PAST = 500
"""Events of a past that are shown, the latest."""
_LIST = 10
_FOUND = 20
_PATHS, _TIES, _ROWS = 30, 200, 1_000

routes = APIRouter()


@routes.get("/users")
async def find_users(asked: Asked, text: str = "") -> dict[str, Any]:
    """Users whose key begins with a text; without one, a user whose list tells much."""
    client = await asked.client()
    if text:
        found = await client.query("search_users", text=text, k=_FOUND)
        if not found:  # with pseudonyms no key begins with an id
            key = await client.user_key(text)
            if await client.has_user(key):
                found = [{"user": key, "items": None}]
    else:
        found = await client.query("browser_example")
        for row in found:
            row["title"] = (await client.query("item_card", item=row["item"]))[0]["title"]
    return {"users": found}


@routes.get("/user")
async def show_user(asked: Asked, key: Key) -> dict[str, Any]:
    """A user's past and lists.

    Returns:
        ``user``, ``profile`` (a row per domain), ``past`` (the latest 500 events), ``cut`` (whether
        there are more), ``lists`` (a row per recommendation, the best ten of each domain).

    Raises:
        ArgumentError: There is no such user.
    """
    client = await asked.client()
    asked.warm()  # what comes next may be a question to the model
    own = await client.user_key(key)
    known, profile, past, lists = await asyncio.gather(
        client.has_user(key),
        client.query("profile", user=own),
        client.history(key, k=PAST + 1),
        client.recommend(key, k=_ROWS),  # how many domains there are, only all items would tell
    )
    if not known:
        raise ArgumentError(f"the graph has no user {key!r}", hint="Search for the key's beginning")
    return {
        "user": own,
        "profile": [plain(row) for row in profile],  # an adopted graph has times of its own
        "past": past[:PAST],
        "cut": len(past) > PAST,
        "lists": [row for row in lists if row.rank <= _LIST],
    }


@routes.get("/why")
async def explain(asked: Asked, user: Key, item: Key) -> dict[str, Any]:
    """Why an item is recommended to a user.

    Returns:
        ``explanation``, and ``entities``: rows of ``entity`` (key), ``name`` and ``kind`` of what
        the item is tied to, so that a path through one can be opened further.
    """
    client = await asked.client()
    explanation, ties = await asyncio.gather(
        client.explain(user, item, k=_PATHS), client.query("ties", item=item, k=_TIES)
    )
    return {"explanation": explanation, "entities": ties}


class Without(BaseModel):
    """A part of a user's past that is supposed not to have happened."""

    model_config = ConfigDict(extra="forbid")

    user: str
    items: list[str] = Field(default=[], max_length=1_000)
    domains: list[str] = Field(default=[], max_length=1_000)
    k: int = Field(default=_LIST, ge=1, le=100)


@routes.post("/without")
async def show_without(asked: Asked, without: Without) -> Any:
    """The lists of a user without a part of the past, by the model of the run."""
    supposing, client = await asked.supposing(), await asked.client()
    key = await client.user_key(without.user)
    named = (without.items, without.domains, without.k)
    return await asyncio.to_thread(supposing.without, key, *named)


class Opinion(BaseModel):
    """Opinion of the user on an item."""

    model_config = ConfigDict(extra="forbid")

    user: str
    item: str
    kind: str


@routes.post("/feedback")
async def write_feedback(asked: Asked, said: Opinion) -> dict[str, bool]:
    """Write feedback, where the page was started to.

    Raises:
        ConfigError: It was not.
    """
    if not asked.write:
        raise ConfigError("this page only reads", hint="Start it with 'linkspan explore --write'")
    return {"new": await (await asked.client()).feedback(said.user, said.item, said.kind)}

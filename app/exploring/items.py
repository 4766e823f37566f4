"""The item panel: what it is, what is like it, who gets it; and an item that does not exist yet."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from linkspan.errors import ArgumentError
from linkspan.exploring.sources import Asked, Key
from linkspan.graph.asking.values import plain

_LIST, _TIES, _FOUND = 10, 40, 20
_OWN = {f"{name}_{slot}" for name in ("text_vector", "vector", "text_hash") for slot in "ab"}
"""Properties that publishing writes."""

routes = APIRouter()


@routes.get("/items")
async def find_items(asked: Asked, text: str, domain: str | None = None) -> dict[str, Any]:
    """Items by their titles, or one by its key."""
    client = await asked.client()
    found = await client.search(text, domain, _FOUND) if text.strip() else []
    if not found and await client.has_item(text):
        return {"items": [{"item": text, "title": None, "domain": text.partition("/")[0]}]}
    return {"items": found}


@routes.get("/item")
async def show_item(asked: Asked, key: Key) -> dict[str, Any]:
    """An item with its properties, ties, what is like it, and who is recommended it.

    Returns:
        ``item``, ``title``, ``domain``, ``properties``, ``users`` (who met it), ``ties``,
        ``states`` and ``relations`` (similar items by each kind), ``texts`` (near by the vectors of
        their texts; null where there are none) and ``readers`` (who is recommended it).

    Raises:
        ArgumentError: There is no such item.
    """
    client = await asked.client()
    cards = await client.query("item_card", item=key)
    if not cards:
        raise ArgumentError(f"the graph has no item {key!r}", hint="The key is domain/id")
    ties, states, relations, readers, texts = await asyncio.gather(
        client.query("ties", item=key, k=_TIES),
        client.similar(key, k=2 * _LIST),
        client.similar(key, k=2 * _LIST, kind="relations"),
        client.query("recommended_to", item=key, k=_LIST),
        client.near(key, k=_LIST),
    )
    card = cards[0]
    return {
        **{name: card[name] for name in ("item", "title", "domain", "users")},
        "properties": {
            name: plain(value)
            for name, value in sorted(card["properties"].items())
            if name not in _OWN
        },
        "ties": ties,
        "states": states,
        "relations": relations,
        "texts": texts,
        "readers": readers,
    }


class New(BaseModel):
    """An item that does not exist yet."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=2_000)
    domain: str


@routes.post("/newcomer")
async def meet(asked: Asked, new: New) -> Any:
    """Meet a new item: what it would be near, and for whom it would be, by the run's model."""
    newcomers = await asked.newcomers()
    async with asked.meeting:  # all users are scored
        return await asyncio.to_thread(newcomers.meet, new.text, new.domain, _LIST)

"""Neighbours of a node, for pictures that are opened further."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from fastapi import APIRouter

from linkspan.exploring.sources import Asked, Key

_NEAR = 8

routes = APIRouter()


@routes.get("/around")
async def show_around(
    asked: Asked, kind: Literal["user", "item", "entity"], key: Key
) -> dict[str, Any]:
    """The neighbours of a node that matter most.

    Returns:
        ``nodes``: rows of ``kind`` (user, item or entity), ``key``, ``title``, ``domain`` (of
        items), and ``how`` each is tied to the node.
    """
    client = await asked.client()
    if kind == "user":
        past, lists = await asyncio.gather(
            client.history(key, k=_NEAR), client.recommend(key, k=_NEAR)
        )
        nodes = [_item(row, row.interaction) for row in past]
        nodes += [_item(row, "RECOMMENDED") for row in lists]
    elif kind == "item":
        ties, near = await asyncio.gather(
            client.query("ties", item=key, k=_NEAR), client.similar(key, k=_NEAR)
        )
        nodes = [
            {"kind": "entity", "key": row["entity"], "title": row["name"], "how": row["how"]}
            for row in ties
        ]
        nodes += [_item(row, "SIMILAR") for row in near]
    else:
        rows = await client.query("by_entity", entity=key, k=2 * _NEAR)
        nodes = [
            {"kind": "item", "key": row["item"], "title": row["title"], "domain": row["domain"],
             "how": row["how"]}
            for row in rows
        ]  # fmt: skip
    return {"nodes": nodes}


def _item(row: Any, how: str) -> dict[str, Any]:
    return {"kind": "item", "key": row.item, "title": row.title, "domain": row.domain, "how": how}

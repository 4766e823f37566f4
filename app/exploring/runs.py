"""The model panel: figures of runs, and the map of a run's items."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from linkspan.errors import ArgumentError
from linkspan.exploring.sources import Asked, Sources
from linkspan.workspace import RunFolder

routes = APIRouter()


@routes.get("/runs")
async def list_runs(asked: Asked) -> dict[str, Any]:
    """The runs of this machine's workspace, the latest first, and those that were published."""
    published: dict[str, str] = {}
    for run in await (await asked.client()).runs():  # published again by other rules it is ID.2
        name = run.run.partition(".")[0]
        if published.get(name) != "active":
            published[name] = run.state
    own = [
        {
            "run": each.id,
            "created": each.read("run")["created"],
            "base": each.base,
            "state": published.get(each.id),
        }
        for each in reversed(asked.workspace.runs())
        if each.is_trained
    ]
    return {"runs": own}


@routes.get("/run")
async def show_run(asked: Asked, run: str) -> dict[str, Any]:
    """All figures of a run."""
    from linkspan.exploring.run_figures import run_figures

    return await asyncio.to_thread(run_figures, _find(asked, run))


@routes.get("/run-map")
async def show_item_map(asked: Asked, run: str) -> dict[str, Any]:
    """The items of a run, where its network puts them; made at the first question."""
    from linkspan.exploring.item_map import item_map

    folder = _find(asked, run)

    def read() -> dict[str, Any]:
        snapshot = asked.workspace.load_snapshot(folder.read("run")["fingerprint"])
        found = item_map(folder, snapshot)
        columns = {
            name: getattr(found, name).tolist() for name in ("key", "title", "domain", "x", "y")
        }
        return {**columns, "left_out": found.left_out}

    async with asked.drawing:
        return await asyncio.to_thread(read)


def _find(asked: Sources, name: str) -> RunFolder:
    """The run of the workspace.

    Raises:
        ArgumentError: There is none.
    """
    for run in asked.workspace.runs():
        if run.id == name.partition(".")[0] and run.is_trained:
            return run
    raise ArgumentError(f"run {name!r} is not on this machine", hint="Choose one of the list")

"""The overview panel: what is there, the domains as a map, health, and the last ingest."""

from __future__ import annotations

import asyncio
import json
import time
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter

import linkspan
from linkspan.errors import DatabaseError
from linkspan.exploring.sources import Asked, Sources
from linkspan.graph.asking.async_client import AsyncClient
from linkspan.graph.connecting.arcadedb import PORT
from linkspan.graph.users.feedback import KINDS, FeedbackRules

routes = APIRouter()
_FRESH_SECONDS, _PAUSES = 60.0, 20

_MEND = {
    "active runs": "Publish one with 'linkspan run'",
    "runs half published": "Start the publish again: it goes on where it stopped",
    "users who read neither the active run nor a refresh of it": "Publish again, or 'linkspan "
    "refresh' for those who are new",
    "users without a list": "New since the run: 'linkspan refresh'; else see 'without_list' under "
    "Cypher",
    "recommendations of runs that are gone": "The next publish clears them",
}


@routes.get("/about")
async def show_about(asked: Asked) -> dict[str, Any]:
    """The server, the domains, the runs, and what this page may do."""
    client = await asked.client()
    runs, kept, told = await asyncio.gather(
        client.runs(), _outline(client), client.query("read_feedback_rules")
    )
    domains = [row["domain"] for row in kept["domains"]] if kept else await client.domains()
    can = await asyncio.to_thread(lambda: client.database.blocking.capabilities)
    active = next((run for run in runs if run.state == "active"), None)
    names, rules = (told[0]["names"], told[0]["rules"]) if told else (None, None)
    kinds = FeedbackRules.model_validate_json(rules).kinds if rules else KINDS
    return {
        "version": linkspan.__version__,
        "server": {"engine": can.engine, "version": can.version},
        "browser": _browser(asked, client, can.engine),
        "rest": asked.rest,
        "domains": domains,
        "runs": runs,
        "run": active and active.run,
        "write": asked.write,
        "kinds": list(kinds) if asked.write else [],
        "names": json.loads(names) if names else None,
        "model": _model(asked, active.run if active else None),
    }


@routes.get("/map")
async def show_map(asked: Asked) -> dict[str, Any]:
    """The domains and what joins them: as the run kept them, else counted now, which reads all."""
    client = await asked.client()
    kept = await _outline(client)
    if kept is not None:
        return kept
    activity, overlap, items = await asyncio.gather(
        client.query("activity"), client.query("overlap"), client.query("count_by_domain")
    )
    domains = {row["domain"]: {**row, "users": 0, "events": 0} for row in items}
    for row in activity:
        own = domains.setdefault(row["domain"], {"domain": row["domain"], "items": row["items"]})
        # Who did two things there would count twice in a sum.
        own["users"] = None if own.get("events") else row["users"]
        own["events"] = own.get("events", 0) + row["events"]
    pairs = [{**row, "entities": None, "relations": None} for row in overlap]
    return {"of": None, "domains": list(domains.values()), "pairs": pairs}


@routes.get("/health")
async def show_health(asked: Asked) -> dict[str, Any]:
    """Counts of what is in the graph and should not be, and what to do.

    All of the graph is read: counted anew after twenty times as long as it took, a minute at least.

    Raises:
        DatabaseError: It took too long, or nobody answers.
    """
    async with asked.counting:
        if time.monotonic() > asked.counted[0]:
            began = time.monotonic()
            found = await _count(await asked.client())
            now = time.monotonic()
            asked.counted = now + max(_FRESH_SECONDS, _PAUSES * (now - began)), found
        rows = asked.counted[1]
    if isinstance(rows, DatabaseError):
        raise rows
    return {"rows": rows}


async def _count(client: AsyncClient) -> list[dict[str, Any]] | DatabaseError:
    """The counts, or that they took too long: a server may still be at them, and is left alone."""
    began, limit = time.monotonic(), client.database.options.query_timeout
    try:
        rows = await client.query("health")
    except DatabaseError:
        if limit is None or time.monotonic() - began < limit:
            raise
        hint = "'linkspan query health' has no such limit"
        return DatabaseError(f"counting all of the graph takes more than {limit:g} s", hint=hint)
    for row in rows:
        row["bad"] = row["wanted"] is not None and row["count"] != row["wanted"]
        row["hint"] = _MEND.get(row["what"], "") if row["bad"] else ""
    return rows


@routes.get("/ingest")
async def show_ingest(asked: Asked) -> dict[str, Any]:
    """Rows that the last ingest took from each file, and those that it did not."""
    rows = [row["properties"] for row in await (await asked.client()).query("read_ledger")]
    kept = ("file", "table", "rows", "rejected", "loaded", "at")
    files = sorted(({name: row.get(name) for name in kept} for row in rows), key=_by_file)
    rejects = asked.workspace.folder / "rejects"
    return {"files": files, "rejects": str(rejects) if any(rejects.glob("*")) else None}


async def _outline(client: AsyncClient) -> dict[str, Any] | None:
    """The outline that the active run kept, with its id as ``of``; None where there is none."""
    found = await client.query("read_outline")
    if not found or not found[0]["outline"]:
        return None
    return {"of": found[0]["run"], **json.loads(found[0]["outline"])}


def _by_file(row: dict[str, Any]) -> tuple[str, str]:
    return str(row["file"]), str(row["table"])


def _model(asked: Sources, active: str | None) -> dict[str, Any]:
    """Tell whether the active run's model can be asked here, and why not."""
    if active is None:
        return {"there": False, "why": "no run is active"}
    if find_spec("torch") is None:
        return {"there": False, "why": "install it with: pip install 'linkspan[train]'"}
    own = {run.id for run in asked.workspace.runs()}
    if active.partition(".")[0] not in own:
        return {"there": False, "why": f"run {active} was trained on another machine"}
    return {"there": True, "why": ""}


def _browser(asked: Sources, client: AsyncClient, engine: str) -> dict[str, str]:
    """Name and address of the database's own browser, on its usual port unless it is known."""
    host, embedded = urlsplit(client.database.uri).hostname, client.database.embedded
    if engine == "Neo4j":
        return {"name": "Neo4j Browser", "url": f"http://{host}:7474/browser/"}
    url = (
        embedded.http_url if embedded else asked.settings.database.http or f"http://{host}:{PORT}/"
    )
    return {"name": "ArcadeDB Studio", "url": url}

"""Commands on what users say of what they were shown."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from linkspan.commands.ask import open_client
from linkspan.commands.options import Config, Json, Uri
from linkspan.console import out, show_json, table
from linkspan.errors import ConfigError
from linkspan.events import load_events
from linkspan.graph.asking.results import Acceptance
from linkspan.graph.users.feedback import Event

app = typer.Typer()

_COLUMNS = ("domain", ">shown", ">clicked", ">accepted", ">CTR", ">P@1", ">P@5", ">P@10")


@app.command()
def feedback(
    user: Annotated[str | None, typer.Argument(help="Key of the user.")] = None,
    item: Annotated[str | None, typer.Argument(help="Key of the item: domain/id.")] = None,
    extra: Annotated[str | None, typer.Argument(hidden=True)] = None,
    kind: Annotated[
        str, typer.Option("--kind", help="view, click, accept, dislike, dismiss, or your own.")
    ] = "accept",
    file: Annotated[
        Path | None,
        typer.Option("--file", help="CSV with columns user, item, kind, and perhaps at and run."),
    ] = None,
    create: Annotated[
        bool, typer.Option("--create", help="Make users that the graph does not have.")
    ] = False,
    config: Config = None,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Note what a user said of an item; it leaves the lists at once, and training learns it."""
    if extra is not None:
        raise ConfigError(f"'{extra}' is one too many", hint=f"Say a kind as --kind {extra}")
    if (file is None) == (user is None) or (user is None) != (item is None):
        raise ConfigError("nothing is said of anything", hint="Give USER and ITEM, or --file")
    with open_client(config, uri) as client:
        if file is not None:
            events = load_events(file, client.user_key)
        else:
            events = [Event(client.user_key(str(user)), str(item), kind)]
        new = client.writer.write(events, create=create)
    if as_json:
        return show_json({"read": len(events), "new": len(new), "written": new})
    told = len(events) - len(new)
    out.print(f"{len(new):,} new" + (f", {told:,} told before" if told else ""))
    for said in new[:1] if file is None else ():
        where = f"rank {said.rank} of run {said.run}" if said.run else "no list of the user"
        out.print(f"{said.item} stood at {where}" if said.run else f"{said.item} stood in {where}")
    return None


@app.command()
def acceptance(config: Config = None, uri: Uri = None, as_json: Json = False) -> None:
    """What became of what each run showed: clicks and acceptance, by domain."""
    with open_client(config, uri) as client:
        rows = client.acceptance()
    show_acceptance(rows, as_json=as_json)


def show_acceptance(rows: Sequence[Acceptance], *, as_json: bool) -> None:
    """The figures as JSON, or as a table for each run."""
    if as_json:
        return show_json([as_figures(row) for row in rows])
    if not rows:
        return out.print("No feedback on any list yet")
    for run, own in groupby(rows, lambda row: row.run):
        shown = table(*_COLUMNS, title=f"Feedback on what run {run} showed")
        for row in own:
            counts = (f"{count:,}" for count in (row.shown, row.clicked, row.accepted))
            shares = (row.click_through, *(row.precision(k) for k in (1, 5, 10)))
            shown.add_row(row.domain, *counts, *map(_percent, shares))
        out.print(shown)
    return None


def as_figures(row: Acceptance) -> dict[str, str | int | float | None]:
    """All figures of a row, for JSON; shares from 0 to 1."""
    return {
        "run": row.run,
        "domain": row.domain,
        "shown": row.shown,
        "clicked": row.clicked,
        "accepted": row.accepted,
        "click_through": row.click_through,
        **{f"precision_at_{k}": row.precision(k) for k in (1, 5, 10)},
    }


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}%"

"""Commands that ask the graph: they need a database, and neither files nor torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from linkspan.commands.options import Config, Domain, Json, K, Uri
from linkspan.console import out, show_json, table
from linkspan.errors import ArgumentError, ConfigError
from linkspan.graph.asking.client import Client
from linkspan.graph.asking.questions import Fallback
from linkspan.graph.asking.results import Likeness, Run
from linkspan.graph.users.pseudonyms import VARIABLE, Pseudonyms
from linkspan.settings import load_settings

app = typer.Typer()

_FIRST_MOMENT = 10**10  # ms, April 1970: what is below is a position

User = Annotated[str, typer.Argument(help="Key of the user.")]
Item = Annotated[str, typer.Argument(help="Key of the item: domain/id.")]


def open_client(config: Path | None, uri: str | None, *, model: bool = False) -> Client:
    """A client for the database of the settings, and with the model of its active run."""
    pseudonyms, settings = Pseudonyms.from_environment(), load_settings(config, database__uri=uri)
    database, visitors = settings.open_database(), None
    if model:
        from linkspan.visiting import open_visitors

        try:
            visitors = open_visitors(database, settings)
        except BaseException:
            database.close()
            raise
    return Client(database, pseudonyms, model=visitors)


@app.command()
def recommend(
    user: Annotated[str | None, typer.Argument(help="Key of the user.")] = None,
    domain: Domain = None,
    k: K = 10,
    popular: Annotated[
        bool, typer.Option("--popular", help="Popular items for a user without a list.")
    ] = False,
    history: Annotated[
        list[str] | None,
        typer.Option(
            "--history",
            metavar="ITEM",
            help="In place of a user: key of an item met; repeat it, the oldest first.",
        ),
    ] = None,
    config: Config = None,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """What to recommend to a user, each with its reason.

    With --history to a visitor whom the graph does not have, by the model of the active run, whose
    files must be here.
    """
    if user is None and not history:
        raise ArgumentError("there is no user", hint="Name one, or give --history ITEM")
    with open_client(config, uri, model=bool(history)) as client:
        fallback: Fallback = "popular" if popular else None
        rows = client.recommend(user, domain, k, fallback=fallback, history=history or None)
        if not rows and user is not None and not client.has_user(user):
            _see_items(client)
            raise ArgumentError(
                f"there is no user {user!r}", hint="Add --popular to see popular items instead"
            )
    cells = [
        (str(row.rank), row.item, row.title, row.domain, f"{row.score:.2f}", row.because)
        for row in rows
    ]
    show(
        rows,
        as_json,
        (">#", "item", "title", "domain", ">score", "because of"),
        cells,
        "No recommendations " + (f"for user {user!r}" if user else "by this history"),
        title=None if domain else "The best of each domain first, then the second",
    )


def _see_items(client: Client) -> None:
    """Say where the graph has no items, so that no user and no item can be known."""
    if not client.query("count_nodes")[0]["items"]:
        database = client.database
        where = database.embedded.folder if database.embedded else database.uri
        raise ArgumentError(
            f"the graph in {where} has no items",
            hint="Check the address, or load a graph with 'linkspan run' or 'linkspan demo'",
        )


@app.command()
def similar(
    item: Item,
    domain: Domain = None,
    k: K = 10,
    kind: Annotated[
        Likeness, typer.Option(help="By what was learned, or by what both share in the graph.")
    ] = "states",
    config: Config = None,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Items that are like an item, in its own domain and in others."""
    with open_client(config, uri) as client:
        rows = client.similar(item, domain, k, kind=kind)
        if not rows and not client.has_item(item):
            _see_items(client)
            known = " or ".join(client.domains())
            raise ArgumentError(
                f"there is no item {item!r}",
                hint=f"A key is domain/id, with domain {known}"
                "; 'linkspan search TEXT' finds items by title",
            )
    reasons = ["how", "by"] if kind == "relations" else []
    cells = [
        [row.item, row.title, row.domain, f"{row.score:.2f}", *(getattr(row, x) for x in reasons)]
        for row in rows
    ]
    columns = ["item", "title", "domain", ">cosine", *reasons]
    show(rows, as_json, columns, cells, f"Nothing is similar to item {item!r} by {kind}")


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(metavar="TEXT...", help="Words of a title.")],
    domain: Domain = None,
    k: K = 10,
    config: Config = None,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Items whose title holds all words of a text."""
    text = " ".join(words)
    with open_client(config, uri) as client:
        rows = client.search(text, domain, k)
    cells = [(row.item, row.title, row.domain) for row in rows]
    show(rows, as_json, ("item", "title", "domain"), cells, f"No title holds {text!r}")


@app.command()
def history(
    user: User,
    domain: Domain = None,
    k: K = 10,
    config: Config = None,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """What a user has met so far, the latest first."""
    with open_client(config, uri) as client:
        rows = client.history(user, domain, k)
    cells = [(row.item, row.title, row.domain, row.interaction, moment(row.at)) for row in rows]
    show(
        rows,
        as_json,
        ("item", "title", "domain", "as", ">at"),
        cells,
        f"User {user!r} has no history here",
    )


@app.command()
def pseudonym(
    user: Annotated[str, typer.Argument(metavar="ID", help="Id of the user, as in the files.")],
    as_json: Json = False,
) -> None:
    """What stands for a user's id in a graph with pseudonyms; the key is in LINKSPAN_USER_KEY."""
    pseudonyms = Pseudonyms.from_environment()
    if pseudonyms is None:
        raise ConfigError(f"{VARIABLE} is not set", hint="Put the key of the graph there")
    made = pseudonyms.of(user.strip())
    show_json({"pseudonym": made}) if as_json else out.print(made, markup=False)


@app.command()
def runs(config: Config = None, uri: Uri = None, as_json: Json = False) -> None:
    """The runs that were published into the graph."""
    with open_client(config, uri) as client:
        rows = client.runs()
    columns = ("run", "state", "model", "figures, or why not", "rollback")
    show(rows, as_json, columns, [_run_cells(row) for row in rows], "No run was published yet")


def _run_cells(run: Run) -> tuple[str, ...]:
    """A run as a row of the table."""
    metrics = json.loads(run.metrics or "{}")
    shown = (("hr", "HR@10"), ("ndcg", "NDCG@10"))
    figures = ", ".join(f"{name} {metrics[key]:.3f}" for key, name in shown if key in metrics)
    if run.privacy:
        budget = json.loads(run.privacy)
        figures = f"ε = {budget['epsilon']:g}, δ = {budget['delta']:g} a user"
    return run.run, run.state, run.model, run.reason or figures, _rollback(run)


def _rollback(run: Run) -> str:
    """Say whether `rollback` can go back to a run; a refresh that is read is undone by it."""
    if run.kept and run.state == "refresh":
        return "undone"
    return "yes" if run.kept and run.state == "superseded" and run.base is None else "no"


def moment(at: int | None) -> str:
    """Milliseconds as a date and time in UTC; a position as it is."""
    if at is None or abs(at) < _FIRST_MOMENT:
        return "" if at is None else str(at)
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(" ", "minutes").removesuffix("+00:00")


def show(
    rows: Sequence[Any],
    as_json: bool,
    columns: Sequence[str],
    cells: Sequence[Sequence[str | None]],
    otherwise: str,
    title: str | None = None,
) -> None:
    """The rows as JSON or as a table, or a line where there are none."""
    if as_json:
        return show_json(list(rows))
    if not rows:
        return out.print(otherwise)
    shown = table(*columns, title=title)
    for row in cells:
        shown.add_row(*(None if cell is None else escape(cell) for cell in row))
    out.print(shown)

"""Commands about a graph that was there before: look at it, and leave it as it was."""

from __future__ import annotations

from typing import Annotated

import typer

from linkspan.commands.options import Config, Json, Uri
from linkspan.console import ConsoleProgress, out, show_json, table
from linkspan.errors import ConfigError
from linkspan.graph.unadopting import Written, count_written
from linkspan.graph.unadopting import unadopt as take_out
from linkspan.settings import load_settings

app = typer.Typer()


@app.command()
def unadopt(
    config: Config = None,
    uri: Uri = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove all that Linkspan wrote into an adopted graph."""
    if as_json and not yes:
        raise ConfigError("nothing can be asked with --json", hint="Add --yes to remove all of it")
    with load_settings(config, database__uri=uri).open_database() as database:
        written = count_written(database)
        if not as_json:
            _show(written)
        if not yes and not typer.confirm("Remove all of it?"):
            return out.print("Nothing was removed.")
        dropped = take_out(database, ConsoleProgress())
    if as_json:
        return show_json({"removed": written, "dropped": dropped})
    out.print("Removed" + (f", with {', '.join(dropped)}." if dropped else "."))


def _show(written: Written) -> None:
    shown = table("Linkspan wrote", ">count")
    for what, count in (
        ("RECOMMENDED relationships", written.recommended),
        ("SIMILAR relationships", written.similar),
        ("users with a property 'run'", written.users),
        ("Run nodes", len(written.runs)),
    ):
        shown.add_row(what, f"{count:,}")
    out.print(shown)

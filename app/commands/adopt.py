"""Commands about a graph that was there before: look at it, and leave it as it was."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import Annotated

import typer

from linkspan.commands.options import Config, Json, Uri
from linkspan.console import ConsoleProgress, out, show_json, show_picture, table
from linkspan.drawing import FORMATS, draw
from linkspan.errors import ConfigError
from linkspan.graph.adopting.inspecting import OURS, Picture, read_overlap, read_picture
from linkspan.graph.adopting.unadopting import Written, count_written
from linkspan.graph.adopting.unadopting import unadopt as take_out
from linkspan.graph.writing.constraints import is_loaded
from linkspan.ingest.proposing.role_guess import propose_roles
from linkspan.settings import load_settings

app = typer.Typer()


@app.command()
def inspect(
    config: Config = None,
    uri: Uri = None,
    write: Annotated[
        Path | None, typer.Option("--write", help="Write the proposed roles to this file.")
    ] = None,
    picture_file: Annotated[
        Path | None,
        typer.Option("--draw", help="Draw labels and types into this .svg, .png or .pdf file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what is in any graph, and propose roles with which Linkspan could adopt it."""
    if write is not None and write.exists():
        raise ConfigError(f"{write} is there already", hint="Name another file")
    if picture_file is not None and picture_file.suffix.lower() not in FORMATS:
        raise ConfigError(f"{picture_file} does not end in {', '.join(FORMATS)}")
    with load_settings(config, database__uri=uri).open_database() as database:
        picture = read_picture(database, ConsoleProgress())
        loaded = is_loaded(database)
        roles = None if loaded else propose_roles(picture)
        users, kinds, domains = (
            _roles(picture)
            if roles is None
            else (
                roles.users,
                roles.interactions,
                roles.domains,
            )
        )
        overlap = read_overlap(database, users, kinds, domains) if users and kinds else {}
    if picture_file is not None:
        draw(picture, picture_file)
    if write is not None and roles is not None:
        write.write_text(roles.text, "utf-8")
    if as_json:
        shared = [{"one": a, "other": b, "users": n} for (a, b), n in overlap.items()]
        return show_json({"graph": picture, "shared_users": shared, "roles": roles})
    show_picture(picture, domains, overlap)
    if roles is None:
        return out.print("\nLinkspan loaded this graph itself, so it needs no roles.")
    for note in roles.open:
        out.print(fill(f"- {note}", 80, subsequent_indent="  "), markup=False)
    if write is not None:
        out.print(f"\nRoles were written to {write}.", markup=False)
    elif roles.text:
        out.print("\n[bold]Roles, to be put into linkspan.toml (docs/adopt.md)[/]")
        out.print(roles.text.rstrip(), markup=False)


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
        ("FEEDBACK relationships, and interactions by feedback", written.feedback),
        ("Run nodes", len(written.runs)),
    ):
        shown.add_row(what, f"{count:,}")
    out.print(shown)


def _roles(picture: Picture) -> tuple[str | None, list[str], list[str]]:
    """Users, interactions and domains in a graph that Linkspan loaded."""
    joins = [(kind, join) for kind, read in picture.types.items() for join in read.joins]
    entities = {name for name, label in picture.labels.items() if "name" in label.properties}
    ours = [
        (kind, join.target)
        for kind, join in joins
        if kind not in OURS and join.source == "User" != join.target and join.target not in entities
    ]
    kinds, domains = (sorted(set(names)) for names in zip(*ours, strict=True)) if ours else ([], [])
    return "User", kinds, domains

"""The command that writes a first mapping."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import Annotated

import typer

from linkspan.commands.options import Json
from linkspan.console import out, show_json, table
from linkspan.errors import ConfigError
from linkspan.ingest.proposing.proposal import propose
from linkspan.settings import FILE

app = typer.Typer()


@app.command()
def init(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR]", help="The folder with files.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help=f"Write over a {FILE} that is there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look into a folder of files and write a linkspan.toml for them, with guesses marked."""
    folder, *more = folders or [Path()]
    if more or folder.is_file():
        raise ConfigError(
            f"init looks into a folder, and was given {', '.join(map(str, folders or ()))}",
            hint=f"Name the folder that has the files, such as 'linkspan init {folder.parent}'",
        )
    file = folder / FILE
    if file.exists() and not force:
        raise ConfigError(f"{file} is there already", hint="Write over it with --force")
    made = propose(folder)
    file.write_text(made.text, "utf-8")
    if as_json:
        return show_json({"file": file, "found": made.found, "open": made.open})
    shown = table("file", "holds")
    for name, kind in made.found.items():
        shown.add_row(name, kind.replace("[", r"\["))
    out.print(shown)
    for note in made.open:
        out.print(fill(f"- {note}", 80, subsequent_indent="  "), markup=False)
    guesses = made.text.count("# guess:")
    out.print(
        f"\nWrote {file}, with {guesses} guesses marked in it. Look at them, then", markup=False
    )
    where = "" if folder == Path() else f" -c {file}"
    out.print(f"  linkspan ingest --dry-run{where}", markup=False)

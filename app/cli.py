"""The command line: ``linkspan COMMAND``.

Exit codes: 0 done; 1 found something wrong (doctor); 2 usage, settings, mapping, or a user or item
that is not there; 3 data; 4 database; 5 model; 6 publish; 130 interrupted.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from typing import Annotated

import typer

import linkspan
from linkspan.commands import (
    adopt,
    ask,
    build,
    explain,
    explore,
    federate,
    feedback,
    forget,
    init,
    measure,
    query,
    serve,
    server,
)
from linkspan.console import err, out
from linkspan.errors import LinkspanError

app = typer.Typer(
    name="linkspan",
    help="Cross-domain recommendations that live in your knowledge graph.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # joins lines, and takes no [word] for markup
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"linkspan {linkspan.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[
        bool, typer.Option("--debug", envvar="LINKSPAN_DEBUG", help="Show tracebacks and logs.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    if debug:
        os.environ["LINKSPAN_DEBUG"] = "1"
        logging.basicConfig(level=logging.INFO)


for part in (
    init.app,
    build.app,
    measure.app,
    adopt.app,
    ask.app,
    explain.app,
    query.app,
    feedback.app,
    forget.app,
    serve.app,
    explore.app,
    server.app,
):
    app.registered_commands += part.registered_commands
app.add_typer(federate.app, name="federate")


def main() -> None:
    """Run one command; errors made on purpose become one line and an exit code."""
    # PyG uses it at import; nothing that a person here could change.
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
    # The driver logs each try; what came of them is told as an error.
    logging.getLogger("neo4j").addHandler(logging.NullHandler())
    try:
        app()
    except LinkspanError as error:
        if os.environ.get("LINKSPAN_DEBUG"):
            raise
        err.print("[bold red]error:[/] ", end="")
        err.print(str(error), markup=False)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()

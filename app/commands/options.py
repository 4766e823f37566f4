"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The mapping and settings. [default: ./linkspan.toml]"),
]
Uri = Annotated[
    str | None,
    typer.Option(
        "--uri", help="embedded:DIR, or neo4j://HOST:7687. [default: NEO4J_URI, then the settings]"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Domain = Annotated[
    str | None, typer.Option("--domain", "-d", help="Only this domain. [default: all]")
]
K = Annotated[int, typer.Option("-k", help="At most this many.")]
RunId = Annotated[str | None, typer.Argument(metavar="[RUN]", help="[default: the latest]")]

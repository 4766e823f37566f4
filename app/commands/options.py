"""Options, and first steps, that many commands share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from linkspan.console import ConsoleProgress, err, out, show_stage
from linkspan.graph.snapshot import Snapshot
from linkspan.pipeline import Pipeline
from linkspan.settings import Settings
from linkspan.workspace import RunFolder

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="The mapping and settings; demo: those of the demo. [default: ./linkspan.toml]",
    ),
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


def build_pipeline(settings: Settings, as_json: bool) -> Pipeline:
    """The pipeline, with its stages shown as they end: on standard error under ``--json``."""
    console = err if as_json else out
    return Pipeline(settings, ConsoleProgress(), partial(show_stage, console))


def find_run(pipeline: Pipeline, name: str | None) -> tuple[RunFolder, Snapshot]:
    """A run and the snapshot it was trained on."""
    trained = pipeline.workspace.run(name)
    return trained, pipeline.workspace.load_snapshot(trained.read("run")["fingerprint"])


@contextmanager
def resumable() -> Iterator[None]:
    """Tells who breaks a command off that nothing is lost; for commands, as a decorator."""
    try:
        yield
    except KeyboardInterrupt:
        err.print("Broken off; the same command goes on where it stopped.")
        raise

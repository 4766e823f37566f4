"""Commands about the server: keep the embedded one running, and look for what is wrong."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from linkspan.commands.options import Config, Json, Uri
from linkspan.console import out, show_json, table
from linkspan.doctor import examine
from linkspan.errors import ConfigError
from linkspan.graph.connecting.embedded import DATABASE, EmbeddedServer, is_running, release
from linkspan.settings import Settings, load_settings

app = typer.Typer()


def _folder(settings: Settings) -> Path:
    uri = settings.database.uri
    if not uri.startswith("embedded:"):
        raise ConfigError(
            f"{uri} is no embedded server", hint="Give its folder: --uri embedded:DIR"
        )
    return settings.home / uri.removeprefix("embedded:")


@app.command()
def up(
    config: Config = None,
    uri: Uri = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Leave it running in the background.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Keep the embedded server running, for a graph browser and other programs."""
    server = EmbeddedServer.ensure(_folder(load_settings(config, database__uri=uri)))
    if as_json:
        show_json(
            {"browser": server.http_url, "bolt": server.uri, "user": server.user, "pid": server.pid}
        )
    else:
        out.print(f"Graph browser  {server.http_url}  (database {DATABASE}, language Cypher)")
        out.print(f"Bolt           {server.uri}")
        out.print(f"Login          user {server.user}, password in {server.folder / 'password'}")
    if detach:
        server.keep()
        out.print("It stays up; 'linkspan down' stops it.") if not as_json else None
        return server.leave()
    if not as_json:
        out.print("Press Ctrl-C to stop.")
    try:
        while is_running(server.folder):
            time.sleep(0.5)
    except KeyboardInterrupt:
        server.stop()


@app.command()
def down(config: Config = None, uri: Uri = None) -> None:
    """Stop an embedded server that 'up --detach' left running."""
    folder = _folder(load_settings(config, database__uri=uri))
    if not is_running(folder):
        return out.print("No server was running.")
    ended = release(folder)
    out.print("Stopped." if ended else "It stops when the last program that uses it ends.")


@app.command()
def doctor(config: Config = None, uri: Uri = None, as_json: Json = False) -> None:
    """Say which server is reached, what it can do, and what is wrong if it cannot."""
    findings = examine(config, uri)
    if as_json:
        show_json(findings)
    else:
        shown = table("", "what", "found")
        for finding in findings:
            shown.add_row(
                "[green]ok[/]" if finding.ok else "[red]no[/]", finding.what, finding.found
            )
        out.print(shown)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)

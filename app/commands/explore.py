"""The command that opens a page to look at the graph, the model and the reasons."""

from __future__ import annotations

import socket
import threading
import webbrowser
from typing import Annotated

import typer

from linkspan.commands.options import Config, Uri
from linkspan.console import err
from linkspan.errors import ConfigError, needing
from linkspan.graph.asking.async_client import AsyncClient
from linkspan.graph.connecting.async_connection import AsyncDatabase
from linkspan.graph.connecting.driving import Options
from linkspan.graph.users.pseudonyms import Pseudonyms
from linkspan.settings import load_settings

app = typer.Typer()

_SECONDS, _QUERY_SECONDS, _GRACE_SECONDS = 5.0, 30.0, 2


@app.command()
def explore(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8765,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    name: Annotated[
        list[str] | None, typer.Option(help="A name this machine is called by; may be repeated.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Let the page write feedback.")] = False,
    rest: Annotated[
        str | None,
        typer.Option(help="Address of 'linkspan serve': the page leads to its answers."),
    ] = None,
    show: Annotated[
        bool, typer.Option("--open/--no-open", help="Open it in the browser of this machine.")
    ] = True,
    config: Config = None,
    uri: Uri = None,
) -> None:
    """Open a page to look at the graph, the model and the reasons."""
    with needing("serve", "the page", ConfigError):
        import uvicorn

        from linkspan.exploring.app import create_app
        from linkspan.exploring.sources import Sources
        from linkspan.serving.guarding import check_host, token_from_environment
        from linkspan.serving.running import OPTIONS, address, stop_when_told
    token = token_from_environment()
    check_host(host, token)
    if rest and not rest.startswith(("http://", "https://")):
        raise ConfigError(f"--rest is {rest}", hint="Give an address as http://127.0.0.1:8000")
    settings, pseudonyms = load_settings(config, database__uri=uri), Pseudonyms.from_environment()
    options = Options(_SECONDS, _QUERY_SECONDS)

    def connect() -> AsyncClient:
        login = settings.login()  # starts an embedded server
        return AsyncClient(AsyncDatabase(**vars(login), options=options), pseudonyms)

    made = create_app(Sources(settings, connect, write=write, rest=rest), token, name or (), port)
    page = address(host, port)
    with _listen(host, port) as listening:
        stop_when_told()
        err.print(f"{page} shows the graph, the model and the reasons; Ctrl-C stops.")
        if show:
            threading.Timer(0.5, webbrowser.open, [page]).start()
        served = uvicorn.Config(made, timeout_graceful_shutdown=_GRACE_SECONDS, **OPTIONS)
        uvicorn.Server(served).run([listening])


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        ConfigError: Another program does, or the address is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named asyncio sends at once; else an answer may wait 40 ms for another.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen()
        return made
    except OSError as error:
        made.close()
        raise ConfigError(
            f"cannot listen on {host}, port {port} ({error.strerror or error})",
            hint="Choose another port with --port",
        ) from error

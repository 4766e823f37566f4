"""The command that serves the graph to programs in any language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from linkspan.commands.options import Config, Uri
from linkspan.console import err
from linkspan.errors import ConfigError, needing
from linkspan.graph.asking.async_client import AsyncClient
from linkspan.graph.connecting.async_connection import AsyncDatabase
from linkspan.graph.connecting.driving import Options
from linkspan.graph.users.pseudonyms import Pseudonyms
from linkspan.settings import Settings, load_settings

if TYPE_CHECKING:
    from linkspan.visiting import VisitorModel

app = typer.Typer()

_QUERY_SECONDS = 10.0
_GRACE_SECONDS = 10


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    encoder: Annotated[
        str | None,
        typer.Option(help="Text encoder of the run, such as minilm: /search goes by meaning."),
    ] = None,
    model: Annotated[
        bool,
        typer.Option(
            "--model", help="Load the active run's model: POST /recommend goes by a history."
        ),
    ] = False,
    timeout: Annotated[
        float, typer.Option(help="Seconds to try for a lost database.", min=0.1)
    ] = 5.0,
    config: Config = None,
    uri: Uri = None,
) -> None:
    """Serve recommendations over HTTP (REST); the token is in LINKSPAN_TOKEN."""
    with needing("serve", "the server", ConfigError):
        import uvicorn

        from linkspan.serving.app import create_app
        from linkspan.serving.guarding import check_host, token_from_environment
        from linkspan.serving.running import OPTIONS, address, stop_when_told
    token = token_from_environment()
    check_host(host, token)
    settings, pseudonyms = load_settings(config, database__uri=uri), Pseudonyms.from_environment()
    encodes = _encoder(encoder)
    login, options = settings.login(), Options(timeout, _QUERY_SECONDS)
    visitors = _load_model(settings) if model else None

    def connect() -> AsyncClient:
        return AsyncClient(
            AsyncDatabase(**vars(login), options=options), pseudonyms, encodes, visitors
        )

    stop_when_told()
    err.print(f"{address(host, port)}docs lists what can be asked; Ctrl-C stops.")
    uvicorn.run(
        create_app(connect, token),
        host=host,
        port=port,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        **OPTIONS,
    )


def _load_model(settings: Settings) -> VisitorModel:
    """The active run's model, which recommends by a history."""
    from linkspan.visiting import open_visitors

    with settings.open_database() as database:
        return open_visitors(database, settings)


def _encoder(name: str | None) -> Any:
    """A text encoder, loaded now and not at the first search."""
    if name is None:
        return None
    from linkspan.gnn.encoding.texts import build_encoder, encoder_of_runs

    build_encoder(name).encode(["warm"])
    return encoder_of_runs(name)

"""Commands of a federation: sites that train together, and keep their graphs to themselves."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

import linkspan
from linkspan import gnn
from linkspan.commands.options import Config, Json, Uri, build_pipeline
from linkspan.console import out, show_json
from linkspan.demo import show_evaluation
from linkspan.errors import ConfigError, needing
from linkspan.federating import check_federated, train_federated
from linkspan.figures import records
from linkspan.settings import load_settings

app = typer.Typer(
    help="Train together with other sites; events stay where they are.", no_args_is_help=True
)

Address = Annotated[str, typer.Argument(metavar="HOST:PORT")]
_LOCAL = ("localhost", "127.0.0.1", "[::1]")
"""Hosts that are this machine."""


@app.command()
def lead(
    address: Address,
    sites: Annotated[int, typer.Option(help="How many sites there will be.", min=2)] = 2,
    timeout: Annotated[
        float, typer.Option(help="Seconds to wait for all sites, then for each message.", min=1)
    ] = 3600,
    certificate: Annotated[
        Path | None, typer.Option(help="PEM file of this server's certificate, for TLS.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="PEM file of the certificate's private key.")
    ] = None,
    authority: Annotated[
        Path | None, typer.Option(help="PEM file of who signed it. [default: itself]")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen beyond this machine without TLS.")
    ] = False,
) -> None:
    """Lead a federation: average what its sites share. No graph, event or user key is seen."""
    with needing("federated", "a federation"):
        gnn.lead  # noqa: B018, loads Flower
    if (certificate is None) != (key is None):
        raise ConfigError("--certificate and --key go together")
    files = None
    if certificate is not None and key is not None:
        files = gnn.Certificates(authority or certificate, certificate, key)
    _check_way(address, secure=files is not None, insecure=insecure)
    coordinator = gnn.Coordinator(linkspan.__version__)
    waiting = f"Waiting at {address} for {sites} sites ('linkspan federate join' at each)"
    gnn.lead(coordinator, address, sites, timeout, files, partial(out.print, waiting, markup=False))
    done = ", ".join(sorted(coordinator.ended))
    out.print(f"Done: {done}; averaged {coordinator.epochs} times.", markup=False)


@app.command()
def join(
    address: Address,
    authority: Annotated[
        Path | None, typer.Option(help="PEM file of who signed the coordinator's certificate.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Go beyond this machine without TLS.")
    ] = False,
    config: Config = None,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Do what `run` does, but train together with the other sites of a federation."""
    _check_way(address, secure=authority is not None, insecure=insecure)
    pipeline = build_pipeline(load_settings(config, database__uri=uri), as_json)
    check_federated(pipeline.settings, address, authority)
    train = partial(train_federated, pipeline, address=address, authority=authority)
    with pipeline.open_database(create=True) as database:
        trained, taken, evaluation = pipeline.run(database, train)
    if as_json:
        figures = [] if evaluation is None else records(evaluation.table())
        about = trained.read("run")["federation"]
        return show_json({"run": trained.id, "federation": about, "evaluation": figures})
    if evaluation is None:
        return out.print(f"Run {trained.id} is published; nothing was held out to measure it.")
    return show_evaluation(evaluation, taken)


def _check_way(address: str, *, secure: bool, insecure: bool) -> None:
    """See that nothing goes beyond this machine in clear text unasked.

    Raises:
        ConfigError: It would.
    """
    if not (secure or insecure or address.rpartition(":")[0] in _LOCAL):
        raise ConfigError(
            f"what goes to and from {address} could be read on the way",
            hint="Give the coordinator a --certificate and a --key, and the sites its --authority; "
            "or say --insecure where the network is safe by itself",
        )

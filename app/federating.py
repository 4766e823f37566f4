"""Runs of a site that trains together with others, each of which keeps its own graph."""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import linkspan
from linkspan import gnn
from linkspan.errors import ConfigError, needing
from linkspan.figures import draw_curves
from linkspan.graph.asking.wording import counted
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.identities import all_keys
from linkspan.graph.users.forgetting import id_in
from linkspan.graph.users.pseudonyms import VARIABLE, Pseudonyms, is_pseudonym, other_key
from linkspan.opening import check_installed
from linkspan.private_training import refuse_private
from linkspan.settings import Settings
from linkspan.stages import Stages
from linkspan.workspace import RunFolder

if TYPE_CHECKING:
    from linkspan.gnn import FittedModel
    from linkspan.gnn.federation.flower import FlowerLink


def check_federated(settings: Settings, address: str, authority: Path | None = None) -> None:
    """See that a site can take part, before its graph is read.

    Args:
        settings: Of the site.
        address: Of the coordinator.
        authority: PEM file of who signed its certificate.

    Raises:
        ConfigError: Settings say otherwise, or the key to pseudonyms is missing.
        ModelError: The extra ``federated`` is not installed.
    """
    check_installed()
    with needing("federated", "a federation"):
        gnn.check_address(address, authority)
    refuse_private(settings, "a federation")
    if settings.cluster.address is not None:
        raise ConfigError("a site of a federation is one process", hint="Leave [cluster] out")
    own = settings.federation
    if own.name is None:
        raise ConfigError(
            "this site has no name",
            hint="Give it one that the others see: 'name = \"books\"' in [federation]",
        )
    if own.states and Pseudonyms.from_environment() is None:
        raise ConfigError(
            f"[federation] says 'states = true', and {VARIABLE} is not set",
            hint="Set it to the same secret at all sites; 'openssl rand -hex 32' makes one",
        )


def train_federated(
    stages: Stages,
    snapshot: Snapshot,
    text: dict[str, Any],
    address: str,
    authority: Path | None = None,
) -> RunFolder:
    """Fit a run's two models together with other sites, as `linkspan.training.train_run` alone.

    Args:
        stages: Settings, workspace, progress; each model is a stage.
        snapshot: This site's graph.
        text: Node type to vectors.
        address: ``HOST:PORT`` of the coordinator.
        authority: PEM file of who signed its certificate; without, no TLS.

    Raises:
        ConfigError: The site is too small, or its users' ids cannot be told to others.
        ModelError: The coordinator refuses or is gone, or the training failed.
    """
    own, settings = stages.settings.federation, stages.settings.train
    gnn.check_floor(snapshot, own)
    key, sealer = None, None
    if own.states:
        pseudonyms = Pseudonyms.from_environment()
        assert pseudonyms is not None, "checked before the graph was read"
        key, names = pseudonyms.check, _names(stages.settings, snapshot, pseudonyms)
        sealer = gnn.Sealer(os.environ[VARIABLE], names)
    split = stages.split(snapshot)
    with gnn.joined(address, own.timeout, authority) as link:
        site = gnn.Site(link, own, settings, linkspan.__version__, key, sealer)
        with stages.stage("train") as stage:
            started = perf_counter()
            fitted = site.train(snapshot, split, text, stages.progress)
            stage.count, stage.unit = len(split.train) * len(fitted.curves), "events"
            stage.text = (
                f"{len(split.train):,} events, with {', '.join(site.others)}; best epoch "
                f"{fitted.best_epoch} of {len(fitted.curves)}"
            )
            stage.notes = _notes(fitted, link, states=own.states)
            seconds = round(perf_counter() - started, 1)
        with stages.stage("refit") as stage:
            final = site.train_all(fitted, stages.progress)
            if settings.learning.meta:
                final = gnn.learn_beginnings(final, settings.learning.meta, stages.progress)
            events = len(snapshot.events())
            stage.count, stage.unit = events * final.best_epoch, "events"
            stage.text = f"all {events:,} events, {final.best_epoch} epochs"
    run = stages.workspace.new_run(
        version=linkspan.__version__,
        fingerprint=snapshot.fingerprint(),
        settings=settings.model_dump(mode="json"),
        encoders=gnn.encoder_names(settings.encoding),
    )
    gnn.save_vectors(text, run.embedded, settings.model.precision)
    gnn.save(fitted.learned, run.held_out, split)
    gnn.save(final.learned, run.final)
    told = {
        "name": own.name,
        "with": site.others,
        "states": own.states,
        "messages": link.messages,
        "bytes_sent": link.sent,
        "bytes_received": link.received,
    }
    found = {"seconds": seconds, "doubted": [], "refit": True, "federation": told}
    run.write("run", {**run.read("run"), **found})
    curves = [epoch._asdict() for epoch in fitted.curves]
    draw_curves(curves, fitted.best_epoch, run.folder / "curves.png")
    return run


def _names(settings: Settings, snapshot: Snapshot, pseudonyms: Pseudonyms) -> dict[str, int]:
    """Pseudonym of each user's id to their row.

    Raises:
        ConfigError: One id may be several users here, or users have pseudonyms by another key.
    """
    shared = settings.adopts or settings.mapping().users.shared
    if not shared and len(snapshot.domains) > 1:
        raise ConfigError(
            "[users] does not say 'shared = true', so an id here may be another person in each "
            "domain, and no site can tell whose states these are",
            hint="Leave 'states' out of [federation], or each domain be a site",
        )
    keys = all_keys(snapshot, "user")
    ids = [key if shared else id_in(key) for key in keys["key"]]
    if any(is_pseudonym(user) and not pseudonyms.made(user) for user in ids):
        raise other_key()
    return {pseudonyms.of(user): int(row) for user, row in zip(ids, keys["row"], strict=True)}


def _notes(fitted: FittedModel, link: FlowerLink, *, states: bool) -> list[str]:
    """Sentences on what travelled, and of whom others told."""
    epochs = max(link.messages["epoch"], 1)
    notes = [f"{link.sent['epoch'] / epochs / 1000:,.0f} kB of parameters sent after each epoch"]
    if states:
        known = 0 if fitted.foreign is None else len(fitted.foreign.users)
        users = counted(len(fitted.snapshot.users), "user")
        notes.append(
            f"other sites know {known:,} of {users}"
            + ("" if known else ": are the ids the same there, and the key?")
        )
    return notes

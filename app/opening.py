"""Opens the models of a run on the graph that they are used on, and the cluster that helps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from linkspan import gnn
from linkspan.errors import ConfigError, ModelError, needing
from linkspan.gnn.settings import EncodingSettings
from linkspan.graph.asking.client import Client
from linkspan.graph.asking.results import active_run
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.undoing import refreshes
from linkspan.graph.snapshot import Snapshot
from linkspan.settings import Settings
from linkspan.workspace import RunFolder, Workspace

if TYPE_CHECKING:
    from linkspan.gnn import FittedModel


def find_active(database: Database, workspace: Workspace) -> tuple[str, list[RunFolder]]:
    """The active run of a graph.

    Returns:
        Its id, and the folders of its refreshes that are in force, the latest first, then its own.

    Raises:
        PublishError: No run is active.
        ModelError: It is not in the workspace.
        DatabaseError: The server failed.
    """
    active = active_run(Client(database).runs())
    own = {run.id: run for run in workspace.runs()}
    base = own.get(active.partition(".")[0])  # published again by other rules it is ID.2
    if base is None:
        raise ModelError(
            f"the active run {active} is not in {workspace.folder}",
            hint="Do this where it was trained, or do a full run",
        )
    return active, [*(own[run] for run in refreshes(database, active) if run in own), base]


def check_installed() -> None:
    """See that what models need is installed.

    Raises:
        ModelError: The extra ``train`` is not.
    """
    with needing("train", "a model"):
        gnn.Ranker  # noqa: B018, loads torch


@contextmanager
def shared_out(settings: Settings) -> Iterator[None]:
    """Inside, the cluster of ``[cluster]`` trains and scores; without one, all is as it was.

    Raises:
        ConfigError: The cluster cannot be used, or trainings are to be on CUDA.
        ModelError: The extra ``cluster`` is not installed.
    """
    if settings.cluster.address is None:
        yield
        return
    if settings.train.machine.device == "cuda":
        raise ConfigError(
            "the workers of a cluster train on their CPUs, and [train.machine] asks for 'cuda'",
            hint="Leave 'device' or [cluster] out",
        )
    check_installed()
    with needing("cluster", "[cluster]"):
        cluster = gnn.open_cluster(settings.cluster)
    with cluster:
        yield


def open_model(run: RunFolder, snapshot: Snapshot, folder: Path | None = None) -> FittedModel:
    """A model of a run over all events of a snapshot, with the vectors that the run read.

    Args:
        run: The run.
        snapshot: The graph that it was made of, row for row.
        folder: ``run.held_out``, or, by default, ``run.final``.

    Raises:
        ModelError: The model or its vectors cannot be read, or are of another snapshot, or the
            extra ``train`` is not installed.
    """
    check_installed()
    wanted = run.read("run")["fingerprint"]
    if wanted != snapshot.fingerprint():
        raise ModelError(
            f"run {run.id} was made of another snapshot (fingerprint {wanted[:12]}, this one has "
            f"{snapshot.fingerprint()[:12]})",
            hint="Load the snapshot it was made of, or train again",
        )
    view = gnn.View.whole(snapshot, gnn.load_vectors(run.embedded))
    return gnn.load(folder or run.final).on(view)


def check_encoders(run: RunFolder, settings: EncodingSettings, snapshot: Snapshot) -> None:
    """See that a folder of an encoder still holds what the run's vectors were made with.

    Args:
        run: The run.
        settings: Those that it was trained with.
        snapshot: What is to be embedded.

    Raises:
        ModelError: It holds another encoder.
    """
    images = any(role.kind == "image" for role in snapshot.roles.features)
    now = gnn.encoder_names(settings)
    for kind in ("text", "image") if images else ("text",):
        if run.encoders is not None and run.encoders[kind] != now[kind]:
            raise ModelError(
                f"the {kind} encoder has changed since run {run.id} was trained: it was "
                f"{run.encoders[kind]!r}, and is {now[kind]!r}",
                hint="Do a full run, or put its files back",
            )

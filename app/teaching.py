"""A run that a smaller network learns from, and what that network is to be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from linkspan import gnn
from linkspan.errors import ModelError
from linkspan.graph.snapshot import Snapshot
from linkspan.opening import check_installed
from linkspan.private_training import refuse_private
from linkspan.stages import Stages
from linkspan.workspace import RunFolder, Workspace

if TYPE_CHECKING:
    from linkspan.gnn import FittedModel, Split, TrainSettings, View


@dataclass(frozen=True)
class Teacher:
    """A run that a smaller network learns from.

    Attributes:
        run: The run.
        snapshot: The graph that it was trained on.
        split: Held-out events of the run: of the small network's too.
        text: Node type to the vectors that the run read.
        settings: Those of the small network.
    """

    run: RunFolder
    snapshot: Snapshot
    split: Split
    text: dict[str, Any]
    settings: TrainSettings

    def held_out(self) -> FittedModel:
        """Network that was fitted without the held-out events, where they are not known."""
        events, split = self.snapshot.events(), self.split
        held_out = events.iloc[np.sort(np.concatenate([split.validation, split.test]))]
        view = gnn.View(self.snapshot, self.text, events.iloc[split.train], held_out)
        return _network(self.run.held_out, view)

    def final(self) -> FittedModel:
        """Network that was fitted on all events, where all are known."""
        return _network(self.run.final, gnn.View.whole(self.snapshot, self.text))


def find_teacher(stages: Stages, name: str | None = None, seed: int | None = None) -> Teacher:
    """A run to learn from.

    Args:
        stages: Settings of the machine, and the workspace.
        name: Id of the run; by default the latest of ``linkspan train``.
        seed: Of the small network; by default the run's own.

    Raises:
        ConfigError: Today's settings bound by a budget what is learned.
        ModelError: There is no such run, it cannot be read, or it has no network of its own whose
            width can be halved.
    """
    check_installed()
    refuse_private(stages.settings, "a smaller network")
    run = stages.workspace.run(name or _latest(stages.workspace))
    _check(run)
    learned = gnn.load(run.held_out)
    if not learned.best_epoch:
        raise ModelError(
            f"the network of run {run.id} is untrained, so there is nothing to learn from it",
            hint="Its lists come from texts and popularity, which cost little as they are",
        )
    snapshot = stages.workspace.load_snapshot(run.read("run")["fingerprint"])
    settings = gnn.small_settings(learned.settings)
    settings = settings.model_copy(update={"machine": stages.settings.train.machine})
    if seed is not None:
        settings = settings.changed(seed=seed)
    text, split = gnn.load_vectors(run.embedded), gnn.Split.load(run.split)
    return Teacher(run, snapshot, split, dict(text), settings)


def _latest(workspace: Workspace) -> str | None:
    """Id of the latest run that is no refresh, and no small network itself."""
    runs = [run for run in workspace.runs() if run.is_trained and run.base is None]
    own = [run.id for run in runs if "distilled" not in run.read("run")]
    return own[-1] if own else None


def _check(run: RunFolder) -> None:
    """See that a run was trained by itself, on all its domains at once."""
    about = run.read("run")
    if run.base is not None:
        raise ModelError(
            f"run {run.id} is a refresh of run {run.base}, and keeps no model without the held-out "
            "events",
            hint=f"Learn from {run.base}",
        )
    if about.get("privacy") is not None:
        raise ModelError(
            f"run {run.id} has a privacy budget, and no network",
            hint="Learn from a run without [privacy], if that is allowed",
        )
    if (adapted := about.get("adapted")) is not None:
        raise ModelError(
            f"run {run.id} was adapted to domain '{adapted['domain']}', and has two networks",
            hint=f"Learn from run {adapted['run']}, or train all domains with 'linkspan train'",
        )
    if about.get("federation") is not None:
        raise ModelError(
            f"run {run.id} was trained with other sites, and a small network would have this "
            "site's events only",
            hint="Learn from a run of 'linkspan train'",
        )


def _network(folder: Path, view: View) -> FittedModel:
    """The network of a model, without what stands beside it."""
    return replace(gnn.load(folder), linear=None, weights={}, alone={}).on(view)

"""New lists from new events, for those whom they concern, in a fraction of a full run."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

import linkspan
from linkspan import gnn
from linkspan.errors import ModelError
from linkspan.graph.asking.wording import counted
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.publish import RunRecord
from linkspan.graph.publishing.refresh import publish_refresh
from linkspan.graph.roles import Roles
from linkspan.graph.snapshot.changes import Changes, find_changes
from linkspan.opening import check_encoders, find_active, open_model
from linkspan.pipeline import Pipeline
from linkspan.run_lists import build_choice, find_users, write_recommended
from linkspan.stages import MODELS
from linkspan.workspace import RunFolder


@dataclass(frozen=True)
class Refreshed:
    """Record of what a refresh did.

    Attributes:
        run: Id of the refresh; None where no list had to change.
        base: Id of the run that was refreshed.
        changes: What had changed.
        recommendations: Relationships that were written.
    """

    run: str | None
    base: str
    changes: Changes
    recommendations: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Counts, as JSON takes them."""
        changes = {**asdict(self.changes), "users": len(self.changes.users)}
        return {**vars(self), "changes": changes}


def refresh(pipeline: Pipeline, database: Database, epochs: int = 0) -> Refreshed:
    """Read the graph, find whom its changes concern, and publish new lists for them.

    Args:
        pipeline: Where the active run was made.
        database: Its graph.
        epochs: Passes over all events, from the run's parameters on; 0 keeps them.

    Raises:
        PublishError: No run is active.
        ConfigError: A rule in ``[publish]`` cannot be used.
        ModelError: The active run, or its lists, are not in this workspace; or the graph has other
            domains, the mapping other roles, or an encoder other files than when it was trained.
    """
    workspace = pipeline.workspace
    active, folders = find_active(database, workspace)
    latest, base = folders[0], folders[-1]
    known = workspace.load_snapshot(latest.read("run")["fingerprint"])
    snapshot = pipeline.snapshot(database)
    _check_roles(known.roles, snapshot.roles, latest.id)
    changes = find_changes(known, snapshot, _read_lists(folders))
    wanted = pipeline.settings.publish
    rows = np.intersect1d(changes.users, find_users(snapshot, wanted))
    if not len(rows):
        return Refreshed(None, active, changes)
    choice, _ = build_choice(database, snapshot, wanted)
    learned = gnn.load(latest.final)
    if epochs and learned.adapted is not None:
        raise ModelError(
            f"run {latest.id} was adapted to domain '{learned.adapted}', and cannot be trained "
            "further as a whole",
            hint="Leave --epochs out, or do a full run",
        )
    if epochs and learned.private is not None:
        raise ModelError(
            f"run {latest.id} has a privacy budget, and passes over all events would spend more",
            hint="Leave --epochs out: new lists from the run as it is spend nothing",
        )
    check_encoders(latest, learned.settings.encoding, snapshot)
    text = pipeline.embed(snapshot, learned.settings)
    run = workspace.new_run(
        version=linkspan.__version__,
        fingerprint=snapshot.fingerprint(),
        settings=latest.read("run")["settings"],
        encoders=latest.encoders,
        base=base.id,
    )
    with pipeline.stage("refresh") as stage:
        model = learned.on(gnn.View.whole(snapshot, text))
        if epochs:
            model = gnn.train_further(
                model, epochs, pipeline.progress, memory=pipeline.settings.train.machine.memory
            )
        gnn.save_vectors(text, run.embedded, learned.settings.model.precision)
        gnn.save(model.learned, run.final)
        if epochs and learned.settings.model.precision != "single":
            model = open_model(run, snapshot)  # lists are by what is kept of it
        stage.text = (
            f"{counted(changes.events, 'new event')}, {counted(changes.new_users, 'new user')}, "
            f"{counted(changes.new_items, 'new item')}; "
            f"{counted(len(changes.users), 'user')} concerned"
        )
    with pipeline.stage("score") as stage:
        count = write_recommended(model, run, wanted, choice, rows, pipeline.progress)
        stage.count, stage.unit = count, "rows"
        stage.text = counted(count, "recommendation")
    if not count:  # the rules leave nothing to any of them
        shutil.rmtree(run.folder)
        return Refreshed(None, active, changes)
    privacy = None if learned.private is None else learned.private.budget.as_dict()
    record = RunRecord(
        id=run.id,
        model=MODELS["private" if privacy else gnn.method(model)],
        created=run.read("run")["created"],
        fingerprint=snapshot.fingerprint(),
        metrics={},
        config=latest.read("run")["settings"],
        interactions=sorted(snapshot.interactions),
        names=snapshot.roles.names,
        privacy=privacy,
    )
    with pipeline.stage("publish") as stage:
        written = publish_refresh(database, record, active, run.lists, pipeline.progress)
        stage.count, stage.unit = written, "rows"
        stage.text = f"{counted(written, 'relationship')}, {counted(len(rows), 'user')} concerned"
    return Refreshed(run.id, active, changes, written)


def _check_roles(before: Roles, now: Roles, run: str) -> None:
    """See that the graph is read as the run knows it; new domains are met as they are."""
    told = [each.model_dump(mode="json", exclude={"names", "domains"}) for each in (before, now)]
    for name, was in told[0].items():
        values = [was, told[1][name]]
        if name != "text":  # the order of properties makes a text; that of types makes nothing
            values = [sorted(value, key=repr) for value in values]
        if values[0] != values[1]:
            raise ModelError(
                f"the mapping says other {name} than when run {run} was trained",
                hint="Do a full run, or set it back",
            )


def _read_lists(runs: Sequence[RunFolder]) -> pd.DataFrame:
    """The list that each user reads, of runs of which the latest comes first."""
    frames: list[pd.DataFrame] = []
    known: set[str] = set()
    for run in runs:
        if not run.lists.exists():
            raise ModelError(
                f"the lists of run {run.id} are not in {run.folder}", hint="Do a full run"
            )
        frame = pd.read_parquet(run.lists, columns=["user", "item"])
        frames.append(frame[~frame["user"].isin(known)])
        known |= set(frame["user"])
    return pd.concat(frames, ignore_index=True)

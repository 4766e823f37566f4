"""Runs that learn from users under a privacy budget, and the record of what was spent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import linkspan
from linkspan import gnn
from linkspan.errors import ConfigError, ModelError, needing
from linkspan.gnn.settings import PrivacySettings
from linkspan.graph.asking.wording import counted
from linkspan.graph.snapshot import Snapshot
from linkspan.opening import check_installed
from linkspan.settings import Settings
from linkspan.stages import Stages
from linkspan.workspace import RunFolder

if TYPE_CHECKING:
    from linkspan.gnn import FittedModel

LEDGER = "privacy.jsonl"
"""In the workspace: a line for each model that was learned from all events, before it is kept."""


def spent(stages: Stages, delta: float, *more: float) -> float:
    """ε that the private trainings of this folder have spent together.

    Args:
        stages: Workspace.
        delta: δ to tell it for.
        more: Noise of trainings to come.

    Raises:
        ModelError: The record is damaged.
    """
    file = stages.workspace.folder / LEDGER
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    noises = []
    for number, line in enumerate(lines, start=1):
        try:
            noises.append(float(json.loads(line)["noise"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{file}, line {number}: not the record of a training ({line[:80]!r})",
                hint="Put the file back from a copy: without it nobody knows what was spent",
            ) from error
    return gnn.epsilon_of([*noises, *more], delta)


def check_budget(stages: Stages, budget: PrivacySettings) -> None:
    """See that one more training is within the total of today's settings.

    Args:
        stages: Settings and workspace.
        budget: ε and δ of the training.

    Raises:
        ConfigError: It is not, or settings ask for what reads events in other ways.
        ModelError: The extra ``private`` is not installed, or the record of what was spent is
            damaged.
    """
    total, train = stages.settings.privacy.total, stages.settings.train
    assert budget.epsilon is not None, "a run without a budget is trained elsewhere"
    check_installed()
    with needing("private", "[privacy]"):
        gnn.noise_for  # noqa: B018, loads dp-accounting
    if not train.model.hybrid:
        raise ConfigError(
            "with [privacy] there is no network, and [train.model] hybrid = false wants it alone",
            hint="Leave 'hybrid' out",
        )
    if stages.settings.cluster.address is not None:
        raise ConfigError(
            "a training with [privacy] is done by one process", hint="Leave [cluster] out"
        )
    if total is None:
        return
    after = spent(stages, budget.delta, gnn.noise_for(budget.epsilon, budget.delta))
    if after > total * (1 + 1e-6):
        now = spent(stages, budget.delta)
        raise ConfigError(
            f"the budget is spent: trainings so far have taken ε = {now:.2f}, one more would make "
            f"it {after:.2f}, and [privacy] total is {total:g}",
            hint="'linkspan refresh' makes new lists for nothing; or lower 'epsilon', or raise "
            "'total' knowing that it is what anyone may learn of a user",
        )


def refuse_private(settings: Settings, what: str) -> None:
    """See that no privacy budget is set, for what learns from events past it.

    Raises:
        ConfigError: One is.
    """
    if settings.privacy.epsilon is not None:
        raise ConfigError(
            f"{what} learns from events without noise, and [privacy] bounds what is learned",
            hint="Do it with settings without [privacy], on data that may be learned from freely",
        )


def train_private_run(
    stages: Stages, snapshot: Snapshot, text: dict[str, Any], *, refit: bool
) -> RunFolder:
    """Fit a private model without the held-out events, then another on all, which is published.

    The first is there to be measured, and stays in the workspace; the second has noise of its own,
    and nothing of the first.

    Args:
        stages: Settings, workspace, progress; each model is a stage.
        snapshot: The graph.
        text: Node type to vectors.
        refit: Whether to fit the second.
    """
    settings, privacy = stages.settings.train, stages.settings.privacy
    check_budget(stages, privacy)
    run = stages.workspace.new_run(
        version=linkspan.__version__,
        fingerprint=snapshot.fingerprint(),
        settings=settings.model_dump(mode="json"),
        encoders=gnn.encoder_names(settings.encoding),
        privacy={"epsilon": privacy.epsilon, "delta": privacy.delta},
        refit=refit,
    )
    with stages.stage("train") as stage:
        split = stages.split(snapshot)
        events = snapshot.events().iloc[split.train]
        fitted = gnn.fit_private(snapshot, text, events, settings, privacy, stages.progress)
        gnn.save_vectors(text, run.embedded, settings.model.precision)
        gnn.save(fitted.learned, run.held_out, split)
        stage.count, stage.unit = len(events), "events"
        stage.text = f"{len(events):,} events, {_told(fitted)}; to be measured only"
        stage.notes = _notes(fitted)
    if refit:
        refit_private(stages, snapshot, run, text)
    return run


def refit_private(stages: Stages, snapshot: Snapshot, run: RunFolder, text: dict[str, Any]) -> None:
    """Fit a run's model of all events by its own budget, and write down first what it spends."""
    about = run.read("run")
    own = about["privacy"]
    privacy = PrivacySettings(epsilon=own["epsilon"], delta=own["delta"])
    check_budget(stages, privacy)
    total = stages.settings.privacy.total
    with stages.stage("refit") as stage:
        settings, events = stages.settings.train, snapshot.events()
        fitted = gnn.fit_private(snapshot, text, events, settings, privacy, stages.progress)
        assert fitted.private is not None
        budget = fitted.private.budget.as_dict()
        with (stages.workspace.folder / LEDGER).open("a", encoding="utf-8") as ledger:
            ledger.write(json.dumps({"run": run.id, **budget}) + "\n")
        gnn.save(fitted.learned, run.final)
        budget["spent"] = round(spent(stages, privacy.delta), 3)
        run.write("run", {**about, "privacy": budget})
        stage.count, stage.unit = len(events), "events"
        stage.text = f"all {len(events):,} events, {_told(fitted)}"
        stage.notes = [
            f"trainings of this folder have spent ε = {budget['spent']:g} together (δ = "
            f"{privacy.delta:g})" + ("" if total is None else f", of {total:g} in all")
        ]


def _told(fitted: FittedModel) -> str:
    assert fitted.private is not None
    budget = fitted.private.budget
    return f"ε = {budget.epsilon:g}, δ = {budget.delta:g} a user"


def _notes(fitted: FittedModel) -> list[str]:
    """Sentence on the users of whom not all events counted, where there are any."""
    assert fitted.private is not None
    clipped = fitted.private.budget.clipped
    if not clipped:
        return []
    return [
        f"of {counted(clipped, 'user')} only the latest {gnn.MOST_EVENTS} events counted, so that "
        "no one counts too much"
    ]

"""Searches settings of training that rank validation rows best; test rows are never looked at."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linkspan.errors import ModelError
from linkspan.gnn.elsewhere import find_cluster
from linkspan.gnn.evaluation.ranking import rank_events
from linkspan.gnn.events.split import Split, some_validation
from linkspan.gnn.metrics import ndcg
from linkspan.gnn.models.learned import Epoch, FittedModel
from linkspan.gnn.scores.hybrid import published
from linkspan.gnn.scores.weighing import fit_hybrid
from linkspan.gnn.scores.workers import in_order
from linkspan.gnn.settings import PARTS, TrainSettings, in_parts
from linkspan.gnn.training.train import train
from linkspan.graph.snapshot import Snapshot
from linkspan.progress import SILENT, Progress

FloatArray = NDArray[np.float32]

SPACE: dict[str, tuple[Any, ...]] = {
    "embedding_size": ("choice", 32, 64, 128),
    "layers": ("choice", 1, 2, 3),
    "history_length": ("choice", 6, 12, 24),
    "adapter_size": ("choice", 0, 8, 16),
    "dropout": ("number", 0.0, 0.8),
    "temperature": ("log", 0.05, 0.3),
    "transition_decay": ("number", 0.4, 0.9),
    "linear_regularization": ("log", 50.0, 2000.0),
    "learning_rate": ("log", 0.001, 0.02),
    "coral": ("choice", 0.0, 0.1, 1.0),
    "mmd": ("choice", 0.0, 0.1, 1.0),
    "dann": ("choice", 0.0, 0.03, 0.1),
    "mapping": ("choice", 0.0, 0.1, 1.0),
    "gan": ("choice", 0.0, 0.1, 1.0),
}
"""Space to search: one of some values, a number of a range, or one whose logarithm is uniform.

Where settings have another value to begin with, it is among them. The weights of domain adaptation,
0 being off, stay as they are where there is one domain only.
"""


class Tuned(NamedTuple):
    """Findings of a search so far.

    Attributes:
        settings: The best ones.
        ndcg: Their NDCG@10 on validation rows, from 0 to 1.
        first: That of the settings that the search began with.
        trials: How many were tried to their end.
        given_up: How many were given up early, or could not be trained.
        best: Of the trials that ended, the best first: ``ndcg``, and in ``changed``, by their part,
            the settings (of `SPACE`) that were not those that the search began with.
    """

    settings: TrainSettings
    ndcg: float
    first: float
    trials: int
    given_up: int
    best: list[dict[str, Any]]


def tune(
    snapshot: Snapshot,
    split: Split,
    text: dict[str, FloatArray],
    settings: TrainSettings,
    storage: Path,
    trials: int = 20,
    progress: Progress = SILENT,
) -> Tuned:
    """Try settings, the given ones first, by tree-structured Parzen estimators (Optuna).

    After Bergstra et al. (2011). A trial whose network falls below the median of the others at the
    same epoch is given up. What was tried is kept in ``storage``, so that a search that was broken
    off goes on where it was. Where a cluster is open, each of its workers tries other settings at
    the same time, and these are drawn, and given up, by what was tried before all of them.

    Args:
        snapshot: The graph.
        split: Of this snapshot.
        text: Node type to vectors.
        settings: What the search begins with; what `SPACE` does not name stays as it is.
        storage: SQLite file.
        trials: How many there are to be in all, those of earlier calls counted.
        progress: Told of each trial.

    Raises:
        ModelError: There are no validation rows, the package optuna is missing, or no trial could
            be trained.
    """
    try:
        import optuna
    except ImportError as error:
        raise ModelError(
            "the package optuna is missing", hint="Install linkspan[measure]"
        ) from error
    if not len(split.validation):
        raise ModelError(
            "the split has no validation events, so nothing says which settings are better",
            hint="Take another 'protocol' in [split]",
        )
    optuna.logging.set_verbosity(logging.WARNING)
    rows = sha256(split.train.tobytes() + split.validation.tobytes()).hexdigest()
    study = optuna.create_study(
        study_name=f"{snapshot.fingerprint()} {rows} {settings.model_dump_json()}",
        storage=f"sqlite:///{storage}",
        direction="maximize",
        load_if_exists=True,
    )
    varied = [n for n in SPACE if PARTS[n] != "transfer" or len(snapshot.domains) > 1]
    first = {name: getattr(getattr(settings, PARTS[name]), name) for name in varied}
    done = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    before = study.get_trials(deepcopy=False, states=done)
    # A sampler with the same seed would draw again what was drawn before the search broke off.
    study.sampler = optuna.samplers.TPESampler(seed=settings.learning.seed + len(before))
    if all(each.params != first for each in before):
        study.enqueue_trial(first)
    cluster = find_cluster()
    at_once = cluster.workers if cluster else 1
    with progress.task("tune", total=trials, unit="trials") as task:
        former = study.get_trials(deepcopy=False, states=done)
        while len(former) < trials:
            asked = [study.ask() for _ in range(min(at_once, trials - len(former)))]
            drawn = [{name: _draw(t, name, own) for name, own in first.items()} for t in asked]
            attempt = partial(_attempt, snapshot, split, text, former)
            found = in_order(attempt, [settings.changed(**each) for each in drawn], at_once)
            for trial, (value, gains) in zip(asked, found, strict=True):
                task.advance(note=_tell(study, trial, value, gains))
            former = study.get_trials(deepcopy=False, states=done)
    ended = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    if not ended:
        raise ModelError("no settings could be trained", hint="Train once by itself to see why")
    return Tuned(
        settings=settings.changed(**study.best_params),
        ndcg=study.best_value,
        first=next((each.value or 0.0 for each in ended if each.params == first), float("nan")),
        trials=len(ended),
        given_up=len(study.get_trials(deepcopy=False, states=done)) - len(ended),
        best=[
            {
                "ndcg": each.value,
                "changed": in_parts({k: v for k, v in each.params.items() if v != first[k]}),
            }
            for each in sorted(ended, key=lambda each: -(each.value or 0.0))
        ],
    )


def _attempt(
    snapshot: Snapshot,
    split: Split,
    text: dict[str, FloatArray],
    former: Sequence[Any],
    settings: TrainSettings,
) -> tuple[float | None, list[float]]:
    """Figure of some settings, as `_measure` gives it, and NDCG@10 after each epoch until then.

    None where they were given up, for what former trials had after as many epochs, or could not be
    trained.
    """
    import optuna

    pruner = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    study.add_trials(former)
    trial, gains = study.ask(), list[float]()

    def report(epoch: Epoch) -> None:
        gains.append(epoch.ndcg or 0.0)
        trial.report(gains[-1], epoch.epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    try:
        return _measure(snapshot, split, text, settings, report), gains
    except (optuna.TrialPruned, ModelError):
        return None, gains


def _tell(study: Any, trial: Any, value: float | None, gains: list[float]) -> str:
    """Keep what `_attempt` found, and say it."""
    import optuna

    for epoch, gain in enumerate(gains, 1):
        trial.report(gain, epoch)
    if value is None:
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return f"trial {trial.number + 1} given up"
    study.tell(trial, value)
    return f"NDCG@10 {100 * value:.2f}, best {100 * study.best_value:.2f}"


def _draw(trial: Any, name: str, own: Any) -> Any:
    kind, *values = SPACE[name]
    values = sorted({*values, own})
    if kind == "choice":
        return trial.suggest_categorical(name, values)
    return trial.suggest_float(name, values[0], values[-1], log=kind == "log")


def _measure(
    snapshot: Snapshot,
    split: Split,
    text: dict[str, FloatArray],
    settings: TrainSettings,
    report: Callable[[Epoch], None],
) -> float:
    """NDCG@10 on validation rows of what these settings would publish."""
    fitted: FittedModel = train(snapshot, split, text, settings, on_epoch=report)
    if settings.model.hybrid:
        fitted = fit_hybrid(fitted, split)
    validation = some_validation(split, snapshot.events(), settings.learning.seed)
    ranks = rank_events(fitted, validation, {"published": published(fitted)}).table
    return ndcg(ranks["published"].to_numpy(), 10)

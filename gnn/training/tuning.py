"""Searches settings of training that rank validation rows best; test rows are never looked at."""

from __future__ import annotations

import logging
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linkspan.errors import ModelError
from linkspan.gnn.evaluation.ranking import rank_events
from linkspan.gnn.events.split import Split, some_validation
from linkspan.gnn.metrics import ndcg
from linkspan.gnn.models.learned import Epoch, FittedModel
from linkspan.gnn.scores.hybrid import published
from linkspan.gnn.scores.weighing import fit_hybrid
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
    off goes on where it was.

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
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2),
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
    with progress.task("tune", total=trials, unit="trials") as task:
        while (tried := len(study.get_trials(deepcopy=False, states=done))) < trials:
            trial = study.ask()
            drawn = {name: _draw(trial, name, value) for name, value in first.items()}
            chosen = settings.changed(**drawn)

            def report(epoch: Epoch, trial: Any = trial) -> None:
                trial.report(epoch.ndcg or 0.0, epoch.epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned

            try:
                found = _measure(snapshot, split, text, chosen, report)
            except (optuna.TrialPruned, ModelError):
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                task.advance(note=f"trial {tried + 1} given up")
                continue
            study.tell(trial, found)
            task.advance(note=f"NDCG@10 {100 * found:.2f}, best {100 * study.best_value:.2f}")
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

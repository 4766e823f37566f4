"""Trainings: on what a split leaves, on all events, and from a model on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.errors import ModelError
from linkspan.gnn.elsewhere import find_cluster
from linkspan.gnn.evaluation.ranking import rank_events
from linkspan.gnn.events.split import Split, has_histories, some_validation
from linkspan.gnn.metrics import hit_rate, ndcg
from linkspan.gnn.models.device import choose_device
from linkspan.gnn.models.learned import Epoch, FittedModel
from linkspan.gnn.models.view import View
from linkspan.gnn.network.model import HistoryGNN
from linkspan.gnn.scores.hybrid import mixtures, with_linear
from linkspan.gnn.scores.signals import GNN
from linkspan.gnn.settings import TrainSettings
from linkspan.gnn.tensors.features import check_vectors
from linkspan.gnn.training.checkpoint import Checkpoint, Progressed
from linkspan.gnn.training.engine import Engine
from linkspan.gnn.training.rates import JOINT, Rates
from linkspan.gnn.training.trainer import Trainer, seeded
from linkspan.gnn.training.watching import has_fallen
from linkspan.graph.snapshot import Snapshot
from linkspan.progress import SILENT, Progress

FloatArray = NDArray[np.float32]

_log = logging.getLogger(__name__)


def train(
    snapshot: Snapshot,
    split: Split,
    text: dict[str, FloatArray],
    settings: TrainSettings,
    progress: Progress = SILENT,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    checkpoint: Path | None = None,
    engine: Engine | None = None,
    teacher: FittedModel | None = None,
) -> FittedModel:
    """Learn parameters from ``split.train`` and keep those of the best epoch on validation rows.

    Where no user met two items, there is nothing to learn: the network stays untrained
    (`FittedModel.is_trained`), and only the simple parts score.

    Held-out events reach neither messages nor counts; it is checked. Training stops when NDCG@10
    on validation rows has not risen for ``settings.learning.patience`` epochs.

    Args:
        snapshot: The graph.
        split: Of this snapshot.
        text: Node type to vectors (n, d), as `linkspan.gnn.encoding.texts` gives them.
        settings: How to build and train.
        progress: Told of each step, and of the figures of each epoch.
        on_epoch: Called after each epoch; what it raises ends the training.
        checkpoint: File that keeps the state after each epoch; where one of the same snapshot,
            settings and split is there, the training goes on from it: to the same model, if on the
            same machine. It stays at the end, so that what is done with the model may be broken off
            too: whoever named it removes it.
        engine: Of a worker of a cluster; by default this process learns alone or, where a cluster
            is open (`linkspan.gnn.elsewhere`), its workers do, and ``on_epoch`` is not called.
        teacher: A larger network to learn from (`linkspan.gnn.training.distilling`), itself learned
            from ``split.train`` and on a view of it. No cluster takes part then.

    Raises:
        ModelError: The split is of another snapshot, no event has a history, the texts do not fit
            the nodes, the loss is not finite, CUDA is asked for and absent, a cluster failed or
            cannot train with these settings, or the teacher is untrained or knows other events.
    """
    if split.fingerprint != snapshot.fingerprint():
        raise ModelError(
            "the split was made from another snapshot", hint="Split the snapshot again"
        )
    events = snapshot.events()
    held_out = events.iloc[np.sort(np.concatenate([split.validation, split.test]))]
    validation = some_validation(split, events, settings.learning.seed)
    view = View(snapshot, text, events.iloc[split.train], held_out)
    if not has_histories(events):
        return untrained(view, settings)
    learn = partial(train, snapshot, split, text, settings)
    with (
        _shared_out(learn, settings, progress, checkpoint, engine, teacher) as file,
        seeded(settings),
    ):
        trainer = Trainer(view, settings, engine=engine, teacher=teacher)
        kept = Checkpoint(file, split.fingerprint, settings, split, text, teacher=teacher)
        curves, best, best_weights = trainer.restore(kept)
        epochs, patience = settings.learning.epochs, settings.learning.patience
        with progress.task("train", total=epochs * trainer.steps, unit="steps") as task:
            task.advance(len(curves) * trainer.steps)
            while len(curves) < epochs and len(curves) - best.epoch < patience:
                loss = trainer.run_epoch(task)
                hits, gain = validate(trainer, validation)
                curves.append(Epoch(len(curves) + 1, loss, hits, gain))
                task.advance(0, _note(curves[-1]))
                _warn_of_collapse(curves, len(validation))
                if gain is None or best.ndcg is None or gain > best.ndcg:
                    best, best_weights = curves[-1], trainer.weights()
                trainer.keep(kept, Progressed(curves, best, best_weights))
                on_epoch(curves[-1])
        trainer.learned.load_state_dict(best_weights)
        return trainer.fitted(curves, best.epoch)


def train_all(
    snapshot: Snapshot,
    text: dict[str, FloatArray],
    settings: TrainSettings,
    epochs: int,
    progress: Progress = SILENT,
    checkpoint: Path | None = None,
    domain: str | None = None,
    engine: Engine | None = None,
    teacher: FittedModel | None = None,
) -> FittedModel:
    """Learn parameters from all events, for a known number of epochs: the model to publish.

    Args:
        snapshot: The graph.
        text: Node type to vectors (n, d).
        settings: How to build and train.
        epochs: Passes over the events, such as the ``best_epoch`` of `train`; 0: none is made.
        progress: Told of each step, and of the figures of each epoch.
        checkpoint: As for `train`.
        domain: Learn from the events of this domain only.
        engine: As for `train`.
        teacher: As for `train`, but learned from all events, and on a view of them.

    Raises:
        ModelError: As for `train`; or the training collapsed, by its loss: nobody else would see.
    """
    view = View.whole(snapshot, text)
    if domain is not None:
        view = view.within(domain)
    if not epochs:
        return untrained(view, settings)
    learn = partial(train_all, snapshot, text, settings, epochs, domain=domain)
    with (
        _shared_out(learn, settings, progress, checkpoint, engine, teacher) as file,
        seeded(settings),
    ):
        trainer = Trainer(view, settings, engine=engine, teacher=teacher)
        kept = Checkpoint(file, snapshot.fingerprint(), settings, None, text, epochs, teacher)
        curves, _, _ = trainer.restore(kept)
        steps = epochs * trainer.steps
        with progress.task("fit on all events", total=steps, unit="steps") as task:
            task.advance(len(curves) * trainer.steps)
            while len(curves) < epochs:
                curves.append(Epoch(len(curves) + 1, trainer.run_epoch(task), None, None))
                trainer.refuse_collapse(curves)
                task.advance(0, _note(curves[-1]))
                trainer.keep(kept, Progressed(curves, curves[-1], {}))
        return trainer.fitted(curves, epochs)


def train_further(
    fitted: FittedModel,
    epochs: int,
    progress: Progress = SILENT,
    rates: Rates = JOINT,
    memory: int = 0,
) -> FittedModel:
    """More passes over the known events of a model, from its parameters on.

    A linear part is then made anew from the same events.

    Args:
        fitted: The model; it stays as it is.
        epochs: Passes over the events.
        progress: Told of each step, and of the figures of each epoch.
        rates: What is learned, and how fast; parameters that are frozen stay to the last bit.
        memory: MiB that it may take, as in `MachineSettings`; a model that was saved knows of none.

    Raises:
        ModelError: The loss is not finite, the training collapsed, by its loss, or it needs more
            memory.
    """
    settings = fitted.settings.changed(memory=memory)
    with seeded(settings):
        trainer, curves = Trainer(fitted.view, settings, fitted, rates), []
        steps = epochs * trainer.steps
        with progress.task("train further", total=steps, unit="steps") as task:
            for number in range(1, epochs + 1):
                curves.append(Epoch(number, trainer.run_epoch(task), None, None))
                trainer.refuse_collapse([*fitted.curves, *curves])
                task.advance(0, _note(curves[-1]))
        further = replace(fitted, model=trainer.model.eval(), curves=tuple(curves))
    return further if fitted.linear is None else with_linear(further)


def untrained(view: View, settings: TrainSettings) -> FittedModel:
    """A network as it begins, on a view."""
    check_vectors(view.snapshot, view.vectors)
    device = choose_device(settings.machine.device)
    data = view.tensors(settings.model)
    with seeded(settings):
        model = HistoryGNN(data, len(view.snapshot.domains), settings).to(device).eval()
    return FittedModel(view, settings, data.to(device), model)


def validate(trainer: Trainer, validation: pd.DataFrame) -> tuple[float, float] | tuple[None, None]:
    """HR@10 and NDCG@10 of the network on validation rows; None where there are none."""
    if not len(validation):
        return None, None
    fitted, engine = trainer.fitted(), trainer.engine
    own = validation[engine.mine(validation["user"].to_numpy(np.int64))]
    found = (0.0, 0.0)
    if len(own):
        ranks = rank_events(fitted, own, mixtures(fitted)).table[GNN].to_numpy()
        found = hit_rate(ranks, 10), ndcg(ranks, 10)
    return engine.mean(found, len(own))


@contextmanager
def _shared_out(
    learn: Callable[..., FittedModel],
    settings: TrainSettings,
    progress: Progress,
    file: Path | None,
    engine: Engine | None,
    teacher: FittedModel | None,
) -> Iterator[Path | None]:
    """Let the cluster that is open, if any, do all epochs of a training.

    Args:
        learn: The training; takes ``checkpoint`` and ``engine``.
        settings: Of the training.
        progress: Told of each step, and of the figures of each epoch.
        file: Its checkpoint.
        engine: Of the worker that this is, which learns by itself.
        teacher: Whom it learns from; then no cluster takes part.

    Returns:
        The checkpoint, or another one: after the last epoch, where the cluster has learned.

    Raises:
        ModelError: The cluster failed, or cannot train with these settings.
    """
    cluster = find_cluster()
    if engine is not None or cluster is None or teacher is not None:
        yield file
        return
    if settings.transfer.is_on:
        raise ModelError(
            "the terms of [train.transfer] look at whole batches, and the workers of a cluster "
            "learn from a part of each",
            hint="Train without [cluster], or set the weights in [train.transfer] to 0",
        )
    with TemporaryDirectory() as folder:
        file = file or Path(folder) / "checkpoint"
        with progress.task("train on the cluster", unit="epochs") as task:
            cluster.learn(learn, file, task.advance)
        yield file


def _warn_of_collapse(curves: Sequence[Epoch], rows: int) -> None:
    """Say once that validation figures have fallen; the best epoch is kept all the same."""
    gains = [epoch.ndcg for epoch in curves if epoch.ndcg is not None]
    if gains and has_fallen(gains, rows) and not has_fallen(gains[:-1], rows):
        _log.warning(
            "the training collapsed in epoch %d: NDCG@10 on validation rows was %.2f at best and "
            "is %.2f; the best epoch is kept. A lower 'learning_rate' may go further",
            len(curves),
            100 * max(gains),
            100 * gains[-1],
        )


def _note(epoch: Epoch) -> str:
    figures = "" if epoch.ndcg is None else f", validation NDCG@10 {100 * epoch.ndcg:.2f}"
    return f"epoch {epoch.epoch}: loss {epoch.loss:.3f}{figures}"

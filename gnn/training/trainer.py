"""Learning the parameters: sampled softmax over the items of the target's domain."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from linkspan.errors import ModelError
from linkspan.gnn.evaluation.ranking import rank_events
from linkspan.gnn.events.dislikes import Dislikes
from linkspan.gnn.events.domains import item_domains, rows_by_domain
from linkspan.gnn.events.history import PAD, Histories, before_events, other_events
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
from linkspan.gnn.tensors.masking import SupervisionMask
from linkspan.gnn.training.batches import BatchBuilder
from linkspan.gnn.training.checkpoint import Checkpoint, Progressed
from linkspan.gnn.training.engine import Engine
from linkspan.gnn.training.gradients import Learner
from linkspan.gnn.training.memory import MIB, choose_plan
from linkspan.gnn.training.objective import Objective, Ranking, Term
from linkspan.gnn.training.rates import ALL, Rates
from linkspan.gnn.training.watching import has_fallen, has_forgotten, ignorant_loss, not_finite
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
        progress: Told of each epoch.
        on_epoch: Called after each epoch; what it raises ends the training.
        checkpoint: File that keeps the state after each epoch; where one of the same snapshot,
            settings and split is there, the training goes on from it: to the same model, if on the
            same machine. It stays at the end, so that what is done with the model may be broken off
            too: whoever named it removes it.

    Raises:
        ModelError: The split is of another snapshot, no event has a history, the texts do not fit
            the nodes, the loss is not finite, or CUDA is asked for and absent.
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
        return _untrained(view, settings)
    with _seeded(settings):
        trainer = _Trainer(view, settings)
        kept = Checkpoint(checkpoint, split.fingerprint, settings, split, text)
        curves, best, best_weights = trainer.restore(kept)
        epochs, patience = settings.learning.epochs, settings.learning.patience
        with progress.task("train", total=epochs, unit="epochs") as task:
            task.advance(len(curves))
            while len(curves) < epochs and len(curves) - best.epoch < patience:
                loss = trainer.run_epoch()
                hits, gain = _validate(trainer.fitted(), validation)
                curves.append(Epoch(len(curves) + 1, loss, hits, gain))
                task.advance(note=_note(curves[-1]))
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
) -> FittedModel:
    """Learn parameters from all events, for a known number of epochs: the model to publish.

    Args:
        snapshot: The graph.
        text: Node type to vectors (n, d).
        settings: How to build and train.
        epochs: Passes over the events, such as the ``best_epoch`` of `train`; 0: none is made.
        progress: Told of each epoch.
        checkpoint: As for `train`.
        domain: Learn from the events of this domain only.

    Raises:
        ModelError: As for `train`; or the training collapsed, by its loss: nobody else would see.
    """
    view = View.whole(snapshot, text)
    if domain is not None:
        view = view.within(domain)
    if not epochs:
        return _untrained(view, settings)
    with _seeded(settings):
        trainer = _Trainer(view, settings)
        kept = Checkpoint(checkpoint, snapshot.fingerprint(), settings, None, text, epochs)
        curves, _, _ = trainer.restore(kept)
        with progress.task("fit on all events", total=epochs, unit="epochs") as task:
            task.advance(len(curves))
            while len(curves) < epochs:
                curves.append(Epoch(len(curves) + 1, trainer.run_epoch(), None, None))
                trainer.refuse_collapse(curves)
                task.advance(note=_note(curves[-1]))
                trainer.keep(kept, Progressed(curves, curves[-1], {}))
        return trainer.fitted(curves, epochs)


def train_further(
    fitted: FittedModel,
    epochs: int,
    progress: Progress = SILENT,
    rates: Rates = ALL,
    memory: int = 0,
) -> FittedModel:
    """More passes over the known events of a model, from its parameters on.

    A linear part is then made anew from the same events.

    Args:
        fitted: The model; it stays as it is.
        epochs: Passes over the events.
        progress: Told of each epoch.
        rates: What is learned, and how fast; parameters that are frozen stay to the last bit.
        memory: MiB that it may take, as in `MachineSettings`; a model that was saved knows of none.

    Raises:
        ModelError: The loss is not finite, the training collapsed, by its loss, or it needs more
            memory.
    """
    settings = fitted.settings.changed(memory=memory)
    with _seeded(settings):
        trainer, curves = _Trainer(fitted.view, settings, fitted, rates), []
        with progress.task("train further", total=epochs, unit="epochs") as task:
            for number in range(1, epochs + 1):
                curves.append(Epoch(number, trainer.run_epoch(), None, None))
                trainer.refuse_collapse([*fitted.curves, *curves])
                task.advance(note=_note(curves[-1]))
        further = replace(fitted, model=trainer.model.eval(), curves=tuple(curves))
    return further if fitted.linear is None else with_linear(further)


def _terms(settings: TrainSettings, domains: int) -> list[tuple[Term, float]]:
    """The terms of the objective, with their weights."""
    terms: list[tuple[Term, float]] = [(Ranking(settings.learning.loss), 1.0)]
    if settings.transfer.is_on:
        from linkspan.gnn.training.transfer.terms import build_terms

        terms += build_terms(settings, domains)
    return terms


def _untrained(view: View, settings: TrainSettings) -> FittedModel:
    """A network as it begins, on a view."""
    check_vectors(view.snapshot, view.vectors)
    device = choose_device(settings.machine.device)
    data = view.tensors(settings.model)
    with _seeded(settings):
        model = HistoryGNN(data, len(view.snapshot.domains), settings).to(device).eval()
    return FittedModel(view, settings, data.to(device), model)


class _Trainer:
    """State of one training: model, optimiser, rows, and generators of random numbers."""

    def __init__(
        self,
        view: View,
        settings: TrainSettings,
        start: FittedModel | None = None,
        rates: Rates = ALL,
    ) -> None:
        self.view, self.settings = view, settings
        snapshot, events = view.snapshot, view.events
        self.engine = Engine(
            choose_device(settings.machine.device) if start is None else start.device
        )
        check_vectors(snapshot, view.vectors)
        if start is None:
            data = view.tensors(settings.model)
            self.model = HistoryGNN(data, len(snapshot.domains), settings)
        else:
            data, self.model = start.data, copy.deepcopy(start.model)
        device = self.engine.device
        self.data, self.model = data.to(device), self.model.to(device)
        self.mask = SupervisionMask(self.data, events, settings)
        self.random, self.epoch = np.random.default_rng(settings.learning.seed), 0
        self.domains = item_domains(snapshot)
        # A repeated event asks for what is already known, which no list will ever hold.
        self.fresh = ~events.duplicated(["user", "item"]).to_numpy()
        rows = int((self._histories().items[self.fresh, 0] != PAD).sum())
        if not rows:
            raise ModelError(
                "no event has one before it by the same user, so nothing can be learned",
                hint="At least one user needs two events beside those held out; without a "
                "'protocol', [split] holds out only what can be spared",
            )
        batch = math.ceil(rows / self._steps(rows))
        self.plan = choose_plan(self.data, self.model, self.mask, settings, batch)
        if note := self.plan.note():
            _log.info("training would take about %d MiB: %s", self.plan.whole // MIB, note)
        pools = list(rows_by_domain(snapshot).values())
        builder = BatchBuilder(
            pools,
            Dislikes(snapshot, self.domains, view.held_out),
            settings.learning,
            self.random,
            device,
        )
        targets = events["item"].to_numpy(np.int64)
        sizes = np.minimum([len(pool) for pool in pools], settings.learning.negatives)
        self.ignorant = ignorant_loss(settings.learning.loss, sizes[self.domains[targets]])
        self.objective = Objective(_terms(settings, len(snapshot.domains))).to(device)
        self.learner = Learner(
            self.model,
            self.data,
            self.mask,
            builder,
            targets,
            self.plan,
            self.objective,
            self.engine,
        )
        self.learned = nn.ModuleDict({"network": self.model, "objective": self.objective})
        self.engine.start(self.learned, rates, settings.learning)

    def run_epoch(self) -> float:
        """One pass over all events with a history; the mean loss."""
        self.epoch += 1
        self.model.train()
        self.objective.begin_epoch(self.epoch)
        histories = self._histories()
        rows = np.flatnonzero(self.fresh & (histories.items[:, 0] != PAD))
        self.random.shuffle(rows)
        total = 0.0
        for step, batch in enumerate(np.array_split(rows, self._steps(len(rows))), start=1):
            # Rows of one domain stand together, so that they share their negatives.
            batch = batch[np.argsort(histories.domains[batch], kind="stable")]  # noqa: PLW2901
            loss = self.learner.learn(batch, histories.take(batch))
            if broken := self.learner.broken:
                what = "loss" if broken == Ranking.name else f"term '{broken}'"
                raise self._not_finite(
                    f"the {what} is not finite in step {step} of epoch {self.epoch}"
                )
            self.engine.step()
            total += loss * len(batch)
        if not_finite(self.model, {}):
            raise self._not_finite(f"the parameters are not finite after epoch {self.epoch}")
        self.objective.end_epoch(self.epoch)
        return total / len(rows)

    def refuse_collapse(self, curves: Sequence[Epoch]) -> None:
        """See that the last epoch did not lose what those before had learned.

        Raises:
            ModelError: It did.
        """
        losses = [epoch.loss for epoch in curves]
        if has_forgotten(losses, self.ignorant):
            raise ModelError(
                f"the training collapsed in epoch {curves[-1].epoch}: the loss was "
                f"{min(losses):.3f} at best and is {losses[-1]:.3f}, that of a model that knows "
                f"nothing being {self.ignorant:.3f}",
                hint="Lower 'learning_rate'; nothing is published from this training",
            )

    def _not_finite(self, what: str) -> ModelError:
        """The error of numbers that are not finite, and where they are first found."""
        with torch.no_grad():
            prior = self.model.prior(self.data["item"].count)
        term = not_finite(self.model, {"popularity and bias of the items": prior})
        return ModelError(
            f"{what}, first in {term or 'the states that messages make'}",
            hint="Lower 'learning_rate' or raise 'temperature'",
        )

    def fitted(self, curves: list[Epoch] | None = None, best_epoch: int = 0) -> FittedModel:
        """The model as it is now."""
        return FittedModel(
            view=self.view,
            settings=self.settings,
            data=self.data,
            model=self.model.eval(),
            curves=tuple(curves or ()),
            best_epoch=best_epoch,
            bounded=self.plan.note(),
        )

    def keep(self, checkpoint: Checkpoint, progressed: Progressed) -> None:
        """Write how far it has come."""
        checkpoint.save(progressed, self.learned, self.engine, self.random)

    def restore(self, checkpoint: Checkpoint) -> Progressed:
        """Go on from a checkpoint, or begin."""
        found = checkpoint.restore(self.learned, self.engine, self.random)
        self.epoch = len(found.curves) if found else 0
        return found or Progressed([], Epoch(0, math.inf, None, None), self.weights())

    def weights(self) -> dict[str, Tensor]:
        """A copy of the parameters."""
        return copy.deepcopy(self.learned.state_dict())

    def _histories(self) -> Histories:
        length = self.model.length
        events = self.view.events
        if self.view.snapshot.timed:
            return before_events(events, self.domains, length, inside=self.model.inside)
        return other_events(events, self.domains, length, self.random)

    def _steps(self, rows: int) -> int:
        """Optimiser steps of an epoch."""
        learning = self.settings.learning
        return min(math.ceil(rows / learning.batch_size), learning.steps)


def _validate(
    fitted: FittedModel, validation: pd.DataFrame
) -> tuple[float, float] | tuple[None, None]:
    """HR@10 and NDCG@10 on validation rows; None where there are none."""
    if not len(validation):
        return None, None
    ranks = rank_events(fitted, validation, mixtures(fitted)).table[GNN].to_numpy()
    return hit_rate(ranks, 10), ndcg(ranks, 10)


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


@contextmanager
def _seeded(settings: TrainSettings) -> Iterator[None]:
    """Torch's generators begin at the seed inside, and go on as before after."""
    with torch.random.fork_rng():
        torch.manual_seed(settings.learning.seed)
        yield


def _note(epoch: Epoch) -> str:
    figures = "" if epoch.ndcg is None else f", validation NDCG@10 {100 * epoch.ndcg:.2f}"
    return f"loss {epoch.loss:.3f}{figures}"

"""State of a training: model, optimiser, rows, and generators of random numbers."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from linkspan.errors import ModelError
from linkspan.gnn.events.dislikes import Dislikes
from linkspan.gnn.events.domains import item_domains, rows_by_domain
from linkspan.gnn.events.history import EventHistories, before_events, other_events
from linkspan.gnn.models.device import choose_device
from linkspan.gnn.models.learned import Epoch, FittedModel
from linkspan.gnn.models.view import View
from linkspan.gnn.network.model import HistoryGNN
from linkspan.gnn.settings import TrainSettings
from linkspan.gnn.tensors.features import check_vectors
from linkspan.gnn.tensors.masking import SupervisionMask
from linkspan.gnn.training.batches import BatchBuilder
from linkspan.gnn.training.checkpoint import Checkpoint, Progressed
from linkspan.gnn.training.distilling import WEIGHT, Distilling, check_teacher
from linkspan.gnn.training.engine import Engine
from linkspan.gnn.training.gradients import Learner
from linkspan.gnn.training.memory import MIB, choose_plan
from linkspan.gnn.training.objective import Objective, Ranking, Term
from linkspan.gnn.training.rates import JOINT, Rates
from linkspan.gnn.training.watching import has_forgotten, ignorant_loss, not_finite
from linkspan.machine import memory_kept
from linkspan.progress import Task

_log = logging.getLogger(__name__)


class Trainer:
    """State of one training: model, optimiser, rows, and generators of random numbers.

    Attributes:
        steps: Steps of the optimiser in an epoch, about.

    Args:
        view: The graph and the known events.
        settings: How to build and train.
        start: A model to begin from, on the same view; it stays as it is.
        rates: What is learned; parameters have their names in the network after ``network.``.
        targets: (E,) which events are learned to be predicted; by default all.
        engine: Takes the gradients; by default this process alone.
        teacher: A larger network on the same view, to learn from how it ranks.
    """

    def __init__(
        self,
        view: View,
        settings: TrainSettings,
        start: FittedModel | None = None,
        rates: Rates = JOINT,
        targets: NDArray[np.bool_] | None = None,
        engine: Engine | None = None,
        teacher: FittedModel | None = None,
    ) -> None:
        self.view, self.settings = view, settings
        snapshot, events = view.snapshot, view.events
        self.engine = engine or Engine(
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
        read = {key for keys in self.model.relations for key in keys}
        self.mask = SupervisionMask(self.data, events, settings, read)
        self.random, self.epoch = np.random.default_rng(settings.learning.seed), 0
        self.domains = item_domains(snapshot)
        # A repeated event asks for what is already known, which no list will ever hold.
        self.fresh = ~events.duplicated(["user", "item"]).to_numpy()
        if targets is not None:
            self.fresh &= targets
        rows = int((self._histories().begun & self.fresh).sum())
        if not rows:
            raise ModelError(
                "no event has one before it by the same user, so nothing can be learned",
                hint="At least one user needs two events beside those held out; without a "
                "'protocol', [split] holds out only what can be spared",
            )
        self.steps = self._steps(rows)
        batch = math.ceil(rows / self.steps)
        if teacher is not None:
            check_teacher(teacher, view)
        width = 0 if teacher is None else teacher.settings.model.embedding_size
        self.plan = choose_plan(self.data, self.model, self.mask, settings, batch, width)
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
        items = events["item"].to_numpy(np.int64)
        sizes = np.minimum([len(pool) for pool in pools], settings.learning.negatives)
        self.ignorant = ignorant_loss(settings.learning.loss, sizes[self.domains[items]])
        terms = choose_terms(settings, len(snapshot.domains))
        if teacher is not None:
            terms.append((Distilling(teacher, device), WEIGHT))
        self.objective = Objective(terms).to(device)
        self.learner = Learner(
            self.model,
            self.data,
            self.mask,
            builder,
            items,
            self.plan,
            self.objective,
            self.engine,
        )
        self.learned = nn.ModuleDict({"network": self.model, "objective": self.objective})
        self.engine.start(self.learned, rates, settings.learning)

    def run_epoch(self, task: Task | None = None) -> float:
        """One pass over all events with a history; the mean loss.

        Args:
            task: Told of each step.
        """
        with memory_kept():
            return self._run_epoch(task)

    def _run_epoch(self, task: Task | None) -> float:
        self.epoch += 1
        self.model.train()
        self.objective.begin_epoch(self.epoch)
        histories = self._histories()
        rows = np.flatnonzero(self.fresh & histories.begun)
        self.random.shuffle(rows)
        total = 0.0
        for step, batch in enumerate(np.array_split(rows, self._steps(len(rows))), start=1):
            # Rows of one domain stand together, so that they share their negatives.
            batch = batch[np.argsort(histories.domains[batch], kind="stable")]  # noqa: PLW2901
            loss = self.engine.together(self.learner.learn(batch, histories.take(batch)))
            if broken := self.learner.broken or ("" if math.isfinite(loss) else Ranking.name):
                what = "loss" if broken == Ranking.name else f"term '{broken}'"
                raise self._not_finite(
                    f"the {what} is not finite in step {step} of epoch {self.epoch}"
                )
            self.engine.step()
            total += loss * len(batch)
            if task is not None:
                task.advance()
        if not_finite(self.model, {}):
            raise self._not_finite(f"the parameters are not finite after epoch {self.epoch}")
        self.engine.end_epoch(self.model, len(rows))
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

    def _histories(self) -> EventHistories:
        length = self.model.length
        events = self.view.events
        if self.view.snapshot.timed:
            return before_events(events, self.domains, length, inside=self.model.inside)
        return other_events(events, self.domains, length, self.random)

    def _steps(self, rows: int) -> int:
        """Optimiser steps of an epoch."""
        learning = self.settings.learning
        return min(math.ceil(rows / learning.batch_size), learning.steps)


def choose_terms(settings: TrainSettings, domains: int) -> list[tuple[Term, float]]:
    """The terms of the objective, with their weights."""
    terms: list[tuple[Term, float]] = [(Ranking(settings.learning.loss), 1.0)]
    if settings.transfer.is_on:
        from linkspan.gnn.training.transfer.terms import build_terms

        terms += build_terms(settings, domains)
    return terms


@contextmanager
def seeded(settings: TrainSettings) -> Iterator[None]:
    """Torch's generators begin at the seed inside, and go on as before after."""
    with torch.random.fork_rng():
        torch.manual_seed(settings.learning.seed)
        yield

"""Gradients of a batch: over the whole graph, or piece by piece where memory is bounded."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linkspan.gnn.events.history import Histories
from linkspan.gnn.network.model import HistoryGNN, States
from linkspan.gnn.tensors.masking import SupervisionMask
from linkspan.gnn.tensors.subgraph import draw_subgraph
from linkspan.gnn.training.batches import Batch, BatchBuilder
from linkspan.gnn.training.engine import Engine
from linkspan.gnn.training.memory import Plan
from linkspan.gnn.training.objective import Objective, Ranking

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

IntArray = NDArray[np.int64]


class Learner:
    """Adds the gradients of a batch to those of the parameters.

    Attributes:
        broken: The first term whose loss was not finite; empty while all are.

    Args:
        model: The network.
        data: The whole graph.
        mask: Takes the events of a batch out of its messages.
        builder: Draws what targets are ranked against.
        targets: (E,) item rows of all events.
        plan: In which pieces.
        objective: What is made small.
        engine: Takes the gradients.
    """

    def __init__(
        self,
        model: HistoryGNN,
        data: HeteroData,
        mask: SupervisionMask,
        builder: BatchBuilder,
        targets: IntArray,
        plan: Plan,
        objective: Objective,
        engine: Engine,
    ) -> None:
        self._model, self._data, self._mask = model, data, mask
        self._objective, self._engine = objective, engine
        self._builder, self._targets, self.plan = builder, targets, plan
        self.broken = ""

    def learn(self, rows: IntArray, histories: Histories) -> float:
        """Take the gradients of the mean loss of some events.

        Args:
            rows: (B,) positions of the events, sorted by domain.
            histories: What came before each of them.

        Returns:
            The mean loss of the ranking, which is comparable from epoch to epoch; on one of several
            workers, its part of it.
        """
        size = self.plan.rows
        pieces = np.split(np.arange(len(rows)), range(size, len(rows), size))
        if self.plan.fan_out:
            return sum(self._around(rows[p], histories.take(p), len(rows)) for p in pieces)
        matrices = self._mask.without(self._tensor(rows))
        states = self._model.encode(self._data, matrices, self._engine.columns)
        if len(pieces) == 1:
            return self._back(states, self._build(rows, histories), len(rows))
        # Each piece leaves its gradients at the states; then they go back through the hops once.
        whole = {name: each for name, each in states._asdict().items() if name != "domains"}
        whole = {name: each for name, each in whole.items() if each is not None}
        ends = {name: each.detach().requires_grad_() for name, each in whole.items()}
        cut = states._replace(**ends)
        loss = sum(
            self._back(cut, self._build(rows[p], histories.take(p)), len(rows)) for p in pieces
        )
        used = [name for name, each in ends.items() if each.grad is not None]
        if used:
            torch.autograd.backward([whole[n] for n in used], [ends[n].grad for n in used])
        return loss

    def _around(self, rows: IntArray, histories: Histories, size: int) -> float:
        """The same over a subgraph around some of the ``size`` events of a batch."""
        batch = self._mine(self._builder.build(histories, self._targets[rows]), histories)
        with self._engine.apart():
            if not len(batch):
                return 0.0
            seeds = {"item": batch.items()}
            users = any(key[2] == "user" for key in self._model.relations[-1])
            if users:
                seeds["user"] = torch.unique(batch.users)
            values = partial(self._mask.values_at, self._mask.removed(self._tensor(rows)))
            subgraph = draw_subgraph(
                self._data, self._model.relations, seeds, self.plan.fan_out, values
            )
            states = self._model.encode(*subgraph)
            near = self._thinned(batch.within(subgraph, users=users))
            return self._back(states, near, size, (subgraph.data["item"].rows, batch))

    def _build(self, rows: IntArray, histories: Histories) -> Batch:
        """A batch, or this worker's events of it: all workers draw the same for all of them."""
        batch = self._builder.build(histories, self._targets[rows])
        return self._mine(self._thinned(batch), histories)

    def _mine(self, batch: Batch, histories: Histories) -> Batch:
        mine = self._engine.mine(histories.users)
        return batch if mine.all() else batch.take(torch.from_numpy(mine).to(batch.users.device))

    def _thinned(self, batch: Batch) -> Batch:
        return replace(batch, kept=self._model.draw_kept(batch.history))

    def _back(
        self,
        states: States,
        batch: Batch,
        size: int,
        within: tuple[Tensor, Batch] | None = None,
    ) -> float:
        """Gradients, and share of the mean loss of the ranking, of ``size`` events.

        Args:
            states: What messages gave.
            batch: Some of the events.
            size: All of them.
            within: Where ``states`` are of a subgraph: the rows of its items in the whole graph,
                and the events by the rows there.
        """
        if not len(batch):
            return 0.0
        prior = self._model.prior(self._data["item"].count)
        rows, whole = within or (None, None)
        prior = prior if rows is None else prior[rows]
        terms = self._objective(self._model, states, prior, batch, whole)
        loss = torch.stack(list(terms.values())).sum() / size
        self._engine.backward(loss)
        if not (math.isfinite(float(loss.detach())) or self.broken):
            self.broken = next((n for n, each in terms.items() if not each.isfinite()), "sum")
        return float(terms[Ranking.name].detach() / size)

    def _tensor(self, array: IntArray) -> Tensor:
        return torch.from_numpy(array).to(self._data["item"].count.device)

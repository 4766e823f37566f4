"""The objective of a training: named terms, each with its weight, which may own parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from linkspan.gnn.events.history import PAD
from linkspan.gnn.network.model import HistoryGNN, States
from linkspan.gnn.training.batches import Batch


class Step(NamedTuple):
    """All that a term may look at.

    Attributes:
        model: The network.
        states: States of the nodes that a batch needs.
        prior: (N,) part of the score that is the same for all users, by the rows of ``states``.
        batch: The events, by the same rows.
        users: (B, K) states of their users.
    """

    model: HistoryGNN
    states: States
    prior: Tensor
    batch: Batch
    users: Tensor


class Term(nn.Module, ABC):
    """One term of an objective.

    Attributes:
        name: What figures and errors call it.
    """

    name: ClassVar[str]

    @property
    def is_dropped(self) -> bool:
        """True where it has no part in the rest of the training."""
        return False

    def begin_epoch(self, epoch: int) -> None:
        """Get ready for an epoch, from 1."""

    def end_epoch(self, epoch: int) -> None:
        """Look back at an epoch."""

    @abstractmethod
    def forward(self, step: Step) -> Tensor:
        """Loss summed over the events of a batch, in nats, a scalar."""


class Ranking(Term):
    """Rank of each target among drawn items of its domain, and among what the user disliked.

    Args:
        loss: ``softmax`` of the target among the others, or ``bpr``, the mean over them of how
            surely it is above each (Rendle et al., 2009, arXiv:1205.2618).
    """

    name = "ranking"

    def __init__(self, loss: str) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, step: Step) -> Tensor:
        """Loss summed over the events of a batch."""
        losses = [self._of_domain(step, *bounds) for bounds in step.batch.negatives]
        return torch.stack(losses).sum()

    def _of_domain(self, step: Step, start: int, end: int, negatives: Tensor) -> Tensor:
        """Loss summed over the events ``start`` to ``end`` (exclusive), which share negatives."""
        items, prior, temperature = step.states.items, step.prior, step.model.temperature
        users, targets = step.users[start:end], step.batch.targets[start:end]
        right = (users * items[targets]).sum(dim=1) / temperature + prior[targets]  # (B,)
        wrong = users @ items[negatives].T / temperature + prior[negatives]  # (B, n)
        wrong = wrong.masked_fill(negatives == targets[:, None], -torch.inf)
        disliked = step.batch.disliked[start:end]
        if disliked.shape[1]:
            known = disliked.clamp(min=0)
            # (B, D, K) by (B, K, 1) to (B, D).
            own = (items[known] @ users[:, :, None])[..., 0] / temperature + prior[known]
            absent = (disliked == PAD) | (disliked == targets[:, None])
            wrong = torch.cat([wrong, own.masked_fill(absent, -torch.inf)], dim=1)  # (B, n + D)
        if self.loss == "bpr":
            return -functional.logsigmoid(right[:, None] - wrong).mean(dim=1).sum()
        logits = torch.cat([right[:, None], wrong], dim=1)  # (B, 1 + n + D), targets first
        return functional.cross_entropy(logits, torch.zeros_like(targets), reduction="sum")


class Objective(nn.Module):
    """A weighted sum of terms.

    Args:
        terms: Each with its weight; names are unique.
    """

    def __init__(self, terms: Sequence[tuple[Term, float]]) -> None:
        super().__init__()
        self.terms = nn.ModuleDict({term.name: term for term, _ in terms})
        self.weights = {term.name: weight for term, weight in terms}

    def begin_epoch(self, epoch: int) -> None:
        """Tell the terms that an epoch, from 1, begins."""
        for term in self._terms().values():
            term.begin_epoch(epoch)

    def end_epoch(self, epoch: int) -> None:
        """Tell the terms that it is over."""
        for term in self._terms().values():
            term.end_epoch(epoch)

    def forward(
        self, model: HistoryGNN, states: States, prior: Tensor, batch: Batch
    ) -> dict[str, Tensor]:
        """Each term's name to its weighted loss, summed over the events of a batch."""
        users = model.user_states(states, batch.users, batch.domains, batch.history, batch.kept)
        step = Step(model, states, prior, batch, users)
        return {name: self.weights[name] * term(step) for name, term in self._terms().items()}

    def _terms(self) -> dict[str, Term]:
        """Name to term, of those that count."""
        terms = cast(Mapping[str, Term], self.terms)
        return {name: term for name, term in terms.items() if not term.is_dropped}

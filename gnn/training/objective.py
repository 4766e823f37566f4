"""The objective of a training: named terms, each with its weight, which may own parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from linkspan.gnn.events.history import PAD
from linkspan.gnn.network.model import HistoryGNN, States
from linkspan.gnn.training.batches import Batch

NOT_THERE = -1e9
"""Score where there is no candidate: its share of a softmax is zero, and has a logarithm still."""


@dataclass(frozen=True)
class Step:
    """All that a term may look at.

    Attributes:
        model: The network.
        states: States of the nodes that a batch needs.
        prior: (N,) part of the score that is the same for all users, by the rows of ``states``.
        batch: The events, by the same rows.
        users: (B, K) states of their users.
        whole: The same events by the rows of the whole graph.
    """

    model: HistoryGNN
    states: States
    prior: Tensor
    batch: Batch
    users: Tensor
    whole: Batch

    @cached_property
    def scores(self) -> list[Tensor]:
        """Scores of the candidates, as `candidate_scores` gives them; made once for all terms."""
        return candidate_scores(self.model, self.states, self.prior, self.batch, self.users)

    @cached_property
    def log_shares(self) -> list[Tensor]:
        """Logarithms of the softmax of the scores, likewise."""
        return [functional.log_softmax(scores, dim=1) for scores in self.scores]


def candidate_scores(
    model: HistoryGNN, states: States, prior: Tensor, batch: Batch, users: Tensor
) -> list[Tensor]:
    """Scores of what the events of a batch are ranked among, for each domain in turn.

    Args:
        model: The network.
        states: Of its nodes.
        prior: (N,) part of the score that is the same for all users.
        batch: The events.
        users: (B, K) states of their users.

    Returns:
        (b, 1 + n + D) each: of the targets, of the drawn items, and of what the users disliked;
        `NOT_THERE` where a candidate is the target once more, or is absent.
    """
    items, temperature = states.items, model.temperature
    found = []
    for start, end, negatives in batch.negatives:
        own, targets = users[start:end], batch.targets[start:end]
        right = (own * items[targets]).sum(dim=1) / temperature + prior[targets]  # (b,)
        wrong = own @ items[negatives].T / temperature + prior[negatives]  # (b, n)
        parts = [right[:, None], wrong.masked_fill_(negatives == targets[:, None], NOT_THERE)]
        disliked = batch.disliked[start:end]
        if disliked.shape[1]:
            known = disliked.clamp(min=0)
            # (b, D, K) by (b, K, 1) to (b, D).
            bad = (items[known] @ own[:, :, None])[..., 0] / temperature + prior[known]
            absent = (disliked == PAD) | (disliked == targets[:, None])
            parts.append(bad.masked_fill(absent, NOT_THERE))
        found.append(torch.cat(parts, dim=1))
    return found


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
        if self.loss == "softmax":
            return -torch.stack([shares[:, 0].sum() for shares in step.log_shares]).sum()
        gaps = [scores[:, :1] - scores[:, 1:] for scores in step.scores]
        return -torch.stack([functional.logsigmoid(g).mean(dim=1).sum() for g in gaps]).sum()


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
        self,
        model: HistoryGNN,
        states: States,
        prior: Tensor,
        batch: Batch,
        whole: Batch | None = None,
    ) -> dict[str, Tensor]:
        """Each term's name to its weighted loss, summed over the events of a batch.

        Args:
            model: The network.
            states: Of the nodes that the batch needs.
            prior: (N,) part of the score that is the same for all users.
            batch: The events, by the rows of ``states``.
            whole: The events by the rows of the whole graph, where these are others.
        """
        users = model.user_states(states, batch.users, batch.domains, batch.history, batch.kept)
        step = Step(model, states, prior, batch, users, batch if whole is None else whole)
        return {name: self.weights[name] * term(step) for name, term in self._terms().items()}

    def _terms(self) -> dict[str, Term]:
        """Name to term, of those that count."""
        terms = cast(Mapping[str, Term], self.terms)
        return {name: term for name, term in terms.items() if not term.is_dropped}

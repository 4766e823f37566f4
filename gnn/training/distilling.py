"""A small network that learns from a larger one how it ranks (knowledge distillation)."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor

from linkspan.errors import ModelError
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.models.view import View
from linkspan.gnn.network.model import States
from linkspan.gnn.settings import HEADS, TrainSettings
from linkspan.gnn.training.batches import Batch
from linkspan.gnn.training.objective import Step, Term, candidate_scores

WEIGHT = 3.0
"""Weight of the term beside that of the ranking."""


class Distilling(Term):
    """Nearness of the small network's choice among candidates to that of a larger one.

    Both make a softmax over the same candidates, the target and what was drawn; the term is the
    cross-entropy of the small one's under the larger one's (Hinton et al., 2015, arXiv:1503.02531).
    The larger network's states are made once, on all known events, so that a batch costs it no
    messages; unlike the small network it sees there the steps that the batch asks for.

    Args:
        teacher: The larger network, on the view that is learned from.
        device: Where the small one is.
    """

    name = "distil"

    def __init__(self, teacher: FittedModel, device: torch.device) -> None:
        super().__init__()
        model = teacher.model if teacher.device == device else deepcopy(teacher.model).to(device)
        made = teacher.states
        states = States(
            made.items.to(device),
            None if made.users is None else made.users.to(device),
            made.domains.to(device),
        )
        # In a tuple, or it would be learned and saved with the small one.
        self._teacher = (model, states)
        self._prior = torch.from_numpy(teacher.prior).to(device)

    def forward(self, step: Step) -> Tensor:
        """Cross-entropy summed over the events of a batch."""
        losses = [
            -torch.dot(torch.softmax(theirs, dim=1).flatten(), own.flatten())
            for own, theirs in zip(step.log_shares, self._scores(step.whole), strict=True)
        ]
        return torch.stack(losses).sum()

    @torch.no_grad()
    def _scores(self, batch: Batch) -> list[Tensor]:
        model, states = self._teacher
        users = model.user_states(states, batch.users, batch.domains, batch.history)
        return candidate_scores(model, states, self._prior, batch, users)


def small_settings(settings: TrainSettings) -> TrainSettings:
    """Settings of a network of half the width and one hop, else the same.

    Raises:
        ModelError: The width cannot be halved.
    """
    width, whole = settings.model.embedding_size // 2, 1
    if settings.model.convolution == "hgt":
        whole = HEADS
    width -= width % whole
    if width < max(2, whole):
        raise ModelError(
            f"the states of the run are {settings.model.embedding_size} numbers wide, which leaves "
            "nothing to halve",
            hint="Distil a run with a larger 'embedding_size'",
        )
    return settings.changed(embedding_size=width, layers=1)


def check_teacher(teacher: FittedModel, view: View) -> None:
    """See that a network knows what one may learn from, and nothing else.

    Args:
        teacher: The network.
        view: What is learned from.

    Raises:
        ModelError: It is untrained, or is on another graph or other events.
    """
    if not teacher.is_trained:
        raise ModelError("the network to learn from is untrained", hint="Train it first")
    if teacher.snapshot.fingerprint() != view.snapshot.fingerprint():
        raise ModelError("the network to learn from is on another snapshot")
    if not teacher.events.index.equals(view.events.index):
        raise ModelError(
            "the network to learn from does not know the same events",
            hint="Put it on the view that is learned from: held-out events may not come in by it",
        )

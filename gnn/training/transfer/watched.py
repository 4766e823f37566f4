"""A term with an adversary or a generator, which may collapse and is then dropped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from linkspan.gnn.training.objective import Term

_log = logging.getLogger(__name__)

PATIENCE = 3
"""Epochs after which what goes wrong counts as a collapse."""
_TRIVIAL = 0.98
"""Share of the loss of an adversary that knows nothing, above which it has learned nothing."""
_STEPS, _RATE = 10, 0.5
"""Steps that an adversary takes for each of the network, and their size."""
_FLAT = 0.01
"""Spread below which states are as good as one and the same."""


class Watched(Term):
    """State of the watch goes into checkpoints, so that a training that goes on drops the same.

    An adversary that once told the two sides apart and no longer does has been deceived, which is
    what it is for; one that never did is of no use.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dropped: Tensor
        self.best: Tensor
        self.epochs: Tensor
        self.flat: Tensor
        self.register_buffer("dropped", torch.tensor(False))
        self.register_buffer("best", torch.tensor(torch.inf))
        self.register_buffer("epochs", torch.tensor(0))
        self.register_buffer("flat", torch.tensor(0))
        self._seen: list[tuple[Tensor, Tensor]] = []

    @property
    def is_dropped(self) -> bool:
        """True after a collapse."""
        return bool(self.dropped)

    def saw(self, loss: Tensor, spread: Tensor) -> None:
        """Take note of a batch.

        Args:
            loss: Of the adversary, 1 being that of one that knows nothing; a scalar.
            spread: Of the states that it is shown, beside what they should have; a scalar.
        """
        self._seen.append((loss.detach(), spread.detach()))

    def end_epoch(self, epoch: int) -> None:
        """Look back at an epoch, and drop the term if it has collapsed."""
        if not self._seen or self.is_dropped:
            return
        loss, spread = (torch.stack(each).mean() for each in zip(*self._seen, strict=True))
        self._seen.clear()
        self.epochs += 1
        self.best = torch.minimum(self.best, loss)
        self.flat = self.flat + 1 if float(spread) < _FLAT else torch.zeros_like(self.flat)
        if int(self.flat) >= PATIENCE:
            why = "its states have become one and the same"
        elif int(self.epochs) >= PATIENCE and float(self.best) > _TRIVIAL:
            why = "its adversary tells nothing apart"
        else:
            return
        self.dropped.fill_(True)
        _log.warning(
            "the term '%s' collapsed: for %d epochs %s; it is dropped after epoch %d. Another "
            "weight in [train.transfer] may help",
            self.name,
            PATIENCE,
            why,
            epoch,
        )


def spread(states: Tensor) -> Tensor:
    """Variance of states (n, K) summed over their components, from 0 to 1 for unit lengths."""
    return states.var(dim=0, unbiased=False).sum()


@torch.enable_grad()
def learn(adversary: nn.Module, loss: Callable[[], Tensor]) -> Tensor:
    """Let an adversary take some steps of plain gradient descent ahead of those it fights.

    Were both to take one step of Adam at a time, they would run round each other.

    Returns:
        The loss before the first of them.
    """
    own = [each for each in adversary.parameters() if each.requires_grad]
    if not own:  # all is frozen
        return loss().detach()
    first = None
    for _ in range(_STEPS):
        value = loss()
        first = value.detach() if first is None else first
        for each, gradient in zip(own, torch.autograd.grad(value, own), strict=True):
            each.data -= _RATE * gradient
    assert first is not None
    return first


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Inside, a module passes gradients on and keeps none."""
    learned = [each for each in module.parameters() if each.requires_grad]
    for each in learned:
        each.requires_grad_(False)
    try:
        yield
    finally:
        for each in learned:
            each.requires_grad_(True)

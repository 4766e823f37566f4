"""Telling that a training has gone wrong: a collapse, or numbers that are not finite."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

IntArray = NDArray[np.int64]

_LOST = 0.5
"""Share of what had been reached that a collapse loses."""
_LEARNED = 0.9
"""Share of the loss of an ignorant model below which something has been learned."""
_ERRORS = 3.0
"""Standard errors beyond which a fall is not chance."""


def has_forgotten(losses: Sequence[float], ignorant: float) -> bool:
    """Tell whether a training has lost more than half of what it had learned.

    Args:
        losses: Of the epochs so far, in nats.
        ignorant: The loss of a model that knows nothing, to whom all candidates are alike.

    Returns:
        False where nothing much had been learned: a loss near ``ignorant`` goes up and down.
    """
    best = min(losses)
    return best < _LEARNED * ignorant and losses[-1] - best > _LOST * (ignorant - best)


def has_fallen(gains: Sequence[float], rows: int) -> bool:
    """Tell whether the last NDCG on validation rows is less than half of the best, not by chance.

    Args:
        gains: NDCG of the epochs so far, from 0 to 1.
        rows: Number of validation rows.
    """
    best = max(gains)
    # A row's NDCG lies between 0 and 1, so that its variance is at most its mean.
    chance = _ERRORS * math.sqrt(best / rows)
    return best - gains[-1] > max(_LOST * best, chance)


def ignorant_loss(loss: str, negatives: IntArray) -> float:
    """Mean loss, in nats, of a model to whom all candidates are alike.

    Args:
        loss: As in `LearningSettings`.
        negatives: (E,) how many each event is ranked against.
    """
    return math.log(2.0) if loss == "bpr" else float(np.log1p(negatives).mean())


def not_finite(model: nn.Module, terms: dict[str, Tensor]) -> str:
    """Name the first of some terms, or else of the parameters, that is not finite.

    Args:
        model: The network.
        terms: Name to values that a loss is made of.

    Returns:
        Empty where all are finite.
    """
    own = dict(model.named_parameters())
    values = {**terms, **{f"parameter '{name}'": value for name, value in own.items()}}
    return next((name for name, value in values.items() if not value.isfinite().all()), "")

"""Search of the weights of signals, on rows with candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from linkspan.gnn.metrics import ndcg_by_row
from linkspan.gnn.models.weights import SignalWeights
from linkspan.gnn.scores.examples import Examples, join

FloatArray = NDArray[np.float32]
Vector = NDArray[np.float64]

_K, _ROUNDS = 10, 3
_STEPS, _FIRST = (0.0, 0.5, 0.8, 1.25, 2.0), (0.05, 0.1)

_USUAL = 0.2
"""Sum of the weights below which first steps are smaller: where the scores of a signal have long
tails, as those of a sparse matrix, all weights are small, and only their ratios count."""


def fit_weights(examples: Mapping[str, Sequence[Examples]], names: Sequence[str]) -> SignalWeights:
    """Weights of the signals, for all domains and for each; 0 or more.

    First a conditional logit (McFadden, 1974): the chance of the row's item among its candidates
    is the softmax of the weighted signals. From there, one weight after the other is moved where
    that raises NDCG@10 (coordinate ascent: Metzler & Croft, 2007, doi:10.1007/s10791-006-9019-z),
    or the product of both where there are two kinds of candidates.
    A domain leaves the weights of all only where its rows gain by more than two standard errors.
    Where the rows favour no signal, all count alike.

    Args:
        examples: Domain to its rows, as `draw_examples` gives them; the logit takes the first.
        names: (F,) names of the signals.
    """
    rows = [found for found in examples.values() if len(found[0].starts) > 1]
    every = [join(each) for each in zip(*rows, strict=True)]
    shared = _ascend(every, fit_logit(every[0]), errors=0.0)
    if not shared.any():  # the rows say nothing, for none of the parts
        shared[:] = _FIRST[0]
    own = [
        _ascend(found, shared, errors=2.0) if len(found[0].starts) > 1 else shared
        for found in examples.values()
    ]
    return SignalWeights(
        dict(zip(names, shared.tolist(), strict=True)),
        {
            domain: dict(zip(names, weights.tolist(), strict=True))
            for domain, weights in zip(examples, own, strict=True)
        },
    )


def fit_logit(
    examples: Examples, bounds: Sequence[tuple[float | None, float | None]] | None = None
) -> Vector:
    """Weights (F,) of a conditional logit, each within its bounds; by default 0 or more."""
    signals, first = examples.signals, examples.starts[:-1]
    sizes = np.diff(examples.starts)

    def loss(weights: Vector) -> tuple[float, Vector]:
        scores = signals @ weights.astype(np.float32)  # (T,)
        top = np.maximum.reduceat(scores, first)  # (R,)
        powers = np.exp(scores - np.repeat(top, sizes))
        sums = np.add.reduceat(powers, first)
        total = float(np.sum(np.log(sums) + top) - scores[first].sum() + weights @ weights)
        gradient = signals.T @ (powers / np.repeat(sums, sizes)) - signals[first].sum(axis=0)
        return total, (gradient + 2.0 * weights).astype(np.float64)

    start = np.full(signals.shape[1], 0.1)
    bounds = bounds or [(0.0, None)] * len(start)
    # The ascent goes on from here, so that the last digits are not worth their time.
    found = optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 20}
    )
    result: Vector = found.x
    return result


def _ascend(lists: Sequence[Examples], weights: Vector, errors: float) -> Vector:
    """Move one weight after the other while NDCG@10 gains more than so many standard errors.

    Args:
        lists: The same rows with several kinds of candidates.
        weights: (F,) where to begin.
        errors: How many.
    """
    weights = weights.copy()
    tried = [value * min(1.0, (weights.sum() or _USUAL) / _USUAL) for value in _FIRST]
    columns = [np.ascontiguousarray(each.signals.T) for each in lists]  # (F, T) each
    scores = [each.signals @ weights.astype(np.float32) for each in lists]
    gains = [_gains(each, score) for each, score in zip(lists, scores, strict=True)]
    for _ in range(_ROUNDS):
        risen = 0.0
        for place in range(len(weights)):
            now = weights[place]
            for value in [now * step for step in _STEPS] if now > tried[0] / 50 else tried:
                step = np.float32(value - weights[place])
                moved = [
                    score + step * column[place]
                    for column, score in zip(columns, scores, strict=True)
                ]
                found = [_gains(each, score) for each, score in zip(lists, moved, strict=True)]
                change = np.zeros(len(found[0]))
                for before, after in zip(gains, found, strict=True):
                    change += (after - before) / max(float(before.mean()), 1e-6)
                if change.mean() > 1e-3 + errors * change.std() / np.sqrt(len(change)):
                    weights[place], scores, gains = value, moved, found
                    risen += float(change.mean())
        if risen < 2e-3:
            break
    return weights


def _gains(examples: Examples, scores: FloatArray) -> Vector:
    """(R,) NDCG@10 of each row, ties against the row's item."""
    first = examples.starts[:-1]
    own = np.repeat(scores[first], np.diff(examples.starts))  # (T,)
    ranks = np.add.reduceat((scores >= own).astype(np.float64), first)  # (R,)
    return ndcg_by_row(ranks, _K)

"""Finds what each part of the score counts, from validation rows alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

from linkspan.errors import ModelError
from linkspan.gnn.events.domains import rows_at_once, rows_by_domain
from linkspan.gnn.events.split import Split, some_validation
from linkspan.gnn.metrics import kth_largest, ndcg_by_row
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.models.weights import SignalWeights
from linkspan.gnn.scores.components import Seen
from linkspan.gnn.scores.hybrid import (
    GNN,
    HYBRID,
    SIMPLE,
    Signal,
    build_signals,
    standardized,
    with_linear,
)
from linkspan.progress import SILENT, Progress

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
Vector = NDArray[np.float64]

TOP = 60
"""Items of each signal's list that are candidates: what a list may begin with."""

DRAWN = 100
"""Items drawn from the whole domain that are candidates in a list of their own: where a list is not
of all items, or an item is new, those in the middle count."""

_STATED = {"popularity": 1.0, "text": 1.0, "linear": 1.0, "transitions": 1.0}
"""Weights of the parts where there are no rows to find them on."""

_log = logging.getLogger(__name__)
_CHUNK, _K, _ROUNDS = 512, 10, 3
_STEPS, _FIRST = (0.0, 0.5, 0.8, 1.25, 2.0), (0.05, 0.1)

_USUAL = 0.2
"""Sum of the weights below which first steps are smaller: where the scores of a signal have long
tails, as those of a sparse matrix, all weights are small, and only their ratios count."""


class Examples(NamedTuple):
    """Validation rows with candidates.

    Attributes:
        signals: (T, F) standardised signals of all candidates, row after row; the row's own item
            is the first of each row.
        starts: (R + 1,) where each row begins.
    """

    signals: FloatArray
    starts: IntArray

    def choose(self, columns: Sequence[int]) -> Examples:
        """Some signals only."""
        return Examples(np.ascontiguousarray(self.signals[:, columns]), self.starts)


def fit_hybrid(fitted: FittedModel, split: Split, progress: Progress = SILENT) -> FittedModel:
    """Learn the linear part from training events, and the weights of all parts on validation rows.

    Args:
        fitted: A network that was trained on ``split.train``.
        split: Of the same snapshot.
        progress: Told of each domain.

    Returns:
        The model with both. Without validation rows it has neither, which is logged: its network
        scores alone, without walks. Where the network is untrained, the weights are stated ones.

    Raises:
        ModelError: The split is of another snapshot.
    """
    if split.fingerprint != fitted.snapshot.fingerprint():
        raise ModelError(
            "the split was made from another snapshot than the model's",
            hint="Split the snapshot again",
        )
    if not fitted.is_trained:
        fitted = with_linear(fitted)
        return replace(fitted, weights={SIMPLE: stated_weights(fitted)})
    events = fitted.snapshot.events()
    validation = some_validation(split, events, fitted.settings.learning.seed)
    if not len(validation):
        _log.warning("there are no validation events to weigh the parts on: the network is alone")
        return fitted
    fitted = with_linear(fitted)
    signals, seen = build_signals(fitted), Seen(fitted)
    names = fitted.snapshot.items["domain"].to_numpy()[validation["item"]]
    rows_of, random = (
        rows_by_domain(fitted.snapshot),
        np.random.default_rng(fitted.settings.learning.seed),
    )
    examples: dict[str, list[Examples]] = {}
    with progress.task("weigh the parts", total=len(rows_of), unit="domains") as task:
        for domain, rows in rows_of.items():
            inside = validation[names == domain]
            examples[domain] = draw_examples(signals[HYBRID], inside, domain, rows, seen, random)
            task.advance()
    every = [signal.name for signal in signals[HYBRID]]
    # The network's states are trained to be summed as they are, but walks are not trained at all.
    mixed = (HYBRID, SIMPLE) if fitted.snapshot.timed else (HYBRID, SIMPLE, GNN)
    weights = {}
    for name in mixed:
        chosen = [signal.name for signal in signals[name]]
        places = [every.index(one) for one in chosen]
        parts = {
            domain: [each.choose(places) for each in found] for domain, found in examples.items()
        }
        weights[name] = fit_weights(parts, chosen)
    return replace(fitted, weights=weights)


def stated_weights(fitted: FittedModel) -> SignalWeights:
    """Weights of the simple parts where no row says any: popularity as much as all texts.

    Args:
        fitted: A model with a linear part.
    """
    signals = build_signals(fitted)[SIMPLE]
    parts = [signal.part for signal in signals]
    return SignalWeights(
        {s.name: _STATED.get(s.part, 0.0) / parts.count(s.part) for s in signals}, {}
    )


def draw_examples(
    signals: Sequence[Signal],
    events: pd.DataFrame,
    domain: str,
    rows: IntArray,
    seen: Seen,
    random: np.random.Generator,
) -> list[Examples]:
    """Signals of validation rows: of the row's item, and of candidates.

    Args:
        signals: F of them.
        events: Validation rows of this domain; columns ``user`` and ``item``.
        domain: Its name.
        rows: (N,) ascending rows of its items.
        seen: What users have met; that is no candidate.
        random: Draws candidates.

    Returns:
        The same rows twice: with what each signal's list begins with, and with items drawn from
        the whole domain.
    """
    users = events["user"].to_numpy(np.int64)
    own = np.searchsorted(rows, events["item"].to_numpy(np.int64))
    heads, spread = _Collected(len(signals)), _Collected(len(signals))
    size = rows_at_once(len(rows), len(signals) + 6, _CHUNK)  # the others: met, unmet, on the way
    for start in range(0, len(users), size):
        asked, column = users[start : start + size], own[start : start + size]
        lines = np.arange(len(asked))
        met = np.zeros((len(asked), len(rows)), np.float32)
        seen.hide(met, asked, domain)
        chosen = np.zeros(met.shape, bool)
        top = min(TOP, len(rows))
        scores = []
        for signal in signals:
            score = standardized(signal.score(asked, domain))
            unmet = score + met
            least = kth_largest(unmet, top)
            # Where most items score the same, as by a sparse matrix, only those above them.
            tied = (unmet >= least).sum(axis=1, keepdims=True) > 2 * top  # (B, 1)
            chosen |= np.where(tied, unmet > least, unmet >= least)
            scores.append(score)
        drawn = np.zeros(met.shape, bool)
        drawn[lines[:, None], random.integers(0, len(rows), (len(asked), DRAWN))] = True
        for places, collected in ((chosen, heads), (drawn, spread)):
            places[np.isneginf(met)] = False
            places[lines, column] = False
            collected.add(scores, column, places)
    return [heads.examples(), spread.examples()]


class _Collected:
    """Rows with candidates, as they come."""

    def __init__(self, width: int) -> None:
        self._signals, self._sizes = [np.zeros((0, width), np.float32)], [np.zeros(0, np.int64)]

    def add(self, scores: Sequence[FloatArray], own: IntArray, places: NDArray[np.bool_]) -> None:
        """Rows (B,) with their own column and the places (B, N) of their candidates."""
        first = np.stack([score[np.arange(len(own)), own] for score in scores], axis=1)  # (B, F)
        others = np.stack([score[places] for score in scores], axis=1)  # (C, F), row by row
        counts = places.sum(axis=1)
        self._signals.append(np.insert(others, np.cumsum(counts) - counts, first, axis=0))
        self._sizes.append(counts + 1)

    def examples(self) -> Examples:
        """All of them."""
        starts = np.concatenate([[0], np.cumsum(np.concatenate(self._sizes))])
        return Examples(np.concatenate(self._signals), starts)


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
    every = [_joined(each) for each in zip(*rows, strict=True)]
    shared = _ascend(every, _logit(every[0]), errors=0.0)
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


def _joined(parts: Sequence[Examples]) -> Examples:
    """Rows of several domains as one."""
    ends = np.cumsum([0, *(len(part.signals) for part in parts)])
    starts = [part.starts[:-1] + end for part, end in zip(parts, ends[:-1], strict=True)]
    signals = np.concatenate([part.signals for part in parts])
    return Examples(signals, np.concatenate([*starts, ends[-1:]]))


def _logit(examples: Examples) -> Vector:
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
    bounds = [(0.0, None)] * len(start)
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
    scores = [each.signals @ weights.astype(np.float32) for each in lists]
    gains = [_gains(each, score) for each, score in zip(lists, scores, strict=True)]
    for _ in range(_ROUNDS):
        risen = 0.0
        for place in range(len(weights)):
            now = weights[place]
            for value in [now * step for step in _STEPS] if now > tried[0] / 50 else tried:
                step = np.float32(value - weights[place])
                moved = [
                    score + step * each.signals[:, place]
                    for each, score in zip(lists, scores, strict=True)
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

"""Finds what each part of the score counts, from validation rows alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

from linkspan.gnn.components import Seen
from linkspan.gnn.domains import rows_by_domain
from linkspan.gnn.fitted import FittedModel, Weights
from linkspan.gnn.hybrid import HYBRID, SIMPLE, Feature, build_features, standardized, with_linear
from linkspan.gnn.metrics import kth_largest, ndcg_by_row
from linkspan.gnn.split import Split, some_validation
from linkspan.progress import SILENT, Progress

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
Vector = NDArray[np.float64]

TOP = 60
"""Items of each feature's list that are candidates: what a list may begin with."""

_CHUNK, _K, _ROUNDS = 512, 10, 3
_STEPS, _FIRST = (0.0, 0.5, 0.8, 1.25, 2.0), (0.05, 0.1)


class Examples(NamedTuple):
    """Validation rows with the candidates that lists may begin with.

    Attributes:
        features: (T, F) standardised features of all candidates, row after row; the row's own item
            is the first of each row.
        starts: (R + 1,) where each row begins.
    """

    features: FloatArray
    starts: IntArray

    def choose(self, columns: Sequence[int]) -> Examples:
        """Some features only."""
        return Examples(np.ascontiguousarray(self.features[:, columns]), self.starts)


def fit_hybrid(fitted: FittedModel, split: Split, progress: Progress = SILENT) -> FittedModel:
    """Learn the linear part from training events, and the weights of all parts on validation rows.

    Args:
        fitted: A network that was trained on ``split.train``.
        split: Of the same snapshot.
        progress: Told of each domain.

    Returns:
        The model with both. Without validation rows it has neither: its network scores alone.
    """
    events = fitted.snapshot.events()
    validation = some_validation(split, events, fitted.settings.seed)
    if not len(validation):
        return fitted
    fitted = with_linear(fitted)
    features, seen = build_features(fitted), Seen(fitted)
    names = fitted.snapshot.items["domain"].to_numpy()[validation["item"]]
    rows_of, examples = rows_by_domain(fitted.snapshot), {}
    with progress.task("weigh the parts", total=len(rows_of), unit="domains") as task:
        for domain, rows in rows_of.items():
            inside = validation[names == domain]
            examples[domain] = draw_examples(features[HYBRID], inside, domain, rows, seen)
            task.advance()
    every = [feature.name for feature in features[HYBRID]]
    weights = {}
    for name in (HYBRID, SIMPLE):
        chosen = [feature.name for feature in features[name]]
        places = [every.index(one) for one in chosen]
        parts = {domain: found.choose(places) for domain, found in examples.items()}
        weights[name] = fit_weights(parts, chosen)
    return replace(fitted, weights=weights)


def draw_examples(
    features: Sequence[Feature], events: pd.DataFrame, domain: str, rows: IntArray, seen: Seen
) -> Examples:
    """Features of validation rows: of the row's item, and of what each feature's list begins with.

    Args:
        features: F of them.
        events: Validation rows of this domain; columns ``user`` and ``item``.
        domain: Its name.
        rows: (N,) ascending rows of its items.
        seen: What users have met; that is no candidate.
    """
    users = events["user"].to_numpy(np.int64)
    own = np.searchsorted(rows, events["item"].to_numpy(np.int64))
    found, sizes = [np.zeros((0, len(features)), np.float32)], [np.zeros(0, np.int64)]
    for start in range(0, len(users), _CHUNK):
        asked, column = users[start : start + _CHUNK], own[start : start + _CHUNK]
        lines = np.arange(len(asked))
        met = np.zeros((len(asked), len(rows)), np.float32)
        seen.hide(met, asked, domain)
        chosen = np.zeros(met.shape, bool)
        top = min(TOP, len(rows))
        scores = []
        for feature in features:
            score, _ = standardized(feature.score(asked, domain))
            unmet = score + met
            least = kth_largest(unmet, top)
            # Where most items score the same, as by a sparse matrix, only those above them.
            tied = (unmet >= least).sum(axis=1, keepdims=True) > 2 * top
            chosen |= np.where(tied, unmet > least, unmet >= least)
            scores.append(score)
        chosen[np.isneginf(met)] = False
        chosen[lines, column] = False
        own_first = np.stack([score[lines, column] for score in scores], axis=1)
        others = np.stack([score[chosen] for score in scores], axis=1)
        counts = chosen.sum(axis=1)
        places = np.cumsum(counts) - counts
        found.append(np.insert(others, places, own_first, axis=0))
        sizes.append(counts + 1)
    starts = np.concatenate([[0], np.cumsum(np.concatenate(sizes))])
    return Examples(np.concatenate(found), starts)


def fit_weights(examples: Mapping[str, Examples], names: Sequence[str]) -> Weights:
    """Weights of the features, for all domains and for each; 0 or more.

    First a conditional logit (McFadden, 1974): the chance of the row's item among its candidates
    is the softmax of the weighted features. From there, one weight after the other is moved where
    that raises NDCG@10 (coordinate ascent: Metzler & Croft, 2007, doi:10.1007/s10791-006-9019-z).
    A domain leaves the weights of all only where its rows gain by more than two standard errors.

    Args:
        examples: Domain to its rows, as `draw_examples` gives them.
        names: (F,) names of the features.
    """
    rows = [found for found in examples.values() if len(found.starts) > 1]
    ends = np.cumsum([0, *(len(found.features) for found in rows)])
    starts = [found.starts[:-1] + end for found, end in zip(rows, ends[:-1], strict=True)]
    every = Examples(
        np.concatenate([found.features for found in rows]), np.concatenate([*starts, ends[-1:]])
    )
    shared = _ascend(every, _logit(every), errors=0.0)
    own = [
        _ascend(found, shared, errors=2.0) if len(found.starts) > 1 else shared
        for found in examples.values()
    ]
    return Weights(
        tuple(names),
        tuple(examples),
        tuple(shared.tolist()),
        tuple(tuple(weights.tolist()) for weights in own),
    )


def _logit(examples: Examples) -> Vector:
    features, first = examples.features, examples.starts[:-1]
    sizes = np.diff(examples.starts)

    def loss(weights: Vector) -> tuple[float, Vector]:
        scores = features @ weights.astype(np.float32)
        top = np.maximum.reduceat(scores, first)
        powers = np.exp(scores - np.repeat(top, sizes))
        sums = np.add.reduceat(powers, first)
        total = float(np.sum(np.log(sums) + top) - scores[first].sum() + weights @ weights)
        gradient = features.T @ (powers / np.repeat(sums, sizes)) - features[first].sum(axis=0)
        return total, (gradient + 2.0 * weights).astype(np.float64)

    start = np.full(features.shape[1], 0.1)
    bounds = [(0.0, None)] * len(start)
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    result: Vector = found.x
    return result


def _ascend(examples: Examples, weights: Vector, errors: float) -> Vector:
    """Move one weight after the other while NDCG@10 gains more than so many standard errors."""
    weights = weights.copy()
    scores = examples.features @ weights.astype(np.float32)
    best = _gains(examples, scores)
    for _ in range(_ROUNDS):
        before = best.mean()
        for place, column in enumerate(examples.features.T):
            now = weights[place]
            for value in [now * step for step in _STEPS] if now > 1e-3 else _FIRST:
                moved = scores + np.float32(value - weights[place]) * column
                gains = _gains(examples, moved)
                change = gains - best
                if change.mean() > 1e-4 + errors * change.std() / np.sqrt(len(change)):
                    weights[place], scores, best = value, moved, gains
        if best.mean() - before < 2e-4:
            break
    return weights


def _gains(examples: Examples, scores: FloatArray) -> Vector:
    """(R,) NDCG@10 of each row, ties against the row's item."""
    first = examples.starts[:-1]
    own = np.repeat(scores[first], np.diff(examples.starts))
    ranks = np.add.reduceat((scores >= own).astype(np.float64), first)
    return ndcg_by_row(ranks, _K)

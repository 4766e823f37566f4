"""Figures of lists over a catalogue: how much of it they show, how much alike, how popular."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CATALOGUE = ("coverage", "gini", "novelty", "popularity_lift", "diversity")
"""Names of the figures of `catalogue_figures`, in this order."""


def catalogue_figures(
    lists: IntArray,
    items: IntArray,
    counts: IntArray,
    users: int,
    history: FloatArray,
    text: NDArray[np.float32] | None,
) -> dict[str, float]:
    """Figures of many lists together.

    Args:
        lists: (G, k) item rows, -1 where a list is shorter.
        items: (N,) item rows that could stand in them.
        counts: Number of users of each item of the graph.
        users: How many users there are.
        history: (G,) mean number of users of the items that the list's user has met; NaN for none.
        text: (all items, d) vectors of length 1, zero without text; None where there are none.

    Returns:
        ``coverage``, the share of the items that stand in any list; ``gini`` of how often each
        does, 0 where all do equally; ``novelty``, the mean of -log2 of the share of users who have
        met an item (Zhou et al., 2010, doi:10.1073/pnas.1000488107); ``popularity_lift``, by how
        much the items of a list have more users than those of its user's history, as a ratio less 1
        (Abdollahpouri et al., 2020, doi:10.1145/3383313.3418487); ``diversity``, one less the mean
        cosine of the texts of two items of a list (Ziegler et al., 2005,
        doi:10.1145/1060745.1060754). NaN where there is nothing to tell from.
    """
    there = lists >= 0
    shown = np.bincount(lists[there], minlength=len(counts))[items]
    novelty = -np.log2((counts + 1) / (users + 1))
    popular = np.where(there, counts[lists], 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    known = ~np.isnan(history) & there.any(axis=1)
    lift = popular[known].mean() / history[known].mean() - 1.0 if known.any() else np.nan
    return {
        "coverage": float(np.mean(shown > 0)),
        "gini": gini(shown),
        "novelty": float(novelty[lists[there]].mean()) if there.any() else np.nan,
        "popularity_lift": float(lift),
        "diversity": np.nan if text is None else _diversity(lists, text),
    }


def gini(counts: IntArray) -> float:
    """Gini coefficient: 0 where all are equal, near 1 where one has everything; NaN for nothing."""
    total = counts.sum()
    if not total:
        return float("nan")
    size = len(counts)
    weights = 2 * np.arange(1, size + 1) - size - 1
    return float((weights * np.sort(counts)).sum() / (size * total))


def _diversity(lists: IntArray, text: NDArray[np.float32]) -> float:
    """Mean over lists of at least two items with text of 1 - their mean cosine, pair by pair."""
    has_text = np.append(text.any(axis=1), False)
    there = has_text[lists]
    sizes = there.sum(axis=1).astype(np.float64)
    chosen = sizes >= 2
    if not chosen.any():
        return float("nan")
    starts = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    ones = np.ones(starts[-1], np.float32)
    sums = sparse.csr_array((ones, lists[there], starts), shape=(len(lists), len(text))) @ text
    sizes = sizes[chosen]
    # The square of a sum of unit vectors holds each pair twice and each vector once.
    pairs = (np.square(sums[chosen]).sum(axis=1) - sizes) / (sizes * (sizes - 1))
    return float(np.mean(1.0 - pairs))

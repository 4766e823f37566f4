"""Ranking metrics from ranks, with ties counted by half."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def midranks(scores: NDArray[np.floating], target: NDArray[np.floating]) -> FloatArray:
    """Rank of a target among candidates: 1 + those scored higher + half of the ties.

    Args:
        scores: (B, N) scores of the candidates; ``-inf`` leaves one out. The target itself is among
            them and is not a tie with itself.
        target: (B,) scores of the targets, finite.

    Returns:
        (B,) ranks from 1, in steps of one half.
    """
    column = target[:, None]
    higher = (scores > column).sum(axis=1)
    ties = (scores == column).sum(axis=1) - 1
    return np.asarray(1.0 + higher + 0.5 * ties, np.float64)


def kth_largest(scores: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """(B, 1) the k-th largest of each row of scores (B, N).

    Values are partitioned several times faster than positions (``argpartition``).
    """
    return np.partition(scores, -k, axis=1)[:, -k, None]


def hit_rate(ranks: FloatArray, k: int) -> float:
    """Share of rows whose one target is among the first ``k`` (HR@k, equal to recall@k)."""
    return float(np.mean(ranks <= k))


def ndcg(ranks: FloatArray, k: int) -> float:
    """Normalised discounted cumulative gain at ``k`` with one target a row.

    Järvelin & Kekäläinen (2002), doi:10.1145/582415.582418; the ideal gain is 1.
    """
    return float(np.mean(ndcg_by_row(ranks, k)))


def ndcg_by_row(ranks: FloatArray, k: int) -> FloatArray:
    """(R,) what each row adds to `ndcg`."""
    return np.where(np.asarray(ranks) <= k, 1.0 / np.log2(np.asarray(ranks) + 1.0), 0.0)


def paired_interval(
    ours: FloatArray, theirs: FloatArray, samples: int = 2_000, seed: int = 0
) -> tuple[float, float]:
    """95% interval of the mean difference of two methods over the same rows, by bootstrap.

    Efron & Tibshirani (1993), percentile interval; rows are drawn in pairs.

    Args:
        ours: (R,) figures by row.
        theirs: (R,) likewise.
        samples: Draws with replacement.
        seed: Of the draws.
    """
    differences = np.asarray(ours) - np.asarray(theirs)
    random = np.random.default_rng(seed)
    size = len(differences)
    means = [differences[random.integers(0, size, size)].mean() for _ in range(samples)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def mean_reciprocal_rank(ranks: FloatArray) -> float:
    """Mean of 1 / rank over all rows, without a cut."""
    return float(np.mean(1.0 / ranks))

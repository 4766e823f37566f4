"""Ranking metrics from ranks, with ties counted by half."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_DRAWN = 2**13
"""Rows that are drawn at once where there are few."""

_WIDE = 2**13
"""Columns from which on only some are sorted for the largest."""

_GROUPED = 16
"""Columns of a group, of which first but the largest is looked at."""


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
    """(B, 1) the k-th largest of each row of scores (B, N): faster than a partition."""
    return _largest(scores, k)[0][:, -1:]


def top_columns(scores: NDArray[np.float32], k: int) -> IntArray:
    """Columns (B, min(k, N)) of the largest scores, best first, ties by column."""
    k = min(k, scores.shape[1])
    values, columns = _largest(scores, min(k + 1, scores.shape[1]))
    best = columns[:, :k]
    # Where the next one is equal to the last, any of the equal ones may be there, else the first.
    for row in np.flatnonzero((values[:, k - 1 :] == values[:, k - 1 : k]).sum(axis=1) > 1):
        above = best[row, values[row, :k] > values[row, k]]
        equal = np.flatnonzero(scores[row] == values[row, k])
        best[row] = [*above, *equal[: k - len(above)]]
    order = np.lexsort((best, -np.take_along_axis(scores, best, 1)), axis=1)
    return np.take_along_axis(best, order, 1)


def _largest(scores: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], IntArray]:
    """(B, k) both: the largest of each row of scores (B, N), in descending order, and where.

    Of many columns, only those of the k groups with the largest maxima are sorted: they hold all.
    """
    import torch  # not where but figures are read

    rows = torch.from_numpy(scores)
    size = rows.shape[1] // _GROUPED  # columns of which each is the first of a group
    if rows.shape[1] < _WIDE or size < k:
        values, columns = torch.topk(rows, k, dim=1)
        return values.numpy(), columns.numpy()
    groups = rows[:, : size * _GROUPED].reshape(len(rows), _GROUPED, size)  # (B, G, N // G)
    best = groups.amax(dim=1).topk(k, dim=1, sorted=False).indices[:, None]  # (B, 1, k)
    rest = torch.arange(size * _GROUPED, rows.shape[1]).expand(len(rows), -1)
    columns = best + size * torch.arange(_GROUPED)[:, None]  # (B, G, k)
    columns = torch.cat([columns.flatten(1), rest], dim=1)
    values, places = rows.gather(1, columns).topk(k, dim=1)
    return values.numpy(), columns.gather(1, places).numpy()


def by_list(ranks: FloatArray, lists: IntArray, candidates: IntArray, k: int) -> pd.DataFrame:
    """Figures of each list from the ranks of its targets.

    A list is what one user is given in one domain; with one target a list, HR, recall and the share
    of rows that are hit are the same. Ties stand at their mean rank. NDCG: Järvelin & Kekäläinen
    (2002), doi:10.1145/582415.582418. AUC: the chance that a target stands above another candidate,
    ties half (Hanley & McNeil, 1982). The binary task is to tell the targets from the other
    candidates; what is among the first ``k`` is taken for one.

    Args:
        ranks: (R,) rank of each target among all candidates of its list, from 1.
        lists: (R,) which list a target belongs to, from 0; none is left out.
        candidates: (R,) how many candidates its list has, the targets among them.
        k: Length to which lists are cut, but for ``mrr`` and ``auc``.

    Returns:
        One row per list: ``precision``, ``recall``, ``f1``, ``hr``, ``ndcg``, ``mrr``, ``map``,
        ``auc`` (from 0 to 1; ``auc`` is NaN without other candidates), and the counts ``tp``,
        ``fp``, ``fn``, ``tn`` of the binary task.
    """
    order = np.lexsort((ranks, lists))
    rank, of = np.asarray(ranks, np.float64)[order], lists[order]
    targets = np.bincount(of)
    firsts = np.concatenate([[0], np.cumsum(targets)[:-1]])
    place = np.arange(1, len(rank) + 1) - firsts[of]
    every = np.asarray(candidates, np.float64)[order][firsts]
    inside = rank <= k

    def summed(values: FloatArray) -> FloatArray:
        total = np.bincount(of, np.where(inside, values, 0.0), minlength=len(targets))
        return total.astype(np.float64)

    hits = summed(np.ones(len(rank)))
    best = np.cumsum(1.0 / np.log2(np.arange(2, k + 2)))
    most = np.minimum(targets, k)
    above = np.bincount(of, rank - place)
    others = every - targets
    with np.errstate(invalid="ignore"):
        auc = np.where(others > 0, 1.0 - above / (targets * others), np.nan)
    false = np.minimum(k, every) - hits
    return pd.DataFrame(
        {
            "precision": hits / k,
            "recall": hits / targets,
            "f1": 2.0 * hits / (k + targets),
            "hr": (hits > 0).astype(np.float64),
            "ndcg": summed(1.0 / np.log2(rank + 1.0)) / best[most - 1],
            "mrr": 1.0 / rank[firsts],
            "map": summed(place / rank) / most,
            "auc": auc,
            "tp": hits,
            "fp": false,
            "fn": targets - hits,
            "tn": others - false,
        }
    )


def figures_by_list(ranks: pd.DataFrame, column: str, k: int) -> pd.DataFrame:
    """`by_list` of a table of ranks, where a list is what a user is given in a domain.

    Args:
        ranks: Columns ``user``, ``domain``, ``candidates`` and ``column``, one row per target.
        column: The one with the ranks.
        k: Length to which lists are cut.
    """
    lists = np.asarray(ranks.groupby(["user", "domain"], sort=False).ngroup(), np.int64)
    candidates = ranks["candidates"].to_numpy(np.int64)
    return by_list(ranks[column].to_numpy(np.float64), lists, candidates, k)


def hit_rate(ranks: FloatArray, k: int) -> float:
    """Share of rows whose one target is among the first ``k`` (HR@k, equal to recall@k)."""
    return float(np.mean(ranks <= k))


def ndcg(ranks: FloatArray, k: int) -> float:
    """Normalised discounted cumulative gain at ``k`` with one target a row; see `by_list`."""
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
    many = max(_DRAWN // max(size, 1), 1)  # samples at once; they are those of one by one
    means = [
        differences[random.integers(0, size, (min(many, samples - start), size))].mean(axis=1)
        for start in range(0, samples, many)
    ]
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(low), float(high)

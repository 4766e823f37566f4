from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch_geometric.metrics import LinkPredMRR, LinkPredNDCG, LinkPredRecall

from linkspan.gnn.metrics import (
    hit_rate,
    mean_reciprocal_rank,
    midranks,
    ndcg,
    ndcg_by_row,
    paired_interval,
)


def test_hand_values() -> None:
    scores = np.array([[3.0, 1.0, 2.0, -np.inf], [1.0, 1.0, 1.0, 0.0], [0.0, 5.0, 4.0, 3.0]])
    ranks = midranks(scores, np.array([2.0, 1.0, 0.0]))
    assert ranks.tolist() == [2.0, 2.0, 4.0]
    assert hit_rate(ranks, 2) == pytest.approx(2 / 3)
    assert ndcg(ranks, 2) == pytest.approx(2 / 3 / np.log2(3))
    assert mean_reciprocal_rank(ranks) == pytest.approx((1 / 2 + 1 / 2 + 1 / 4) / 3)


def test_a_constant_score_is_worth_the_middle_rank() -> None:
    assert midranks(np.zeros((1, 9)), np.zeros(1)).tolist() == [5.0]


@given(arrays(np.int8, (4, 7), elements=st.integers(0, 5)), st.integers(0, 6))
def test_ranks_equal_a_naive_loop(scores: np.ndarray, column: int) -> None:
    floats = scores.astype(np.float32)
    expected = []
    for row in floats:
        others = np.delete(row, column)
        higher = sum(other > row[column] for other in others)
        ties = sum(other == row[column] for other in others)
        expected.append(1 + higher + ties / 2)
    assert midranks(floats, floats[:, column]).tolist() == expected


@pytest.mark.parametrize("k", [1, 5, 10])
def test_metrics_equal_those_of_pyg(k: int) -> None:
    random = np.random.default_rng(k)
    scores = random.permuted(np.tile(np.arange(30.0), (200, 1)), axis=1)
    target = random.integers(0, 30, 200)
    ranks = midranks(scores, scores[np.arange(200), target])
    lists = torch.from_numpy(np.argsort(-scores, axis=1)[:, :k].copy())
    truth = torch.stack([torch.arange(200), torch.from_numpy(target)])
    others = [metric(k) for metric in (LinkPredRecall, LinkPredNDCG, LinkPredMRR)]
    for metric in others:
        metric.update(lists, truth)
    recall, gain, reciprocal = (float(metric.compute()) for metric in others)
    assert hit_rate(ranks, k) == pytest.approx(recall, abs=1e-6)
    assert ndcg(ranks, k) == pytest.approx(gain, abs=1e-6)
    cut = np.where(ranks <= k, 1 / ranks, 0).mean()
    assert cut == pytest.approx(reciprocal, abs=1e-6)


def test_an_interval_covers_the_mean_difference_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for draw in range(200):
        ours = random.normal(0.3, 1.0, 120)
        theirs = random.normal(0.0, 1.0, 120)
        low, high = paired_interval(ours, theirs, samples=300, seed=draw)
        covered += low <= 0.3 <= high
    assert 0.88 <= covered / 200 <= 0.99
    same = random.normal(size=50)
    assert paired_interval(same, same) == (0.0, 0.0)
    assert ndcg_by_row(np.array([1.0, 2.0, 11.0]), 10).tolist() == [1.0, 1 / np.log2(3), 0.0]

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    label_ranking_average_precision_score,
    ndcg_score,
    roc_auc_score,
)
from torch_geometric.metrics import (
    LinkPredCoverage,
    LinkPredF1,
    LinkPredHitRatio,
    LinkPredMAP,
    LinkPredMRR,
    LinkPredNDCG,
    LinkPredPrecision,
    LinkPredRecall,
)

from linkspan.gnn.evaluation.list_figures import catalogue_figures, gini
from linkspan.gnn.evaluation.ranking import Evaluation
from linkspan.gnn.metrics import (
    by_list,
    hit_rate,
    kth_largest,
    midranks,
    ndcg,
    ndcg_by_row,
    paired_interval,
    top_columns,
)


def test_hand_values() -> None:
    scores = np.array([[3.0, 1.0, 2.0, -np.inf], [1.0, 1.0, 1.0, 0.0], [0.0, 5.0, 4.0, 3.0]])
    ranks = midranks(scores, np.array([2.0, 1.0, 0.0]))
    assert ranks.tolist() == [2.0, 2.0, 4.0]
    assert hit_rate(ranks, 2) == pytest.approx(2 / 3)
    assert ndcg(ranks, 2) == pytest.approx(2 / 3 / np.log2(3))


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


def random_lists(seed: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    """Scores (40, 30) and whether each is a target; each list has one target at least."""
    random = np.random.default_rng(seed)
    scores = random.permuted(np.tile(np.arange(30.0), (40, 1)), axis=1).astype(np.float32)
    truth = random.random((40, 30)) < 0.15
    truth[np.arange(40), random.integers(0, 30, 40)] = True
    return (scores // 3 if ties else scores), truth


def figures_of(scores: np.ndarray, truth: np.ndarray, k: int) -> pd.DataFrame:
    lists, items = np.nonzero(truth)
    order = np.random.default_rng(0).permutation(len(lists))  # rows of a list need not adjoin
    lists, items = lists[order], items[order]
    ranks = midranks(scores[lists], scores[lists, items])
    return by_list(ranks, lists, np.full(len(lists), scores.shape[1]), k)


@pytest.mark.parametrize("k", [1, 5, 10])
def test_figures_of_lists_equal_those_of_pyg(k: int) -> None:
    scores, truth = random_lists(k, ties=False)
    found = figures_of(scores, truth, k)
    lists = torch.from_numpy(np.argsort(-scores, axis=1)[:, :k].copy())
    targets = torch.from_numpy(np.stack(np.nonzero(truth)))
    for name, metric in (
        ("precision", LinkPredPrecision(k)),
        ("recall", LinkPredRecall(k)),
        ("f1", LinkPredF1(k)),
        ("map", LinkPredMAP(k)),
        ("ndcg", LinkPredNDCG(k)),
        ("hr", LinkPredHitRatio(k)),
    ):
        metric.update(lists, targets)
        assert found[name].mean() == pytest.approx(float(metric.compute()), abs=1e-6), name
    hit = [truth[row][lists[row].numpy()].any() for row in range(40)]
    assert found["hr"].tolist() == hit


@pytest.mark.parametrize("ties", [False, True])
def test_auc_and_ndcg_equal_those_of_scikit_learn(ties: bool) -> None:
    scores, truth = random_lists(7, ties)
    found = figures_of(scores, truth, 30)
    expected = [roc_auc_score(t, s) for t, s in zip(truth, scores, strict=True)]
    assert found["auc"].to_numpy() == pytest.approx(np.array(expected))
    if not ties:
        assert found["ndcg"].mean() == pytest.approx(ndcg_score(truth, scores))


def test_accuracy_and_counts_equal_those_of_scikit_learn_and_mrr_too() -> None:
    scores, truth = random_lists(3, ties=False)
    taken = np.zeros(truth.shape, bool)
    np.put_along_axis(taken, np.argsort(-scores, axis=1)[:, :10], True, axis=1)
    users, items = np.nonzero(truth)
    ranks = pd.DataFrame({"user": users, "item": items, "domain": "a", "candidates": 30})
    ranks = ranks.assign(history=True, known_item=True, tied=False)
    ranks["one"] = midranks(scores[users], scores[users, items])
    whole = Evaluation(ranks, ("one",)).table(k=10).set_index("segment").loc["all"]
    assert whole["accuracy"] == pytest.approx(accuracy_score(truth.ravel(), taken.ravel()))
    tn, fp, fn, tp = confusion_matrix(truth.ravel(), taken.ravel()).ravel()
    assert whole[["tp", "fp", "fn", "tn"]].tolist() == [tp, fp, fn, tn]
    # With one target a list, the mean precision at it is the reciprocal of its rank.
    single = np.zeros(truth.shape, bool)
    single[np.arange(40), truth.argmax(axis=1)] = True
    expected = label_ranking_average_precision_score(single, scores)
    assert figures_of(scores, single, 10)["mrr"].mean() == pytest.approx(expected)


@given(st.lists(st.integers(0, 30), min_size=2, max_size=40).filter(any))
def test_gini_equals_the_mean_difference_of_all_pairs(counts: list[int]) -> None:
    size = len(counts)
    apart = sum(abs(a - b) for a in counts for b in counts) / (size * size)
    found = gini(np.array(counts))
    assert found == pytest.approx(apart / (2 * sum(counts) / size))


@given(
    arrays(np.int8, (3, 8), elements=st.integers(0, 4)),
    arrays(np.bool_, (3, 8)),
    st.integers(1, 9),
)
def test_figures_of_lists_equal_a_naive_loop(scores: np.ndarray, truth: np.ndarray, k: int) -> None:
    truth[:, 0] = True
    found = figures_of(scores.astype(np.float32), truth, k)
    for row, (score, targets) in enumerate(zip(scores.astype(float), truth, strict=True)):
        others = range(8)
        ranks = sorted(
            1
            + sum(score[o] > score[t] for o in others)
            + sum(score[o] == score[t] for o in others if o != t) / 2
            for t in np.flatnonzero(targets)
        )
        hits = [rank for rank in ranks if rank <= k]
        n, least = len(ranks), min(len(ranks), k)
        assert found["precision"][row] == len(hits) / k
        assert found["recall"][row] == len(hits) / n
        assert found["mrr"][row] == 1 / ranks[0]
        ideal = sum(1 / np.log2(place + 1) for place in range(1, least + 1))
        gain = sum(1 / np.log2(rank + 1) for rank in hits)
        assert found["ndcg"][row] == pytest.approx(gain / ideal)
        average = sum(place / rank for place, rank in enumerate(hits, 1)) / least
        assert found["map"][row] == pytest.approx(average)
        counts = found.loc[row, ["tp", "fp", "fn", "tn"]].tolist()
        taken = min(k, 8)
        assert counts == [len(hits), taken - len(hits), n - len(hits), 8 - taken - n + len(hits)]
        above = [
            (score[t] > score[o]) + (score[t] == score[o]) / 2
            for t in np.flatnonzero(targets)
            for o in np.flatnonzero(~targets)
        ]
        if above:
            assert found["auc"][row] == pytest.approx(np.mean(above))
        else:
            assert np.isnan(found["auc"][row])


def test_catalogue_figures_by_hand() -> None:
    counts = np.array([3, 1, 0, 7])
    lists = np.array([[0, 1], [0, -1]])
    text = np.array([[1, 0], [0, 1], [0, 0], [0, 0]], np.float32)
    found = catalogue_figures(lists, np.arange(4), counts, 7, np.array([2.0, np.nan]), text)
    assert found["coverage"] == 0.5
    assert found["novelty"] == pytest.approx((1 + 2 + 1) / 3)  # -log2 of 4/8, 2/8 and 4/8
    assert found["popularity_lift"] == pytest.approx((3 + 1) / 2 / 2 - 1)
    assert found["diversity"] == 1.0  # the one list with two texts, at right angles
    assert found["gini"] == pytest.approx(gini(np.array([2, 1, 0, 0])))
    assert gini(np.array([5, 5, 5])) == 0.0
    assert gini(np.array([0, 0, 0, 9])) == pytest.approx(3 / 4)
    spread = sum(abs(a - b) for a in (2, 1, 0, 0) for b in (2, 1, 0, 0)) / (2 * 4 * 3)
    assert found["gini"] == pytest.approx(spread)
    none = catalogue_figures(lists[:0], np.arange(4), counts, 7, np.zeros(0), None)
    assert none["coverage"] == 0.0
    assert all(np.isnan(none[name]) for name in ("gini", "novelty", "popularity_lift", "diversity"))


@pytest.mark.parametrize("wide", [20, 10**6], ids=["grouped", "all"])
@pytest.mark.parametrize("values", [1, 2, 50, 10**6])
def test_the_largest_scores_are_those_of_a_stable_sort(
    monkeypatch: pytest.MonkeyPatch, values: int, wide: int
) -> None:
    monkeypatch.setattr("linkspan.gnn.metrics._WIDE", wide)
    monkeypatch.setattr("linkspan.gnn.metrics._GROUPED", 3)
    random = np.random.default_rng(values)
    for width in (1, 19, 40, 41):
        scores = random.integers(0, values, (30, width)).astype(np.float32)
        scores[random.random(scores.shape) < 0.2] = -np.inf
        for k in (1, 2, 7, 13, 40, 60):
            expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
            np.testing.assert_array_equal(top_columns(scores, k), expected)
            last = np.take_along_axis(scores, expected, 1)[:, -1:]
            np.testing.assert_array_equal(kth_largest(scores, min(k, width)), last)


def test_coverage_equals_that_of_pyg_and_diversity_a_loop() -> None:
    random = np.random.default_rng(0)
    scores = random.random((20, 50)).astype(np.float32)
    lists = top_columns(scores, 4)
    metric = LinkPredCoverage(4, num_dst_nodes=50)
    metric.update(torch.from_numpy(lists), torch.zeros(2, 20, dtype=torch.int64))
    text = random.normal(size=(50, 6)).astype(np.float32)
    text /= np.linalg.norm(text, axis=1, keepdims=True)
    counts = np.ones(50, np.int64)
    found = catalogue_figures(lists, np.arange(50), counts, 9, np.ones(20), text)
    assert found["coverage"] == pytest.approx(float(metric.compute()))
    cosines = [np.mean([text[a] @ text[b] for a in row for b in row if a != b]) for row in lists]
    assert found["diversity"] == pytest.approx(1 - np.mean(cosines), abs=1e-6)


@pytest.mark.parametrize("least", [0.0, -np.inf])
@pytest.mark.parametrize("k", [1, 3, 20, 40])
def test_the_kth_largest_is_that_of_a_sort(least: float, k: int) -> None:
    scores = np.random.default_rng(k).normal(size=(30, 40)).astype(np.float32)
    scores[scores < 0.8] = least  # most of them, and more than half of the ranks are ties
    expected = np.sort(scores, axis=1)[:, -k, None]
    np.testing.assert_array_equal(kth_largest(scores, k), expected)


@pytest.mark.parametrize("rows", [1, 60, 5_000])
def test_an_interval_is_that_of_samples_drawn_one_by_one(rows: int) -> None:
    ours = np.random.default_rng(rows).normal(size=rows)
    random = np.random.default_rng(7)
    means = [ours[random.integers(0, rows, rows)].mean() for _ in range(300)]
    expected = tuple(np.quantile(means, [0.025, 0.975]))
    assert paired_interval(ours, np.zeros(rows), samples=300, seed=7) == expected

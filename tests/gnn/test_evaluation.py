from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from linkspan.errors import ModelError
from linkspan.gnn import (
    Ease,
    FittedModel,
    Popularity,
    Split,
    TrainSettings,
    evaluate,
    last_out,
    train,
)
from linkspan.gnn.baselines import _ease
from linkspan.gnn.components import Component, Seen
from linkspan.gnn.domains import rows_by_domain
from linkspan.gnn.metrics import hit_rate, ndcg
from linkspan.graph.snapshot import Snapshot

Trained = tuple[FittedModel, Split]


@pytest.fixture(scope="module")
def trained(
    planted: Snapshot, text_of: Callable[..., dict[str, np.ndarray]], settings: TrainSettings
) -> Trained:
    split = last_out(planted)
    short = settings.model_copy(update={"epochs": 1})
    return train(planted, split, text_of(planted), short), split


def test_ranks_equal_those_of_a_plain_loop(planted: Snapshot, trained: Trained) -> None:
    """Popularity over training and validation events, among items that the user has not met."""
    fitted, split = trained
    found = evaluate(fitted, split).ranks
    events = planted.events()
    known = events.iloc[split.history]
    counts = known.groupby("item").size().reindex(range(180), fill_value=0)
    domains = planted.items["domain"]
    for row in found.iloc[::7].itertuples():
        met = set(known.loc[known["user"] == row.user, "item"])
        others = [
            item
            for item in range(180)
            if domains[item] == row.domain and item not in met and item != row.item
        ]
        higher = sum(counts[item] > counts[row.item] for item in others)
        ties = sum(counts[item] == counts[row.item] for item in others)
        assert row.popularity == 1 + higher + ties / 2
        assert row.history == any(domains[item] == row.domain for item in met)


def test_the_table_has_every_segment(trained: Trained) -> None:
    evaluation = evaluate(*trained)
    table = evaluation.table(k=5).set_index(["method", "segment", "domain"])
    assert len(table) == 2 * (1 + 2 + 1 + 3)
    for method in ("gnn", "popularity"):
        one = table.loc[method]
        per_domain = one.loc["domain"]
        assert per_domain["rows"].sum() == one.loc[("all", ""), "rows"] == 240
        halves = one.loc[[("with history", ""), ("without history", "")]]
        assert halves["rows"].sum() == 240
        for metric in ("hr", "ndcg", "mrr"):
            everything = one.loc[("all", ""), metric]
            assert np.average(per_domain[metric], weights=per_domain["rows"]) == pytest.approx(
                everything
            )
            assert one.loc[("macro", ""), metric] == pytest.approx(per_domain[metric].mean())
        assert evaluation.figures(method, k=5)["hr"] == one.loc[("all", ""), "hr"]


def test_validation_events_enter_the_history_when_test_rows_are_ranked(
    planted: Snapshot, trained: Trained
) -> None:
    fitted, split = trained
    with_validation = evaluate(fitted, split).ranks["gnn"]
    empty = Split(split.protocol, split.train, split.validation[:0], split.test, split.fingerprint)
    assert not np.array_equal(with_validation, evaluate(fitted, empty).ranks["gnn"])


def test_a_split_of_another_snapshot_is_refused(
    plant: Callable[..., Snapshot], trained: Trained
) -> None:
    with pytest.raises(ModelError, match="another snapshot"):
        evaluate(trained[0], last_out(plant(seed=5)))


def test_ease_is_the_minimum_of_its_loss() -> None:
    """Gradient of |X - X B|² + λ |B|² off the diagonal is zero (Steck, 2019)."""
    from scipy import sparse

    met = (np.random.default_rng(0).random((40, 9)) < 0.3).astype(np.float64)
    weights = _ease(sparse.csr_array(met), 5.0).astype(np.float64)
    gradient = met.T @ (met @ weights - met) + 5.0 * weights
    np.fill_diagonal(gradient, 0.0)
    assert np.abs(gradient).max() < 1e-4
    assert (np.diag(weights) == 0).all()


def goodbooks_figures(snapshot: Snapshot, baseline: Callable[..., Component]) -> list[float]:
    split = last_out(snapshot)
    events = snapshot.events()
    known, test = events.iloc[split.history], events.iloc[split.test]
    method, users = baseline(snapshot, known), test["user"].to_numpy(np.int64)
    names = snapshot.items["domain"].to_numpy()
    seen = known.groupby("user")["item"].apply(list)
    ranks = []
    for domain, rows in rows_by_domain(snapshot).items():
        inside = np.flatnonzero(names[test["item"]] == domain)
        scores = method.score(users[inside], domain)
        for row, score in zip(inside, scores, strict=True):
            target = score[rows == test["item"].iloc[row]][0]
            left = score[~np.isin(rows, [*seen[users[row]], test["item"].iloc[row]])]
            ranks.append(1 + (left > target).sum() + (left == target).sum() / 2)
    return [round(100 * metric(np.array(ranks), 10), 1) for metric in (hit_rate, ndcg)]


@pytest.mark.parametrize(
    ("baseline", "expected"),
    [
        (Popularity, [10.6, 5.3]),
        (lambda *data: Ease(*data, joint=False), [10.9, 6.3]),
        pytest.param(Ease, [15.5, 8.6], marks=pytest.mark.slow),
    ],
    ids=["popularity", "ease-target", "ease-joint"],
)
def test_baselines_on_goodbooks_reach_what_others_measured(
    goodbooks: Snapshot, baseline: Callable[..., Component], expected: list[float]
) -> None:
    assert goodbooks_figures(goodbooks, baseline) == pytest.approx(expected, abs=0.3)


def test_seen_items_are_hidden_and_no_others(planted: Snapshot, trained: Trained) -> None:
    fitted, split = trained
    users = np.array([5, 0, 5])
    scores = np.zeros((3, 60), np.float32)
    Seen(fitted).hide(scores, users, "film")
    known = planted.events().iloc[split.train]
    for row, user in enumerate(users):
        met = known.loc[(known["user"] == user) & (known["item"] >= 120), "item"] - 120
        assert sorted(np.flatnonzero(np.isneginf(scores[row]))) == sorted(met)


def test_the_frame_of_ranks_keeps_the_order_of_the_events(
    planted: Snapshot, trained: Trained
) -> None:
    fitted, split = trained
    test = planted.events().iloc[split.test][["user", "item"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(evaluate(fitted, split).ranks[["user", "item"]], test)

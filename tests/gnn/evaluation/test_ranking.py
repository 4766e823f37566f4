from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from linkspan.errors import ModelError
from linkspan.gnn import (
    BASELINES,
    FittedModel,
    Split,
    TrainSettings,
    UnmeasuredError,
    View,
    build_baselines,
    evaluate,
    last_out,
    split_events,
    train,
    train_all,
)
from linkspan.gnn.evaluation.list_figures import CATALOGUE
from linkspan.gnn.events.domains import rows_by_domain
from linkspan.gnn.metrics import hit_rate, ndcg
from linkspan.gnn.scores.components import Seen
from linkspan.graph.snapshot import Snapshot

Trained = tuple[FittedModel, Split]


@pytest.fixture(scope="module")
def trained(
    planted: Snapshot, text_of: Callable[..., dict[str, np.ndarray]], settings: TrainSettings
) -> Trained:
    split = last_out(planted)
    short = settings.changed(epochs=1)
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
    assert len(table) == 2 * (1 + 2 + 1 + 1 + 3)  # all, history, known item, macro, domains
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


def test_catalogue_figures_are_of_the_lists_that_users_would_get(
    planted: Snapshot, trained: Trained
) -> None:
    fitted, split = trained
    evaluation = evaluate(fitted, split)
    table = evaluation.table().set_index(["method", "segment", "domain"])
    known = planted.events().iloc[split.history]
    counts = known.groupby("item").size().reindex(range(180), fill_value=0).to_numpy()
    domains = planted.items["domain"].to_numpy()
    shown: set[int] = set()
    for row in evaluation.ranks[evaluation.ranks["domain"] == "book"].itertuples():
        met = set(known.loc[known["user"] == row.user, "item"])
        inside = [i for i in range(180) if domains[i] == "book" and i not in met]
        shown |= set(sorted(inside, key=lambda item: -counts[item])[:10])
    coverage = table.loc[("popularity", "domain", "book"), "coverage"]
    assert coverage == pytest.approx(len(shown) / 60)
    assert table.loc[("gnn", "all", ""), list(CATALOGUE)].notna().all()
    assert table.loc[("gnn", "macro", ""), list(CATALOGUE)].isna().all()


def test_gains_are_of_the_first_method_over_each_other(trained: Trained) -> None:
    evaluation = evaluate(*trained)
    gains = evaluation.gains().set_index("domain")
    assert set(gains["over"]) == {"popularity"}
    assert len(gains) == 4
    whole = gains.loc[""]
    ours, theirs = (evaluation.figures(name)["ndcg"] for name in ("gnn", "popularity"))
    assert whole["gain"] == pytest.approx(ours - theirs)
    assert whole["low"] < whole["gain"] < whole["high"]
    assert whole["certain"] == (whole["low"] > 0 or whole["high"] < 0)


def test_rows_whose_order_is_uncertain_are_told_apart(
    build: Callable[..., Snapshot], settings: TrainSettings
) -> None:
    snapshot = build({"a": [0] * 9}, [[0, 1, 2, 3], [4, 5, 6], [1, 4, 7]])
    frame = snapshot.interactions["SAVED"]
    frame.loc[(frame["user"] == 1) & (frame["item"] == 6), "at"] = 2  # as the one before it
    split = last_out(snapshot)
    fitted = train(snapshot, split, {}, settings.changed(epochs=1))
    evaluation = evaluate(fitted, split)
    assert evaluation.ranks["tied"].tolist() == [False, True, False]
    table = evaluation.table().set_index(["method", "segment"])
    assert table.loc[("gnn", "no tie in time"), "rows"] == 2


def test_a_domain_with_one_candidate_is_in_no_figure(
    build: Callable[..., Snapshot], settings: TrainSettings
) -> None:
    snapshot = build({"a": [0] * 9, "b": [0]}, [[0, 1, 2], [1, 3, 9], [2, 4, 5]])
    split = last_out(snapshot)
    fitted = train_all(snapshot, {}, settings, epochs=0)
    trained = fitted.view.over(snapshot.events().iloc[split.train])
    evaluation = evaluate(fitted.learned.on(trained), split)
    table = evaluation.table()
    assert evaluation.unranked == {"b": 1} and "b" not in set(table["domain"])
    auc = table[table["method"] == "popularity"].set_index(["segment", "domain"])["auc"]
    assert auc["macro", ""] == auc["domain", "a"] == auc["all", ""]


def test_sets_have_no_ties_in_time(plant: Callable[..., Snapshot], settings: TrainSettings) -> None:
    snapshot = plant(users=30, timed=False)
    split = split_events(snapshot)
    evaluation = evaluate(train_all(snapshot, {}, settings, epochs=0), split)
    assert not evaluation.ranks["tied"].any()
    assert "no tie in time" not in set(evaluation.table()["segment"])


def test_all_baselines_stand_beside_a_model(trained: Trained) -> None:
    pytest.importorskip("implicit")
    evaluation = evaluate(*trained, BASELINES)
    assert evaluation.methods == ("gnn", *BASELINES)
    by_method = evaluation.table().query("segment == 'all'").set_index("method")
    # Tastes are planted: who knows of other users, or of texts, is far above who does not.
    for name in ("item-knn", "ease-joint", "walks", "als", "text"):
        assert by_method.loc[name, "ndcg"] > 1.5 * by_method.loc["popularity", "ndcg"], name
    assert by_method.loc["ease-joint", "ndcg"] > by_method.loc["ease-target", "ndcg"]
    with pytest.raises(ModelError, match="no baseline 'best'"):
        evaluate(*trained, ["best"])


def test_a_split_without_test_events_cannot_be_measured(trained: Trained) -> None:
    fitted, split = trained
    empty = Split(split.protocol, split.train, split.validation, split.test[:0], split.fingerprint)
    with pytest.raises(ModelError, match="no test events"):
        evaluate(fitted, empty)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("popularity", [10.6, 5.3]),
        ("ease-target", [10.9, 6.3]),
        pytest.param("ease-joint", [15.5, 8.6], marks=pytest.mark.slow),
    ],
)
def test_baselines_on_goodbooks_reach_what_others_measured(
    goodbooks: Snapshot, name: str, expected: list[float]
) -> None:
    split, events = last_out(goodbooks), goodbooks.events()
    known, test = events.iloc[split.history], events.iloc[split.test]
    settings = TrainSettings.of(linear_regularization=400)
    view = View(goodbooks, {}, known)
    bare = FittedModel(view, settings, data=None, model=None)  # type: ignore[arg-type]
    (method,) = build_baselines(bare, events.iloc[split.train], (name,))
    users = test["user"].to_numpy(np.int64)
    names = goodbooks.items["domain"].to_numpy()
    seen = known.groupby("user")["item"].apply(list)
    ranks = []
    for domain, rows in rows_by_domain(goodbooks).items():
        inside = np.flatnonzero(names[test["item"]] == domain)
        scores = method.score(users[inside], domain)
        for row, score in zip(inside, scores, strict=True):
            target = score[rows == test["item"].iloc[row]][0]
            left = score[~np.isin(rows, [*seen[users[row]], test["item"].iloc[row]])]
            ranks.append(1 + (left > target).sum() + (left == target).sum() / 2)
    found = [100 * metric(np.array(ranks), 10) for metric in (hit_rate, ndcg)]
    assert found == pytest.approx(expected, abs=0.3)


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


def test_what_leaves_nothing_to_rank_is_in_no_figure(
    build: Callable[..., Snapshot],
    text_of: Callable[..., dict[str, np.ndarray]],
    settings: TrainSettings,
) -> None:
    """A domain of one item would count with 100% in the mean of domains; it is told instead."""
    random = np.random.default_rng(0)
    histories = [[*(1 + random.permutation(30)[:6]).tolist(), 0] for _ in range(40)]
    histories.append([*range(1, 29), 29, 30, 0])  # has met every book but the last ones
    snapshot = build({"app": [0], "book": list(range(30))}, histories)
    events = snapshot.events()
    last = np.flatnonzero(events["item"] == 0)
    everything = np.flatnonzero((events["user"] == 40) & (events["item"] >= 29))
    test = np.sort([*last, *everything, *np.flatnonzero(events["at"] == 6)[:20]])
    rest = np.setdiff1d(np.arange(len(events)), test)
    split = Split("file", rest, rest[:0], test, snapshot.fingerprint())
    fitted = train(snapshot, split, text_of(snapshot), settings.changed(epochs=1))
    found = evaluate(fitted, split)
    assert found.unranked == {"app": 41, "book": 2}
    assert len(found.ranks) == 20 and set(found.ranks["domain"]) == {"book"}
    table = found.table().set_index(["method", "segment"])
    for method in found.methods:
        macro, whole = table.loc[(method, "macro")], table.loc[(method, "all")]
        assert macro["ndcg"] == pytest.approx(whole["ndcg"]) and macro["ndcg"] < 1
    only = Split("file", rest, rest[:0], last, snapshot.fingerprint())
    with pytest.raises(UnmeasuredError, match="no user had more to meet"):
        evaluate(fitted, only)

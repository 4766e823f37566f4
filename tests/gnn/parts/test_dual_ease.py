"""The linear part in its dual form: the same scores as with all weights written out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from linkspan import gnn
from linkspan.errors import ModelError
from linkspan.gnn.events.known import KnownEvents
from linkspan.gnn.parts.dual_ease import Dual, DualWeights, suits
from linkspan.gnn.parts.ease import item_weights
from linkspan.gnn.parts.historic import ItemMatrix, by_domain
from linkspan.gnn.parts.linear import move_linear
from linkspan.gnn.scores.signals import SIMPLE, build_signals
from linkspan.gnn.settings import SplitSettings, TrainSettings
from linkspan.graph.snapshot import Snapshot

USERS, ITEMS, RIDGE = 9, 30, 3.0
DOMAINS = np.arange(ITEMS) % 2
ROWS = {name: np.flatnonzero(code == DOMAINS) for code, name in enumerate("ab")}


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    """Sets, one of which holds an item twice; the last user has met nothing."""
    random = np.random.default_rng(0)
    rows = [(user, item) for user in range(USERS - 1) for item in random.integers(0, ITEMS, 5)]
    return pd.DataFrame([*rows, rows[-1]], columns=["user", "item"])


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("domain", ["a", "b"])
def test_scores_are_those_of_all_weights(events: pd.DataFrame, domain: str, inside: bool) -> None:
    known_events = KnownEvents(events, DOMAINS, timed=False)
    matrix = item_weights(events, USERS, ITEMS, regularization=RIDGE, keep=ITEMS)
    plain = ItemMatrix(
        "linear", "plain", by_domain(matrix, ROWS), known_events, ROWS, 1.0, inside=inside
    )
    weights = DualWeights.fit(events, ITEMS, regularization=RIDGE)
    dual = Dual("dual", weights, known_events, ROWS, inside=inside)
    users = np.array([3, USERS - 1, 0, 3])
    expected = plain.score(users, domain)
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(dual.score(users, domain), expected, atol=1e-5)
    found, wanted = dual.values(users, domain), plain.values(users, domain)
    columns = np.array([[0, 5], [1, 2], [9, 3], [7, 7]])
    np.testing.assert_allclose(found.at(columns), wanted.at(columns), atol=1e-5)
    np.testing.assert_allclose(found.mean, wanted.mean, atol=1e-5)
    np.testing.assert_allclose(found.deviation, wanted.deviation, atol=1e-5)


def test_other_histories_are_scored_by_the_same_weights(events: pd.DataFrame) -> None:
    weights = DualWeights.fit(events, ITEMS, regularization=RIDGE)
    dual = Dual("dual", weights, KnownEvents(events, DOMAINS, timed=False), ROWS)
    matrix = item_weights(events, USERS, ITEMS, regularization=RIDGE, keep=ITEMS)
    new = pd.DataFrame({"user": [0, 0, 1], "item": [int(events["item"][0]), 29, 4]})
    other = dual.over(KnownEvents(new, DOMAINS, timed=False)).score(np.array([0, 1]), "a")
    history = np.zeros((2, ITEMS), np.float32)
    history[new["user"], new["item"]] = 1.0
    np.testing.assert_allclose(other, (history @ matrix.toarray())[:, ROWS["a"]], atol=1e-5)


def test_weights_move_with_their_items(events: pd.DataFrame) -> None:
    place = np.random.default_rng(2).permutation(ITEMS + 4)[:ITEMS]
    place[7] = -1
    written = item_weights(events, USERS, ITEMS, regularization=RIDGE, keep=ITEMS)
    weights = DualWeights.fit(events, ITEMS, regularization=RIDGE)
    moved, dual = (move_linear(each, place, ITEMS + 4) for each in (written, weights))
    assert isinstance(dual, DualWeights) and not isinstance(moved, DualWeights)
    there = np.flatnonzero(place >= 0)
    cut = np.ix_(place[there], place[there])
    np.testing.assert_allclose(moved.toarray()[cut], written.toarray()[np.ix_(there, there)])
    assert np.abs(moved).sum() == pytest.approx(np.abs(moved.toarray()[cut]).sum())
    domains = np.arange(ITEMS + 4) % 2
    rows = {name: np.flatnonzero(domains == code) for code, name in enumerate("ab")}
    known = events[place[events["item"]] >= 0]
    known_events = KnownEvents(known.assign(item=place[known["item"]]), domains, timed=False)
    plain = ItemMatrix("linear", "plain", by_domain(moved, rows), known_events, rows, 1.0)
    users = np.arange(USERS)
    found = Dual("dual", dual, known_events, rows).score(users, "b")
    np.testing.assert_allclose(found, plain.score(users, "b"), atol=1e-5)


def test_it_stands_where_users_are_few(events: pd.DataFrame) -> None:
    assert suits(events, ITEMS)
    assert not suits(events, USERS - 2)


def test_a_hybrid_of_sets_has_it_and_keeps_it(
    build: Callable[..., Snapshot], settings: TrainSettings, tmp_path: Path
) -> None:
    random = np.random.default_rng(1)
    histories = [random.permutation(24)[:7].tolist() for _ in range(20)]
    snapshot = build({"a": [0] * 12, "b": [0] * 12}, histories, timed=False)
    short = settings.changed(epochs=1, linear_regularization=2.0)
    split = gnn.split_events(snapshot, SplitSettings(protocol="random"))
    fitted = gnn.fit_hybrid(gnn.train(snapshot, split, {}, short), split)
    assert isinstance(fitted.linear, DualWeights)
    whole = gnn.with_weights(gnn.train_all(snapshot, {}, short, 1), fitted.weights)
    gnn.save(whole.learned, tmp_path)
    expected, found = (
        [part for part in build_signals(each)[SIMPLE] if isinstance(part, Dual)]
        for each in (whole, gnn.load(tmp_path).on(whole.view))
    )
    assert [part.name for part in found] == ["linear", "linear inside"]
    for before, after in zip(expected, found, strict=True):
        scores = before.score(np.arange(20), "b")
        assert np.abs(scores).max() > 0.01
        np.testing.assert_array_equal(after.score(np.arange(20), "b"), scores)
    (tmp_path / "dual.npz").write_bytes(b"torn")
    with pytest.raises(ModelError, match="not a readable model"):
        gnn.load(tmp_path)

"""Walks over common users: each agrees with a loop over all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from linkspan import gnn
from linkspan.gnn.events.history import PAD
from linkspan.gnn.events.known import KnownEvents
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.models.weights import MixtureWeights, SignalWeights
from linkspan.gnn.parts import walks
from linkspan.gnn.parts.walks import ITEM_POWER, SCALE, USER_POWER, Walked, Walks
from linkspan.gnn.scores.hybrid import published
from linkspan.gnn.scores.reasons import find_drops
from linkspan.gnn.scores.signals import GNN, HYBRID, SIMPLE, build_signals
from linkspan.gnn.settings import SplitSettings, TrainSettings
from linkspan.graph.snapshot import Snapshot

USERS, ITEMS = 9, 20
DOMAINS = np.arange(ITEMS) % 2
ROWS = {name: np.flatnonzero(code == DOMAINS) for code, name in enumerate("ab")}


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    """Sets, one of which holds an item twice; the last user has met nothing."""
    random = np.random.default_rng(0)
    rows = [(user, item) for user in range(USERS - 1) for item in random.integers(0, ITEMS, 5)]
    return pd.DataFrame([*rows, rows[-1]], columns=["user", "item"])


def naive(events: pd.DataFrame, history: list[int], owner: int) -> np.ndarray:
    """Shares of all items, walk by walk."""
    pairs = events[["user", "item"]].drop_duplicates()
    strengths = np.zeros(ITEMS)
    for item in history:
        others = pairs.loc[pairs["item"] == item, "user"]
        for user in others[others != owner]:
            met = pairs.loc[pairs["user"] == user, "item"]
            for reached in met:
                strengths[reached] += len(others) ** -ITEM_POWER * len(met) ** -USER_POWER
    return np.log1p(SCALE * strengths)


def walked(events: pd.DataFrame) -> Walked:
    return Walked(Walks(events, USERS, ITEMS), KnownEvents(events, DOMAINS, timed=False), ROWS)


@pytest.mark.parametrize("domain", ["a", "b"])
def test_shares_are_those_of_all_walks(events: pd.DataFrame, domain: str) -> None:
    users = np.array([3, USERS - 1, 0, 3, USERS - 2])
    found = walked(events).score(users, domain)
    for user, scores in zip(users, found, strict=True):
        history = events.loc[events["user"] == user, "item"].tolist()
        np.testing.assert_allclose(scores, naive(events, history, user)[ROWS[domain]], atol=1e-5)
    assert found[0].max() > 0.1
    assert not found[1].any()


def test_no_walk_goes_over_the_user_who_asks() -> None:
    """Who alone has met two items learns nothing of one from the other."""
    events = pd.DataFrame([(0, 0), (0, 2), (1, 0), (1, 4)], columns=["user", "item"])
    first = walked(events).score(np.array([0]), "a")[0]
    assert (first > 0).tolist() == [column in (0, 2) for column in range(len(ROWS["a"]))]


def test_some_items_are_scored_as_all_are(events: pd.DataFrame) -> None:
    users, columns = np.array([3, USERS - 1, 0]), np.array([[0, 5], [1, 2], [9, 3]])
    scores, values = walked(events).score(users, "b"), walked(events).values(users, "b")
    expected = np.take_along_axis(scores, columns, 1)
    np.testing.assert_allclose(values.at(columns), expected, atol=1e-5)
    np.testing.assert_allclose(values.mean, scores.mean(axis=1), atol=1e-5)
    np.testing.assert_allclose(values.deviation, scores.std(axis=1), atol=1e-5)


def test_other_histories_walk_past_their_owners(events: pd.DataFrame) -> None:
    new = pd.DataFrame({"user": [0, 0, 1], "item": [int(events["item"][0]), 19, 4]})
    owners = np.array([-1, 2])
    other = walked(events).over(KnownEvents(new, DOMAINS, timed=False), owners)
    found = other.score(np.array([0, 1]), "a")
    for user in (0, 1):
        history = new.loc[new["user"] == user, "item"].tolist()
        expected = naive(events, history, owners[user])[ROWS["a"]]
        np.testing.assert_allclose(found[user], expected, atol=1e-5)


def test_an_item_of_many_users_sends_walks_to_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "MOST", 10)
    events = pd.DataFrame({"user": range(40), "item": 0})
    out = Walks(events, 40, ITEMS).out
    assert len(out[[0]].data) == 10
    assert out.sum() == pytest.approx(40 ** (1 - ITEM_POWER))


@pytest.fixture(scope="module", params=[False, True], ids=["sets", "timed"])
def fitted(request: pytest.FixtureRequest, build: Callable[..., Snapshot]) -> FittedModel:
    """A hybrid over all events, whose parts count alike."""
    random = np.random.default_rng(0)
    histories = [random.choice(24, 8, replace=False).tolist() for _ in range(20)]
    snapshot = build({"a": [0] * 12, "b": [0] * 12}, histories, timed=request.param)
    split = gnn.split_events(snapshot, SplitSettings(protocol="random"))
    settings = TrainSettings.of(encoder="hash", embedding_size=8, epochs=2)
    held_out = gnn.fit_hybrid(gnn.train(snapshot, split, {}, settings), split)
    even = {
        name: MixtureWeights(
            SignalWeights({}, {d: dict.fromkeys(each.usual.shared, 0.3) for d in "ab"})
        )
        for name, each in held_out.weights.items()
    }
    return gnn.with_weights(gnn.train_all(snapshot, {}, settings, 2), even)


def test_the_network_walks_and_is_weighed(fitted: FittedModel, tmp_path: Path) -> None:
    for name in (GNN, HYBRID):
        signals = build_signals(fitted)[name]
        assert any(isinstance(one, Walked) for one in signals)
        assert any(one.name == "states 1" for one in signals) == fitted.snapshot.timed
    assert set(fitted.weights) == {HYBRID, SIMPLE, GNN}
    gnn.save(fitted.learned, tmp_path)
    again = gnn.load(tmp_path).on(fitted.view)
    assert again.weights == fitted.weights
    pd.testing.assert_frame_equal(gnn.score_top(again, 3), gnn.score_top(fitted, 3))


def test_reasons_count_walks_too(fitted: FittedModel) -> None:
    users, items = np.arange(5), np.tile(np.arange(12), (5, 1))
    mixture = published(fitted)
    found = find_drops(mixture, users, "a", items)
    before = mixture.score(users, "a")
    for row, place in np.argwhere(found.past != PAD):
        events = fitted.events
        kept = events[(events["user"] != row) | (events["item"] != found.past[row, place])]
        other = mixture.over(kept.reset_index(drop=True), np.arange(20))
        lost = before[row] - other.score(users[[row]], "a")[0]
        np.testing.assert_allclose(found.drops[row, :, place], lost, atol=2e-3)

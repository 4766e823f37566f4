"""The named reason is the past item without which most is lost, everything scored again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from linkspan.gnn import FittedModel, TrainSettings, fit_hybrid, last_out, score_top, train
from linkspan.gnn.events.history import PAD
from linkspan.gnn.models.weights import MixtureWeights, SignalWeights
from linkspan.gnn.scores.hybrid import published
from linkspan.gnn.scores.reasons import Drops, find_drops, without
from linkspan.gnn.scores.signals import HYBRID
from linkspan.graph.snapshot import Snapshot


@pytest.fixture(scope="module")
def fitted(
    planted: Snapshot, text_of: Callable[..., dict[str, np.ndarray]], settings: TrainSettings
) -> FittedModel:
    """A hybrid in which every part counts."""
    split = last_out(planted)
    short = settings.changed(epochs=2, linear_regularization=5.0)
    model = fit_hybrid(train(planted, split, text_of(planted), short), split)
    even = SignalWeights(dict.fromkeys(model.weights[HYBRID].usual.shared, 0.3), {})
    weights = MixtureWeights(even)
    whole = model.learned.on(model.view.over(planted.events()))
    return replace(whole, weights={**model.weights, HYBRID: weights})


def scored_without(fitted: FittedModel, user: int, item: int, domain: str) -> np.ndarray:
    """Scores of the domain by a model whose known events lack one item of a user's past."""
    events = fitted.events
    kept = events[(events["user"] != user) | (events["item"] != item)]
    mixture = published(fitted)
    everyone = np.arange(len(fitted.snapshot.users))
    return mixture.over(kept.reset_index(drop=True), everyone).score(np.array([user]), domain)[0]


def test_losses_are_those_of_scoring_again(fitted: FittedModel) -> None:
    users, items = np.arange(0, 20, 3), np.tile(np.arange(60, 120), (7, 1))
    mixture = published(fitted)
    before = mixture.score(users, "book")
    found = find_drops(mixture, users, "book", items)
    for row, user in enumerate(users):
        past = [item for item in found.past[row] if item != PAD]
        own = fitted.events.loc[fitted.events["user"] == user, "item"].to_numpy()
        latest = own[::-1][:4].tolist()
        assert past[: len(latest)] == latest and set(past) <= set(own)
        for place in np.flatnonzero(found.past[row] != PAD):
            item = found.past[row, place]
            lost = before[row] - scored_without(fitted, int(user), int(item), "book")
            np.testing.assert_allclose(found.drops[row, :, place], lost, atol=2e-3)


def test_because_is_faithful_and_not_always_the_latest(fitted: FittedModel) -> None:
    """Without the named item more is lost than without any other; sums of gains name the latest."""
    top = score_top(fitted, k=3, users=np.arange(0, 60, 5))
    mixture, latest = published(fitted), 0
    for row in top.itertuples():
        own = fitted.events.loc[fitted.events["user"] == row.user, "item"].to_numpy()
        users, items = np.array([row.user]), np.array([[row.item]])
        found = find_drops(mixture, users, row.domain, items)
        losses = dict(zip(found.past[0], found.drops[0, 0], strict=True))
        if row.because == PAD:  # without each of them the score would be higher
            assert max(losses.values()) <= 0
            continue
        assert losses[row.because] == max(losses.values()) > 0
        latest += row.because == own[-1]
    assert 0 < latest < len(top)


def test_an_item_without_which_nothing_is_lost_is_no_reason() -> None:
    drops = np.array([[[-0.5, 0.25, 0.0], [-0.5, -0.25, 0.0], [-np.inf] * 3]], np.float32)
    assert Drops(np.array([[7, 5, 3]]), drops).because().tolist() == [[5, PAD, PAD]]


def test_an_item_met_twice_goes_with_all_its_events(
    build: Callable[..., Snapshot], settings: TrainSettings
) -> None:
    random = np.random.default_rng(0)
    histories = [[*random.permutation(8)[:4] + 8 * (user % 2)] for user in range(40)]
    histories[0] = [0, 1, 0, 2, 0]
    snapshot = build({"a": [0] * 16}, histories)
    split = last_out(snapshot)
    whole = train(snapshot, split, {}, settings.changed(epochs=1))
    whole = whole.learned.on(whole.view.over(snapshot.events()))
    found = find_drops(published(whole), np.array([0]), "a", np.array([[5]]))
    assert sorted(found.past[0]) == [PAD] * (found.past.shape[1] - 3) + [0, 1, 2]
    gone = scored_without(whole, 0, 0, "a")
    lost = published(whole).score(np.array([0]), "a")[0, 5] - gone[5]
    at_first = found.drops[0, 0, list(found.past[0]).index(0)]
    assert at_first == pytest.approx(lost, abs=1e-4)


def test_a_user_without_a_past_has_no_reason(fitted: FittedModel) -> None:
    others = fitted.events[fitted.events["user"] != 0].reset_index(drop=True)
    none = fitted.learned.on(fitted.view.over(others))
    top = score_top(none, k=2, users=np.array([0]))
    assert (top["because"] == -1).all() and len(top) == 6


@pytest.mark.parametrize("timed", [True, False], ids=["timed", "sets"])
def test_what_events_gave_is_taken_off_as_if_all_were_summed_again(
    build: Callable[..., Snapshot],
    text_of: Callable[..., dict[str, np.ndarray]],
    settings: TrainSettings,
    timed: bool,
) -> None:
    """Also where an item was met twice, and where a history has no more than one."""
    random = np.random.default_rng(1)
    histories = [[*random.permutation(24)[: random.integers(2, 9)]] for _ in range(60)]
    histories[0], histories[1], histories[2] = [3, 1, 3, 20, 3], [5], [30]
    makers = pd.DataFrame({"key": ["Maker/0", "Maker/1"], "name": ["one", "two"]})
    made = pd.DataFrame({"source": np.arange(32), "target": np.arange(32) % 2})
    made = made.astype(np.int32).assign(weight=np.float32(1))
    snapshot = build(
        {"a": [0] * 16, "b": [1] * 16},
        histories,
        timed=timed,
        entities={"Maker": makers},
        relations={("item", "MADE_BY", "Maker"): made},
    )
    split = last_out(snapshot)
    short = settings.changed(epochs=1, linear_regularization=5.0)
    model = fit_hybrid(train(snapshot, split, text_of(snapshot), short), split)
    even = SignalWeights(dict.fromkeys(model.weights[HYBRID].usual.shared, 0.3), {})
    whole = model.learned.on(model.view.over(snapshot.events()))
    mixture = published(replace(whole, weights={**model.weights, HYBRID: MixtureWeights(even)}))
    users = np.repeat(np.arange(60), 3)
    gone = np.array(
        [
            histories[user][place % len(histories[user])]
            for user, place in zip(users, np.tile(np.arange(3), 60), strict=True)
        ]
    )
    events = without(mixture.events, users, gone)
    rows = np.arange(len(users))
    for domain in "ab":
        items = np.tile(mixture.rows[domain], (len(users), 1))
        anew = mixture.over(events, users)
        less = mixture.over(events, users, lacking=True)
        np.testing.assert_allclose(
            less.at(rows, domain, items), anew.at(rows, domain, items), atol=1e-4
        )
        np.testing.assert_allclose(less.score(rows, domain), anew.score(rows, domain), atol=1e-4)

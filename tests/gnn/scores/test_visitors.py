"""Someone whom the graph does not have gets what a user of the same history gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.gnn import (
    PARTS,
    Choice,
    FittedModel,
    Ranker,
    TrainSettings,
    score_top,
    train_all,
)
from linkspan.gnn.models.weights import MixtureWeights, SignalWeights
from linkspan.gnn.scores.hybrid import with_linear
from linkspan.gnn.scores.signals import HYBRID, build_signals
from linkspan.graph.snapshot import Snapshot


def trained(
    snapshot: Snapshot, text: dict[str, np.ndarray], settings: TrainSettings
) -> FittedModel:
    """A short-trained hybrid over all events, in which every signal counts, for newcomers too."""
    short = settings.changed(epochs=2, linear_regularization=5.0)
    fitted = with_linear(train_all(snapshot, text, short, 2))
    names = [signal.name for signal in build_signals(fitted)[HYBRID]]
    usual = SignalWeights(dict.fromkeys(names, 0.1), {})
    newcomers = SignalWeights({name: 0.1 * (n % 3 + 1) for n, name in enumerate(names)}, {})
    return replace(fitted, weights={HYBRID: MixtureWeights(usual, newcomers)})


@pytest.fixture(scope="module")
def fitted(
    plant: Callable[..., Snapshot],
    text_of: Callable[[Snapshot], dict[str, np.ndarray]],
    settings: TrainSettings,
) -> FittedModel:
    """A model of users of whom the graph knows nothing but their events."""
    return trained(*without_ties(plant(), text_of), settings)


def without_ties(
    snapshot: Snapshot, text_of: Callable[[Snapshot], dict[str, np.ndarray]]
) -> tuple[Snapshot, dict[str, np.ndarray]]:
    """The snapshot without relations of users, and its texts.

    The last user has met no film, and the one before nothing.
    """
    for key in [key for key in snapshot.relations if key[0] == "user"]:
        del snapshot.relations[key]
    saved = snapshot.interactions["SAVED"]
    films = snapshot.items["domain"].to_numpy()[saved["item"]] == "film"
    last = len(snapshot.users) - 1
    gone = (saved["user"] == last - 1) | (films & (saved["user"] == last))
    snapshot.interactions["SAVED"] = saved[~gone].reset_index(drop=True)
    return snapshot, text_of(snapshot)


def history_of(fitted: FittedModel, user: int) -> np.ndarray:
    """Item rows that a user met, the oldest first."""
    events = fitted.events
    return events.loc[events["user"] == user, "item"].to_numpy(np.int64)


@pytest.fixture(scope="module")
def ranker(fitted: FittedModel) -> Ranker:
    """A ranker that many visitors ask, as where the product serves them."""
    return Ranker(fitted, Choice())


def visitor_lists(
    fitted: FittedModel,
    items: np.ndarray,
    k: int = 5,
    choice: Choice | None = None,
    ranker: Ranker | None = None,
) -> pd.DataFrame:
    """The lists of all domains for a visitor, as `score_top` orders them."""
    visitor = (ranker or Ranker(fitted, choice or Choice())).for_visitor(items)
    frames = [visitor.lists(np.array([0]), domain, k) for domain in fitted.snapshot.domains]
    return pd.concat(frames, ignore_index=True)


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Items, order and reasons are equal, scores and parts to 1e-5."""
    for name in ("item", "domain", "rank", "because", "eligible"):
        assert found[name].tolist() == expected[name].tolist(), name
    for name in ("score", *PARTS):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5, err_msg=name)


@pytest.mark.parametrize("user", [0, 7, 239])
def test_a_visitor_gets_the_lists_of_a_user_of_that_history(fitted: FittedModel, user: int) -> None:
    history = history_of(fitted, user)
    found = visitor_lists(fitted, history)
    assert not set(found["item"]) & set(history)
    assert_same(found, score_top(fitted, 5, users=np.array([user])))


@pytest.mark.parametrize("user", [3, 119])
def test_sets_have_no_order(
    plant: Callable[..., Snapshot],
    text_of: Callable[[Snapshot], dict[str, np.ndarray]],
    settings: TrainSettings,
    user: int,
) -> None:
    fitted = trained(*without_ties(plant(users=120, timed=False), text_of), settings)
    expected = score_top(fitted, 4, users=np.array([user]))
    history = history_of(fitted, user)
    for items in (history, history[::-1], np.append(history, history[0])):
        assert_same(visitor_lists(fitted, items, 4), expected)


def test_order_counts_where_there_is_time(fitted: FittedModel) -> None:
    history = history_of(fitted, 0)
    there, back = visitor_lists(fitted, history), visitor_lists(fitted, history[::-1])
    assert there["score"].tolist() != back["score"].tolist()


def test_rules_hold_for_visitors(fitted: FittedModel) -> None:
    allowed = np.arange(len(fitted.snapshot.items)) % 2 == 0
    codes = (np.arange(240) % 2, np.arange(180) % 2)
    choice = Choice(allowed=allowed, diversity=0.2, calibration=0.2, min_score=0.0)
    history = history_of(fitted, 7)
    expected = score_top(fitted, 5, users=np.array([7]), choice=choice)
    assert_same(visitor_lists(fitted, history, 5, choice), expected)
    matched = visitor_lists(fitted, history, 5, Choice(matches=[codes]))
    assert_same(matched, visitor_lists(fitted, history))  # the rule is one of users' properties


def test_without_a_history_a_visitor_gets_what_is_popular(fitted: FittedModel) -> None:
    found = visitor_lists(fitted, np.zeros(0, np.int64))
    assert_same(found, score_top(fitted, 5, users=np.array([238])))
    assert (found["because"] == -1).all() and found["popularity"].abs().max() > 0
    assert found[["gnn", "linear", "transitions", "text", "relations"]].abs().max().max() == 0


@given(items=st.lists(st.integers(0, 179), max_size=40))
def test_any_history_gives_finite_falling_scores_of_other_items(
    fitted: FittedModel, ranker: Ranker, items: list[int]
) -> None:
    found = visitor_lists(fitted, np.array(items, np.int64), 3, ranker=ranker)
    assert np.isfinite(found[["score", *PARTS]].to_numpy()).all()
    np.testing.assert_allclose(found[list(PARTS)].sum(axis=1), found["score"], atol=1e-4)
    assert not set(found["item"]) & set(items)
    # No past item is the reason of one whose score each of them lowers.
    assert set(found["because"]) <= {*items, -1} and (found["because"] >= 0).any() == bool(items)
    for _, rows in found.groupby("domain"):
        assert rows["rank"].tolist() == list(range(1, len(rows) + 1))
        assert (np.diff(rows["score"]) <= 0).all()

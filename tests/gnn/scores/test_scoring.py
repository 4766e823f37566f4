from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from linkspan.errors import ModelError
from linkspan.gnn import (
    PARTS,
    FittedModel,
    TrainSettings,
    score_pairs,
    score_top,
    similar_items,
    train_all,
)
from linkspan.graph.snapshot import Snapshot

TextOf = Callable[[Snapshot], dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def fitted(plant: Callable[..., Snapshot], text_of: TextOf, settings: TrainSettings) -> FittedModel:
    snapshot = plant(users=90)
    # The last six users have no event at all.
    frame = snapshot.interactions["SAVED"]
    snapshot.interactions["SAVED"] = frame[frame["user"] < 84].reset_index(drop=True)
    return train_all(snapshot, text_of(snapshot), settings, epochs=4)


@pytest.fixture(scope="module")
def top(fitted: FittedModel) -> pd.DataFrame:
    return score_top(fitted, k=5)


def test_lists_are_complete_ordered_and_unseen(fitted: FittedModel, top: pd.DataFrame) -> None:
    assert len(top) == 90 * 3 * 5
    assert list(top.columns) == [
        "user",
        "item",
        "domain",
        "rank",
        "score",
        *PARTS,
        "because",
        "eligible",
    ]
    groups = top.groupby(["user", "domain"])
    assert (groups["rank"].apply(list) == [[1, 2, 3, 4, 5]] * 270).all()
    assert (groups["score"].diff().dropna() <= 0).all()
    domains = fitted.snapshot.items["domain"].to_numpy()
    assert (domains[top["item"]] == top["domain"]).all()
    seen = pd.MultiIndex.from_frame(fitted.snapshot.events()[["user", "item"]])
    assert not pd.MultiIndex.from_frame(top[["user", "item"]]).isin(seen).any()


def test_nothing_better_was_left_out(fitted: FittedModel, top: pd.DataFrame) -> None:
    events = fitted.snapshot.events()
    for user in (0, 41, 89):
        seen = set(events.loc[events["user"] == user, "item"])
        unseen = np.array([item for item in range(60, 120) if item not in seen])
        scores = score_pairs(fitted, np.full(len(unseen), user), unseen)
        best = unseen[np.argsort(-scores, kind="stable")[:5]]
        found = top[(top["user"] == user) & (top["domain"] == "book")]
        assert found["item"].tolist() == best.tolist()
        assert np.allclose(found["score"], np.sort(scores)[::-1][:5], atol=1e-5)


def over_aliases(fitted: FittedModel, aliases: pd.DataFrame) -> FittedModel:
    """The model over a graph in which items are one."""
    snapshot = replace(fitted.snapshot, aliases={"item": aliases})
    return replace(fitted, view=replace(fitted.view, snapshot=snapshot))


def test_an_item_of_two_domains_is_recommended_in_both_and_seen_in_both(
    fitted: FittedModel,
) -> None:
    """A film that is one with a book: its row is the book's."""
    book = 60
    aliases = pd.DataFrame({"row": [np.int32(book)], "key": ["film/9999"], "domain": ["film"]})
    two = over_aliases(fitted, aliases)
    top = score_top(two, k=61)
    events = fitted.snapshot.events()
    met = set(events.loc[events["item"] == book, "user"])
    assert 0 < len(met) < 90
    for domain in ("book", "film"):
        found = top[(top["item"] == book) & (top["domain"] == domain)]
        assert set(found["user"]) == set(range(90)) - met
    assert not ((top["item"] == book) & (top["domain"] == "art")).any()


def test_an_item_of_two_domains_is_scored_by_the_one_asked_for(fitted: FittedModel) -> None:
    book = 60
    aliases = pd.DataFrame({"row": [np.int32(book)], "key": ["film/9999"], "domain": ["film"]})
    two = over_aliases(fitted, aliases)
    found = score_top(two, k=61).query("item == @book")
    codes = np.array([fitted.snapshot.domains.index(name) for name in found["domain"]])
    users = found["user"].to_numpy()
    scores = score_pairs(two, users, found["item"].to_numpy(), domains=codes)
    assert np.allclose(scores, found["score"], atol=1e-5)
    assert not np.allclose(score_pairs(two, users, found["item"].to_numpy()), found["score"])


def test_parts_add_up_to_the_score(top: pd.DataFrame) -> None:
    assert np.allclose(top[list(PARTS)].sum(axis=1), top["score"], atol=1e-5)
    assert (top[["linear", "transitions", "text"]] == 0).all(axis=None)
    assert (top.loc[top["user"] < 84, "gnn"].abs() > 1e-3).all()


def test_users_without_events(fitted: FittedModel, top: pd.DataFrame) -> None:
    """They have friends and followed makers here, but no past item to name."""
    assert (top.loc[top["user"] >= 84, "because"] == -1).all()


def test_users_without_anything_get_the_popularity_prior(
    build: Callable[..., Snapshot], settings: TrainSettings
) -> None:
    snapshot = build({"a": [0] * 6}, [[0, 1, 2], [0, 2, 3], []])
    found = score_top(train_all(snapshot, {}, settings, epochs=1), k=6, users=np.array([2]))
    assert (found["gnn"] == 0).all() and (found["because"] == -1).all()
    assert np.array_equal(found["score"], found["popularity"])
    assert len(found) == 6


def test_lists_end_where_items_do(build: Callable[..., Snapshot], settings: TrainSettings) -> None:
    snapshot = build({"a": [0] * 4, "b": [0]}, [[0, 1, 2], [0, 1, 2, 3], [4]])
    found = score_top(train_all(snapshot, {}, settings, epochs=1), k=10)
    sizes = found.groupby(["user", "domain"]).size().to_dict()
    assert sizes == {(0, "a"): 1, (0, "b"): 1, (1, "b"): 1, (2, "a"): 4}


def test_chosen_users_and_domains(fitted: FittedModel, top: pd.DataFrame) -> None:
    found = score_top(fitted, k=5, domains=["film", "art"], users=np.array([7, 3]))
    wanted = top[top["user"].isin([3, 7]) & top["domain"].isin(["film", "art"])]
    pd.testing.assert_frame_equal(found, wanted.reset_index(drop=True), rtol=1e-5)
    assert len(score_top(fitted, users=np.zeros(0, np.int64))) == 0
    with pytest.raises(ModelError, match="unknown domain 'opera'"):
        score_top(fitted, domains=["opera"])
    with pytest.raises(ModelError, match="k must be 1 or more, found 0"):
        score_top(fitted, k=0)


def test_scores_of_pairs_are_those_of_the_lists(fitted: FittedModel, top: pd.DataFrame) -> None:
    mixed = top.sample(frac=1, random_state=0)
    scores = score_pairs(fitted, mixed["user"].to_numpy(), mixed["item"].to_numpy())
    assert np.allclose(scores, mixed["score"], atol=1e-5)


def test_similar_items(fitted: FittedModel) -> None:
    found = similar_items(fitted, k=4)
    assert len(found) == 180 * 2 * 4
    domains = fitted.snapshot.items["domain"].to_numpy()
    same = domains[found["item"]] == domains[found["other"]]
    assert (same == found["inside"]).all() and (found["item"] != found["other"]).all()
    states = fitted.states.items[:-1].numpy()
    cosines = (states[found["item"]] * states[found["other"]]).sum(axis=1)
    assert np.allclose(cosines, found["score"], atol=1e-5)
    best = found[(found["item"] == 65) & ~found["inside"]]
    elsewhere = np.flatnonzero(domains != "book")
    expected = elsewhere[np.argsort(-(states[elsewhere] @ states[65]), kind="stable")[:4]]
    assert best["other"].tolist() == expected.tolist()
    taste = np.tile(np.arange(60) % 6, 3)
    assert (taste[found["item"]] == taste[found["other"]]).mean() > 0.95


def test_what_a_user_did_not_like_is_in_no_list(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings
) -> None:
    frame = planted.interactions["SAVED"].copy()
    frame.loc[::4, "sign"] = -1
    frame.loc[1::4, "sign"] = 0  # met, and neither
    snapshot = replace(planted, interactions={"SAVED": frame})
    assert len(snapshot.not_liked()) == len(frame) // 2
    top = score_top(train_all(snapshot, text_of(snapshot), settings, epochs=1), k=60)
    met = pd.MultiIndex.from_frame(frame[["user", "item"]])
    assert not pd.MultiIndex.from_frame(top[["user", "item"]]).isin(met).any()
    assert len(top) == 240 * 180 - len(frame)

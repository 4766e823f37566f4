"""What was learned is used on graphs that it was not learned from: all is met by its key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from linkspan.errors import ModelError
from linkspan.gnn import (
    FittedModel,
    Split,
    TrainSettings,
    View,
    evaluate,
    fit_hybrid,
    last_out,
    score_top,
    train,
)
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.erasing import without_domain

TextOf = Callable[..., dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def split(planted: Snapshot) -> Split:
    return last_out(planted)


@pytest.fixture(scope="module")
def fitted(
    planted: Snapshot, split: Split, text_of: TextOf, settings: TrainSettings
) -> FittedModel:
    short = settings.changed(epochs=2, linear_regularization=5.0)
    return fit_hybrid(train(planted, split, text_of(planted), short), split)


def with_items(snapshot: Snapshot, items: pd.DataFrame, place: np.ndarray) -> Snapshot:
    """The same graph with other rows of items; ``place`` (N,) is where each of them now stands."""

    def moved(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
        return frame.assign(**{name: place[frame[name]].astype(np.int32) for name in columns})

    relations = {}
    for key, frame in snapshot.relations.items():
        ends = zip(("source", "target"), key[::2], strict=True)
        relations[key] = moved(frame, [name for name, kind in ends if kind == "item"])
    interactions = {name: moved(frame, ["item"]) for name, frame in snapshot.interactions.items()}
    return replace(snapshot, items=items, relations=relations, interactions=interactions)


def keyed(top: pd.DataFrame, snapshot: Snapshot) -> pd.DataFrame:
    """Lists by the keys of their items."""
    return top.assign(item=snapshot.items["key"].to_numpy()[top["item"]])


def test_the_order_of_rows_means_nothing(planted: Snapshot, fitted: FittedModel) -> None:
    place = np.arange(len(planted.items))[::-1].copy()
    other = with_items(planted, planted.items.iloc[::-1].reset_index(drop=True), place)
    vectors = {kind: v[place] if kind == "item" else v for kind, v in fitted.text.items()}
    again = fitted.learned.on(View.whole(other, vectors))
    whole = fitted.learned.on(View.whole(planted, fitted.text))
    np.testing.assert_allclose(again.item_states, whole.item_states[place], atol=1e-5)
    first, second = keyed(score_top(whole, k=5), planted), keyed(score_top(again, k=5), other)
    np.testing.assert_allclose(first["score"], second["score"], atol=1e-4)
    assert (first["item"] == second["item"]).mean() > 0.99  # but for ties


def test_a_view_does_not_change_what_was_learned(
    planted: Snapshot, split: Split, fitted: FittedModel
) -> None:
    before = {name: value.clone() for name, value in fitted.learned.parameters.items()}
    table = evaluate(fitted, split).table()
    whole = fitted.learned.on(View.whole(planted, fitted.text))
    pd.testing.assert_frame_equal(evaluate(whole, split).table(), table)
    assert all(before[name].equal(value) for name, value in whole.learned.parameters.items())


def test_a_new_domain_is_scored_with_what_is_shared(
    planted: Snapshot, fitted: FittedModel, text_of: TextOf
) -> None:
    """Half of a domain's items become a domain of their own, which the model has never heard of."""
    items = planted.items.copy()
    rows = np.flatnonzero(items["domain"] == planted.domains[-1])[::2]
    items.loc[rows, "domain"] = "zoo"
    items.loc[rows, "key"] = "zoo/" + items.loc[rows, "id"]
    place = np.argsort(np.argsort(items["key"].to_numpy(object), kind="stable"))
    later = with_items(planted, items.sort_values("key", kind="stable", ignore_index=True), place)
    model = fitted.learned.on(View.whole(later, text_of(later)))
    top = score_top(model, k=3, domains=["zoo"])
    assert len(top) and np.isfinite(top["score"]).all()
    assert model.weights["hybrid"].usual.of("zoo") == model.weights["hybrid"].usual.shared


def test_a_second_domain_comes_to_a_model_of_one(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings
) -> None:
    """Where there was one domain, the network knows of none inside and outside."""
    two, _ = without_domain(planted, "film")
    one, _ = without_domain(two, "book")
    split = last_out(one)
    short = settings.changed(epochs=1, linear_regularization=5.0)
    alone = fit_hybrid(train(one, split, text_of(one), short), split)
    top = score_top(alone.learned.on(View.whole(two, text_of(two))), k=3)
    assert set(top["domain"]) == {"art", "book"} and np.isfinite(top["score"]).all()


def test_relations_that_are_new_or_gone(planted: Snapshot, fitted: FittedModel) -> None:
    ends = pd.DataFrame({"source": [0], "target": [1], "weight": [1.0]}).astype(
        {"source": np.int32, "target": np.int32, "weight": np.float32}
    )
    whole = fitted.learned.on(View.whole(planted, fitted.text))
    more = replace(planted, relations={**planted.relations, ("item", "LIKE", "item"): ends})
    same = fitted.learned.on(View.whole(more, fitted.text))  # it was never learned what it means
    np.testing.assert_array_equal(same.item_states, whole.item_states)
    gone = next(key for key in planted.relations if key[2] not in ("item", "user"))
    entities = {kind: frame for kind, frame in planted.entities.items() if kind != gone[2]}
    fewer = replace(
        planted,
        relations={key: v for key, v in planted.relations.items() if gone[2] not in key},
        entities=entities,
    )
    vectors = {kind: v for kind, v in fitted.text.items() if kind != gone[2]}
    assert gone[2] in fitted.text and gone[2] not in vectors
    left = fitted.learned.on(View.whole(fewer, vectors))
    assert np.isfinite(left.item_states).all()
    assert not np.array_equal(left.item_states, whole.item_states)


def test_other_texts_are_refused(planted: Snapshot, fitted: FittedModel) -> None:
    wide = {kind: np.ones((len(v), 99), np.float32) for kind, v in fitted.text.items()}
    with pytest.raises(ModelError, match="the parameters do not fit the graph as it is now"):
        fitted.learned.on(View.whole(planted, wide))

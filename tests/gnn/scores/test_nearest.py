"""Nearest vectors, and the lists of similar items that are made of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from linkspan import gnn
from linkspan.gnn import FittedModel, TrainSettings, similar_items
from linkspan.gnn.scores.nearest import find_nearest
from linkspan.graph.snapshot import Snapshot


def scattered(seed: int, count: int, width: int = 16, groups: int = 60) -> np.ndarray:
    """Unit vectors around some centres, as the states of items are."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(groups, width))
    vectors = centres[random.integers(0, groups, count)] + random.normal(size=(count, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("at_once", [2**10, 2**26])
@pytest.mark.parametrize("k", [1, 10, 5000])
def test_the_nearest_are_those_of_sorting_all(
    monkeypatch: pytest.MonkeyPatch, k: int, at_once: int
) -> None:
    monkeypatch.setattr("linkspan.gnn.events.domains.AT_ONCE", at_once)
    vectors = np.round(scattered(1, 4000, width=8) * 8) / 8  # so that products are exact, and tie
    asked = vectors[:70]
    found = find_nearest(vectors, asked, k)
    products = asked @ vectors.T
    expected = np.argsort(-products, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(found.places, expected)
    np.testing.assert_array_equal(found.scores, np.take_along_axis(products, expected, 1))


def by_hand(model: FittedModel, k: int) -> pd.DataFrame:
    """Lists of all items by sorting the whole graph for each."""
    states = model.item_states
    domains = model.snapshot.items["domain"].to_numpy()
    rows = []
    for item in range(len(states)):
        scores = states @ states[item]
        for inside in (True, False):
            there = (domains == domains[item]) == inside
            there[item] = False
            best = [each for each in np.argsort(-scores, kind="stable") if there[each]][:k]
            rows += [(item, each, inside, rank, scores[each]) for rank, each in enumerate(best, 1)]
    return pd.DataFrame(rows, columns=["item", "other", "inside", "rank", "score"])


@pytest.mark.parametrize("sizes", [(40,), (40, 1), (1, 30, 3, 12)], ids=str)
@pytest.mark.parametrize("asked", [7, 2**14])
def test_similar_items_are_those_of_sorting_all(
    build: Callable[..., Snapshot],
    settings: TrainSettings,
    monkeypatch: pytest.MonkeyPatch,
    sizes: tuple[int, ...],
    asked: int,
) -> None:
    monkeypatch.setattr("linkspan.gnn.scores.scoring._ASKED", asked)
    random = np.random.default_rng(3)
    count = sum(sizes)
    histories = [random.permutation(count)[:6].tolist() for _ in range(50)]
    tastes = {f"d{code}": [0] * size for code, size in enumerate(sizes)}
    snapshot = build(tastes, histories)
    model = gnn.train(snapshot, gnn.last_out(snapshot), {}, settings.changed(epochs=1))
    # Of eighths, so that products are exact, and tie.
    states = np.round(scattered(5, count, model.item_states.shape[1], groups=4) * 8) / 8
    monkeypatch.setattr(FittedModel, "item_states", states)
    found, expected = similar_items(model, 5), by_hand(model, 5)
    assert (found["item"] == expected["item"]).all() and (found["other"] == expected["other"]).all()
    np.testing.assert_allclose(found["score"], expected["score"], atol=1e-6)
    assert (found["rank"] == expected["rank"]).all() and (
        found["inside"] == expected["inside"]
    ).all()

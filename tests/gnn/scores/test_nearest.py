"""Nearest vectors: exactly those of a comparison with all, or nearly all of them by cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from linkspan import gnn
from linkspan.gnn import FittedModel, TrainSettings, similar_items
from linkspan.gnn.scores import nearest
from linkspan.gnn.scores.nearest import Nearest
from linkspan.graph.snapshot import Snapshot


def scattered(seed: int, count: int, width: int = 16, groups: int = 60) -> np.ndarray:
    """Unit vectors around some centres, as the states of items are."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(groups, width))
    vectors = centres[random.integers(0, groups, count)] + random.normal(size=(count, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_cells_find_nearly_all_that_a_comparison_with_all_finds(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    vectors, asked = scattered(seed, 4000), scattered(seed + 10, 500)
    exact = Nearest(vectors).find(asked, 10)
    expected = np.sort(asked @ vectors.T, axis=1)[:, ::-1][:, :10]
    np.testing.assert_allclose(exact.scores, expected, atol=1e-6)
    monkeypatch.setattr(nearest, "MOST", 100)
    monkeypatch.setattr(nearest, "_CELLS", 12)
    found = Nearest(vectors).find(asked, 10)
    own = np.einsum("qd,qkd->qk", asked, vectors[found.places])
    np.testing.assert_allclose(found.scores, own, atol=1e-6)
    assert (np.diff(found.scores, axis=1) <= 0).all()
    assert all(len(set(places)) == 10 for places in found.places.tolist())
    shared = [len(set(a) & set(b)) for a, b in zip(found.places, exact.places, strict=True)]
    assert 0.9 < np.mean(shared) / 10 < 1  # by cells, so that some are missed
    again = Nearest(vectors).find(asked, 10)
    np.testing.assert_array_equal(again.places, found.places)


def test_more_can_be_asked_for_than_the_cells_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "MOST", 10)
    monkeypatch.setattr(nearest, "_CELLS", 1)
    vectors = np.zeros((30, 4), np.float32)
    vectors[np.arange(30), np.arange(30) % 4] = 1
    found = Nearest(vectors).find(vectors[:3], 30)
    assert np.isneginf(found.scores).any(axis=1).all()
    for question, (scores, places) in enumerate(zip(found.scores, found.places, strict=True)):
        there = places[np.isfinite(scores)].tolist()
        assert set(there) >= set(range(question, 30, 4)) and len(set(there)) == len(there)


def test_arrays_stay_bounded_where_most_vectors_are_one_or_many_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nearest, "MOST", 100)
    monkeypatch.setattr(nearest, "_CELLS", 12)
    vectors = scattered(0, 2000)
    vectors[::2] = vectors[0]  # half of the texts are one
    free = Nearest(vectors).find(vectors, 50)
    monkeypatch.setattr("linkspan.gnn.events.domains.AT_ONCE", 2**16)
    sizes, top = [], nearest.top_columns

    def noted(scores: np.ndarray, k: int) -> np.ndarray:
        sizes.append(scores.size)
        return top(scores, k)

    monkeypatch.setattr(nearest, "top_columns", noted)
    bounded = Nearest(vectors).find(vectors, 50)
    assert max(sizes) <= 2**14
    np.testing.assert_allclose(bounded.scores, free.scores, atol=1e-6)


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

"""The hybrid: its weights are those that explain the validation rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from linkspan.gnn.hybrid import Mixture, standardized
from linkspan.gnn.weighing import draw_examples, fit_weights


class Table:
    """A feature whose scores are given."""

    def __init__(self, name: str, scores: np.ndarray) -> None:
        self.name = self.part = name
        self.scores = scores.astype(np.float32)

    def score(self, users: np.ndarray, domain: str) -> np.ndarray:
        return self.scores[users]


def rows_drawn(weights: list[float], rows: int, seed: int) -> np.ndarray:
    """Features of candidates; the first one is that which a logit with these weights chooses."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, 30, len(weights))).astype(np.float32)
    utility = features @ np.array(weights) + random.gumbel(size=(rows, 30))
    chosen = utility.argmax(axis=1)
    for row, best in enumerate(chosen):
        features[row, [0, best]] = features[row, [best, 0]]
    return features


def test_scores_are_standardised_by_user() -> None:
    scores = np.array([[1.0, 2.0, 3.0], [4.0, 4.0, 4.0]], np.float32)
    half = np.sqrt(1.5)
    found, spread = standardized(scores)
    np.testing.assert_allclose(found, [[-half, 0, half], [0, 0, 0]], rtol=1e-6)
    np.testing.assert_allclose(spread, [1 / half, 0], rtol=1e-6)


def test_weights_are_found_again() -> None:
    planted = [1.2, 0.0, 0.5]
    found = fit_weights({"a": rows_drawn(planted, 6_000, 0)}, ["x", "y", "z"])
    np.testing.assert_allclose(found.shared, planted, atol=0.08)
    against = fit_weights({"a": rows_drawn([1.0, -0.8], 3_000, 1)}, ["x", "y"])
    assert against.shared[1] == 0.0  # a part may be left out, but never turned round


def test_a_domain_with_few_rows_stays_near_the_others() -> None:
    many = rows_drawn([1.0, 0.2], 5_000, 2)
    few, enough = rows_drawn([0.2, 1.0], 10, 3), rows_drawn([0.2, 1.0], 5_000, 3)
    found = fit_weights({"many": many, "few": few}, ["x", "y"])
    assert np.abs(np.subtract(found.of("few"), found.shared)).max() < 0.1
    found = fit_weights({"many": many, "enough": enough}, ["x", "y"])
    np.testing.assert_allclose(found.of("enough"), [0.2, 1.0], atol=0.1)
    np.testing.assert_allclose(found.of("many"), [1.0, 0.2], atol=0.1)
    nothing = fit_weights({"many": many, "none": many[:0]}, ["x", "y"])
    assert nothing.of("none") == nothing.shared


def test_parts_add_up_to_the_score() -> None:
    random = np.random.default_rng(0)
    features = [Table(name, random.normal(size=(4, 9))) for name in ("a", "b", "c")]
    weights = fit_weights({"d": rows_drawn([1.0, 0.5, 0.0], 500, 1)}, ["a", "b", "c"])
    mixture, users = Mixture("hybrid", None, features, weights), np.array([2, 0])
    expected = sum(
        weight * standardized(feature.score(users, "d"))[0]
        for weight, feature in zip(weights.of("d"), features, strict=True)
    )
    np.testing.assert_allclose(mixture.score(users, "d"), expected, atol=1e-5)
    shares = mixture.shares(users, "d")
    np.testing.assert_allclose(sum(shares.parts.values()), mixture.score(users, "d"), atol=1e-6)
    for feature, scale, part in zip(features, shares.scales, shares.parts.values(), strict=False):
        given = feature.score(users, "d") * scale[:, None]
        np.testing.assert_allclose(np.diff(given), np.diff(part), atol=1e-5)


@pytest.mark.parametrize("most", [1_000, 4])
def test_examples_begin_with_the_item_and_leave_out_what_is_met(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("linkspan.gnn.weighing.MOST_ROWS", most)
    random = np.random.default_rng(0)
    rows = np.array([3, 5, 8, 9])  # items of the domain
    feature = Table("x", random.normal(size=(6, 4)))
    events = pd.DataFrame({"user": range(6), "item": [5, 3, 9, 8, 5, 3]})

    class Seen:
        def hide(self, scores: np.ndarray, users: np.ndarray, domain: str) -> None:
            scores[:, 2] = -np.inf  # all have met item 8

    held = events[events["item"] != 8]
    found = draw_examples([feature], held, "d", rows, Seen(), random)  # type: ignore[arg-type]
    assert found.shape == (min(most, 5), 5, 1)
    allowed, _ = standardized(feature.score(np.arange(6), "d"))
    first = {round(float(allowed[u, list(rows).index(i)]), 5) for u, i in held.to_numpy()}
    assert {round(float(value), 5) for value in found[:, 0, 0]} <= first
    others = found[:, 1:, 0][found[:, 1:, 0] > -10]
    met = {round(float(value), 5) for value in allowed[:, 2]}
    assert len(others) and not {round(float(value), 5) for value in others} & met

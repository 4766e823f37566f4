"""The hybrid: its weights are those that explain the validation rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from linkspan.errors import ModelError
from linkspan.gnn import (
    PARTS,
    FittedModel,
    Split,
    TrainSettings,
    View,
    evaluate,
    fit_hybrid,
    last_out,
    load,
    save,
    score_pairs,
    score_top,
    train,
    with_weights,
)
from linkspan.gnn.events.domains import item_domains
from linkspan.gnn.events.history import PAD
from linkspan.gnn.events.known import KnownEvents
from linkspan.gnn.models.weights import MixtureWeights
from linkspan.gnn.parts.values import Dense, Values, standardized
from linkspan.gnn.scores.examples import Examples, draw_examples
from linkspan.gnn.scores.hybrid import Mixture, total
from linkspan.gnn.scores.weight_search import _ascend, _gains, fit_logit, fit_weights
from linkspan.graph.snapshot import Snapshot


class Table:
    """A feature whose scores are given."""

    def __init__(self, name: str, scores: np.ndarray) -> None:
        self.name = self.part = name
        self.scores = scores.astype(np.float32)

    def score(self, users: np.ndarray, domain: str) -> np.ndarray:
        return self.scores[users]

    def values(self, users: np.ndarray, domain: str) -> Values:
        return Dense(self.scores[users])


def rows_drawn(weights: list[float], rows: int, seed: int) -> Examples:
    """Features of candidates; the first one is that which a logit with these weights chooses."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, 30, len(weights))).astype(np.float32)
    utility = features @ np.array(weights) + 0.3 * random.gumbel(size=(rows, 30))
    chosen = utility.argmax(axis=1)
    for row, best in enumerate(chosen):
        features[row, [0, best]] = features[row, [best, 0]]
    return Examples(features.reshape(-1, len(weights)), np.arange(rows + 1) * 30)


def direction(weights: Mapping[str, float] | Sequence[float]) -> np.ndarray:
    """Weights but for their size, which no ranking depends on."""
    weights = list(weights.values()) if isinstance(weights, Mapping) else weights
    return np.array(weights) / np.linalg.norm(weights)


def test_scores_are_standardised_by_user() -> None:
    scores = np.array([[1.0, 2.0, 3.0], [4.0, 4.0, 4.0]], np.float32)
    half = np.sqrt(1.5)
    expected = [[-half, 0, half], [0, 0, 0]]
    np.testing.assert_allclose(standardized(scores), expected, rtol=1e-6)


def test_weights_are_found_again() -> None:
    planted = [1.2, 0.0, 0.5]
    found = fit_weights({"a": [rows_drawn(planted, 3_000, 0)]}, ["x", "y", "z"])
    np.testing.assert_allclose(direction(found.shared), direction(planted), atol=0.12)
    against = fit_weights({"a": [rows_drawn([1.0, -0.8], 1_500, 1)]}, ["x", "y"])
    assert against.shared["y"] == 0.0  # a part may be left out, but never turned round


def test_a_domain_with_few_rows_stays_with_the_others() -> None:
    many = rows_drawn([1.0, 0.2], 3_000, 2)
    few, enough = rows_drawn([0.9, 0.3], 10, 3), rows_drawn([0.2, 1.0], 3_000, 3)
    found = fit_weights({"many": [many], "few": [few]}, ["x", "y"])
    assert found.of("few") == found.shared
    found = fit_weights({"many": [many], "enough": [enough]}, ["x", "y"])
    np.testing.assert_allclose(direction(found.of("enough")), direction([0.2, 1.0]), atol=0.12)
    np.testing.assert_allclose(direction(found.of("many")), direction([1.0, 0.2]), atol=0.12)
    nothing = fit_weights({"many": [many], "none": [many._replace(
        signals=many.signals[:0], starts=many.starts[:1])]}, ["x", "y"])  # fmt: skip
    assert nothing.of("none") == nothing.shared


def test_weights_go_where_ndcg_is_higher() -> None:
    """Outliers pull a logit away from what ranks best; the ascent goes back there."""
    rows = rows_drawn([1.0, 1.0], 2_000, 4)
    random = np.random.default_rng(0)
    wild = rows.signals.copy()
    wild[random.random(len(wild)) < 0.01, 0] *= 40.0
    examples = Examples(wild, rows.starts)
    start = fit_logit(examples)
    ascended = _ascend([examples], start, errors=0.0)

    def mean(weights: np.ndarray) -> float:
        return float(_gains(examples, wild @ weights.astype(np.float32)).mean())

    assert mean(ascended) > mean(start) + 0.05


def test_weights_have_no_scale_of_their_own() -> None:
    """Where all weights are small, a weight that is missing is looked for among small ones."""
    rows = rows_drawn([1.0, 0.2], 2_000, 5)
    large = rows._replace(signals=rows.signals * np.float32(50))
    found = _ascend([large], np.array([0.02, 0.0]), errors=0.0)
    usual = _ascend([rows], np.array([1.0, 0.0]), errors=0.0)
    gained = [
        float(_gains(each, each.signals @ weights.astype(np.float32)).mean())
        for each, weights in ((large, found), (rows, usual))
    ]
    assert 0.0 < found[1] < found[0] and gained[0] > gained[1] - 0.01


def test_every_kind_of_candidates_has_a_say() -> None:
    """One part tells the heads apart, the other the rest of the domain: both are needed."""
    heads, spread = rows_drawn([1.0, 0.0], 2_000, 5), rows_drawn([0.0, 1.0], 2_000, 6)
    alone = fit_weights({"a": [heads]}, ["x", "y"])
    together = fit_weights({"a": [heads, spread]}, ["x", "y"])
    assert direction(alone.shared)[1] < 0.1
    assert min(direction(together.shared)) > 0.4


def test_parts_add_up_to_the_score(both: tuple[FittedModel, Split]) -> None:
    fitted, random = both[0], np.random.default_rng(0)
    signals = [Table(name, random.normal(size=(240, 60))) for name in ("a", "b", "c")]
    weights = fit_weights({"art": [rows_drawn([1.0, 0.5, 0.0], 500, 1)]}, ["a", "b", "c"])
    mixture = Mixture("hybrid", fitted, signals, MixtureWeights(weights))
    users, own = np.array([2, 0]), weights.of("art")
    expected = sum(
        own[signal.name] * standardized(signal.score(users, "art")) for signal in signals
    )
    np.testing.assert_allclose(mixture.score(users, "art"), expected, atol=1e-5)
    parts = mixture.scored(users, "art").parts(np.tile(np.arange(60), (2, 1)))
    assert set(parts) == {name for name, weight in zip("abc", own.values(), strict=True) if weight}
    np.testing.assert_allclose(sum(parts.values()), mixture.score(users, "art"), atol=1e-6)


def test_the_total_is_the_sum_of_the_parts_and_none_of_them() -> None:
    random = np.random.default_rng(0)
    parts = {name: random.normal(size=(3, 50)).astype(np.float32) for name in "abcd"}
    parts["a"] = np.broadcast_to(parts["a"][0], (3, 50))  # as popularity is
    kept = {name: part.copy() for name, part in parts.items()}
    np.testing.assert_array_equal(total(parts), np.sum(list(parts.values()), axis=0))
    total({"b": parts["b"]})[:] = -np.inf
    for name, part in parts.items():
        np.testing.assert_array_equal(part, kept[name])


def test_examples_begin_with_the_item_and_leave_out_what_is_met(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("linkspan.gnn.scores.examples.TOP", 3)
    random = np.random.default_rng(0)
    rows = np.arange(100, 140)  # items of the domain
    features = [Table(name, random.normal(size=(6, 40))) for name in ("x", "y")]
    events = pd.DataFrame({"user": range(6), "item": [105, 103, 109, 107, 105, 103]})
    gone = [2, 30]

    class Seen:
        def hide(self, scores: np.ndarray, users: np.ndarray, domain: str) -> None:
            scores[:, gone] = -np.inf

    found, spread = draw_examples(features, events, "d", rows, Seen(), random)  # type: ignore[arg-type]
    scores = np.stack([standardized(each.score(np.arange(6), "d")) for each in features], -1)
    for user, item in events.to_numpy():
        part = found.signals[found.starts[user] : found.starts[user + 1]]
        np.testing.assert_allclose(part[0], scores[user, item - 100])
        allowed = np.setdiff1d(np.arange(40), gone)
        best = {
            i for column in (0, 1) for i in allowed[np.argsort(-scores[user, allowed, column])][:3]
        }
        expected = scores[user, sorted(best - {item - 100})]
        np.testing.assert_allclose(part[1:], expected)
        # 100 draws of 40 items leave out few, and none is the row's own or was met.
        other = spread.signals[spread.starts[user] : spread.starts[user + 1]]
        np.testing.assert_allclose(other[0], scores[user, item - 100])
        usable = scores[user, np.setdiff1d(allowed, [item - 100])]
        assert 25 < len(other) - 1 <= len(usable)
        assert {tuple(row) for row in other[1:]} <= {tuple(row) for row in usable}
    none, _ = draw_examples(features, events[:0], "d", rows, Seen(), random)  # type: ignore[arg-type]
    assert none.signals.shape == (0, 2) and none.starts.tolist() == [0]


@pytest.fixture(scope="module")
def both(
    planted: Snapshot, text_of: Callable[..., dict[str, np.ndarray]], settings: TrainSettings
) -> tuple[FittedModel, Split]:
    split = last_out(planted)
    short = settings.changed(epochs=2, linear_regularization=5.0)
    return fit_hybrid(train(planted, split, text_of(planted), short), split), split


def test_a_hybrid_is_weighed_evaluated_and_scored(both: tuple[FittedModel, Split]) -> None:
    fitted, split = both
    evaluation = evaluate(fitted, split)
    assert evaluation.methods == ("hybrid", "hybrid without gnn", "gnn", "popularity")
    simple, popularity = (evaluation.figures(name)["ndcg"] for name in evaluation.methods[1::2])
    assert evaluation.figures()["ndcg"] > simple * 0.95 and simple > popularity + 0.1
    whole = fitted.learned.on(fitted.view.over(fitted.snapshot.events()))
    top = score_top(whole, k=5)
    np.testing.assert_allclose(top[list(PARTS)].sum(axis=1), top["score"], atol=1e-4)
    assert (top[list(PARTS)].abs().max() > 0.01).sum() >= 2
    pairs = score_pairs(whole, top["user"].to_numpy(), top["item"].to_numpy())
    np.testing.assert_allclose(pairs, top["score"], atol=1e-4)


def test_recent_events_know_their_steps_in_both_ways(build: Callable[..., Snapshot]) -> None:
    """Books are items 0 to 2, films 3 to 5; the first user's order is 3 0 4 1 5."""
    snapshot = build({"book": [0] * 3, "film": [0] * 3}, [[3, 0, 4, 1, 5], [2]])
    known_events = KnownEvents(snapshot.events(), item_domains(snapshot), timed=True)
    recent = known_events.recent(np.array([0, 1]), snapshot.domains.index("film"), 2)
    assert recent.items[0].tolist() == [5, 1, PAD, 4] and recent.steps[0, 3] == 2
    assert recent.inside[0].tolist() == [0, -1, -1, 1] and recent.own[0].tolist() == [0, 3]
    assert recent.items[1].tolist() == [2, PAD, PAD, PAD] and recent.own[1].tolist() == [-1, -1]


def test_without_validation_rows_the_network_scores_alone(
    both: tuple[FittedModel, Split],
) -> None:
    fitted, split = both
    nothing = replace(split, validation=split.validation[:0])
    assert not fit_hybrid(replace(fitted, weights={}), nothing).weights
    plain = evaluate(replace(fitted, weights={}), split)
    assert plain.methods == ("gnn", "popularity")


def test_histories_that_are_sets_have_no_transitions(
    build: Callable[..., Snapshot], settings: TrainSettings
) -> None:
    random = np.random.default_rng(0)
    histories = [list(random.permutation(8)[:4] + 8 * (user % 2)) for user in range(60)]
    snapshot = build({"a": [0] * 16}, histories, timed=False)
    split = last_out(snapshot)
    short = settings.changed(epochs=1, linear_regularization=2.0)
    fitted = fit_hybrid(train(snapshot, split, {}, short), split)
    assert tuple(fitted.weights["hybrid"].usual.shared) == (
        "gnn", "learned popularity", "walks", "linear 1", "popularity",
    )  # fmt: skip
    top = score_top(fitted.learned.on(fitted.view.over(snapshot.events())), k=3)
    assert (top["transitions"] == 0).all() and (top["text"] == 0).all()


def test_a_saved_hybrid_gives_the_same_scores(
    both: tuple[FittedModel, Split], tmp_path: Path
) -> None:
    fitted, split = both
    view = View.whole(fitted.snapshot, fitted.text)
    whole = with_weights(fitted.learned.on(view), fitted.weights)
    save(whole.learned, tmp_path, split)
    again = load(tmp_path).on(whole.view)
    assert again.weights == whole.weights
    pd.testing.assert_frame_equal(score_top(again), score_top(whole))
    (tmp_path / "linear.npz").write_bytes(b"PK")
    with pytest.raises(ModelError, match="not a readable model"):
        load(tmp_path)

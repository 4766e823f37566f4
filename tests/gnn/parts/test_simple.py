"""The simple parts: each agrees with the few lines of loops that define it."""

from __future__ import annotations

import logging
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from linkspan.gnn.encoding.texts import unit_rows
from linkspan.gnn.events.known import FadingHistory, KnownEvents, count_users
from linkspan.gnn.events.transitions import Sequence
from linkspan.gnn.parts.ease import gram_matrix, item_weights, ridge_inverse
from linkspan.gnn.parts.historic import ItemMatrix, Popular, by_domain, forward_steps, mutual_steps
from linkspan.gnn.parts.likeness import Likeness


def made_events(users: int, items: int, per_user: int, seed: int = 0) -> pd.DataFrame:
    """Events of users in time order, some of them of items met before."""
    random = np.random.default_rng(seed)
    rows = [(user, item) for user in range(users) for item in random.integers(0, items, per_user)]
    return pd.DataFrame(rows, columns=["user", "item"])


def naive_ease(events: pd.DataFrame, users: int, items: int, ridge: float) -> np.ndarray:
    met = np.zeros((users, items))
    met[events["user"], events["item"]] = 1.0
    inverse = np.linalg.inv(met.T @ met + ridge * np.eye(items))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


@pytest.mark.parametrize(("users", "items"), [(40, 12), (9, 30)], ids=["primal", "dual"])
def test_item_weights_are_those_of_ease(users: int, items: int) -> None:
    events = made_events(users, items, per_user=4)
    expected = naive_ease(events, users, items, 3.0)
    unknown = np.setdiff1d(np.arange(items), events["item"])
    expected[unknown] = 0.0
    expected[:, unknown] = 0.0
    found = item_weights(events, users, items, regularization=3.0, keep=items).toarray()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_largest_weights_are_kept() -> None:
    events = made_events(60, 15, per_user=5)
    whole = item_weights(events, 60, 15, regularization=2.0, keep=15).toarray()
    cut = item_weights(events, 60, 15, regularization=2.0, keep=4).toarray()
    for column in range(15):
        best = np.argsort(-np.abs(whole[:, column]))[:4]
        assert set(np.flatnonzero(cut[:, column])) == set(best)
    np.testing.assert_allclose(cut[cut != 0], whole[cut != 0])


def test_beyond_the_limit_the_most_popular_items_take_part() -> None:
    events = made_events(50, 20, per_user=6, seed=1)
    counts = events.drop_duplicates()["item"].value_counts()
    few = set(counts.sort_index().sort_values(ascending=False, kind="stable").index[:8])
    found = item_weights(events, 50, 20, regularization=2.0, most=8).toarray()
    assert set(np.flatnonzero(np.abs(found).sum(axis=0))) <= few
    part = events[events["item"].isin(few)]
    np.testing.assert_allclose(
        found, item_weights(part, 50, 20, regularization=2.0).toarray(), atol=1e-6
    )


def test_beyond_the_limit_every_domain_has_its_share(caplog: pytest.LogCaptureFixture) -> None:
    """Twelve items are met by all, in one domain; of the others each is met by few."""
    popular = [(user, item) for user in range(60) for item in range(12)]
    rare = [(user, 12 + (user + step) % 18) for user in range(60) for step in range(3)]
    events = pd.DataFrame([*popular, *rare], columns=["user", "item"])
    domains = np.repeat([0, 1, 2, 3], [12, 10, 6, 2])

    def part(most: int, codes: np.ndarray | None) -> np.ndarray:
        found = item_weights(events, 60, 30, regularization=1.0, most=most, domains=codes)
        return np.flatnonzero(np.abs(found).sum(axis=0))

    with caplog.at_level(logging.INFO, "linkspan.gnn.parts.ease"):
        assert np.bincount(domains[part(12, None)], minlength=4).tolist() == [12, 0, 0, 0]
        assert "12 of 30 items" in caplog.text
        chosen = part(16, domains)
        assert np.bincount(domains[chosen], minlength=4).tolist() == [10, 2, 2, 2]
        assert "16 of 30 items" in caplog.text
        caplog.clear()
        assert len(part(30, domains)) == 30 and not caplog.text


@pytest.mark.parametrize("size", [5, 700])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_inverse_is_made_in_place_and_symmetric(size: int, kind: type) -> None:
    met = sparse.random_array((size, 40), density=0.2, rng=np.random.default_rng(0), dtype="f")
    met.data[:] = 1.0
    gram = gram_matrix(sparse.csr_array(met))
    np.testing.assert_array_equal(gram, (met @ met.T).toarray())
    gram = gram.astype(kind)
    expected = np.linalg.inv(gram.astype(np.float64) + 3.0 * np.eye(size))
    found = ridge_inverse(gram, 3.0)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(found, found.T)
    assert np.shares_memory(found, gram) and found.flags.c_contiguous


@pytest.mark.parametrize("timed", [True, False])
def test_a_history_fades(timed: bool) -> None:
    events = made_events(8, 6, per_user=5, seed=2)
    users = np.array([3, 0, 3, 7, 11])  # the last one has no events
    found = FadingHistory(events, 6, timed=timed).rows(users, 0.5).toarray()
    for row, user in zip(found, users, strict=True):
        expected = np.zeros(6)
        latest = events.loc[events["user"] == user, "item"].iloc[::-1]
        for steps, item in enumerate(latest):
            expected[item] += 0.5**steps if timed else 1.0
        np.testing.assert_allclose(row, expected)


def test_no_place_of_a_matrix_has_to_be_copied_to_multiply_it() -> None:
    """SciPy copies all places of one where the other's have other bits, for every few users."""
    events = pd.DataFrame({"user": [0, 1, 1], "item": [1, 2, 3]})
    past = FadingHistory(events, 6, timed=True).rows(np.arange(2))
    wide = sparse.csr_array((np.ones(2, np.float32), np.array([0, 4]), np.arange(7) // 3), (6, 6))
    assert wide.indices.dtype == np.int64
    inside = by_domain(wide, {"books": np.array([0, 2, 4])})["books"]
    for each in (past, inside):
        assert each.indices.dtype == each.indptr.dtype == np.int32
    np.testing.assert_array_equal((past @ inside).toarray(), past.toarray() @ inside.toarray())


def test_steps_are_shares_and_mutual_weights() -> None:
    events = made_events(30, 7, per_user=6, seed=3)
    counts: dict[tuple[int, int], float] = defaultdict(float)
    for _, items in events.groupby("user")["item"]:
        for place, source in enumerate(items):
            for gap, target in enumerate(items.iloc[place + 1 : place + 3]):
                if source != target:
                    counts[source, target] += 0.7**gap
    sequence = Sequence(None, events["user"].to_numpy(), events["item"].to_numpy())
    steps = sequence.transitions(7, 2, 0.7)
    forward, mutual = forward_steps(steps, 5.0).toarray(), mutual_steps(steps).toarray()
    both = np.zeros((7, 7))
    for (source, target), weight in counts.items():
        out = sum(value for (a, _), value in counts.items() if a == source)
        assert forward[source, target] == pytest.approx(weight / (out + 5.0), rel=1e-5)
        both[source, target] += weight
        both[target, source] += weight
    expected = both / np.sqrt(np.outer(both.sum(axis=1), both.sum(axis=1)))
    np.testing.assert_allclose(mutual, expected, rtol=1e-4)


def test_each_part_scores_the_items_of_a_domain() -> None:
    events = made_events(5, 6, per_user=3, seed=4)
    rows = {"a": np.array([0, 2, 4]), "b": np.array([1, 3, 5])}
    past, users = FadingHistory(events, 6, timed=True), np.array([1, 4])
    known_events = KnownEvents(events, np.array([0, 0, 0, 1, 1, 1]), timed=True)
    history = past.rows(users, 0.5).toarray()
    matrix = np.random.default_rng(0).random((6, 6), np.float32)
    scored = ItemMatrix(
        "linear", "x", by_domain(sparse.csr_array(matrix), rows), known_events, rows, 0.5
    )
    np.testing.assert_allclose(scored.score(users, "b"), (history @ matrix)[:, rows["b"]], 1e-5)
    text = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)
    text[3] = 0.0
    unit = text / np.maximum(np.linalg.norm(text, axis=1, keepdims=True), 1e-12)
    likeness = Likeness(unit_rows(text), known_events, rows, 0.5)
    np.testing.assert_allclose(
        likeness.score(users, "b"), (history @ unit @ unit.T)[:, rows["b"]], atol=1e-5
    )
    users_of = events.drop_duplicates().groupby("item").size()
    popular = Popular(count_users(events, 6), rows).score(users, "a")
    expected = [np.log1p(users_of.get(item, 0)) for item in rows["a"]]
    np.testing.assert_allclose(popular, [expected, expected], rtol=1e-6)


def test_nothing_to_learn_from_gives_no_weights_and_no_message_of_lapack(
    capfd: pytest.CaptureFixture[str],
) -> None:
    found = item_weights(made_events(0, 5, 3), 0, 5, regularization=1.0)
    assert found.shape == (5, 5) and not found.nnz
    assert capfd.readouterr() == ("", "")

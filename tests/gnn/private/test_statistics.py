"""What one user can change in what a private training reads, and what an attack makes of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from attacks import proven_epsilon, stretched
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import norm

from linkspan.gnn.private import statistics as module
from linkspan.gnn.private.accounting import epsilon_of, noise_for
from linkspan.gnn.private.fitting import sum_gradients
from linkspan.gnn.private.statistics import Statistics, sum_statistics
from linkspan.gnn.scores.examples import Examples, join

ITEMS, WIDTH, DELTA = 12, 5, 1e-5


def features(seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(ITEMS, WIDTH)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def as_events(histories: list[list[int]]) -> pd.DataFrame:
    rows = [(user, item) for user, history in enumerate(histories) for item in history]
    frame = pd.DataFrame(rows, columns=["user", "item"], dtype=np.int64)
    return frame.astype(np.int32)


def share(before: Statistics, after: Statistics) -> float:
    """How far the two are apart where a user may move them by 1."""
    return float(np.linalg.norm(stretched(after) - stretched(before)))


HISTORY = st.lists(st.integers(0, ITEMS - 1), max_size=30)


@settings(max_examples=60, deadline=None)
@given(
    histories=st.lists(HISTORY, max_size=6),
    added=HISTORY,
    timed=st.booleans(),
    seed=st.integers(0, 5),
)
def test_one_user_moves_all_sums_by_one_at_most(
    histories: list[list[int]], added: list[int], timed: bool, seed: int
) -> None:
    vectors = features(seed)
    before = sum_statistics(as_events(histories), vectors, timed=timed)
    after = sum_statistics(as_events([*histories, added]), vectors, timed=timed)
    assert share(before, after) <= 1 + 1e-6


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(0, 4), spread=st.floats(0.1, 1e3))
def test_one_user_moves_the_gradient_by_one_at_most(seed: int, rows: int, spread: float) -> None:
    random = np.random.default_rng(seed)

    def drawn(count: int) -> Examples:
        starts = np.concatenate([[0], np.cumsum(random.integers(1, 9, count))])
        signals = random.normal(0, spread, (starts[-1], 3)).astype(np.float32)
        return Examples(signals, starts.astype(np.int64))

    others, one, weights = drawn(rows), drawn(1), random.random(3)
    moved = sum_gradients(join([others, one]), weights) - sum_gradients(others, weights)
    assert np.linalg.norm(moved) <= 1 + 1e-6


def test_a_user_with_many_events_is_bounded_and_told() -> None:
    many = np.random.default_rng(0).integers(0, ITEMS, 10_000).tolist()
    nobody = sum_statistics(as_events([]), features(), timed=True)
    one = sum_statistics(as_events([many]), features(), timed=True)
    assert one.clipped == 1
    assert 0.9 < share(nobody, one) <= 1 + 1e-6


def test_the_noise_is_what_the_budget_asks_for_and_releases_add_up() -> None:
    noise = noise_for(2.0, DELTA)
    assert epsilon_of([noise], DELTA) == pytest.approx(2.0, rel=0.01)
    assert epsilon_of([], DELTA) == 0.0
    two = epsilon_of([noise, noise], DELTA)
    assert 2.0 < two < 4.0
    # As many releases of larger noise spend the same as one.
    assert noise_for(2.0, DELTA, 4) == pytest.approx(2 * noise, rel=0.01)
    none = sparse.csr_array((20_000, 20_000))
    drawn = Statistics(np.zeros(20_000), np.zeros((100, 100)), none)
    drawn = drawn.noised(3.0, np.random.default_rng(0))
    assert drawn.counts.std() == pytest.approx(module.count_noise(3.0), rel=0.05)
    assert drawn.steps.std() * module._STEPS == pytest.approx(3.0, rel=0.05)


def test_few_pairs_get_noise_as_if_all_did() -> None:
    """Beside a dense reference: how many stand out, where, and by how much."""
    items, noise = 300, 0.7
    random = np.random.default_rng(0)
    exact = np.zeros((items, items))
    exact[random.integers(0, items, 200), random.integers(0, items, 200)] = 3.0
    np.fill_diagonal(exact, 0.0)
    strong = exact > 0
    least = norm.isf(module.FALSE_PAIRS / (items - 1)) * noise
    found, dense = [], []
    for _ in range(60):
        got = module.noised_pairs(sparse.csr_array(exact), noise, random).toarray()
        full = exact + random.normal(0.0, noise, exact.shape)
        np.fill_diagonal(full, 0.0)
        found.append(got)
        dense.append(np.where(full > least, full, 0.0))
    for chosen in (strong, ~strong):
        counts = [np.mean([(each[chosen] > 0).sum() for each in some]) for some in (found, dense)]
        means = [
            np.mean(np.concatenate([e[chosen][e[chosen] > 0] for e in some]))
            for some in (found, dense)
        ]
        assert counts[0] == pytest.approx(counts[1], rel=0.1)
        assert means[0] == pytest.approx(means[1], rel=0.02)
    assert not any(np.diagonal(each).any() for each in found)
    # Each empty place has the same chance.
    rows = np.sum([(each > 0) & ~strong for each in found], axis=(0, 2))
    assert rows[: items // 2].sum() == pytest.approx(rows[items // 2 :].sum(), rel=0.2)


def attack(noise: float, runs: int = 2_000) -> float:
    """ε proven by a likelihood ratio on many releases without and with a planted user.

    The user's past is one that no other has; the attacker knows it, and all others'.
    """
    vectors, random = features(), np.random.default_rng(1)
    others = [random.integers(0, 6, 5).tolist() for _ in range(20)]
    canary = [9, 10, 11] * 100
    without = sum_statistics(as_events(others), vectors, timed=True)
    within = sum_statistics(as_events([*others, canary]), vectors, timed=True)
    direction = stretched(within) - stretched(without)
    direction /= np.linalg.norm(direction)
    scores = [
        np.array([direction @ stretched(each.noised(noise, random)) for _ in range(runs)])
        for each in (without, within)
    ]
    return proven_epsilon(scores[0], scores[1], DELTA)


def test_an_attack_proves_less_than_the_budget() -> None:
    proven = attack(noise_for(4.0, DELTA))
    assert 0.1 < proven <= 4.0


@pytest.mark.parametrize("broken", ["noise", "clipping", "scale"])
def test_an_attack_proves_more_where_noise_or_bounds_are_broken(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = noise_for(4.0, DELTA)
    if broken == "noise":
        noise /= 10
    elif broken == "clipping":
        free: Callable[..., np.ndarray] = lambda pairs, vectors: pairs["weight"].to_numpy(float)  # noqa: E731
        monkeypatch.setattr(module, "_bounded_steps", free)
    else:
        monkeypatch.setattr(module, "_COUNTS", module._COUNTS * 20)
    assert attack(noise) > 4.0

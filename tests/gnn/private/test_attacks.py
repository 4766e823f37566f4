"""Attacks on small data: each works where noise or a bound is missing, and only there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from attacks import (
    FREE,
    advantage,
    figures_of_pair,
    fit_ratio,
    interval,
    log_ratios,
    most_ranked_above,
    most_right,
    moved,
    proven_epsilon,
    ranked_above,
    share_of,
    signs_of_items,
    stretched,
)

from linkspan.gnn.parts.private import Budget
from linkspan.gnn.private import statistics as module
from linkspan.gnn.private.accounting import noise_for
from linkspan.gnn.private.fitting import build_part
from linkspan.gnn.private.statistics import Statistics, sum_statistics

ITEMS, WIDTH, DELTA, EPSILON = 40, 6, 1e-5, 1.0
MOST = 10
"""Items of the one user who is attacked."""


def made_features() -> np.ndarray:
    found = np.random.default_rng(0).normal(size=(ITEMS, WIDTH)).astype(np.float32)
    found[:, 0] = 0.3
    return found / np.linalg.norm(found, axis=1, keepdims=True)


FEATURES = made_features()


def summed(histories: list[list[int]], *, timed: bool = True) -> Statistics:
    rows = [(user, item) for user, history in enumerate(histories) for item in history]
    events = pd.DataFrame(rows, columns=["user", "item"], dtype=np.int64).astype(np.int32)
    return sum_statistics(events, FEATURES, timed=timed)


def others() -> list[list[int]]:
    random = np.random.default_rng(1)
    return [random.integers(0, ITEMS, 6).tolist() for _ in range(30)]


def broken(how: str, monkeypatch: pytest.MonkeyPatch) -> float:
    """Noise that a training with this fault adds."""
    noise = noise_for(EPSILON, DELTA)
    if how == "noise":
        return noise / 50
    if how == "clipping":
        free: Callable[..., np.ndarray] = lambda pairs, *rest: pairs["weight"].to_numpy(float)  # noqa: E731
        monkeypatch.setattr(module, "_bounded_steps", free)
        monkeypatch.setattr(module, "_bounded_pairs", free)
    return noise


FAULTS = pytest.mark.parametrize("how", ["noise", "clipping"])


@pytest.mark.parametrize("timed", [True, False])
def test_sums_with_a_user_are_those_without_and_the_share(timed: bool) -> None:
    history = [3, 5, 3, 9, 11]
    within = summed([*others(), history], timed=timed)
    found = moved(summed(others(), timed=timed), share_of(history, FEATURES, timed=timed), 1)
    assert stretched(found) == pytest.approx(stretched(within), abs=1e-6)
    back = moved(found, share_of(history, FEATURES, timed=timed), -1)
    assert stretched(back) == pytest.approx(stretched(summed(others(), timed=timed)), abs=1e-6)


def test_the_ratio_of_likelihoods_is_that_of_all_cells() -> None:
    """Beside a sum over all N * N cells, most of which are the same with the user and without."""
    from scipy.stats import norm

    noise, random = 0.4, np.random.default_rng(0)
    without, share = summed(others()), share_of([1, 2, 3, 1], FEATURES, timed=True)
    within = moved(without, share, 1)
    released = within.noised(noise, random)
    size = noise / module._PAIRS
    limit = norm.isf(module.FALSE_PAIRS / (ITEMS - 1)) * size
    off = ~np.eye(ITEMS, dtype=bool)
    seen = released.pairs.toarray()[off]
    assert (seen > 0).any() and (seen == 0).any()
    wholes = []
    for each in (without, within):
        exact = each.pairs.toarray()[off]
        density = norm.logpdf(seen, exact, size)
        wholes.append(
            norm.logpdf(released.counts, each.counts, module.count_noise(noise)).sum()
            + norm.logpdf(released.steps, each.steps, noise / module._STEPS).sum()
            + np.where(seen > 0, density, norm.logcdf(limit, exact, size)).sum()
        )
    (found,) = log_ratios(released, without, [share], noise)
    assert found == pytest.approx(wholes[1] - wholes[0], rel=1e-6)


def member(noise: float, models: int = 400) -> tuple[float, float, float]:
    """ε that guesses from noised sums, and from models, prove; and the advantage from the sums."""
    random, budget = np.random.default_rng(2), Budget(EPSILON, DELTA, noise)
    without = summed(others())
    pair = [38, 39] * 50
    share = share_of(pair, FEATURES, timed=True)
    sums, seen = np.zeros((2, models)), np.zeros((2, models, 6))
    for side, exact in enumerate((without, moved(without, share, 1))):
        for model in range(models):
            released = exact.noised(noise, random)
            part = build_part(released, FEATURES, budget, noise)
            sums[side, model] = log_ratios(released, without, [share], noise)[0]
            seen[side, model] = figures_of_pair(part, 38, 39)
    ratio = fit_ratio(*seen[:, : models // 2])
    folders = [ratio(each) for each in seen]
    proven = (proven_epsilon(each[0], each[1], DELTA) for each in (sums, folders))
    return *proven, advantage(sums[0], sums[1])


def test_membership_is_hidden_in_sums_and_models() -> None:
    of_sums, of_models, told = member(noise_for(EPSILON, DELTA))
    assert max(of_sums, of_models) <= EPSILON
    assert told <= np.tanh(EPSILON / 2) + DELTA


@FAULTS
def test_membership_shows_where_noise_or_bounds_are_broken(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_sums, of_models, told = member(broken(how, monkeypatch))
    assert min(of_sums, of_models) > EPSILON
    assert told > np.tanh(EPSILON / 2) + DELTA


def attribute(noise: float, choices: int, runs: int = 400) -> tuple[float, float]:
    """Bounds of the rate at which the last item of a user is guessed, of so many that may be it."""
    random = np.random.default_rng(3)
    without, known = summed(others()), [30, 31, 32] * 20
    shares = [share_of([*known, *[item, 30] * 20], FEATURES, timed=True) for item in range(choices)]
    within = [moved(without, share, 1) for share in shares]
    right = 0
    for _ in range(runs):
        truth = int(random.integers(choices))
        released = within[truth].noised(noise, random)
        right += int(np.argmax(log_ratios(released, without, shares, noise))) == truth
    return interval(right, runs)


@pytest.mark.parametrize("choices", [2, 8])
def test_an_item_that_a_user_also_met_is_hidden(choices: int) -> None:
    assert attribute(FREE, choices, 100)[0] > 0.95
    least, most = attribute(noise_for(EPSILON, DELTA), choices)
    assert least <= most_right(EPSILON, DELTA, choices)
    assert most > 1 / choices


@FAULTS
@pytest.mark.parametrize("choices", [2, 8])
def test_an_item_shows_where_noise_or_bounds_are_broken(
    how: str, choices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    least, _ = attribute(broken(how, monkeypatch), choices, 100)
    assert least > most_right(EPSILON, DELTA, choices)


def reconstruction(noise: float, runs: int = 120) -> tuple[float, float]:
    """Mean area under the curve of users' items, and the rate of those that are found."""
    random, without = np.random.default_rng(4), summed(others())
    signs, met = [], []
    for _ in range(runs):
        items = random.choice(ITEMS, MOST, replace=False)
        share = share_of(np.tile(items, 20).tolist(), FEATURES, timed=True)
        released = moved(without, share, 1).noised(noise, random)
        signs.append(signs_of_items(released, without, FEATURES))
        met.append(items)
    half = runs // 2
    inside = np.concatenate([s[m] for s, m in zip(signs[:half], met[:half], strict=True)])
    rest = [np.delete(s, m, axis=0) for s, m in zip(signs[:half], met[:half], strict=True)]
    ratio = fit_ratio(np.concatenate(rest), inside)
    figures = [ranked_above(ratio(s), m) for s, m in zip(signs[half:], met[half:], strict=True)]
    area, found = np.mean(figures, axis=0)
    return float(area), float(found)


def test_the_items_of_a_user_cannot_be_rebuilt() -> None:
    assert reconstruction(FREE, 40) == (1.0, 1.0)
    area, found = reconstruction(noise_for(EPSILON, DELTA))
    assert 0.45 < area <= most_ranked_above(EPSILON, DELTA)
    assert found <= np.exp(EPSILON) * MOST / ITEMS


@FAULTS
def test_the_items_of_a_user_show_where_noise_or_bounds_are_broken(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    area, found = reconstruction(broken(how, monkeypatch), 80)
    assert area > most_ranked_above(EPSILON, DELTA)
    assert found > np.exp(EPSILON) * MOST / ITEMS

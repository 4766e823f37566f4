"""Scores of a signal in each form: what a sum asks of them is what the whole array says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from linkspan.gnn.parts.products import Moments, Products, Vectors
from linkspan.gnn.parts.values import Changed, Dense, Few, Same, Values, standardized

KINDS = ("dense", "same", "few", "products", "changed")


def drawn(kind: str, users: int, items: int, seed: int) -> tuple[Values, np.ndarray]:
    """Values of one kind, and the array (B, N) that they stand for."""
    random = np.random.default_rng(seed)
    if kind == "products":
        states = random.normal(size=(users, 5)).astype(np.float32)
        vectors = random.normal(1.0, 0.3, size=(items, 5)).astype(np.float32)
        states[: users // 3] = 0  # without a history
        products = Products(states, torch.from_numpy(vectors), Moments.of(vectors))
        return products, states @ vectors.T
    if kind == "same":
        scores = random.normal(size=items).astype(np.float32)
        return Same(scores, users), np.tile(scores, (users, 1))
    whole = random.normal(size=(users, items)).astype(np.float32)
    if kind == "dense":
        return Dense(whole), whole
    whole[random.random(whole.shape) < 0.8] = 0
    if kind == "changed":
        sums, rows = np.abs(whole), random.integers(0, max(users, 1), users)
        lost = sums[rows] * random.choice([0, 0.3, 1], sums.shape).astype(np.float32)
        lost[: users // 2] = sums[rows][: users // 2]  # nothing is left
        left = sums[rows] - lost
        sums, lost = sparse.csr_array(sums), sparse.csr_array(lost)
        return Changed(sums, rows, lost, np.sqrt), np.sqrt(left)
    return Few(sparse.csr_array(whole)), whole


@given(
    kind=st.sampled_from(KINDS),
    users=st.integers(0, 7),
    items=st.integers(1, 40),
    seed=st.integers(0, 1000),
    narrow=st.sampled_from([0, 4096]),
)
def test_values_say_what_the_whole_array_says(
    kind: str, users: int, items: int, seed: int, narrow: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("linkspan.gnn.parts.values._NARROW", narrow)
        check(kind, users, items, seed)


def check(kind: str, users: int, items: int, seed: int) -> None:
    values, whole = drawn(kind, users, items, seed)
    random = np.random.default_rng(seed)
    np.testing.assert_allclose(values.mean, whole.mean(axis=1), atol=1e-5)
    np.testing.assert_allclose(values.deviation, whole.std(axis=1), atol=1e-5)
    columns = random.integers(0, items, (users, 3))
    np.testing.assert_allclose(values.at(columns), np.take_along_axis(whole, columns, 1), atol=1e-5)
    some = np.flatnonzero(random.random(items) < 0.5)
    np.testing.assert_allclose(values.among(some), whole[:, some], atol=1e-5)
    scores = random.normal(size=(users, items)).astype(np.float32)
    scale = random.normal(size=users).astype(np.float32)
    expected = scores + scale[:, None] * whole
    values.add(scores, scale)
    np.testing.assert_allclose(scores, expected, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_standardised_by_their_mean_and_deviation(kind: str) -> None:
    values, whole = drawn(kind, 6, 30, 1)
    columns = np.tile(np.arange(30), (6, 1))
    there = values.deviation > 0
    assert there.any()
    centred = values.at(columns) - values.mean[:, None]
    found = np.divide(
        centred, values.deviation[:, None], out=np.zeros_like(centred), where=there[:, None]
    )
    np.testing.assert_allclose(found, standardized(whole), atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e4])
def test_where_all_items_score_the_same_nothing_deviates(value: float) -> None:
    """Though the sums that say so are rounded."""
    same = np.full((3, 1001), value, np.float32)
    vectors = np.tile(np.float32([0.3, 0.1, 0.7]), (1001, 1))
    states = np.full((3, 3), value, np.float32)
    for values in (
        Dense(same),
        Same(same[0], 3),
        Few(sparse.csr_array(same)),
        Products(states, torch.from_numpy(vectors), Moments.of(vectors)),
    ):
        assert not values.deviation.any(), type(values)


@pytest.mark.parametrize("rows", [[2, 3, 4], [0, 2, 5]])
def test_vectors_are_cut_to_a_domain_without_a_copy_where_it_can_be(rows: list[int]) -> None:
    whole = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    vectors = Vectors(whole, {"a": np.array(rows)})
    cut, moments = vectors.inside("a")
    np.testing.assert_array_equal(cut.numpy(), whole[rows])
    np.testing.assert_allclose(moments.mean, whole[rows].mean(axis=0), atol=1e-6)
    covariance = np.cov(whole[rows].T, bias=True)
    np.testing.assert_allclose(moments.covariance, covariance, atol=1e-6)
    assert np.shares_memory(cut.numpy(), whole) == (rows == [2, 3, 4])
    assert vectors.inside("a")[0] is cut


def test_an_error_of_a_sum_is_not_taken_for_what_is_left() -> None:
    sums = np.array([[0.3, 0.0, 2.0], [0.3, 0.5, 2.0]], np.float32)
    lost = sums.copy()
    lost[:, 0] *= np.float32(1 - 1e-6)
    lost[1, 1] = 0
    values = Changed(sparse.csr_array(sums), np.arange(2), sparse.csr_array(lost), np.sqrt)
    assert values.deviation[0] == values.mean[0] == 0
    np.testing.assert_array_equal(values.at(np.array([[0, 2], [0, 2]])), 0)
    np.testing.assert_allclose(values.mean[1], np.sqrt(0.5) / 3, rtol=1e-6)

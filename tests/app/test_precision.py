"""Rounding of matrices: bounds of the error, and numbers that stay once they are rounded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from linkspan.precision import Precision, pack, pack_named, rounded, unpack, unpack_named

SIZES = array_shapes(min_dims=2, max_dims=2, max_side=6)
numbers = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
matrices = arrays(np.float32, SIZES, elements=numbers)
unit = arrays(np.float32, SIZES, elements=st.floats(-1, 1, width=32))
PRECISIONS: tuple[Precision, ...] = ("single", "half", "int8")


@given(matrices)
def test_single_precision_is_what_there_was(values: np.ndarray) -> None:
    packed = pack(values, "single")
    assert packed.values is values and packed.scale is None


@given(unit)
def test_half_precision_is_off_by_a_share_of_each_number(values: np.ndarray) -> None:
    found = rounded(values, "half")
    exact = values.astype(np.float64)
    assert (np.abs(found - exact) <= np.maximum(np.abs(exact) * 2.0**-11, 2.0**-25)).all()


@given(matrices)
def test_a_byte_is_off_by_a_share_of_the_largest_of_its_row(values: np.ndarray) -> None:
    packed = pack(values, "int8")
    assert packed.values.dtype == np.int8 and packed.values.nbytes == values.size
    exact = values.astype(np.float64)
    most = np.abs(exact).max(axis=1, keepdims=True)
    # Half a step, and what the few bits of the scale make the steps longer.
    assert (np.abs(unpack(packed) - exact) <= most / 254 * (1 + 2.0**-10)).all()
    assert (unpack(packed)[most[:, 0] == 0] == 0).all()


@given(matrices, st.sampled_from(PRECISIONS))
def test_what_was_rounded_once_stays(values: np.ndarray, precision: Precision) -> None:
    once = rounded(values, precision)
    assert once.dtype == np.float32
    np.testing.assert_array_equal(rounded(once, precision), once)
    first, second = pack(once, precision), pack(rounded(once, precision), precision)
    np.testing.assert_array_equal(first.values, second.values)


@given(matrices, unit, st.sampled_from(PRECISIONS))
def test_matrices_of_a_file_are_told_apart(
    first: np.ndarray, second: np.ndarray, precision: Precision
) -> None:
    named = {"item": first, "item/note": second}
    found = unpack_named(pack_named(named, precision))
    assert set(found) == set(named)
    for name, values in named.items():
        np.testing.assert_array_equal(found[name], rounded(values, precision))


@pytest.mark.parametrize("size", [1e-4, 1e5])
def test_what_half_precision_does_not_fit_stays_single(size: float) -> None:
    values = np.float32(size) * np.array([[1.0, -0.33]], np.float32)
    assert pack(values, "half").values.dtype == np.float32
    np.testing.assert_array_equal(rounded(values, "half"), values)
    assert pack(values / np.float32(size), "half").values.dtype == np.float16


def test_cosines_of_bytes_are_nearly_those_of_the_vectors() -> None:
    random = np.random.default_rng(0)
    values = random.standard_normal((200, 384)).astype(np.float32)

    def cosines(vectors: np.ndarray) -> np.ndarray:
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return (vectors / lengths) @ (vectors / lengths).T

    # A number is off by a step of 0.026 / √12 in the mean: a cosine by 5e-4, at most by five times.
    assert np.abs(cosines(rounded(values, "int8")) - cosines(values)).max() < 3e-3
    assert np.abs(cosines(rounded(values, "half")) - cosines(values)).max() < 1e-4

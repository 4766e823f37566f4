"""Numbers of matrices kept in fewer bytes: half precision, or a byte each with a scale a row."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

Precision = Literal["single", "half", "int8"]

LEVELS = 127
"""Steps of a row of int8 from 0 to its largest magnitude."""

_SCALE_BITS = 12
_HALF_RANGE = (2.0**-9, 65504.0)


class Packed(NamedTuple):
    """Numbers as they are kept.

    Attributes:
        values: float32, float16 or int8.
        scale: (n,) float32 by which the rows of int8 are multiplied; None for the others.
    """

    values: NDArray[Any]
    scale: FloatArray | None = None


def pack(values: FloatArray, precision: Precision) -> Packed:
    """Round numbers to what is kept of them; packed again after `unpack`, they stay as they are.

    Half precision is wrong by a share of 2⁻¹¹ of a number at most, and by 2⁻²⁵ of small ones; int8
    by 0.4% of the largest magnitude of the row, and leaves its cosines nearly as they are. What
    half precision does not fit (a largest magnitude above 65504 or below 1/512) stays single. The
    scales have few bits, so that to multiply by them rounds nothing.

    Args:
        values: (n, d), finite; for half precision of any shape.
        precision: How they are kept.
    """
    largest = float(np.abs(values).max(initial=0.0))
    if precision == "half" and (not largest or _HALF_RANGE[0] <= largest <= _HALF_RANGE[1]):
        return Packed(values.astype(np.float16))
    if precision != "int8":
        return Packed(values.astype(np.float32, copy=False))
    most = np.abs(values).max(axis=1, initial=0.0).astype(np.float64) / LEVELS  # (n,)
    bits, power = np.frexp(most)
    scale = np.ldexp(np.ceil(np.ldexp(bits, _SCALE_BITS)), power - _SCALE_BITS)
    divided = values / np.where(scale, scale, 1.0)[:, None]
    return Packed(np.rint(divided).astype(np.int8), scale.astype(np.float32))


def unpack(packed: Packed) -> FloatArray:
    """The numbers as float32."""
    values = packed.values.astype(np.float32, copy=False)
    return values if packed.scale is None else values * packed.scale[:, None]


def rounded(values: FloatArray, precision: Precision) -> FloatArray:
    """The numbers as they are after they were kept."""
    return unpack(pack(values, precision))


def pack_named(named: dict[str, FloatArray], precision: Precision) -> dict[str, NDArray[Any]]:
    """Matrices by name as arrays to keep in one file; the scales of ``NAME`` as ``scales/NAME``."""
    kept: dict[str, NDArray[Any]] = {}
    for name, values in named.items():
        packed = pack(values, precision)
        kept[name] = np.ascontiguousarray(packed.values)
        if packed.scale is not None:
            kept[f"scales/{name}"] = packed.scale
    return kept


def unpack_named(kept: dict[str, NDArray[Any]]) -> dict[str, FloatArray]:
    """The matrices that `pack_named` made arrays of."""
    whole = {name: values for name, values in kept.items() if values.dtype == np.int8}
    scales = {f"scales/{name}" for name in whole}
    return {
        name: unpack(Packed(values, kept[f"scales/{name}"] if name in whole else None))
        for name, values in kept.items()
        if name not in scales
    }

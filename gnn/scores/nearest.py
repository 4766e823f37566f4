"""Search for the nearest of many vectors: each is compared with all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linkspan.gnn.events.domains import rows_at_once
from linkspan.gnn.metrics import top_columns

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

_CHUNK = 1024
"""Questions that are compared with all vectors at once, at most."""


class Found(NamedTuple):
    """The nearest of what was asked for, the nearest first.

    Attributes:
        scores: (Q, k) inner products.
        places: (Q, k) positions of the vectors.
    """

    scores: FloatArray
    places: IntArray


def find_nearest(vectors: FloatArray, asked: FloatArray, k: int) -> Found:
    """Find the vectors with the largest inner products.

    Args:
        vectors: (N, d).
        asked: (Q, d).
        k: How many of each; not more than there are.

    Returns:
        The ``min(k, N)`` nearest of each; ties by position.
    """
    k, size = min(k, len(vectors)), rows_at_once(len(vectors), 2, _CHUNK)
    scores, places = np.zeros((len(asked), k), np.float32), np.zeros((len(asked), k), np.int64)
    room = np.empty((min(size, len(asked)), len(vectors)), np.float32)
    for start in range(0, len(asked), size):
        rows = slice(start, start + size)
        products = np.matmul(asked[rows], vectors.T, out=room[: len(asked[rows])])  # (B, N)
        places[rows] = top_columns(products, k)
        scores[rows] = np.take_along_axis(products, places[rows], 1)
    return Found(scores, places)

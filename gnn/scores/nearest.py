"""Search for the nearest of many vectors: among all of them, or in the cells around what is asked.

Cells are those of an inverted file (Jégou et al., 2011, doi:10.1109/TPAMI.2010.57), without codes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linkspan.gnn.events.domains import rows_at_once
from linkspan.gnn.metrics import top_columns

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

MOST = 32_768
"""Vectors all of which are compared; of more, those in some cells."""

_CELLS = 48
"""Cells that are looked into; there are about as many as a cell has vectors."""

_CHUNK = 1024
"""Questions that are compared with all vectors at once, at most."""


class Found(NamedTuple):
    """The nearest of what was asked for, the nearest first.

    Attributes:
        scores: (Q, k) inner products; ``-inf`` where no more were found.
        places: (Q, k) positions of the vectors.
    """

    scores: FloatArray
    places: IntArray


class Nearest:
    """Finds the vectors with the largest inner products.

    Args:
        vectors: (N, d) of unit length, or zeros.
    """

    def __init__(self, vectors: FloatArray) -> None:
        self._vectors = vectors
        self._cells = _Cells(vectors) if len(vectors) > MOST else None

    def find(self, asked: FloatArray, k: int) -> Found:
        """Find the ``min(k, N)`` nearest of each of (Q, d) vectors; ties by position.

        Of more than `MOST` vectors some of the nearest may be missed, the same each time.
        """
        k = min(k, len(self._vectors))
        if self._cells is not None:
            return self._cells.find(asked, k)
        size = rows_at_once(len(self._vectors), 4, _CHUNK)
        scores, places = np.zeros((len(asked), k), np.float32), np.zeros((len(asked), k), np.int64)
        for start in range(0, len(asked), size):
            rows = slice(start, start + size)
            products = asked[rows] @ self._vectors.T  # (B, N)
            places[rows] = top_columns(products, k)
            scores[rows] = np.take_along_axis(products, places[rows], 1)
        return Found(scores, places)


class _Cells:
    """Vectors by the nearest of some centres.

    Args:
        vectors: (N, d).
    """

    def __init__(self, vectors: FloatArray) -> None:
        from sklearn.cluster import MiniBatchKMeans

        count = round(len(vectors) ** 0.5)
        means = MiniBatchKMeans(count, batch_size=4096, n_init=1, max_iter=20, random_state=0)
        cells = means.fit_predict(vectors)
        self._centres = means.cluster_centers_.astype(np.float32)
        self._members = np.argsort(cells, kind="stable")  # (N,) by cell
        self._starts = np.searchsorted(cells[self._members], np.arange(count + 1))
        self._vectors = vectors[self._members]

    def find(self, asked: FloatArray, k: int) -> Found:
        """Find the nearest in the cells around each of (Q, d) vectors, as `Nearest.find` does."""
        scores, places = np.zeros((len(asked), k), np.float32), np.zeros((len(asked), k), np.int64)
        size = rows_at_once(_CELLS * k, 8, max(len(asked), 1))
        for start in range(0, len(asked), size):
            rows = slice(start, start + size)
            scores[rows], places[rows] = self._find(asked[rows], k)
        return Found(scores, places)

    def _find(self, asked: FloatArray, k: int) -> Found:
        far = np.square(self._centres).sum(axis=1) / 2
        cells = top_columns(asked @ self._centres.T - far, _CELLS)  # (Q, C)
        scores = np.full((*cells.shape, k), -np.inf, np.float32)
        places = np.zeros((*cells.shape, k), np.int64)
        order = np.argsort(cells.ravel(), kind="stable")  # of questions and their cells, by cell
        starts = np.searchsorted(cells.ravel()[order], np.arange(len(self._centres) + 1))
        for cell, (start, end) in enumerate(zip(self._starts, self._starts[1:], strict=False)):
            here = order[starts[cell] : starts[cell + 1]]
            if start == end:
                continue
            size = rows_at_once(end - start, 4, _CHUNK)  # of like vectors, all are in one cell
            for first in range(0, len(here), size):
                question, place = np.divmod(here[first : first + size], cells.shape[1])
                products = asked[question] @ self._vectors[start:end].T
                best = top_columns(products, k)
                some = slice(0, best.shape[1])
                scores[question, place, some] = np.take_along_axis(products, best, 1)
                places[question, place, some] = self._members[start + best]
        scores, places = (each.reshape(len(asked), -1) for each in (scores, places))
        best = top_columns(scores, k)
        return Found(np.take_along_axis(scores, best, 1), np.take_along_axis(places, best, 1))

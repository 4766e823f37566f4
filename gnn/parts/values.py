"""Scores that one signal gives to all items of a domain, in the form in which it has them.

A sum of signals needs of each: to be added to an array for all items, to be looked up for some of
them, and its mean and deviation over all, by which it is standardised. None of these needs an array
of the signal's own that is as wide as the domain.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

_NARROW = 4096
"""Items of a domain for which a sparse row is made dense sooner than places in it are found."""

_ROUNDING = 1e-5
"""Share of what is taken away from a sum that is taken for its error, where no more is left."""


class Values(ABC):
    """Scores of B users for the N items of a domain.

    Attributes:
        mean: (B,) over the items.
        deviation: (B,) standard deviation over them; 0 where all score the same.
    """

    mean: FloatArray
    deviation: FloatArray

    @abstractmethod
    def add(self, scores: FloatArray, scale: FloatArray) -> None:
        """Add them, times a factor for each user, to others.

        Args:
            scores: (B, N), changed in place.
            scale: (B,).
        """

    @abstractmethod
    def at(self, columns: IntArray) -> FloatArray:
        """(B, k) those at some columns (B, k)."""

    @abstractmethod
    def among(self, columns: IntArray) -> FloatArray:
        """(B, U) those at the same columns (U,) for every user."""


class Dense(Values):
    """Scores in an array.

    Args:
        scores: (B, N); it may be broadcast along either side.
    """

    def __init__(self, scores: FloatArray) -> None:
        self._scores = scores
        _, mean, deviation = _centred(scores)
        self.mean, self.deviation = mean[:, 0], deviation[:, 0]

    def add(self, scores: FloatArray, scale: FloatArray) -> None:
        """As `Values.add`."""
        scores += scale[:, None] * self._scores

    def at(self, columns: IntArray) -> FloatArray:
        """As `Values.at`."""
        return np.take_along_axis(self._scores, columns, 1)

    def among(self, columns: IntArray) -> FloatArray:
        """As `Values.among`."""
        return self._scores[:, columns]


class Same(Dense):
    """Scores that are the same for every user.

    Args:
        scores: (N,).
        users: B.
    """

    def __init__(self, scores: FloatArray, users: int) -> None:
        super().__init__(scores[None])
        self._scores = np.broadcast_to(scores, (users, len(scores)))
        self.mean, self.deviation = (
            np.broadcast_to(each, (users,)) for each in (self.mean, self.deviation)
        )


class Few(Values):
    """Scores most of which are zero.

    Args:
        scores: (B, N), no place twice.
    """

    def __init__(self, scores: sparse.csr_array) -> None:
        self._scores = scores
        mean = _sums(scores, scores.data) / scores.shape[1]
        square = _sums(scores, np.square(scores.data, dtype=np.float64)) / scores.shape[1]
        self.mean = mean.astype(np.float32)
        self.deviation = spread(square - mean**2, mean)

    def add(self, scores: FloatArray, scale: FloatArray) -> None:
        """As `Values.add`."""
        users = np.repeat(np.arange(len(scores)), np.diff(self._scores.indptr))  # of each place
        places = users * scores.shape[1] + self._scores.indices
        scores.reshape(-1)[places] += self._scores.data * scale[users]

    def at(self, columns: IntArray) -> FloatArray:
        """As `Values.at`."""
        if self._scores.shape[1] <= _NARROW:
            return np.take_along_axis(self._scores.toarray(), columns, 1).astype(np.float32)
        if not columns.size:
            return np.zeros(columns.shape, np.float32)
        rows = np.repeat(np.arange(len(columns)), columns.shape[1])
        found: FloatArray = self._scores[rows, columns.ravel()].astype(np.float32)
        return found.reshape(columns.shape)

    def among(self, columns: IntArray) -> FloatArray:
        """As `Values.among`."""
        return np.asarray(self._scores[:, columns].toarray(), np.float32)


class Changed(Values):
    """Scores made of sums that are those of others, but for few places.

    Args:
        whole: (W, N) sums of the others, no place twice.
        rows: (B,) row in ``whole`` of whose sums each user's are.
        lost: (B, N) what these lack of them, likewise.
        bent: Makes scores of sums, one by one; 0 of 0.
    """

    def __init__(
        self,
        whole: sparse.csr_array,
        rows: IntArray,
        lost: sparse.csr_array,
        bent: Callable[[FloatArray], FloatArray],
    ) -> None:
        owners = np.repeat(rows, np.diff(lost.indptr))  # of each place
        before = whole.toarray()[owners, lost.indices]
        after = before - lost.data
        after[np.abs(after) < _ROUNDING * np.abs(lost.data)] = 0  # nothing is left
        before, after = bent(before), bent(after)
        whole = sparse.csr_array((bent(whole.data), whole.indices, whole.indptr), whole.shape)
        self._whole, self._rows = whole.toarray(), rows
        self._more = Few(sparse.csr_array((after - before, lost.indices, lost.indptr), lost.shape))

        def mean(of: Callable[[FloatArray], NDArray[np.float64]]) -> NDArray[np.float64]:
            sums = _sums(whole, of(whole.data))[rows] + _sums(lost, of(after) - of(before))
            found: NDArray[np.float64] = sums / lost.shape[1]
            return found

        there = mean(lambda scores: (scores != 0).astype(np.float64)) > 0
        mean_of = mean(lambda scores: scores.astype(np.float64)) * there
        square = mean(lambda scores: np.square(scores, dtype=np.float64)) * there
        self.mean = mean_of.astype(np.float32)
        self.deviation = spread(square - mean_of**2, mean_of)

    def add(self, scores: FloatArray, scale: FloatArray) -> None:
        """As `Values.add`."""
        scores += scale[:, None] * self._whole[self._rows]
        self._more.add(scores, scale)

    def at(self, columns: IntArray) -> FloatArray:
        """As `Values.at`."""
        found: FloatArray = self._whole[self._rows[:, None], columns] + self._more.at(columns)
        return found

    def among(self, columns: IntArray) -> FloatArray:
        """As `Values.among`."""
        found: FloatArray = self._whole[self._rows[:, None], columns] + self._more.among(columns)
        return found


def _sums(scores: sparse.csr_array, values: NDArray[np.floating]) -> NDArray[np.float64]:
    """(B,) sums of values that stand at the places of sparse rows."""
    sums, there = np.zeros(scores.shape[0]), np.flatnonzero(np.diff(scores.indptr))
    sums[there] = np.add.reduceat(values, scores.indptr[there], dtype=np.float64)
    return sums


def spread(square: NDArray[np.floating], mean: NDArray[np.floating]) -> FloatArray:
    """Deviations from variances; 0 where these are but errors of the sum."""
    spread = np.sqrt(np.maximum(square, 0.0))
    return np.where(spread > 1e-6 * np.maximum(np.abs(mean), 1e-6), spread, 0).astype(np.float32)


def standardized(scores: FloatArray) -> FloatArray:
    """Scores (B, N) less their mean over the items, over their standard deviation.

    A user for whom all items score the same gets zeros.
    """
    centred, _, deviation = _centred(scores)
    result: FloatArray = np.divide(
        centred, deviation, out=np.zeros_like(centred), where=deviation > 0
    )
    return result


def _centred(scores: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Scores (B, N) less their mean; this (B, 1); and their deviation (B, 1), as in `Values`."""
    mean = scores.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    centred = scores - mean
    deviation = np.sqrt(np.mean(np.square(centred), axis=1, keepdims=True))
    deviation[deviation <= 1e-6 * np.abs(scores).max(axis=1, keepdims=True, initial=1e-12)] = 0.0
    return centred, mean, deviation

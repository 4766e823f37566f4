"""Scores that one signal gives to all items of a domain, in the form in which it has them.

A sum of signals needs of each: to be added to an array for all items, to be looked up for some of
them, and its mean and deviation over all, by which it is standardised. None of these needs an array
of the signal's own that is as wide as the domain.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

_NARROW = 4096
"""Items of a domain for which a sparse row is made dense sooner than places in it are found."""


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
        there = np.flatnonzero(np.diff(scores.indptr))  # users who have any
        mean, square = np.zeros((2, scores.shape[0]))
        for found, values in (
            (mean, scores.data),
            (square, np.square(scores.data, dtype=np.float64)),
        ):
            sums = np.add.reduceat(values, scores.indptr[there], dtype=np.float64)
            found[there] = sums / scores.shape[1]
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

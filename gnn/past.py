"""The known events of users as sparse rows that fade with age."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from linkspan.gnn.history import latest

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

FAINTEST = 1e-3
"""Events that would weigh less are left out."""


def count_users(events: pd.DataFrame, items: int) -> IntArray:
    """(N,) number of users of each item."""
    pairs = events[["user", "item"]].drop_duplicates()
    return np.bincount(pairs["item"], minlength=items)


class Past:
    """What each user has met, the later the heavier.

    Args:
        events: Known events, sorted by user and in time order within each; columns ``user`` and
            ``item``.
        items: Number of items N.
        timed: Whether the order of a user's events means anything.
    """

    def __init__(self, events: pd.DataFrame, items: int, *, timed: bool) -> None:
        self._events, self._width, self._timed = events, items, timed
        self._users = events["user"].to_numpy(np.int64)
        self._items = events["item"].to_numpy(np.int64)

    def rows(self, users: IntArray, decay: float = 1.0) -> sparse.csr_array:
        """Weight of each item in the users' histories; one met twice weighs twice.

        Args:
            users: (B,) user rows.
            decay: The event n steps before the last one weighs ``decay ** n``, steps counted over
                all domains; 1 where histories are sets.

        Returns:
            (B, N) float32.
        """
        if not self._timed:
            decay = 1.0
        first = np.searchsorted(self._users, users, side="left")
        end = np.searchsorted(self._users, users, side="right")
        sizes = end - first
        if decay < 1.0:
            sizes = np.minimum(sizes, int(np.log(FAINTEST) / np.log(decay)) + 1)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        steps = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
        columns = self._items[np.repeat(end, sizes) - 1 - steps]
        weights = np.power(decay, steps, dtype=np.float32)
        shape = (len(users), self._width)
        return sparse.csr_array((weights, columns, starts), shape=shape)

    def latest(self, users: IntArray, length: int, decay: float) -> tuple[IntArray, FloatArray]:
        """The latest items that users met, and what they weigh.

        Returns:
            (B, L) item rows, latest first, then `PAD`; and (L,) weights.
        """
        weights = np.power(decay if self._timed else 1.0, np.arange(length), dtype=np.float32)
        return latest(self._events, users, 0, length).items, weights

"""The known events of users as sparse rows that fade with age."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from linkspan.gnn.events.history import PAD, SET_LENGTH, latest

IntArray = NDArray[np.int64]

FAINTEST = 1e-3
"""Events that would weigh less are left out."""


def count_users(events: pd.DataFrame, items: int) -> IntArray:
    """(N,) number of users of each item."""
    pairs = events[["user", "item"]].drop_duplicates()
    return np.bincount(pairs["item"], minlength=items)


def narrow(matrix: sparse.csr_array) -> sparse.csr_array:
    """The same matrix, its places told in 32 bits if they fit.

    SciPy multiplies by a copy of all places of a matrix where the other has places of other bits.
    """
    if max(matrix.nnz, *matrix.shape) > np.iinfo(np.int32).max:
        return matrix
    places = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    return sparse.csr_array((matrix.data, *places), shape=matrix.shape)


class FadingHistory:
    """Items that each user has met, the later the heavier.

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

    def lengths(self, users: IntArray) -> IntArray:
        """(B,) number of events of each user (B,)."""
        first, end = self._bounds(users)
        return end - first

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
        first, end = self._bounds(users)
        sizes = end - first
        if decay < 1.0:
            sizes = np.minimum(sizes, int(np.log(FAINTEST) / np.log(decay)) + 1)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        steps = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
        columns = self._items[np.repeat(end, sizes) - 1 - steps]
        weights = np.power(decay, steps, dtype=np.float32)
        shape = (len(users), self._width)
        return narrow(sparse.csr_array((weights, columns, starts), shape=shape))

    def _bounds(self, users: IntArray) -> tuple[IntArray, IntArray]:
        """(B,) both: where the events of each user begin, and where they end."""
        first = np.searchsorted(self._users, users, side="left")
        return first, np.searchsorted(self._users, users, side="right")


class Recent(NamedTuple):
    """The latest events of users, over all domains and within one of them.

    Attributes:
        items: (B, M) item rows: the latest L over all domains, then those of the domain's latest L
            that are not among them; `PAD` where there are none.
        steps: (B, M) how many events of the user are later.
        inside: (B, M) how many of them within the domain; -1 for an item of another one, and for
            `PAD`.
        own: (B, L) column of each of the domain's latest L events, latest first; -1 where there are
            fewer.
    """

    items: IntArray
    steps: IntArray
    inside: IntArray
    own: IntArray


class KnownEvents:
    """Known events over all domains, and within each.

    Args:
        events: As for `FadingHistory`.
        domains: (N,) position of each item's domain.
        timed: As for `FadingHistory`. Where it is not, long histories (`SET_LENGTH`) stand in an
            order by chance, the same for all users: their latest items are a sample of all.
    """

    def __init__(self, events: pd.DataFrame, domains: IntArray, *, timed: bool) -> None:
        if not timed:
            events = _by_chance(events)
        self._events, self._domains, self.timed = events, domains, timed
        # Both without a copy each time that they are asked for.
        self._users, self._items = (events[name].to_numpy(np.int64) for name in ("user", "item"))
        self._codes = domains[self._items]
        self._within: dict[int, FadingHistory] = {}
        self._own: dict[int, tuple[IntArray, IntArray]] = {}
        self._all = FadingHistory(events, len(domains), timed=timed)

    def over(self, domain: int | None = None) -> FadingHistory:
        """All events, or those of the domain with this position."""
        if domain is None:
            return self._all
        if domain not in self._within:
            own = self._events[self._codes == domain]
            self._within[domain] = FadingHistory(own, len(self._domains), timed=self.timed)
        return self._within[domain]

    def recent(self, users: IntArray, domain: int, length: int) -> Recent:
        """The latest events of users.

        Args:
            users: (B,) user rows; they may have no event.
            domain: Position of the domain.
            length: L.
        """
        found = latest(self._users, self._items, users, domain, length).items
        columns = np.broadcast_to(np.arange(length), found.shape)
        if domain not in self._own:
            inside_domain = np.flatnonzero(self._codes == domain)
            self._own[domain] = inside_domain, self._users[inside_domain]
        own_rows, own_users = self._own[domain]
        place = np.searchsorted(own_users, users, side="right")[:, None] - 1 - np.arange(length)
        there = place >= np.searchsorted(own_users, users, side="left")[:, None]
        rows = own_rows[np.where(there, place, 0)] if len(own_rows) else np.zeros_like(place)
        end = np.searchsorted(self._users, users, side="right")
        steps = end[:, None] - 1 - rows
        beyond = there & (steps >= length)
        own = np.where(there, np.where(beyond, length + columns, steps), -1)
        more = np.where(beyond, self._items[rows] if len(self._items) else PAD, PAD)
        inside = np.full((len(users), 2 * length + 1), -1)  # the last column takes what is absent
        np.put_along_axis(inside, own, columns, axis=1)
        return Recent(
            np.concatenate([found, more], axis=1),
            np.concatenate([columns, np.where(beyond, steps, 0)], axis=1),
            inside[:, :-1],
            own,
        )


def _by_chance(events: pd.DataFrame) -> pd.DataFrame:
    """Histories of more than `SET_LENGTH` events by a hash of the item, others as they are."""
    users = events["user"].to_numpy(np.int64)
    sizes = np.searchsorted(users, users, side="right") - np.searchsorted(users, users, side="left")
    chance = pd.util.hash_array(events["item"].to_numpy(np.int64))
    return events.iloc[np.lexsort((np.where(sizes > SET_LENGTH, chance, 0), users))]

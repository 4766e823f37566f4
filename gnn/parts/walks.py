"""Walks from a user's items, over their other users, to what those met.

A state of a few dozen numbers an item cannot hold which of many seldom met items were met by the
same users. Walks read it from the edges: messages that carry one number, from the user asked for,
over three steps. The steps are those of Cooper et al. (2014, doi:10.1145/2567948.2579244), divided
as in graph filters (Shen et al., 2021, doi:10.1145/3459637.3482264).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from linkspan.gnn.events.known import KnownEvents
from linkspan.gnn.parts.historic import Scattered, by_domain

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

ITEM_POWER, USER_POWER = 0.75, 0.5
"""Powers of a node's number of edges that divide what leaves it; chosen on validation rows."""

SCALE = 25.0
"""A share of the score is ``log(1 + SCALE * strength)``; chosen likewise."""

MOST = 200
"""Users of an item to whom walks go; where it has more, to so many of them, drawn once."""


class Walks:
    """The edges between users and items, both ways.

    Attributes:
        met: (U, N) float32 ones: what each user met.
        out: (N, U) what goes from an item to each of its users and on, for a weight of 1.

    Args:
        events: Known events; columns ``user`` and ``item``.
        users: Number of users U.
        items: Number of items N.
    """

    def __init__(self, events: pd.DataFrame, users: int, items: int) -> None:
        pairs = events[["user", "item"]].drop_duplicates()
        of_item, of_user = np.bincount(pairs["item"]), np.bincount(pairs["user"])
        ones = np.ones(len(pairs), np.float32)
        self.met = sparse.csr_array((ones, (pairs["user"], pairs["item"])), shape=(users, items))
        kept = pairs.sample(frac=1.0, random_state=0).groupby("item").head(MOST)
        user, item = kept["user"].to_numpy(), kept["item"].to_numpy()
        leaving = of_item[item] ** (1.0 - ITEM_POWER) / np.minimum(of_item[item], MOST)
        weights = (leaving * of_user[user] ** -USER_POWER).astype(np.float32)
        self.out = sparse.csr_array((weights, (item, user)), shape=(items, users))

    def user_of(self, items: IntArray) -> int:
        """Row of the first user who met just these items, once or more; -1 where there is none."""
        wanted = np.unique(items)
        for user in np.flatnonzero(self._sums == _hashes(wanted).sum()):
            met = self.met.indices[slice(*self.met.indptr[user : user + 2])]
            if np.array_equal(np.sort(met), wanted):
                return int(user)
        return -1

    @cached_property
    def _sums(self) -> NDArray[np.uint64]:
        """(U,) sum of the hashes of what each user met: equal where the items are."""
        sums = np.cumsum(np.append(np.uint64(0), _hashes(self.met.indices)), dtype=np.uint64)
        return np.diff(sums[self.met.indptr])


def _hashes(items: NDArray[np.integer]) -> NDArray[np.uint64]:
    """A number for each item, so that equal sums mean equal items, but for a rare chance."""
    return np.asarray(pd.util.hash_array(np.asarray(items, np.int64)), np.uint64)


class Walked(Scattered):
    """Strength with which walks reach an item; a feature of the network.

    No walk goes over the user asked for, whose other items are what is asked for.

    Args:
        walks: Over known events.
        known_events: Histories.
        rows: Domain to item rows; the order is that of the domains' positions.
    """

    name, part = "walks", "gnn"

    def __init__(
        self, walks: Walks, known_events: KnownEvents, rows: Mapping[str, IntArray]
    ) -> None:
        super().__init__(known_events, rows)
        self._walks, self._met = walks, by_domain(walks.met, rows)
        self._owners: IntArray | None = None

    def over(self, known_events: KnownEvents, owners: IntArray | None = None) -> Self:
        """As `Historic.over`; walks do not go over the owners."""
        other = super().over(known_events, owners)
        other._owners = owners
        return other

    def reached(self, past: sparse.csr_array, users: IntArray, domain: str) -> sparse.csr_array:
        """(B, N) strengths of the walks to the domain's items."""
        owners = users if self._owners is None else self._owners[users]
        reached = (past @ self._walks.out).tocsr()  # (B, U)
        rows = np.repeat(np.arange(len(users)), np.diff(reached.indptr))  # user of each value
        reached.data[reached.indices == owners[rows]] = 0.0
        reached.eliminate_zeros()
        shares: sparse.csr_array = (reached @ self._met[domain]).tocsr()  # (B, N)
        return shares

    def bent(self, sums: FloatArray) -> FloatArray:
        """``log(1 + SCALE * strength)``."""
        shares: FloatArray = np.log1p(np.float32(SCALE) * sums)
        return shares

"""The linear model of items by what its users have in common: exact where users are few.

Where histories are sets and items are many and seldom met, much of what EASE knows lies in the many
small weights of an item that `item_weights` of `linkspan.gnn.parts.ease` leaves out. In the dual
form they need never be written out: a matrix from users to users stands for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from linkspan.gnn.events.known import KnownEvents
from linkspan.gnn.parts.ease import gram_matrix, ridge_inverse
from linkspan.gnn.parts.historic import Historic, by_domain
from linkspan.gnn.parts.values import Dense

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

MOST = 12_000
"""Users, at most: the matrix has 4 bytes times the square, 576 MB."""

_COLUMNS = 4096
"""Items that are dense at once."""


@dataclass(frozen=True)
class DualWeights:
    """All weights of EASE (Steck, 2019, arXiv:1905.03375), by Woodbury's identity.

    ``B = X'KX / (1 - diag(X'KX))`` off the diagonal, with ``K = inverse(XX' + λI)``.

    Attributes:
        met: X, (U, N) float32 ones: what each user met; users without events are left out.
        inverse: K, (U, U) float32.
        own: (N,) float32, the diagonal of ``X'KX``.
    """

    met: sparse.csr_array
    inverse: FloatArray
    own: FloatArray

    @classmethod
    def fit(cls, events: pd.DataFrame, items: int, *, regularization: float) -> Self:
        """Learn from events.

        Args:
            events: Columns ``user`` and ``item``.
            items: Number of items N.
            regularization: λ, added to the diagonal of the Gram matrix of the users.
        """
        pairs = events[["user", "item"]].drop_duplicates()
        users, rows = np.unique(pairs["user"], return_inverse=True)
        ones = np.ones(len(pairs), np.float32)
        met = sparse.csr_array((ones, (rows, pairs["item"])), shape=(len(users), items))
        inverse = ridge_inverse(gram_matrix(met), regularization)
        own, columns = np.zeros(items, np.float32), met.tocsc()
        for start in range(0, items, _COLUMNS):
            some = columns[:, start : start + _COLUMNS]  # (U, C)
            own[start : start + _COLUMNS] = some.multiply((some.T @ inverse).T).sum(axis=0)
        return cls(met, inverse, own)

    def save(self, file: Path) -> None:
        """Write as ``.npz``; not compressed, as the matrix hardly can be."""
        indices, indptr = self.met.indices, self.met.indptr
        np.savez(file, inverse=self.inverse, own=self.own, indices=indices, indptr=indptr)

    @classmethod
    def load(cls, file: Path) -> Self:
        """Load what `save` wrote.

        Raises:
            OSError: The file cannot be read.
            KeyError: It is another.
        """
        with np.load(file) as kept:
            indices, indptr, own = kept["indices"], kept["indptr"], kept["own"]
            ones = np.ones(len(indices), np.float32)
            met = sparse.csr_array((ones, indices, indptr), shape=(len(indptr) - 1, len(own)))
            return cls(met, kept["inverse"], own)


def suits(events: pd.DataFrame, items: int) -> bool:
    """Tell whether the users of events are few enough, and fewer than the items."""
    return events["user"].nunique() <= min(MOST, items)


class Dual(Historic):
    """A history times `DualWeights`; a feature, as `linkspan.gnn.parts.historic.ItemMatrix` is.

    Args:
        name: What tells it from others.
        weights: From items to items.
        known_events: Known events.
        rows: Domain to item rows; the order is that of the domains' positions.
        inside: Whether only events of the domain asked for count.
    """

    part = "linear"

    def __init__(
        self,
        name: str,
        weights: DualWeights,
        known_events: KnownEvents,
        rows: Mapping[str, IntArray],
        *,
        inside: bool = False,
    ) -> None:
        super().__init__(known_events, rows, inside=inside)
        self.name, self._weights = name, weights
        scale = 1.0 / np.maximum(1.0 - weights.own, 1e-6)
        self._scale = {domain: scale[items] for domain, items in rows.items()}
        self._met = by_domain(weights.met, rows)

    def score(self, users: IntArray, domain: str) -> FloatArray:
        """(B, N) scores of the domain's items."""
        past = self._past(domain).rows(users)
        past.sum_duplicates()  # an item met twice
        alike = (past @ self._weights.met.T).tocsr() @ self._weights.inverse  # (B, U)
        items = self._rows[domain]
        scores = np.asarray(alike @ self._met[domain], np.float32)  # (B, N)
        own = past[:, items].tocoo()  # an item has no weight for itself
        rows, columns = own.coords
        scores[rows, columns] -= own.data * self._weights.own[items[columns]]
        scores *= self._scale[domain]
        return scores

    def values(self, users: IntArray, domain: str) -> Dense:
        """The same, as a sum takes them."""
        return Dense(self.score(users, domain))

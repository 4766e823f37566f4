"""Baselines that any model must beat: popularity, and EASE within a domain or over all of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from linkspan.gnn.domains import rows_by_domain
from linkspan.gnn.past import count_users
from linkspan.gnn.simple import ridge_inverse
from linkspan.graph.snapshot import Snapshot

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


class Popularity:
    """Number of users of an item.

    Args:
        snapshot: The graph.
        events: Known events; columns ``user`` and ``item``.
    """

    name = "popularity"

    def __init__(self, snapshot: Snapshot, events: pd.DataFrame) -> None:
        counts = count_users(events, len(snapshot.items)).astype(np.float32)
        self._counts = {domain: counts[rows] for domain, rows in rows_by_domain(snapshot).items()}

    def score(self, users: IntArray, domain: str) -> FloatArray:
        """Scores (B, N) of the domain's items, in row order, for users (B,)."""
        return np.tile(self._counts[domain], (len(users), 1))


class Ease:
    """EASE (Steck, 2019, arXiv:1905.03375): a linear item-item model in closed form.

    Costs the inverse of an (N, N) matrix: time N³, memory 8 N² bytes.

    Args:
        snapshot: The graph.
        events: Known events; columns ``user`` and ``item``.
        regularization: λ, added to the diagonal of the Gram matrix.
        joint: One model over the items of all domains; or else one for each domain.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        events: pd.DataFrame,
        regularization: float = 400.0,
        joint: bool = True,
    ) -> None:
        self.name = "ease-joint" if joint else "ease-target"
        shape = (len(snapshot.users), len(snapshot.items))
        pairs = events[["user", "item"]].drop_duplicates()
        ones = np.ones(len(pairs), np.float32)
        self._met = sparse.csr_array((ones, (pairs["user"], pairs["item"])), shape=shape)
        self._rows = rows_by_domain(snapshot)
        everything = np.arange(shape[1])
        self._inputs = {
            domain: everything if joint else rows for domain, rows in self._rows.items()
        }
        if joint:
            weights = _ease(self._met, regularization)
            self._weights = {domain: weights[:, rows] for domain, rows in self._rows.items()}
        else:
            self._weights = {
                domain: _ease(self._met[:, rows], regularization)
                for domain, rows in self._rows.items()
            }

    def score(self, users: IntArray, domain: str) -> FloatArray:
        """Scores (B, N) of the domain's items, in row order, for users (B,)."""
        met = self._met[users][:, self._inputs[domain]]
        scores: FloatArray = met @ self._weights[domain]
        return scores


def _ease(met: sparse.csr_array, regularization: float) -> FloatArray:
    """Item-item weights (N, N) with a zero diagonal; column j predicts item j."""
    inverse = ridge_inverse((met.T @ met).toarray().astype(np.float64), regularization)
    weights: FloatArray = (inverse / -np.diag(inverse)).astype(np.float32)
    np.fill_diagonal(weights, 0.0)
    return weights

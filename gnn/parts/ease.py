"""Weights from items to items, made at once: a linear model (EASE), and cosines."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import lapack

from linkspan.gnn.events.domains import rows_at_once
from linkspan.gnn.events.known import count_users
from linkspan.gnn.metrics import kth_largest

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
Float = TypeVar("Float", np.float32, np.float64)

_COLUMNS = 512
"""Columns of item weights that are dense at once, at most (`rows_at_once`)."""

_BLOCK = 512
"""Rows and columns of a square that are worked on at once."""

_log = logging.getLogger(__name__)


def item_weights(
    events: pd.DataFrame,
    users: int,
    items: int,
    *,
    regularization: float,
    keep: int = 200,
    most: int = 20_000,
    domains: IntArray | None = None,
) -> sparse.csr_array:
    """EASE (Steck, 2019, arXiv:1905.03375), a linear item-item model, in closed form.

    ``B = I - P / diag(P)`` with ``P = inverse(X'X + λI)``; where there are fewer users than items,
    from ``inverse(XX' + λI)`` by Woodbury's identity, which is exact as well. Costs the cube of the
    smaller number in time, and 4 bytes times its square in memory (1.6 GB for 20,000).

    Args:
        events: Events to learn from; columns ``user`` and ``item``.
        users: Number of users U.
        items: Number of items N.
        regularization: λ, added to the diagonal of the Gram matrix.
        keep: Weights kept for each item that is predicted, those of largest magnitude (more where
            several are equal).
        most: Where both numbers are larger, only so many items take part, which is logged: those
            with the most users in each domain, for an even share of half of the places, then those
            with the most users of all.
        domains: (N,) position of each item's domain; without, there is one.

    Returns:
        (N, N) float32, zero on the diagonal; column j predicts item j.
    """
    pairs = events[["user", "item"]].drop_duplicates()
    ones = np.ones(len(pairs), np.float32)
    counts = count_users(events, items)
    chosen = np.flatnonzero(counts)  # an item without users says nothing
    if min(len(chosen), len(np.unique(pairs["user"]))) > most:
        known, codes = len(chosen), np.zeros(items, np.int64) if domains is None else domains
        chosen = chosen[_most_met(counts[chosen], codes[chosen], most)]
        _log.info("the linear weights are of %d of %d items, those with most users", most, known)
    met = sparse.csr_array((ones, (pairs["user"], pairs["item"])), shape=(users, items))[:, chosen]
    met = met[np.diff(met.indptr) > 0]  # (U', N')
    dual = met.shape[0] < met.shape[1]
    # (U', U') in the dual form, else (N', N').
    inverse = ridge_inverse(gram_matrix(met if dual else met.T.tocsr()), regularization)
    columns = met.tocsc()

    def block(inside: IntArray) -> FloatArray:
        if dual:  # P = (I - X'KX) / λ, so that B = X'KX / (1 - diag(X'KX)) off the diagonal
            # Symmetric, so that it may stand on the right, where SciPy does not copy it each time.
            known = np.ascontiguousarray((columns[:, inside].T @ inverse).T)  # (U', B)
            found = np.asarray(met.T @ known)  # (N', B)
            diagonal = found[inside, np.arange(len(inside))]
            found /= np.maximum(1.0 - diagonal, 1e-6)
            return found
        weights: FloatArray = inverse[:, inside] / -np.diag(inverse)[inside]  # (N', B)
        return weights

    return _largest(block, chosen, items, keep)


def _most_met(counts: IntArray, domains: IntArray, most: int) -> IntArray:
    """Ascending positions of items: those with the most users, but of each domain some.

    Args:
        counts: (N,) number of users of each item.
        domains: (N,) position of its domain.
        most: How many; half of them are shared evenly among the domains.
    """
    order = np.lexsort((-counts, domains))
    _, first, size = np.unique(domains[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(first, size)
    assured = np.zeros(len(order), bool)
    assured[order] = place < most // (2 * len(size))
    return np.sort(np.lexsort((-counts, ~assured))[:most])


def item_cosines(
    events: pd.DataFrame, users: int, items: int, *, shrinkage: float = 10.0, keep: int = 200
) -> sparse.csr_array:
    """Cosines of items by the users who met both (Sarwar et al., 2001, doi:10.1145/371920.372071).

    Args:
        events: Events to learn from; columns ``user`` and ``item``.
        users: Number of users U.
        items: Number of items N.
        shrinkage: Added to each product of lengths, so that few common users count less.
        keep: Neighbours kept for each item.

    Returns:
        (N, N) float32, zero on the diagonal.
    """
    pairs = events[["user", "item"]].drop_duplicates()
    ones = np.ones(len(pairs), np.float32)
    met = sparse.csc_array((ones, (pairs["user"], pairs["item"])), shape=(users, items))
    length = np.sqrt(np.asarray(met.sum(axis=0)).ravel())

    def block(inside: IntArray) -> FloatArray:
        found = (met.T @ met[:, inside]).toarray()  # (N, B)
        cosines: FloatArray = (found / (length[:, None] * length[inside] + shrinkage)).astype(
            np.float32
        )
        return cosines

    return _largest(block, np.arange(items), items, keep)


def _largest(
    block: Callable[[IntArray], FloatArray], chosen: IntArray, items: int, keep: int
) -> sparse.csr_array:
    """(N, N) the largest weights of each column, by magnitude, made some columns at a time.

    Args:
        block: Positions in ``chosen`` to the dense columns of these (len(chosen), B); changed.
        chosen: Items that take part, ascending.
        items: N.
        keep: How many of a column (more where several are equal).
    """
    none = np.zeros(0, np.int64)
    rows_kept, columns_kept, values_kept = [none], [none], [np.zeros(0, np.float32)]
    width = rows_at_once(len(chosen), 6, _COLUMNS)
    for start in range(0, len(chosen), width):
        inside = np.arange(start, min(start + width, len(chosen)))
        found = block(inside)
        found[inside, inside - start] = 0.0
        found = np.ascontiguousarray(found.T)  # (B, len(chosen))
        sizes = np.abs(found)
        least = kth_largest(sizes, min(keep, len(chosen)))
        of, best = np.nonzero((sizes >= least) & (sizes > 0.0))
        rows_kept.append(chosen[best])
        columns_kept.append(chosen[inside[of]])
        values_kept.append(found[of, best])
    places = (np.concatenate(rows_kept), np.concatenate(columns_kept))
    values = np.concatenate(values_kept).astype(np.float32)
    weights: sparse.csr_array = sparse.coo_array((values, places), (items, items)).tocsr()
    return weights


def gram_matrix(met: sparse.csr_array) -> FloatArray:
    """(R, R) the products of all rows of a sparse matrix, without a sparse copy of them."""
    result, other = np.empty((met.shape[0],) * 2, np.float32), met.T.tocsr()
    for start in range(0, len(result), _BLOCK):
        (met[start : start + _BLOCK] @ other).toarray(out=result[start : start + _BLOCK])
    return result


def ridge_inverse(gram: NDArray[Float], ridge: float) -> NDArray[Float]:
    """Inverse of a symmetric positive matrix after adding to its diagonal, by Cholesky.

    Args:
        gram: (N, N), changed in place.
        ridge: What is added.

    Returns:
        (N, N), of the same precision.
    """
    if not len(gram):  # LAPACK complains
        return gram
    gram[np.diag_indices_from(gram)] += ridge
    double, single = (lapack.dpotrf, lapack.dpotri), (lapack.spotrf, lapack.spotri)
    potrf, potri = double if gram.dtype == np.float64 else single
    # LAPACK reads by columns: of a symmetric matrix the transpose is the same, and no copy is made.
    factor, _ = potrf(gram.T, lower=1, overwrite_a=1)
    inverse, _ = potri(factor, lower=1, overwrite_c=1)
    for start in range(0, len(inverse), _BLOCK):
        part = slice(start, start + _BLOCK)
        inverse[:start, part] = inverse[part, :start].T
        corner = np.tril(inverse[part, part])
        inverse[part, part] = corner + np.tril(corner, -1).T
    mirrored: NDArray[Float] = inverse.T  # by rows
    return mirrored

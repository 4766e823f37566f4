"""The linear part of a score: learned, kept in a file, and carried to a later snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from linkspan.gnn.events.domains import item_domains
from linkspan.gnn.parts.dual_ease import DualWeights, suits
from linkspan.gnn.parts.ease import item_weights
from linkspan.gnn.settings import ModelSettings
from linkspan.graph.snapshot import Snapshot
from linkspan.precision import Precision, pack

IntArray = NDArray[np.int64]

Linear: TypeAlias = sparse.csr_array | DualWeights
"""(N, N) weights from items to items, the largest written out, or all of them in the dual form."""

LINEAR, DUAL = "linear.npz", "dual.npz"


def learn_linear(snapshot: Snapshot, events: pd.DataFrame, settings: ModelSettings) -> Linear:
    """The weights that events give: in the dual form for sets of few users.

    Args:
        snapshot: The graph.
        events: Rows of ``snapshot.events()`` to learn from.
        settings: λ of the linear part.
    """
    items, ridge = len(snapshot.items), settings.linear_regularization
    if not snapshot.timed and suits(events, items):
        return DualWeights.fit(events, items, regularization=ridge)
    domains = item_domains(snapshot)
    return item_weights(events, len(snapshot.users), items, regularization=ridge, domains=domains)


def move_linear(linear: Linear, place: IntArray, items: int) -> Linear:
    """The same weights in another order of items.

    Args:
        linear: The weights.
        place: (N,) row of each item in the new order; -1 for those that have gone.
        items: Number of items in the new order; those that are new have no weights.
    """
    if isinstance(linear, DualWeights):
        kept, own = np.flatnonzero(place >= 0), np.zeros(items, np.float32)
        own[place[kept]] = linear.own[kept]
        found = linear.met[:, kept].tocoo()
        places = (found.coords[0], place[kept][found.coords[1]])
        met = sparse.coo_array((found.data, places), shape=(linear.met.shape[0], items)).tocsr()
        return DualWeights(met, linear.inverse, own)
    found = linear.tocoo()
    source, target = place[found.coords[0]], place[found.coords[1]]
    there = (source >= 0) & (target >= 0)
    at = (source[there], target[there])
    moved: sparse.csr_array = sparse.coo_array((found.data[there], at), (items, items)).tocsr()
    return moved


def save_linear(linear: Linear, folder: Path, precision: Precision = "single") -> None:
    """Write the weights as ``linear.npz`` or ``dual.npz``, in place of those that were there.

    The dual form is an inverse, whose errors would add up: it stays as it is.
    """
    for name in (LINEAR, DUAL):
        (folder / name).unlink(missing_ok=True)
    if isinstance(linear, DualWeights):
        linear.save(folder / DUAL)
    else:
        data = pack(linear.data, "single" if precision == "single" else "half").values
        # SciPy does not compute with half precision, but keeps it.
        kept = sparse.csr_array((data, linear.indices, linear.indptr), shape=linear.shape)
        sparse.save_npz(folder / LINEAR, kept)


def load_linear(folder: Path) -> Linear:
    """Load what `save_linear` wrote.

    Raises:
        OSError: There is none, or it cannot be read.
        KeyError: The file holds something else.
        ValueError: Likewise.
    """
    if (folder / DUAL).exists():
        return DualWeights.load(folder / DUAL)
    found: sparse.csr_array = sparse.csr_array(sparse.load_npz(folder / LINEAR)).astype(np.float32)
    return found

"""Items by domain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkspan.graph.snapshot import Snapshot

IntArray = NDArray[np.int64]


def item_domains(snapshot: Snapshot) -> IntArray:
    """(N,) position in ``snapshot.domains`` of each item's domain."""
    codes = {domain: code for code, domain in enumerate(snapshot.domains)}
    return np.asarray(snapshot.items["domain"].map(codes), np.int64)


def rows_by_domain(snapshot: Snapshot) -> dict[str, IntArray]:
    """Domain to the rows of its items, ascending; domains sorted by name."""
    names = snapshot.items["domain"].to_numpy()
    return {domain: np.flatnonzero(names == domain) for domain in snapshot.domains}

"""Items by domain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkspan.graph.snapshot import Snapshot

IntArray = NDArray[np.int64]


def item_domains(snapshot: Snapshot) -> IntArray:
    """(N,) position in ``snapshot.domains`` of each item's domain.

    Items of several domains that are one have that of the key that stands for them.
    """
    codes = {domain: code for code, domain in enumerate(snapshot.domains)}
    return np.asarray(snapshot.items["domain"].map(codes), np.int64)


def rows_by_domain(snapshot: Snapshot) -> dict[str, IntArray]:
    """Domain to the rows of its items, ascending; domains sorted by name.

    Items of several domains that are one stand in each of them.
    """
    names = snapshot.items["domain"].to_numpy()
    rows = {domain: np.flatnonzero(names == domain) for domain in snapshot.domains}
    if "item" in snapshot.aliases:
        for domain, aliases in snapshot.aliases["item"].groupby("domain"):
            rows[str(domain)] = np.union1d(rows[str(domain)], aliases["row"])
    return rows

"""Items by domain, and how many rows of scores of them are held at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.graph.snapshot import Snapshot

IntArray = NDArray[np.int64]

AT_ONCE = 2**26
"""Numbers of float32 in dense arrays as wide as a domain, all of a process together: 256 MiB."""


def item_domains(snapshot: Snapshot) -> IntArray:
    """(N,) position in ``snapshot.domains`` of each item's domain.

    Items of several domains that are one have that of the key that stands for them.
    """
    codes = {domain: code for code, domain in enumerate(snapshot.domains)}
    return np.asarray(snapshot.items["domain"].map(codes), np.int64)


def event_domains(snapshot: Snapshot, events: pd.DataFrame) -> NDArray[np.object_]:
    """(E,) name of the domain of each event's item; column ``item``."""
    names: NDArray[np.object_] = snapshot.items["domain"].to_numpy(object)
    return names[events["item"]]


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


def rows_at_once(items: int, arrays: int, most: int) -> int:
    """Number of rows of scores to make at once, so that memory does not grow with a domain.

    Args:
        items: Columns N.
        arrays: How many float32 arrays (rows, N) there are at the same time.
        most: Rows, at most.

    Returns:
        From 1 to ``most``; the arrays stay within `AT_ONCE`, but for a single row.
    """
    return max(1, min(most, AT_ONCE // max(items * arrays, 1)))

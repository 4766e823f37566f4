"""Items that users met and did not like, as negatives of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.gnn.events.history import PAD
from linkspan.graph.snapshot import Snapshot

IntArray = NDArray[np.int64]


class Dislikes:
    """Items that each user disliked in each domain.

    Args:
        snapshot: The graph; events of sign -1 count.
        domains: (N,) position of each item's domain.
        held_out: Events that must not be known: what their users disliked at the time of the first
            of them, or later, is left out, where events have times.
    """

    def __init__(
        self, snapshot: Snapshot, domains: IntArray, held_out: pd.DataFrame | None
    ) -> None:
        frames = [frame[frame["sign"] < 0] for frame in snapshot.interactions.values()]
        found = pd.concat(frames)[["user", "item", "at"]]
        if held_out is not None and snapshot.timed:
            first = held_out.groupby("user")["at"].min()
            limit = found["user"].map(first).to_numpy(np.float64)
            found = found[~(found["at"].to_numpy() >= limit)]
        found = found.drop_duplicates(["user", "item"])
        self._domains = len(snapshot.domains)
        places = found["user"].to_numpy(np.int64) * self._domains + domains[found["item"]]
        order = np.argsort(places, kind="stable")
        self._places, self._items = places[order], found["item"].to_numpy(np.int64)[order]

    def __bool__(self) -> bool:
        return len(self._items) > 0

    def draw(
        self, users: IntArray, domains: IntArray, size: int, random: np.random.Generator
    ) -> IntArray:
        """Items that users disliked in a domain, drawn with replacement.

        Args:
            users: (B,) user rows.
            domains: (B,) positions of domains.
            size: D, items each.
            random: Draws them.

        Returns:
            (B, D) item rows, `PAD` for users who disliked nothing there.
        """
        asked = users * self._domains + domains
        first = np.searchsorted(self._places, asked)
        sizes = np.searchsorted(self._places, asked, side="right") - first
        drawn = first[:, None] + (random.random((len(users), size)) * sizes[:, None]).astype(int)
        rows = self._items[np.minimum(drawn, len(self._items) - 1)]
        return np.where(sizes[:, None] > 0, rows, PAD)

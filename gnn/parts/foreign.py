"""Part of a score that comes from users' states at other sites of a federation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, sparse

from linkspan.gnn.parts.values import Dense
from linkspan.graph.snapshot import Snapshot

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

FILE = "foreign.npz"
RIDGE = 10.0
"""λ; a user counts as an example of length 1 for each site that knows them."""


@dataclass(frozen=True)
class ForeignPart:
    """Users' states at other sites, and how they lead to this site's items.

    A linear map from states to items, fitted to what users of both have met here (ridge
    regression; the map between domains of EMCDR, Man et al., 2017, from states to items at once).

    Attributes:
        sites: Names of the other sites.
        users: (U,) keys of the users whom another site knows.
        states: (U, S * K) their states, a site after the other, each of length 1 or, where the
            site does not know the user, 0.
        weights: (S * K, N) to the items.
    """

    sites: tuple[str, ...]
    users: tuple[str, ...]
    states: FloatArray
    weights: FloatArray

    @classmethod
    def fit(
        cls,
        sites: Sequence[str],
        users: Sequence[str],
        states: FloatArray,
        snapshot: Snapshot,
        events: pd.DataFrame,
    ) -> Self:
        """Learn the map.

        Args:
            sites: Names of the other sites.
            users: (U,) keys, of this graph.
            states: (U, S * K).
            snapshot: The graph.
            events: Rows of ``snapshot.events()``: what users met here.
        """
        items = len(snapshot.items)
        none = np.zeros((states.shape[1], items), np.float32)
        unfitted = cls(tuple(sites), tuple(users), states, none)
        wide = unfitted.states_in(snapshot).astype(np.float64)  # (V, S * K)
        met = events[["user", "item"]].drop_duplicates()
        ones = np.ones(len(met), np.float64)
        matrix = sparse.csr_array((ones, (met["user"], met["item"])), (len(wide), items))
        gram = wide.T @ wide + RIDGE * np.eye(wide.shape[1])
        towards = np.asarray(matrix.T @ wide).T  # (S * K, N)
        weights = linalg.solve(gram, towards, assume_a="pos")
        return replace(unfitted, weights=weights.astype(np.float32))

    def states_in(self, snapshot: Snapshot) -> FloatArray:
        """(V, S * K) states of the users of a graph, in its order; zeros for whom no site knows."""
        rows = user_rows(snapshot)
        place = pd.Index(self.users, dtype=object).get_indexer(pd.Index(rows.index))
        found = np.zeros((len(snapshot.users), self.states.shape[1]), np.float32)
        known = place >= 0
        found[rows.to_numpy()[known]] = self.states[place[known]]
        return found

    def moved(self, items: IntArray) -> Self:
        """The same for items in another order.

        Args:
            items: (M,) row here of each item; -1 for one that is new, to which nothing leads.
        """
        return replace(self, weights=np.where(items >= 0, self.weights[:, items], np.float32(0)))

    def without(self, snapshot: Snapshot, events: pd.DataFrame) -> Self:
        """The same, of the users of a graph only, and the map learned from their events alone."""
        kept = pd.Index(self.users, dtype=object).isin(user_rows(snapshot).index)
        users = [user for user, there in zip(self.users, kept, strict=True) if there]
        return self.fit(self.sites, users, self.states[kept], snapshot, events)

    def save(self, folder: Path) -> None:
        """Write as ``foreign.npz``."""
        np.savez(
            folder / FILE,
            sites=np.array(self.sites, str),
            users=np.array(self.users, str),
            states=self.states,
            weights=self.weights,
        )

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Load what `save` wrote; None where there is none.

        Raises:
            OSError: The file cannot be read.
            KeyError: It is another.
        """
        if not (folder / FILE).exists():
            return None
        with np.load(folder / FILE) as kept:
            sites, users = (tuple(kept[name].tolist()) for name in ("sites", "users"))
            return cls(sites, users, kept["states"], kept["weights"])


def user_rows(snapshot: Snapshot) -> pd.Series[int]:
    """Row of each user's key in a graph; users that are one have one row."""
    keys = pd.Index(snapshot.users["key"], dtype=object)
    rows = pd.Series(np.arange(len(keys)), index=keys)
    if "user" in snapshot.aliases:
        others = snapshot.aliases["user"].set_index("key")["row"].astype(np.int64)
        rows = pd.concat([rows, others])
    return rows


class Foreign:
    """Score that users' states at other sites give to items; 0 where no other site knows a user.

    Args:
        learned: What was learned.
        snapshot: The graph.
        rows: Domain to item rows.
    """

    name = "other sites"
    part = "linear"

    def __init__(
        self, learned: ForeignPart, snapshot: Snapshot, rows: Mapping[str, IntArray]
    ) -> None:
        self._states = learned.states_in(snapshot)
        self._weights = {domain: learned.weights[:, items] for domain, items in rows.items()}
        self._owners: IntArray | None = None

    def score(self, users: IntArray, domain: str) -> FloatArray:
        """(B, N) scores of the domain's items."""
        rows = users if self._owners is None else self._owners[users]
        states = np.where((rows >= 0)[:, None], self._states[rows], np.float32(0))
        scores: FloatArray = states @ self._weights[domain]
        return scores

    def values(self, users: IntArray, domain: str) -> Dense:
        """The same, as a sum takes them."""
        return Dense(self.score(users, domain))

    def of(self, owners: IntArray) -> Self:
        """The same for users who are asked for by other rows.

        Args:
            owners: (U,) row in the graph of each of them; -1 for whom it does not have.
        """
        other = copy(self)
        other._owners = owners
        return other

"""The nodes that a model knows, by their keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.graph.snapshot import Snapshot

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class NodeKeys:
    """Keys, and the rows of parameters that they have.

    Attributes:
        domains: Names of the domains.
        nodes: Node type (``item``, or a kind of entity) to a series: the row of each key. The keys
            that stand for their rows come first, in order; then those of items that are one with
            another.
    """

    domains: tuple[str, ...]
    nodes: Mapping[str, pd.Series[int]]

    @classmethod
    def of(cls, snapshot: Snapshot) -> NodeKeys:
        """Those of a snapshot, in its order."""
        frames = {"item": snapshot.items, **snapshot.entities}
        nodes = {
            kind: pd.Series(np.arange(len(frame)), index=pd.Index(frame["key"], dtype=object))
            for kind, frame in frames.items()
        }
        if "item" in snapshot.aliases:
            others = snapshot.aliases["item"].set_index("key")["row"].astype(np.int64)
            nodes["item"] = pd.concat([nodes["item"], others])
        return cls(tuple(snapshot.domains), nodes)

    def count(self, kind: str) -> int:
        """Number of rows of a kind."""
        return int(self.nodes[kind].nunique())

    def rows_of(self, others: NodeKeys, kind: str) -> IntArray:
        """(n,) row here of each node that others know; -1 for those that are new.

        An item that is one with others has the row of its own key, or else of one of theirs.
        """
        none: pd.Series[int] = pd.Series(dtype=np.int64)
        known, theirs = self.nodes.get(kind, none), others.nodes.get(kind, none)
        found = known.reindex(theirs.index).groupby(theirs.to_numpy()).first()
        rows: IntArray = found.fillna(-1).to_numpy().astype(np.int64)
        return rows

    def domain_rows(self, others: NodeKeys) -> IntArray:
        """(D,) position here of each domain that others know; -1 for those that are new."""
        rows: IntArray = pd.Index(self.domains).get_indexer(pd.Index(others.domains))
        return rows.astype(np.int64)

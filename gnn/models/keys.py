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
    """Keys in the order of the rows of parameters.

    Attributes:
        domains: Names of the domains.
        nodes: Node type (``item``, or a kind of entity) to the keys (n,) of its nodes.
    """

    domains: tuple[str, ...]
    nodes: Mapping[str, pd.Index]

    @classmethod
    def of(cls, snapshot: Snapshot) -> NodeKeys:
        """Those of a snapshot, in its order."""
        frames = {"item": snapshot.items, **snapshot.entities}
        nodes = {kind: pd.Index(frame["key"], dtype=object) for kind, frame in frames.items()}
        return cls(tuple(snapshot.domains), nodes)

    def rows_of(self, others: NodeKeys, kind: str) -> IntArray:
        """(n,) row here of each node that others know; -1 for those that are new."""
        known = self.nodes.get(kind, pd.Index([], dtype=object))
        rows: IntArray = known.get_indexer(others.nodes[kind]).astype(np.int64)
        return rows

    def domain_rows(self, others: NodeKeys) -> IntArray:
        """(D,) position here of each domain that others know; -1 for those that are new."""
        rows: IntArray = pd.Index(self.domains).get_indexer(pd.Index(others.domains))
        return rows.astype(np.int64)

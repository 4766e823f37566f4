"""Features of items that tell nothing of users: texts, what the graph ties them to, domains."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from linkspan.gnn.encoding.texts import unit_rows
from linkspan.gnn.events.domains import item_domains
from linkspan.gnn.parts.relations import item_profiles
from linkspan.graph.snapshot import Snapshot

FloatArray = NDArray[np.float32]

TEXT_WIDTH, RELATION_WIDTH = 64, 48
"""Most features of the texts, and of each relation: the noise grows with their number."""

CONSTANT = 0.3
"""Share of each row that is the same for all items: sums of its products count events."""


def public_features(snapshot: Snapshot, vectors: Mapping[str, FloatArray]) -> FloatArray:
    """Features of items, none of them made from events.

    Args:
        snapshot: The graph; its relations between items and entities count as public.
        vectors: Node type to vectors (n, d) of texts.

    Returns:
        (N, d), rows of length 1, the first column `CONSTANT`.
    """
    items = len(snapshot.items)
    blocks: list[FloatArray] = []
    if "item" in vectors and vectors["item"].any():
        text = vectors["item"]
        blocks.append(_narrowed(text - text.mean(axis=0), TEXT_WIDTH))
    blocks += [_narrowed(each, RELATION_WIDTH) for each in item_profiles(snapshot).values()]
    domains = np.zeros((items, len(snapshot.domains)), np.float32)
    domains[np.arange(items), item_domains(snapshot)] = 1.0
    told = unit_rows(np.concatenate([*blocks, domains], axis=1))
    constant = np.full((items, 1), CONSTANT, np.float32)
    return np.concatenate([constant, told * np.float32((1.0 - CONSTANT**2) ** 0.5)], axis=1)


def _narrowed(block: FloatArray | sparse.csr_array, width: int) -> FloatArray:
    """(N, w) rows of length 1, or of zeros, in the ``width`` directions that tell most."""
    width = min(width, *(size - 1 for size in block.shape))
    if width < 1:
        return np.zeros((block.shape[0], 0), np.float32)
    left, sizes, _ = randomized_svd(block, width, random_state=0)
    return unit_rows((left * sizes).astype(np.float32))

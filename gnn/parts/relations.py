"""Association of items by what the knowledge graph says of them; free of training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from linkspan.gnn.events.known import KnownEvents
from linkspan.gnn.parts.historic import Scattered
from linkspan.graph.snapshot import RelationKey, Snapshot

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


def relation_profiles(snapshot: Snapshot) -> dict[RelationKey, sparse.csr_array]:
    """Items by what each relation ties them to, rare things counting more.

    A thing that n of the N items are tied to has the weight log(N / n) (inverse document frequency:
    Spärck Jones, 1972, doi:10.1108/eb026526), times that of the relation. Of relations between
    items, inside and across domains, both directions count, and an item is tied to itself, so that
    two are alike where one leads to the other, and where both lead to, or come from, a third.

    Returns:
        Relation to (N, T) float32, rows of length 1, or of zeros where an item has none. Relations
        that say nothing (nothing is shared) are left out; ``SAME_AS`` items are one row already.
    """
    items = len(snapshot.items)
    profiles: dict[RelationKey, sparse.csr_array] = {}
    for (source, name, target), frame in sorted(snapshot.relations.items()):
        ends = (frame["source"].to_numpy(), frame["target"].to_numpy())
        weights = frame["weight"].to_numpy(np.float32)
        if source == "item" and target == "item":
            ties = sparse.coo_array((weights, ends), shape=(items, items)).tocsr()
            ties = ties.maximum(ties.T)
            tied = np.diff(ties.indptr) > 0
            ties = (ties + sparse.diags_array(tied.astype(np.float32))).tocsr()
        elif source == "item" and target != "user":
            shape = (items, len(snapshot.entities[target]))
            ties = sparse.coo_array((weights, ends), shape=shape).tocsr()
        elif target == "item" and source != "user":
            shape = (items, len(snapshot.entities[source]))
            ties = sparse.coo_array((weights, ends[::-1]), shape=shape).tocsr()
        else:
            continue
        profile = _weighed(ties)
        if profile.nnz:
            profiles[source, name, target] = profile
    return profiles


def item_profiles(snapshot: Snapshot) -> dict[str, sparse.csr_array]:
    """The same by the type of the relation; a second one of a type is named with its ends."""
    profiles: dict[str, sparse.csr_array] = {}
    for relation, profile in relation_profiles(snapshot).items():
        name = relation[1]
        profiles[name if name not in profiles else " ".join(relation)] = profile
    return profiles


def _weighed(ties: sparse.csr_array) -> sparse.csr_array:
    """Rows of unit length, things weighed by how rare they are; those of one item dropped."""
    found = ties.maximum(0).tocsr()
    found.eliminate_zeros()
    counts = np.bincount(found.indices, minlength=found.shape[1])  # (T,)
    shared = np.where(counts > 1, np.log(found.shape[0] / np.maximum(counts, 1)), 0.0)
    found = (found @ sparse.diags_array(shared.astype(np.float32))).tocsr()
    found.eliminate_zeros()
    lengths = np.sqrt(np.asarray(found.multiply(found).sum(axis=1)).ravel())
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    profile: sparse.csr_array = (sparse.diags_array(scale.astype(np.float32)) @ found).tocsr()
    return profile


class Association(Scattered):
    """Square root of the cosines of an item's profile with those of a history that fades, summed.

    Without the root, one rare thing in common would count more than all else together.

    Args:
        name: Type of the relation.
        profile: (N, T) as `item_profiles` gives it.
        known_events: Known events.
        rows: Domain to item rows; the order is that of the domains' positions.
        decay: Weight of an event for each step that it is older.
    """

    part = "relations"

    def __init__(
        self,
        name: str,
        profile: sparse.csr_array,
        known_events: KnownEvents,
        rows: Mapping[str, IntArray],
        decay: float,
    ) -> None:
        super().__init__(known_events, rows, decay)
        self.name, self._profile = f"{name} {decay:g}", profile
        self._things = {domain: profile[items].T.tocsr() for domain, items in rows.items()}

    def reached(self, past: sparse.csr_array, users: IntArray, domain: str) -> sparse.csr_array:
        """(B, N) cosines with the domain's items, summed."""
        cosines: sparse.csr_array = (past @ self._profile @ self._things[domain]).tocsr()
        return cosines

    def bent(self, sums: FloatArray) -> FloatArray:
        """Their square root."""
        scores: FloatArray = np.sqrt(sums)
        return scores

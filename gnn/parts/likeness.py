"""Likeness of an item's vector, of its text or of its state, to those of a history."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from linkspan.gnn.events.known import KnownEvents
from linkspan.gnn.parts.historic import Historic
from linkspan.gnn.parts.products import Products, Vectors

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


class Likeness(Historic):
    """Products of an item's vector with those of a history that fades, summed.

    Args:
        vectors: (N, d), zeros where there is none; of texts and states of length 1 (`unit_rows`),
            so that products are cosines.
        known_events: Known events.
        rows: Domain to item rows.
        decay: Weight of an event for each step that it is older.
        part: Which of `PARTS` it belongs to.
        kind: Of vectors; with the decay, what tells it from others.
        onto: Vectors of the items that are scored; by default those of the history.
    """

    def __init__(
        self,
        vectors: FloatArray,
        known_events: KnownEvents,
        rows: Mapping[str, IntArray],
        decay: float,
        part: str = "text",
        kind: str = "text",
        onto: Vectors | None = None,
    ) -> None:
        super().__init__(known_events, rows)
        self.part, self.name = part, f"{kind} {decay:g}"
        self._vectors, self._decay = vectors, decay
        self._onto = onto or Vectors(vectors, rows)

    def score(self, users: IntArray, domain: str) -> FloatArray:
        """(B, N) scores of the domain's items."""
        scores: FloatArray = self._state(users, domain) @ self._onto.inside(domain)[0].numpy().T
        return scores

    def values(self, users: IntArray, domain: str) -> Products:
        """The same, as a sum takes them."""
        return Products(self._state(users, domain), *self._onto.inside(domain))

    def _state(self, users: IntArray, domain: str) -> FloatArray:
        """(B, d)."""
        state: FloatArray = self._past(domain).rows(users, self._decay) @ self._vectors
        return state

"""The simple parts of a score: a linear model of items, item transitions, text, popularity.

None of them is trained step by step; each is a matrix made at once from events or text, the linear
one by `linkspan.gnn.parts.ease`. Their sum is a strong model by itself, and the bar for any network
(`linkspan.gnn.scores.hybrid` weighs them).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from linkspan.gnn.events.known import FadingHistory, KnownEvents, narrow
from linkspan.gnn.parts.values import Changed, Few, Same, Values

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


def forward_steps(steps: sparse.csr_array, prior: float) -> sparse.csr_array:
    """Share of the steps out of each item that lead to each other.

    Args:
        steps: (N, N) as `linkspan.gnn.events.transitions.Sequence.transitions` gives them.
        prior: Added to each item's sum, so that few steps count less.

    Returns:
        (N, N) float32, rows sum to less than 1.
    """
    counts = _moved(steps)
    out = np.asarray(counts.sum(axis=1)).ravel() + prior
    shares: sparse.csr_array = sparse.diags_array((1.0 / out).astype(np.float32)) @ counts
    return shares


def mutual_steps(steps: sparse.csr_array) -> sparse.csr_array:
    """(N, N) steps in both directions, over the square root of both items' sums."""
    counts = _moved(steps)
    both = counts + counts.T
    sums = np.asarray(both.sum(axis=1)).ravel()
    scale = sparse.diags_array((1.0 / np.sqrt(np.maximum(sums, 1e-12))).astype(np.float32))
    scaled: sparse.csr_array = scale @ both @ scale
    return scaled


def _moved(steps: sparse.csr_array) -> sparse.csr_array:
    """Steps that lead to another item."""
    counts = steps.tocoo()
    sources, targets = counts.coords
    moved = sources != targets
    places = sources[moved], targets[moved]
    return sparse.coo_array((counts.data[moved], places), shape=steps.shape).tocsr()


def by_domain(
    matrix: sparse.csr_array, rows: Mapping[str, IntArray]
) -> dict[str, sparse.csr_array]:
    """Domain to the columns of its items."""
    return {domain: narrow(matrix[:, items]) for domain, items in rows.items()}


class Historic:
    """A feature of histories; the same parameters score any others.

    Args:
        known_events: Known events.
        rows: Domain to item rows; the order is that of the domains' positions.
        inside: Whether only events of the domain asked for count, and steps between them.
    """

    def __init__(
        self, known_events: KnownEvents, rows: Mapping[str, IntArray], *, inside: bool = False
    ) -> None:
        self._known_events, self._rows, self._inside = known_events, rows, inside
        self._codes = {domain: code for code, domain in enumerate(rows)}

    def over(self, known_events: KnownEvents, owners: IntArray | None = None) -> Self:
        """The same for other histories.

        Args:
            known_events: Of users that are asked for by their rows here.
            owners: (U,) row in the graph of each of them, for features that go by it.
        """
        other = copy(self)
        other._known_events = known_events
        return other

    def _past(self, domain: str) -> FadingHistory:
        """The events that count in a domain."""
        return self._known_events.over(self._codes[domain] if self._inside else None)


class Scattered(Historic, ABC):
    """A feature that scores few of the items; the others have 0.

    Args:
        known_events: Known events.
        rows: Domain to item rows; the order is that of the domains' positions.
        decay: Weight of an event for each step that it is older.
        inside: As for `Historic`.
    """

    def __init__(
        self,
        known_events: KnownEvents,
        rows: Mapping[str, IntArray],
        decay: float = 1.0,
        *,
        inside: bool = False,
    ) -> None:
        super().__init__(known_events, rows, inside=inside)
        self._decay = decay
        self._lacking: tuple[Self, IntArray] | None = None

    @abstractmethod
    def reached(self, past: sparse.csr_array, users: IntArray, domain: str) -> sparse.csr_array:
        """Sum of what each event gives to the domain's items, times its weight.

        Args:
            past: (B, N') weights of the events, by item row.
            users: (B,) whose they are.
            domain: Name of the domain.

        Returns:
            (B, N), no place twice.
        """

    def bent(self, sums: FloatArray) -> FloatArray:
        """Scores that are made of the sums, one by one; 0 of 0."""
        return sums

    def over(self, known_events: KnownEvents, owners: IntArray | None = None) -> Self:
        """As `Historic.over`."""
        other = super().over(known_events, owners)
        other._lacking = None
        return other

    def lacking(self, whole: Self, rows: IntArray) -> Self:
        """The same for histories that lack few events of others, from whose sums they are made.

        Args:
            whole: The feature of these others.
            rows: (U,) which of its users each user here is.
        """
        other = copy(self)
        fades = self._known_events.timed and self._decay < 1  # all older events become younger
        other._lacking = None if fades else (whole, rows)
        return other

    def found(self, users: IntArray, domain: str) -> sparse.csr_array:
        """(B, N) scores of the domain's items."""
        sums = self.reached(self._past(domain).rows(users, self._decay), users, domain)
        sums.data = self.bent(sums.data)
        return sums

    def score(self, users: IntArray, domain: str) -> FloatArray:
        """(B, N) scores of the domain's items."""
        return np.asarray(self.found(users, domain).toarray(), np.float32)

    def values(self, users: IntArray, domain: str) -> Values:
        """The same, as a sum takes them."""
        if self._lacking is None:
            return Few(self.found(users, domain))
        whole, rows = self._lacking[0], self._lacking[1][users]
        past = whole._past(domain)
        lost = (past.rows(rows) - self._past(domain).rows(users)).tocsr()
        distinct, places = np.unique(rows, return_inverse=True)  # (W,), (B,)
        return Changed(
            whole.reached(past.rows(distinct), distinct, domain),
            places,
            self.reached(lost, users, domain),
            self.bent,
        )


class ItemMatrix(Scattered):
    """A history that fades, times a matrix from items to items.

    Args:
        part: Which of `PARTS` it belongs to.
        name: What tells it from others.
        matrices: Domain to the columns of its items in a matrix (N, N), as `by_domain` cuts them;
            no place stands twice.
        known_events: Known events.
        rows: Domain to item rows; the order is that of the domains' positions.
        decay: Weight of an event for each step that it is older.
        inside: Whether only events of the domain asked for count, and steps between them.
    """

    def __init__(
        self,
        part: str,
        name: str,
        matrices: Mapping[str, sparse.csr_array],
        known_events: KnownEvents,
        rows: Mapping[str, IntArray],
        decay: float,
        *,
        inside: bool = False,
    ) -> None:
        super().__init__(known_events, rows, decay, inside=inside)
        self.part, self.name, self._matrices = part, name, matrices

    def reached(self, past: sparse.csr_array, users: IntArray, domain: str) -> sparse.csr_array:
        """As `Scattered.reached`."""
        found: sparse.csr_array = (past @ self._matrices[domain]).tocsr()
        return found


class Popular:
    """Logarithm of one and the number of users of an item.

    Args:
        counts: (N,) numbers of users.
        rows: Domain to item rows.
    """

    name = part = "popularity"

    def __init__(self, counts: IntArray | FloatArray, rows: Mapping[str, IntArray]) -> None:
        logs = np.log1p(counts).astype(np.float32)
        self._counts = {domain: logs[chosen] for domain, chosen in rows.items()}

    def score(self, users: IntArray, domain: str) -> FloatArray:
        """(B, N) scores, the same for every user."""
        counts = self._counts[domain]
        return np.broadcast_to(counts, (len(users), len(counts)))

    def values(self, users: IntArray, domain: str) -> Same:
        """The same, as a sum takes them."""
        return Same(self._counts[domain], len(users))

"""The parts that a score is the sum of."""

from __future__ import annotations

from copy import copy
from typing import Protocol, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from linkspan.gnn.events.domains import rows_by_domain
from linkspan.gnn.events.history import PAD, Histories
from linkspan.gnn.events.known import KnownEvents, Recent
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.parts.products import Products, add_products
from linkspan.gnn.parts.values import Same

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

PARTS = ("gnn", "linear", "transitions", "text", "relations", "popularity")
"""Names of the parts that are stored with a recommendation, in this order."""


class Component(Protocol):
    """One part of a score, or a whole baseline.

    Attributes:
        name: One of `PARTS`, or the name of a baseline.
    """

    @property
    def name(self) -> str:
        """Column it fills."""
        ...

    def score(self, users: IntArray, domain: str) -> FloatArray:
        """Scores of all N items of a domain.

        Args:
            users: (B,) user rows.
            domain: Name of the domain.

        Returns:
            (B, N), finite, the items in row order.
        """
        ...


class Prior:
    """The model's popularity prior: its weight times ``log(1 + count)``, plus the item's bias."""

    name, part = "learned popularity", "popularity"

    def __init__(self, fitted: FittedModel) -> None:
        rows = rows_by_domain(fitted.snapshot)
        self._prior = {domain: fitted.prior[items] for domain, items in rows.items()}

    def score(self, users: IntArray, domain: str) -> FloatArray:
        """(B, N) scores, the same for every user."""
        return np.broadcast_to(self._prior[domain], (len(users), len(self._prior[domain])))

    def values(self, users: IntArray, domain: str) -> Same:
        """The same, as a sum takes them."""
        return Same(self._prior[domain], len(users))


class Cosine:
    """Cosine of user and item over the temperature; 0 for a user without a history."""

    name = part = "gnn"

    def __init__(self, fitted: FittedModel) -> None:
        self._fitted, self._known_events = fitted, fitted.known_events
        self._owners: IntArray | None = None
        self._codes = {domain: code for code, domain in enumerate(fitted.snapshot.domains)}

    def score(self, users: IntArray, domain: str) -> FloatArray:
        """(B, N) scores."""
        items, _ = self._fitted.item_vectors.inside(domain)
        scores = np.zeros((len(users), len(items)), np.float32)
        add_products(scores, self._state(users, domain), items)
        return scores

    def values(self, users: IntArray, domain: str) -> Products:
        """The same, as a sum takes them."""
        return Products(self._state(users, domain), *self._fitted.item_vectors.inside(domain))

    @torch.no_grad()
    def _state(self, users: IntArray, domain: str) -> FloatArray:
        """(B, K) states of users over the temperature."""
        model, code = self._fitted.model, self._codes[domain]
        recent = self._known_events.recent(users, code, model.length)
        user = model.user_states(self._fitted.states, *self._inputs(users, recent, code))
        state: FloatArray = (user / model.temperature).cpu().numpy()
        return state

    def over(self, known_events: KnownEvents, owners: IntArray | None = None) -> Self:
        """The same for other histories.

        Args:
            known_events: Of users that are asked for by their rows here.
            owners: (U,) row in the graph of each of them; without, it is the same.
        """
        other = copy(self)
        other._known_events, other._owners = known_events, owners
        return other

    def _inputs(self, users: IntArray, recent: Recent, code: int) -> tuple[Tensor, Tensor, Tensor]:
        """Users, domains and histories as tensors, as the model takes them."""
        length = recent.own.shape[1]
        items = recent.items[:, :length]  # (B, L)
        if self._fitted.model.inside:
            own = np.take_along_axis(recent.items, np.maximum(recent.own, 0), axis=1)
            # (B, 2 * L).
            items = np.concatenate([items, np.where(recent.own < 0, PAD, own)], axis=1)
        owners = users if self._owners is None else self._owners[users]
        return self.tensors(Histories(items, owners, np.full(len(users), code)))

    def tensors(self, histories: Histories) -> tuple[Tensor, Tensor, Tensor]:
        """Arrays as tensors on the model's device."""
        arrays = (histories.users, histories.domains, histories.items)
        users, domains, items = (self._tensor(array) for array in arrays)
        return users, domains, items

    def _tensor(self, array: IntArray) -> Tensor:
        return torch.from_numpy(array).to(self._fitted.device)


class Seen:
    """Items that each user has met.

    Args:
        fitted: Its known events count.
        not_liked: Whether items that a user met and did not like count too.
        less: Events that do not; columns ``user`` and ``item``.
    """

    def __init__(
        self,
        fitted: FittedModel,
        *,
        not_liked: bool = False,
        less: pd.DataFrame | None = None,
    ) -> None:
        met = fitted.events[["user", "item"]]
        if less is not None:
            pairs = pd.MultiIndex.from_frame(less[["user", "item"]])
            met = met[~pd.MultiIndex.from_frame(met).isin(pairs)]
        if not_liked:
            met = pd.concat([met, fitted.snapshot.not_liked()]).sort_values("user")
        self._users = met["user"].to_numpy(np.int64)
        self._items = met["item"].to_numpy(np.int64)
        rows = rows_by_domain(fitted.snapshot)
        self._column = {
            domain: _inverse(items, len(fitted.snapshot.items)) for domain, items in rows.items()
        }

    def for_visitor(self, events: pd.DataFrame) -> Self:
        """The same for someone whom the graph does not have.

        Args:
            events: Columns ``user``, which is 0, and ``item``.
        """
        other = copy(self)
        other._users, other._items = (events[name].to_numpy(np.int64) for name in ("user", "item"))
        return other

    def hide(self, scores: FloatArray, users: IntArray, domain: str) -> None:
        """Write ``-inf`` over the items of a domain that each user has met.

        Args:
            scores: (B, N), changed in place.
            users: (B,) user rows.
            domain: Name of the domain.
        """
        first = np.searchsorted(self._users, users, side="left")
        sizes = np.searchsorted(self._users, users, side="right") - first
        rows = np.repeat(np.arange(len(users)), sizes)
        starts = np.repeat(first - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
        columns = self._column[domain][self._items[starts + np.arange(len(rows))]]
        inside = columns >= 0
        scores[rows[inside], columns[inside]] = -np.inf


def _inverse(rows: IntArray, size: int) -> IntArray:
    """Position of each row in ``rows``, -1 for the others."""
    result = np.full(size, -1, np.int64)
    result[rows] = np.arange(len(rows))
    return result

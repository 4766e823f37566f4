"""Choice of scored items to publish: rules, and re-ranking for variety and popularity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.gnn.events.domains import rows_by_domain
from linkspan.gnn.metrics import top_columns

if TYPE_CHECKING:
    from linkspan.gnn.models.learned import FittedModel

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

CANDIDATES = 10
"""Times ``k`` items are looked at when a list is re-ranked."""
GROUPS = (0.2, 0.8)
"""Shares of a domain's events at which its head and its middle of popular items end."""
_SMOOTHING = 0.01


@dataclass(frozen=True)
class Choice:
    """Rules by which lists are chosen from scores; by default the best items, whatever they are.

    Attributes:
        allowed: (N,) whether an item may be published; None: all may.
        matches: Pairs of codes of users (U,) and items (N,): where a user's code is not negative,
            only items of the same code may be in the list.
        min_score: Items below it are left out.
        diversity: Weight, from 0 to 1, of unlikeness to what stands above in the list: maximal
            marginal relevance (Carbonell & Goldstein, 1998, doi:10.1145/290941.291025).
        calibration: Weight, from 0 to 1, of a list whose shares of popular, middling and rare items
            are those of the user's past: Steck (2018, doi:10.1145/3240323.3240372) with the groups
            of Abdollahpouri et al. (2021, doi:10.1145/3450613.3456821).
        total: Most items of a list over all domains, best rank first; None: no limit.
    """

    allowed: NDArray[np.bool_] | None = None
    matches: Sequence[tuple[IntArray, IntArray]] = ()
    min_score: float | None = None
    diversity: float = 0.0
    calibration: float = 0.0
    total: int | None = None

    def hide(self, scores: FloatArray, users: IntArray, items: IntArray) -> None:
        """Write ``-inf`` over what must not be published.

        Args:
            scores: (B, M), changed in place.
            users: (B,) user rows.
            items: (M,) item rows of the columns.
        """
        if self.allowed is not None:
            scores[:, ~self.allowed[items]] = -np.inf
        for of_users, of_items in self.matches:
            wanted = of_users[users][:, None]
            scores[(wanted >= 0) & (wanted != of_items[items])] = -np.inf
        if self.min_score is not None:
            scores[scores < self.min_score] = -np.inf


class Chooser:
    """Chooses lists for one model.

    Args:
        fitted: Its states say what is alike, its events what is popular.
        choice: How.
    """

    def __init__(self, fitted: FittedModel, choice: Choice) -> None:
        self._fitted, self._choice = fitted, choice
        self._events, self._users = fitted.events, len(fitted.snapshot.users)

    def for_visitor(self, events: pd.DataFrame) -> Chooser:
        """The same for someone whom the graph does not have.

        Args:
            events: Columns ``user``, which is 0, and ``item``.
        """
        other = Chooser(self._fitted, self._choice)
        other._events, other._users = events, 1
        if self._choice.calibration:
            other.__dict__["_groups"] = self._groups
        return other

    def best(
        self, scores: FloatArray, users: IntArray, items: IntArray, k: int
    ) -> NDArray[np.int64]:
        """The columns of each list.

        Args:
            scores: (B, M); ``-inf`` where an item must not be in a list.
            users: (B,) user rows.
            items: (M,) item rows of the columns.
            k: Length of the lists.

        Returns:
            (B, min(k, M)) columns, in the order of the list; columns of ``-inf`` last.
        """
        diversity, calibration = self._choice.diversity, self._choice.calibration
        if not (diversity or calibration):
            return top_columns(scores, k)
        columns = top_columns(scores, k * CANDIDATES)
        among = np.take_along_axis(scores, columns, 1)  # (B, C)
        rows = items[columns]
        gains = (1 - diversity - calibration) * _unit_range(among)
        chosen = np.empty((len(users), min(k, columns.shape[1])), np.int64)
        barred, free = np.isneginf(among), np.ones(among.shape, bool)
        nearest = np.full(among.shape, -1.0, np.float32)
        states = self._fitted.item_states[rows] if diversity else None  # (B, C, K)
        groups = self._groups[rows]
        wanted = self._profiles[users] if calibration else None
        taken = np.zeros((len(users), len(GROUPS) + 1), np.float32)  # (B, G)
        everyone = np.arange(len(users))
        for place in range(chosen.shape[1]):
            values = gains.copy()
            if states is not None and place:
                values -= diversity * nearest
            if wanted is not None:
                cost = _divergence(wanted, taken, place)
                values -= calibration * np.take_along_axis(cost, groups, 1)
            values[barred] = np.finfo(np.float32).min  # only where nothing else is left
            values[~free] = -np.inf
            picked = values.argmax(axis=1)  # (B,)
            chosen[:, place], free[everyone, picked] = picked, False
            taken[everyone, groups[everyone, picked]] += 1
            if states is not None:
                likeness = np.einsum("bmd,bd->bm", states, states[everyone, picked])
                nearest = np.maximum(nearest, likeness)
        return np.take_along_axis(columns, chosen, 1)

    @cached_property
    def _groups(self) -> IntArray:
        """(N,) 0 for the popular items of a domain, 1 for those in the middle, 2 for the rest."""
        if (private := self._fitted.private) is not None:
            counts = private.counts.astype(np.float64)
        else:
            events = self._fitted.events["item"].to_numpy(np.int64)
            met = np.bincount(events, minlength=len(self._fitted.snapshot.items))
            counts = met.astype(np.float64)
        groups = np.zeros(len(counts), np.int64)
        for rows in rows_by_domain(self._fitted.snapshot).values():
            order = rows[np.argsort(-counts[rows], kind="stable")]
            before = np.cumsum(counts[order]) - counts[order]
            shares = before / max(counts[order].sum(), 1)
            groups[order] = np.searchsorted(np.array(GROUPS), shares, side="right")
        return groups

    @cached_property
    def _profiles(self) -> FloatArray:
        """(U, 3) shares of each group in a user's past; even for a user without one."""
        events = self._events
        profiles = np.zeros((self._users, len(GROUPS) + 1), np.float32)
        np.add.at(profiles, (events["user"].to_numpy(), self._groups[events["item"]]), 1)
        total = profiles.sum(axis=1, keepdims=True)
        even = np.float32(1 / profiles.shape[1])
        return np.where(total > 0, profiles / np.maximum(total, 1), even).astype(np.float32)


def _unit_range(scores: FloatArray) -> FloatArray:
    """Scores of each row from 0 to 1; those of ``-inf`` are 0."""
    finite = np.isfinite(scores)
    low = np.where(finite, scores, np.inf).min(axis=1, keepdims=True)
    high = np.where(finite, scores, -np.inf).max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        width = np.where(high > low, high - low, 1)
        return np.where(finite, (scores - low) / width, 0).astype(np.float32)


def _divergence(wanted: FloatArray, taken: FloatArray, size: int) -> FloatArray:
    """(B, G) Kullback-Leibler divergence from the user's shares, were one of each group added."""
    after = (taken[:, None] + np.eye(taken.shape[1], dtype=np.float32)) / (size + 1)
    smooth = (1 - _SMOOTHING) * after + _SMOOTHING * wanted[:, None]  # (B, G, G)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms: Any = wanted[:, None] * np.log(wanted[:, None] / smooth)
    return np.asarray(np.where(wanted[:, None] > 0, terms, 0).sum(axis=2), np.float32)

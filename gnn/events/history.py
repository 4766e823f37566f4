"""Histories: the latest events of a user before a moment, as padded arrays of item rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.gnn.events.transitions import order_within

IntArray = NDArray[np.int64]

PAD = -1
"""Stands where a history is shorter than the array."""

SET_LENGTH = 50
"""Items of a history without an order that make a user's state."""


@dataclass(frozen=True)
class Histories:
    """A batch of users at a moment each, with the domain for which they are asked.

    Attributes:
        items: (B, L) item rows, latest first, `PAD` after the oldest.
        users: (B,) user rows.
        domains: (B,) positions in ``snapshot.domains``.
    """

    items: IntArray
    users: IntArray
    domains: IntArray

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: IntArray) -> Histories:
        """The chosen rows, in the order given."""
        return Histories(self.items[rows], self.users[rows], self.domains[rows])


@dataclass(frozen=True)
class EventHistories:
    """A history for each event, made for some at a time: all are far larger than the events.

    Attributes:
        users: (E,) user rows.
        domains: (E,) position of the domain of each event.
        begun: (E,) whether anything stands in the history.
        items: Rows (B,) of events to what stands in their histories, (B, L).
    """

    users: IntArray
    domains: IntArray
    begun: NDArray[np.bool_]
    items: Callable[[IntArray], IntArray]

    def take(self, rows: IntArray) -> Histories:
        """The histories of the events at rows (B,), in the order given."""
        return Histories(self.items(rows), self.users[rows], self.domains[rows])


def before_events(
    events: pd.DataFrame, domains: IntArray, length: int, *, inside: bool = False
) -> EventHistories:
    """For each event, what its user had met before it.

    Args:
        events: In time order within each user; columns ``user`` and ``item``.
        domains: (n_items,) position of each item's domain.
        length: L.
        inside: Whether the latest L of the event's own domain follow those over all domains.
    """
    users, items = events["user"].to_numpy(np.int64), events["item"].to_numpy(np.int64)
    order = places = np.arange(0)
    groups, own = users, items
    if inside:
        order = order_within(events, domains)
        groups, own = users[order] * (domains.max() + 1) + domains[items[order]], items[order]
        places = np.empty_like(order)
        places[order] = np.arange(len(order))

    def take(rows: IntArray) -> IntArray:
        found = [_before(users, items, rows, length)]
        if inside:
            found.append(_before(groups, own, places[rows], length))
        return np.concatenate(found, axis=1)

    begun = np.zeros(len(users), bool)
    begun[1:] = users[1:] == users[:-1]
    return EventHistories(users, domains[items], begun, take)


def _before(groups: IntArray, items: IntArray, places: IntArray, length: int) -> IntArray:
    """(B, L) the items before the events at places (B,) in their groups, which stand together."""
    before = places[:, None] - np.arange(1, length + 1)  # (B, L)
    there = np.maximum(before, 0)
    same = (before >= 0) & (groups[there] == groups[places][:, None])
    return np.where(same, items[there], PAD)


def other_events(
    events: pd.DataFrame, domains: IntArray, length: int, random: np.random.Generator
) -> EventHistories:
    """For each event, other items of its user, at random: histories that are sets.

    Args:
        events: Sorted by user; columns ``user`` and ``item``.
        domains: (n_items,) position of each item's domain.
        length: L; of a user with more, L others are drawn, consecutive in a random circular order.
            An item met twice stands there once, and not in the histories of its own events.
        random: Draws the order.
    """
    users, items = events["user"].to_numpy(np.int64), events["item"].to_numpy(np.int64)
    # Row of each event among those of pairs that are met for the first time.
    pair, _ = pd.factorize(users * len(domains) + items)
    once = ~events.duplicated(["user", "item"]).to_numpy()
    owners, met = users[once], items[once]
    order = np.lexsort((random.random(len(met)), owners))
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    first = np.searchsorted(owners, owners, side="left")
    sizes = np.searchsorted(owners, owners, side="right") - first
    steps = np.arange(1, length + 1)

    def take(rows: IntArray) -> IntArray:
        asked = pair[rows]
        start, size = first[asked][:, None], sizes[asked][:, None]
        around = start + (places[asked][:, None] - start + steps) % size  # (B, L)
        return np.where(steps < size, met[order[around]], PAD)

    return EventHistories(users, domains[items], (sizes > 1)[pair], take)


def latest(
    owners: IntArray, items: IntArray, users: IntArray, domain: int, length: int
) -> Histories:
    """For each of ``users``, the latest of all their events.

    Args:
        owners: (E,) users of events, ascending, in time order within each.
        items: (E,) their items.
        users: (B,) user rows; they may have no event.
        domain: Position of the domain for which they are asked.
        length: L.
    """
    first = np.searchsorted(owners, users, side="left")
    end = np.searchsorted(owners, users, side="right")
    position = end[:, None] - 1 - np.arange(length)
    inside = position >= first[:, None]
    rows = items[np.maximum(position, 0)] if len(items) else np.zeros_like(position)
    return Histories(np.where(inside, rows, PAD), users, np.full(len(users), domain))

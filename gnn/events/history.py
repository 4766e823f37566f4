"""Histories: the latest events of a user before a moment, as padded arrays of item rows."""

from __future__ import annotations

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


def before_events(
    events: pd.DataFrame, domains: IntArray, length: int, *, inside: bool = False
) -> Histories:
    """For each event, what its user had met before it.

    Args:
        events: In time order within each user; columns ``user`` and ``item``.
        domains: (n_items,) position of each item's domain.
        length: L.
        inside: Whether the latest L of the event's own domain follow those over all domains.

    Returns:
        One row per event, in the same order.
    """
    users, items = events["user"].to_numpy(np.int64), events["item"].to_numpy(np.int64)
    found = [_before(users, items, length)]
    if inside:
        order = order_within(events, domains)
        groups = users[order] * (domains.max() + 1) + domains[items[order]]
        own = np.empty_like(found[0])
        own[order] = _before(groups, items[order], length)
        found.append(own)
    return Histories(np.concatenate(found, axis=1), users, domains[items])


def _before(groups: IntArray, items: IntArray, length: int) -> IntArray:
    """(E, L) the items before each event in its group, latest first; groups stand together."""
    result = np.full((len(items), length), PAD, np.int64)
    for steps in range(1, min(length, len(items) - 1) + 1):
        same = groups[steps:] == groups[:-steps]
        result[steps:, steps - 1] = np.where(same, items[:-steps], PAD)
    return result


def other_events(
    events: pd.DataFrame, domains: IntArray, length: int, random: np.random.Generator
) -> Histories:
    """For each event, other items of its user, at random: histories that are sets.

    Args:
        events: Sorted by user; columns ``user`` and ``item``.
        domains: (n_items,) position of each item's domain.
        length: L; of a user with more, L others are drawn, consecutive in a random circular order.
            An item met twice stands there once, and not in the histories of its own events.
        random: Draws the order.

    Returns:
        One row per event, in the same order.
    """
    once = events.drop_duplicates(["user", "item"])
    if len(once) < len(events):
        found = other_events(once, domains, length, random)
        pairs = pd.MultiIndex.from_frame(once[["user", "item"]])
        return found.take(pairs.get_indexer(pd.MultiIndex.from_frame(events[["user", "item"]])))
    users, items = events["user"].to_numpy(np.int64), events["item"].to_numpy(np.int64)
    order = np.lexsort((random.random(len(events)), users))
    first = np.searchsorted(users, users, side="left")
    sizes = np.searchsorted(users, users, side="right") - first
    steps = np.arange(1, length + 1)
    place = (np.arange(len(events)) - first)[:, None] + steps
    around = first[:, None] + place % sizes[:, None]
    result = np.full((len(events), length), PAD, np.int64)
    result[order] = np.where(steps < sizes[:, None], items[order[around]], PAD)
    return Histories(result, users, domains[items])


def latest(events: pd.DataFrame, users: IntArray, domain: int, length: int) -> Histories:
    """For each of ``users``, the latest of all their events.

    Args:
        events: In time order within each user, sorted by user; columns ``user`` and ``item``.
        users: (B,) user rows; they may have no event.
        domain: Position of the domain for which they are asked.
        length: L.
    """
    all_users, items = events["user"].to_numpy(np.int64), events["item"].to_numpy(np.int64)
    first = np.searchsorted(all_users, users, side="left")
    end = np.searchsorted(all_users, users, side="right")
    position = end[:, None] - 1 - np.arange(length)
    inside = position >= first[:, None]
    rows = items[np.maximum(position, 0)] if len(items) else np.zeros_like(position)
    return Histories(np.where(inside, rows, PAD), users, np.full(len(users), domain))

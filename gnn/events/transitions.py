"""Item transitions: which item follows which in a user's history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from linkspan.gnn.settings import ModelSettings

EdgeType = tuple[str, str, str]
IntArray = NDArray[np.int64]

NEXT: EdgeType = ("item", "NEXT", "item")
NEXT_INSIDE: EdgeType = ("item", "NEXT_INSIDE", "item")
"""Steps over all that a user met, and steps within each domain."""


def transitions(events: pd.DataFrame, window: int, decay: float) -> pd.DataFrame:
    """Each step from an item to one that the same user met up to ``window`` steps later.

    Args:
        events: In time order within each user, as ``Snapshot.events()`` gives them.
        window: Largest number of steps g.
        decay: A step over g weighs ``decay ** (g - 1)``.

    Returns:
        Columns ``source``, ``target`` (item rows), ``weight`` (float32) and ``position``, that of
        the target's event in ``events``; not summed over equal pairs.
    """
    users, items = events["user"].to_numpy(), events["item"].to_numpy()
    frames = []
    for steps, first in _starts(users, window):
        weight = np.full(len(first), decay ** (steps - 1), np.float32)
        pair = {"source": items[first], "target": items[first + steps]}
        frames.append(pd.DataFrame({**pair, "weight": weight, "position": first + steps}))
    if not frames:
        columns = ("source", "target", "weight", "position")
        types = {"source": "int32", "target": "int32", "weight": "float32"}
        return pd.DataFrame({name: [] for name in columns}, dtype="int64").astype(types)
    return pd.concat(frames, ignore_index=True)


class Sequence(NamedTuple):
    """Events in the order in which steps go from one to another.

    Attributes:
        order: (E,) their rows among the events in time order; None where these are in order.
        groups: (E,) what each step stays within; equal ones stand together.
        items: (E,) item rows.
    """

    order: IntArray | None
    groups: IntArray
    items: IntArray

    def steps(self, window: int) -> Iterator[tuple[int, IntArray, IntArray, IntArray]]:
        """Give the steps over 1, 2, ... up to ``window`` events, which are g events.

        Yields:
            g, then for each step the place of its first event, its source and its target.
        """
        for steps, first in _starts(self.groups, window):
            yield steps, first, self.items[first], self.items[first + steps]

    def transitions(self, items: int, window: int, decay: float) -> sparse.csr_array:
        """Sum the steps from each item to each other.

        Args:
            items: Number of items N.
            window: Largest number of steps g.
            decay: A step over g weighs ``decay ** (g - 1)``.

        Returns:
            (N, N) float32 by source and target, indices sorted.
        """
        total: Any = sparse.csr_array((items, items), dtype=np.float32)
        for steps, _, sources, targets in self.steps(window):
            weights = np.full(len(sources), decay ** (steps - 1), np.float32)
            found = sparse.coo_array((weights, (sources, targets)), shape=total.shape)
            total = total + found.tocsr()
        total.sum_duplicates()
        summed: sparse.csr_array = total
        return summed


def sequences(events: pd.DataFrame, domains: IntArray) -> Iterator[tuple[EdgeType, Sequence]]:
    """Give the order of all that users met and, where there are domains, within each of them.

    Args:
        events: In time order within each user; columns ``user`` and ``item``.
        domains: (N,) position of each item's domain.

    Yields:
        `NEXT`, and `NEXT_INSIDE` only where items are of several domains.
    """
    users, items = events["user"].to_numpy(), events["item"].to_numpy()
    yield NEXT, Sequence(None, users, items)
    if len(np.unique(domains)) > 1:
        order = order_within(events, domains)
        groups = users[order].astype(np.int64) * (domains.max() + 1) + domains[items[order]]
        yield NEXT_INSIDE, Sequence(order, groups, items[order])


def all_transitions(
    events: pd.DataFrame, domains: IntArray, settings: ModelSettings
) -> Iterator[tuple[EdgeType, sparse.csr_array]]:
    """Sum the steps of each of the `sequences`.

    Args:
        events: In time order within each user; columns ``user`` and ``item``.
        domains: (N,) position of each item's domain.
        settings: Window and decay.

    Yields:
        `NEXT` and `NEXT_INSIDE`, each with its `Sequence.transitions`.
    """
    window, decay = settings.transition_window, settings.transition_decay
    for key, sequence in sequences(events, domains):
        yield key, sequence.transitions(len(domains), window, decay)


def _starts(groups: IntArray, window: int) -> Iterator[tuple[int, IntArray]]:
    """Number of steps, and places from where so many lead to an event of the same group."""
    for steps in range(1, min(window, len(groups) - 1) + 1):
        yield steps, np.flatnonzero(groups[steps:] == groups[:-steps])


def order_within(events: pd.DataFrame, domains: IntArray) -> IntArray:
    """(E,) rows of events by user, domain and time: the order of steps within domains."""
    codes = domains[events["item"].to_numpy()]
    return np.lexsort((np.arange(len(events)), codes, events["user"].to_numpy()))


def transition_sums(
    events: pd.DataFrame, group: list[pd.Series], items: int, settings: ModelSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight of transitions into and out of each item, from positions within each group alone.

    Args:
        events: As for `transitions`.
        group: What each step stays within: the users, or users and domains.
        items: Number of items N.
        settings: Window and decay.

    Returns:
        Two of (N,).
    """
    grouped = events.groupby(group, sort=False)["item"]
    before = grouped.cumcount().to_numpy()
    after = grouped.cumcount(ascending=False).to_numpy()
    powers = settings.transition_decay ** np.arange(settings.transition_window)
    sums = np.concatenate([[0.0], np.cumsum(powers)])
    rows = events["item"].to_numpy()
    window = settings.transition_window
    into = np.bincount(rows, weights=sums[np.minimum(before, window)], minlength=items)
    out = np.bincount(rows, weights=sums[np.minimum(after, window)], minlength=items)
    return into.astype(np.float64), out.astype(np.float64)

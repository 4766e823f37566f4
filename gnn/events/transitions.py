"""Item transitions: which item follows which in a user's history."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
        Columns ``source``, ``target`` (item rows), ``weight`` (float32), ``steps`` (g) and
        ``position``, that of the target's event in ``events``; not summed over equal pairs.
    """
    users, items = events["user"].to_numpy(), events["item"].to_numpy()
    frames = []
    for steps in range(1, min(window, len(events) - 1) + 1):
        position = np.flatnonzero(users[steps:] == users[:-steps]) + steps
        weight = np.full(len(position), decay ** (steps - 1), np.float32)
        pair = {"source": items[position - steps], "target": items[position]}
        counted = {"weight": weight, "steps": steps, "position": position}
        frames.append(pd.DataFrame({**pair, **counted}))
    if not frames:
        columns = ("source", "target", "weight", "steps", "position")
        types = {"source": "int32", "target": "int32", "weight": "float32"}
        return pd.DataFrame({name: [] for name in columns}, dtype="int64").astype(types)
    return pd.concat(frames, ignore_index=True)


def all_transitions(
    events: pd.DataFrame, domains: IntArray, settings: ModelSettings
) -> dict[EdgeType, pd.DataFrame]:
    """`transitions` over all that a user met, and, where there are domains, within each of them.

    Args:
        events: In time order within each user; columns ``user`` and ``item``.
        domains: (N,) position of each item's domain.
        settings: Window and decay.

    Returns:
        `NEXT` and `NEXT_INSIDE` to their steps; the second only where items are of several domains.
    """
    window, decay = settings.transition_window, settings.transition_decay
    users, items = events["user"].to_numpy(np.int64), events["item"].to_numpy(np.int64)
    result = {NEXT: transitions(events, window, decay)}
    if len(np.unique(domains)) > 1:
        order = order_within(events, domains)
        groups = users[order] * (domains.max() + 1) + domains[items[order]]
        own = pd.DataFrame({"user": groups, "item": items[order]})
        steps = transitions(own, window, decay)
        result[NEXT_INSIDE] = steps.assign(position=order[steps["position"].to_numpy()])
    return result


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

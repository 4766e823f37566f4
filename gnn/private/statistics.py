"""Sums over users, each user's share bounded: all that a private training reads of events.

What a user adds is one vector in two blocks: which items the user met, and, in a space of features
that tell nothing of users (`linkspan.gnn.private.features`), which follow which. Its length is 1 at
most whatever the user did, so that noise of one size hides any of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from linkspan.gnn.events.transitions import transitions

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MOST_EVENTS = 200
"""Latest events of a user that count."""

COUNTS_SHARE = 0.2
"""Share of a user's square that counts may take; steps may take what is left."""

COUNTS_BOUND, STEPS_BOUND = 2.0, 1.0
"""Length from which what a user adds to each block is scaled down. Chosen on goodbooks' validation
rows; a bound that looked at the events would itself tell of users."""

SET_EVENTS = 20
"""Items of a history without an order that are paired with each other."""

WINDOW, DECAY = 3, 0.6
"""Steps apart that two items may be, and what each further step weighs."""


@dataclass(frozen=True)
class Statistics:
    """Sums over users.

    Attributes:
        counts: (N,) users of each item, a user with many items counting less for each.
        steps: (d, d) sum of the products of the features of each two items of which one follows
            the other within a few steps, or, where histories are sets, that one user met.
        clipped: Users with more than `MOST_EVENTS` events.
    """

    counts: FloatArray
    steps: FloatArray
    clipped: int = 0

    def stretched(self) -> FloatArray:
        """(N + d * d,) both blocks in the space in which a user's share has length 1 at most."""
        return np.concatenate([self.counts * _COUNTS_SCALE, self.steps.ravel() * _STEPS_SCALE])

    def noised(self, noise: float, random: np.random.Generator) -> Statistics:
        """The same with Gaussian noise: the release, which spends the budget.

        Args:
            noise: Its standard deviation where a user's share has length 1 at most.
            random: Draws it; of a seed that nobody knows, or it hides nothing.
        """
        return Statistics(
            self.counts + random.normal(0.0, noise / _COUNTS_SCALE, self.counts.shape),
            self.steps + random.normal(0.0, noise / _STEPS_SCALE, self.steps.shape),
            self.clipped,
        )


_COUNTS_SCALE: float = COUNTS_SHARE**0.5 / COUNTS_BOUND
_STEPS_SCALE: float = (1.0 - COUNTS_SHARE) ** 0.5 / STEPS_BOUND


def count_noise(noise: float) -> float:
    """Standard deviation of the noise of each count."""
    return noise / _COUNTS_SCALE


def sum_statistics(
    events: pd.DataFrame, features: NDArray[np.float32], *, timed: bool
) -> Statistics:
    """Sums over the users of some events, without noise.

    Args:
        events: Sorted by user and in time order within each; columns ``user`` and ``item``.
        features: (N, d) of the items, rows of length 1 at most.
        timed: Whether the order of a user's events means anything.
    """
    items, size = len(features), events.groupby("user")["item"].transform("size")
    later = events.groupby("user").cumcount(ascending=False)
    kept = events[(later < MOST_EVENTS).to_numpy()]
    clipped = int(events.loc[size > MOST_EVENTS, "user"].nunique())
    once = kept.drop_duplicates(["user", "item"])
    met = np.sqrt(once.groupby("user")["item"].transform("size").to_numpy(np.float64))
    each = np.minimum(1.0, COUNTS_BOUND / np.maximum(met, 1.0))
    counts = np.bincount(once["item"], each, minlength=items).astype(np.float64)
    pairs = _pairs(kept, timed=timed)
    weights = _bounded(pairs, features)
    places = (pairs["source"].to_numpy(), pairs["target"].to_numpy())
    joint = sparse.coo_array((weights, places), shape=(items, items)).tocsr()
    return Statistics(counts, features.T @ (joint @ features.astype(np.float64)), clipped)


def _pairs(events: pd.DataFrame, *, timed: bool) -> pd.DataFrame:
    """Columns ``user``, ``source``, ``target``, ``weight``, sorted by user."""
    if timed:
        found = transitions(events, WINDOW, DECAY)
        found["user"] = events["user"].to_numpy()[found["position"]]
    else:  # every item with every other, of a sample of the user's
        once = events.drop_duplicates(["user", "item"])
        few = once[(once.groupby("user").cumcount() < SET_EVENTS).to_numpy()]
        found = few.merge(few, on="user").rename(columns={"item_x": "source", "item_y": "target"})
        found["weight"] = 1.0
    found = found[found["source"] != found["target"]]
    return found.sort_values("user", kind="stable", ignore_index=True)


def _bounded(pairs: pd.DataFrame, features: NDArray[np.float32]) -> FloatArray:
    """(P,) weights of pairs such that what they sum to of any user has `STEPS_BOUND` at most."""
    users = pairs["user"].to_numpy()
    weights = np.array(pairs["weight"], np.float64)
    first = np.flatnonzero(np.diff(users, prepend=-1))
    ends = np.append(first, len(users))[1:]
    sources, targets = pairs["source"].to_numpy(), pairs["target"].to_numpy()
    for start, end in zip(first, ends, strict=True):
        before, after = (features[rows[start:end]] for rows in (sources, targets))  # (p, d) both
        own = (before * weights[start:end, None]).T @ after  # (d, d)
        weights[start:end] *= min(1.0, STEPS_BOUND / max(float(np.linalg.norm(own)), 1e-12))
    return weights

"""Sums over users, each user's share bounded: all that a private training reads of events.

What a user adds is one vector in three blocks: which items the user met, which follow which, and
the same in a space of features that tell nothing of users (`linkspan.gnn.private.features`), where
few users say more. Its length is 1 at most whatever the user did, so that noise of one size hides
any of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import norm

from linkspan.gnn.events.transitions import transitions

FloatArray = NDArray[np.float64]

MOST_EVENTS = 200
"""Latest events of a user that count."""

SHARES = (0.2, 0.3, 0.5)
"""Shares of a user's square that counts, steps and pairs may take."""

BOUNDS = (2.0, 1.0, 1.0)
"""Lengths from which what a user adds to each of these is scaled down. Chosen on goodbooks'
validation rows; a bound that looked at the events would itself tell of users."""

SET_EVENTS = 20
"""Items of a history without an order that are paired with each other."""

WINDOW, DECAY = 3, 0.6
"""Steps apart that two items may be, and what each further step weighs."""

FALSE_PAIRS = 0.05
"""Pairs an item that noise alone makes, of those that are kept."""


_COUNTS, _STEPS, _PAIRS = (share**0.5 / bound for share, bound in zip(SHARES, BOUNDS, strict=True))
"""Scales of the three blocks in the space in which a user's share has length 1 at most."""


@dataclass(frozen=True)
class Statistics:
    """Sums over users.

    Attributes:
        counts: (N,) users of each item, a user with many items counting less for each.
        steps: (d, d) sum of the products of the features of each two items of which one follows
            the other within a few steps, or, where histories are sets, that one user met.
        pairs: (N, N) sum of these steps themselves, zero on the diagonal.
        clipped: Users with more than `MOST_EVENTS` events.
    """

    counts: FloatArray
    steps: FloatArray
    pairs: sparse.csr_array
    clipped: int = 0

    def noised(self, noise: float, random: np.random.Generator) -> Statistics:
        """The same with Gaussian noise: the release, which spends the budget.

        Of the pairs those are kept that stand above what noise alone makes of all N * N.

        Args:
            noise: Its standard deviation where a user's share has length 1 at most.
            random: Draws it; of a seed that nobody knows, or it hides nothing.
        """
        return Statistics(
            self.counts + random.normal(0.0, noise / _COUNTS, self.counts.shape),
            self.steps + random.normal(0.0, noise / _STEPS, self.steps.shape),
            noised_pairs(self.pairs, noise / _PAIRS, random),
            self.clipped,
        )


def count_noise(noise: float) -> float:
    """Standard deviation of the noise of each count."""
    return noise / float(_COUNTS)


def noised_pairs(
    pairs: sparse.csr_array, noise: float, random: np.random.Generator
) -> sparse.csr_array:
    """Pairs that stand out after each of all N * N - N got noise, which is drawn for few of them.

    Of those that are 0 it is drawn how many stand out, which ones, and by how much: the same in
    distribution (Cormode et al., 2012, doi:10.1145/2274576.2274608), in the time of what is kept.

    Args:
        pairs: (N, N), zero on the diagonal.
        noise: Standard deviation.
        random: Draws it.
    """
    items = pairs.shape[0]
    empty = items * (items - 1) - pairs.nnz
    chance = min(FALSE_PAIRS / max(items - 1, 1), 0.5)
    least = float(norm.isf(chance))
    found = pairs.tocoo()
    values = found.data + random.normal(0.0, noise, found.nnz)
    above = values > least * noise
    known = found.coords[0].astype(np.int64) * items + found.coords[1]
    wanted, places = int(random.binomial(max(empty, 0), chance)), np.zeros(0, np.int64)
    while len(places) < wanted:
        drawn = random.integers(0, items * items, 2 * (wanted - len(places)) + 8)
        drawn = drawn[(drawn // items != drawn % items) & ~np.isin(drawn, known)]
        # The first of each, in the order drawn: sorted, low places would be kept too often.
        places = pd.unique(np.concatenate([places, drawn]))
    places = places[:wanted]
    more = noise * norm.isf(chance * random.random(wanted))
    rows = np.concatenate([found.coords[0][above], places // items])
    columns = np.concatenate([found.coords[1][above], places % items])
    kept = np.concatenate([values[above], more])
    return sparse.coo_array((kept, (rows, columns)), shape=pairs.shape).tocsr()


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
    each = np.minimum(1.0, BOUNDS[0] / np.maximum(met, 1.0))
    counts = np.bincount(once["item"], each, minlength=items).astype(np.float64)
    pairs = _pairs(kept, timed=timed)
    places = (pairs["source"].to_numpy(), pairs["target"].to_numpy())

    def summed(weights: FloatArray) -> sparse.csr_array:
        return sparse.coo_array((weights, places), shape=(items, items)).tocsr()

    steps = features.T @ (summed(_bounded_steps(pairs, features)) @ features.astype(np.float64))
    return Statistics(counts, steps, summed(_bounded_pairs(pairs)), clipped)


def _pairs(events: pd.DataFrame, *, timed: bool) -> pd.DataFrame:
    """Columns ``user``, ``source``, ``target``, ``weight``, sorted; each pair of a user once."""
    if timed:
        found = transitions(events, WINDOW, DECAY)
        found["user"] = events["user"].to_numpy()[found["position"]]
    else:  # every item with every other, of a sample of the user's
        once = events.drop_duplicates(["user", "item"])
        few = once[(once.groupby("user").cumcount() < SET_EVENTS).to_numpy()]
        found = few.merge(few, on="user").rename(columns={"item_x": "source", "item_y": "target"})
        found["weight"] = 1.0
    found = found[found["source"] != found["target"]]
    return found.groupby(["user", "source", "target"])["weight"].sum().reset_index()


def _bounded_steps(pairs: pd.DataFrame, features: NDArray[np.float32]) -> FloatArray:
    """(P,) weights of pairs with which the steps of any user have a length of 1 at most."""
    users = pairs["user"].to_numpy()
    weights = np.array(pairs["weight"], np.float64)
    first = np.flatnonzero(np.diff(users, prepend=-1))
    ends = np.append(first, len(users))[1:]
    sources, targets = pairs["source"].to_numpy(), pairs["target"].to_numpy()
    for start, end in zip(first, ends, strict=True):
        before, after = (features[rows[start:end]] for rows in (sources, targets))  # (p, d) both
        own = (before * weights[start:end, None]).T @ after  # (d, d)
        weights[start:end] *= min(1.0, BOUNDS[1] / max(float(np.linalg.norm(own)), 1e-12))
    return weights


def _bounded_pairs(pairs: pd.DataFrame) -> FloatArray:
    """(P,) weights with which the pairs of any user have a length of 1 at most."""
    weights = pairs["weight"].to_numpy(np.float64)
    square = (pairs["weight"].astype(np.float64) ** 2).groupby(pairs["user"]).transform("sum")
    length = np.sqrt(square.to_numpy(np.float64))
    bounded: FloatArray = weights * np.minimum(1.0, BOUNDS[2] / np.maximum(length, 1e-12))
    return bounded

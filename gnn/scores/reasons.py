"""Scores as they would be without each past item of a user: the dearest item is the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.gnn.events.domains import rows_at_once
from linkspan.gnn.events.history import PAD
from linkspan.gnn.scores.hybrid import Mixture, Other

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


_CHUNK = 4096
"""Histories that are scored at once, at most; fewer where a domain has many items."""

_ARRAYS = 10
"""Numbers that a history takes on the way for each item, at worst: where no score is zero."""

_DENSE = 2**21
"""Scores of one user's histories that are made for all items at once, at most: 8 MiB a part."""

_LATEST = 4
"""So many of the latest events, over all domains and within the one asked for, may be the reason:
on goodbooks, 97% of the reasons that all of them give, for 55% of the time."""


class Drops(NamedTuple):
    """Drops of scores by each past item.

    Attributes:
        past: (B, L) item rows, each once, else `PAD`; the latest first, then more of the domain.
        drops: (B, k, L) score less the score without the past item, ``-inf`` at `PAD`.
    """

    past: IntArray
    drops: FloatArray

    def because(self) -> IntArray:
        """(B, k) the past items without which most is lost, -1 where nothing is lost."""
        most = self.drops.argmax(axis=2)
        lost = np.take_along_axis(self.drops, most[:, :, None], 2)[:, :, 0]
        return np.where(lost > 0, np.take_along_axis(self.past, most, 1), PAD)


def find_drops(mixture: Mixture, users: IntArray, domain: str, items: IntArray) -> Drops:
    """Take each item of a past away, and score again (leave one out).

    An item goes with all its events; older events become younger, the attention and the
    standardised parts are computed again, all exactly; parameters stay as they are. Sums of what
    each event gives are no substitute: without the latest event the one before takes its weight.

    Args:
        mixture: What scores, and whose histories count.
        users: (B,) rows of its users.
        domain: Name of the items' domain.
        items: (B, k) item rows.

    Returns:
        Of the latest events, over all domains and within this one; where histories are sets, of as
        many as the network looks at. Costs L times the events of the users, and no scores of
        other items.
    """
    if (served := mixture.other(domain)) is not None:  # no reason is what it has not seen
        found = find_drops(served.mixture, users, domain, served.places(items))
        return _moved(served, found)
    past = _past(mixture, users, domain)  # (B, L)
    # From the first history of each user nothing is gone.
    there = np.concatenate([np.ones((len(past), 1), bool), past != PAD], axis=1)
    owner, place = np.nonzero(there)  # (V,) both: the histories to score
    gone = np.where(place == 0, PAD, past[owner, place - 1])
    size = rows_at_once(len(mixture.rows[domain]), _ARRAYS, _CHUNK)
    scores = np.zeros((len(owner), items.shape[1]), np.float32)
    for start in range(0, len(owner), size):
        rows = owner[start : start + size]
        events = without(mixture.events, users[rows], gone[start : start + size])
        other = mixture.over(events, users[rows], lacking=True)
        scores[start : start + size] = other.at(np.arange(len(rows)), domain, items[rows])
    whole, lacks = scores[place == 0], place > 0
    drops = np.full((*items.shape, past.shape[1]), -np.inf, np.float32)
    drops[owner[lacks], :, place[lacks] - 1] = whole[owner[lacks]] - scores[lacks]  # (V', k)
    return Drops(past, drops)


class OneScored(NamedTuple):
    """Scores of one user, in a domain.

    Attributes:
        scores: (1, N).
        parts: Turns columns (1, k) into shares, as `linkspan.gnn.scores.summing.Scored.parts`.
        drops: Turns item rows (1, k) into their `Drops`.
    """

    scores: FloatArray
    parts: Callable[[IntArray], dict[str, FloatArray]]
    drops: Callable[[IntArray], Drops]


def score_with_drops(mixture: Mixture, domain: str) -> OneScored:
    """Score the one user of a mixture, and find the same drops, all histories in one pass.

    Args:
        mixture: What scores; its user's row is 0.
        domain: Name of the domain.
    """
    if (served := mixture.other(domain)) is not None:
        inside = score_with_drops(served.mixture, domain)

        def drops_inside(items: IntArray) -> Drops:
            return _moved(served, inside.drops(served.places(items)))

        return inside._replace(drops=drops_inside)
    user, rows = np.zeros(1, np.int64), mixture.rows[domain]
    past = _past(mixture, user, domain)
    places = np.flatnonzero(past[0] != PAD)  # (V,)
    if len(rows) * len(places) > _DENSE:
        scored = mixture.scored(user, domain)
        return OneScored(
            scored.all(), scored.parts, lambda items: find_drops(mixture, user, domain, items)
        )
    gone = np.append(PAD, past[0, places])  # from the first history nothing
    owners = np.zeros(len(gone), np.int64)
    other = mixture.over(without(mixture.events, owners, gone), owners, lacking=True)
    scored = other.scored(np.arange(len(gone)), domain)
    scores = scored.all()  # (V + 1, N)

    def drops(items: IntArray) -> Drops:
        found = np.full((*items.shape, past.shape[1]), -np.inf, np.float32)
        columns = np.searchsorted(rows, items[0])
        found[0][:, places] = (scores[0, columns] - scores[1:, columns]).T
        return Drops(past, found)

    def parts(columns: IntArray) -> dict[str, FloatArray]:
        found = scored.parts(np.repeat(columns, len(gone), axis=0))
        return {name: part[:1] for name, part in found.items()}

    return OneScored(scores[:1], parts, drops)


def _moved(served: Other, found: Drops) -> Drops:
    """Findings of another mixture by the rows of the one that asked it."""
    return Drops(served.back(found.past), found.drops)


def _past(mixture: Mixture, users: IntArray, domain: str) -> IntArray:
    """(B, L) the items that may be the reason, each once, else `PAD`."""
    recent = mixture.known_events.recent(users, mixture.codes[domain], mixture.length)
    met = recent.items
    if mixture.known_events.timed:
        late = (recent.steps < _LATEST) | ((recent.inside >= 0) & (recent.inside < _LATEST))
        met = np.where(late, met, PAD)
    # (B, L, L): whether the item stands at a place before, too.
    again = (met[:, :, None] == met[:, None]) & np.tri(met.shape[1], k=-1, dtype=bool)
    return np.where(again.any(axis=2), PAD, met)


def without(events: pd.DataFrame, users: IntArray, items: IntArray) -> pd.DataFrame:
    """Histories from which one item each is missing.

    Args:
        events: Known events, sorted by user and in time order within each.
        users: (V,) user rows.
        items: (V,) item rows.

    Returns:
        Columns ``user`` (from 0 to V - 1) and ``item``, in the same order.
    """
    known, met = events["user"].to_numpy(np.int64), events["item"].to_numpy(np.int64)
    first = np.searchsorted(known, users, side="left")
    sizes = np.searchsorted(known, users, side="right") - first
    rows = np.repeat(np.arange(len(users)), sizes)
    steps = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    left = met[np.repeat(first, sizes) + steps]
    kept = left != items[rows]
    return pd.DataFrame({"user": rows[kept], "item": left[kept]})

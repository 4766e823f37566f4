"""Validation rows with candidates and their signals: what weights of signals are found on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.gnn.events.domains import rows_at_once
from linkspan.gnn.metrics import kth_largest
from linkspan.gnn.parts.values import standardized
from linkspan.gnn.scores.components import Seen
from linkspan.gnn.scores.signals import Signal

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

TOP = 60
"""Items of each signal's list that are candidates: what a list may begin with."""

DRAWN = 100
"""Items drawn from the whole domain that are candidates in a list of their own: where a list is not
of all items, or an item is new, those in the middle count."""

_CHUNK = 512


class Examples(NamedTuple):
    """Validation rows with candidates.

    Attributes:
        signals: (T, F) standardised signals of all candidates, row after row; the row's own item
            is the first of each row.
        starts: (R + 1,) where each row begins.
    """

    signals: FloatArray
    starts: IntArray

    def choose(self, columns: Sequence[int]) -> Examples:
        """Some signals only."""
        return Examples(np.ascontiguousarray(self.signals[:, columns]), self.starts)


def draw_examples(
    signals: Sequence[Signal],
    events: pd.DataFrame,
    domain: str,
    rows: IntArray,
    seen: Seen,
    random: np.random.Generator,
    among: NDArray[np.bool_] | None = None,
) -> list[Examples]:
    """Signals of validation rows: of the row's item, and of candidates.

    Args:
        signals: F of them.
        events: Validation rows of this domain; columns ``user`` and ``item``.
        domain: Its name.
        rows: (N,) ascending rows of its items.
        seen: What users have met; that is no candidate.
        random: Draws candidates.
        among: (N,) the only candidates; by default all items of the domain.

    Returns:
        The same rows twice: with what each signal's list begins with, and with items drawn from
        the whole domain.
    """
    heads, spread = Collected(len(signals)), Collected(len(signals))
    # Beside the signals there are: met, unmet, and those on the way.
    for asked, column in in_chunks(events, rows, len(signals) + 6):
        met = np.zeros((len(asked), len(rows)), np.float32)
        seen.hide(met, asked, domain)
        if among is not None:
            met[:, ~among] = -np.inf
        chosen = np.zeros(met.shape, bool)
        top = min(TOP, len(rows))
        scores = []
        for signal in signals:
            score = standardized(signal.score(asked, domain))
            unmet = score + met
            least = kth_largest(unmet, top)
            # Where most items score the same, as by a sparse matrix, only those above them.
            tied = (unmet >= least).sum(axis=1, keepdims=True) > 2 * top  # (B, 1)
            chosen |= np.where(tied, unmet > least, unmet >= least)
            scores.append(score)
        heads.add(scores, column, chosen, met)
        spread.add(scores, column, drawn_places(len(asked), len(rows), random), met)
    return [heads.examples(), spread.examples()]


def in_chunks(
    events: pd.DataFrame, rows: IntArray, arrays: int
) -> Iterator[tuple[IntArray, IntArray]]:
    """Users (B,) of some events at a time, with the column (B,) of each one's item.

    Args:
        events: Events of a domain; columns ``user`` and ``item``.
        rows: (N,) ascending rows of its items.
        arrays: How many float32 arrays (B, N) there are at the same time.
    """
    users = events["user"].to_numpy(np.int64)
    own = np.searchsorted(rows, events["item"].to_numpy(np.int64))
    size = rows_at_once(len(rows), arrays, _CHUNK)
    for start in range(0, len(users), size):
        yield users[start : start + size], own[start : start + size]


def drawn_places(lines: int, columns: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """Candidates (B, N) drawn from the whole domain, `DRAWN` or fewer a line."""
    places = np.zeros((lines, columns), bool)
    chosen = random.integers(0, columns, (lines, DRAWN))
    places[np.arange(lines)[:, None], chosen] = True
    return places


class Collected:
    """Rows with candidates, as they come."""

    def __init__(self, width: int) -> None:
        self._signals, self._sizes = [np.zeros((0, width), np.float32)], [np.zeros(0, np.int64)]

    def add(
        self,
        scores: Sequence[FloatArray],
        own: IntArray,
        places: NDArray[np.bool_],
        met: FloatArray,
    ) -> None:
        """Rows with their candidates.

        Args:
            scores: (B, N) of each signal.
            own: (B,) column of each row's item.
            places: (B, N) candidates; less those that are none, it is changed in place.
            met: (B, N) ``-inf`` where an item is no candidate.
        """
        places[np.isneginf(met)] = False
        places[np.arange(len(own)), own] = False
        first = np.stack([score[np.arange(len(own)), own] for score in scores], axis=1)  # (B, F)
        others = np.stack([score[places] for score in scores], axis=1)  # (C, F), row by row
        counts = places.sum(axis=1)
        self._signals.append(np.insert(others, np.cumsum(counts) - counts, first, axis=0))
        self._sizes.append(counts + 1)

    def examples(self) -> Examples:
        """All of them."""
        starts = np.concatenate([[0], np.cumsum(np.concatenate(self._sizes))])
        return Examples(np.concatenate(self._signals), starts)


def join(parts: Sequence[Examples]) -> Examples:
    """Rows of several domains as one."""
    ends = np.cumsum([0, *(len(part.signals) for part in parts)])
    starts = [part.starts[:-1] + end for part, end in zip(parts, ends[:-1], strict=True)]
    signals = np.concatenate([part.signals for part in parts])
    return Examples(signals, np.concatenate([*starts, ends[-1:]]))

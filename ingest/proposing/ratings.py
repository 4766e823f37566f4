"""Guesses which values of a rating mean that somebody liked something, and which mean no rating."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from linkspan.graph.conditions import Condition

_FAR = {99.0, 999.0, 9999.0, -99.0, -999.0, -9999.0}
"""Numbers that stand for 'none' where no rating comes near them."""
_FEWEST = 3  # other ratings; below that it may be a scale of its own, such as -1 and 1


class Rating(NamedTuple):
    """A property that says how an item was liked.

    Attributes:
        positive: What seems to mean 'liked'.
        absent: Texts that seem to mean 'not rated', as they stand in the file.
    """

    positive: Condition
    absent: tuple[str, ...] = ()


def read_scale(name: str, texts: pd.Series[str]) -> Rating | None:
    """Guess the scale of a rating; None where all values are one.

    Args:
        name: The property.
        texts: What stands in the column, all of them numbers.
    """
    values = texts.astype(float)
    none = no_rating(values)
    absent = () if none is None else tuple(sorted(texts[values == none].unique()))
    rest = values if none is None else values[values != none]
    low, high = rest.min(), rest.max()
    if low == high:
        return None
    least = high if high <= 1 else round(low + (high - low) * 0.7)
    return Rating(Condition(property=name, operator=">=", value=float(least)), absent)


def read_verdict(name: str, texts: pd.Series[str]) -> Rating | None:
    """The same of a column of true and false; None where all values are one."""
    if texts.str.lower().nunique() < 2:
        return None
    return Rating(Condition(property=name, operator="==", value=True))


def no_rating(values: pd.Series[float]) -> float | None:
    """The value that seems to say 'not rated', or None.

    -1 before a scale from 0 on; 99 and its like far outside the scale; 0 that is far from the
    others, or the most frequent by much.
    """
    counts = values.value_counts().sort_index()
    levels = counts.index.to_numpy(float)
    if len(levels) <= _FEWEST:
        return None
    for value, rest in ((levels[0], levels[1:]), (levels[-1], levels[:-1])):
        gap = float(np.abs(rest - value).min())
        is_none = value in _FAR and gap > rest[-1] - rest[0]
        is_none |= value == -1 and rest[0] >= 0 and rest[-1] >= _FEWEST
        if value == 0 and rest[0] > 0:
            often = counts.loc[0.0] > 2 * counts.loc[rest].max()
            is_none = bool(often or gap > 2 * np.diff(rest).max())
        if is_none:
            return float(value)
    return None

"""Guesses how the times in a column are written."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from linkspan.ingest.shaping.parse import FIRST, UNIT_NAMES, fitting_unit
from linkspan.ingest.shaping.time_scales import is_day, is_moment

_INTEGER = r"[+-]?\d{1,18}(\.0*)?"
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_LEAST_SECONDS = 1e8  # 1973; smaller numbers are taken for an order only


class TimeGuess(NamedTuple):
    """Form of a column's times.

    Attributes:
        unit: As the mapping names it; empty where it has no name for it.
        why: By what that was told; empty where it is certain. Without a unit, what to do.
    """

    unit: str
    why: str


def read_times(values: pd.Series[str]) -> TimeGuess:
    """Guess the unit of a column in which every row has a value."""
    numeric = values.str.fullmatch(_NUMBER).all()
    if numeric and (told := _of_numbers(values)):
        return told
    if not numeric and _moments(values).notna().all():
        return TimeGuess("iso", "")
    return TimeGuess(
        "",
        f"values such as {values.iloc[0]!r}; write them as 2024-05-31T18:30:00Z, or as seconds "
        "since 1970",
    )


def _of_numbers(values: pd.Series[str]) -> TimeGuess | None:
    numbers = values.to_numpy(np.float64)
    if is_day(numbers).all() and _moments(values).notna().all():
        return TimeGuess("iso", "dates without dashes")
    if is_moment(numbers).all():
        return None
    middle = float(np.median(numbers))
    unit = fitting_unit(middle) or ("s" if _LEAST_SECONDS < middle < FIRST else None)
    if unit is not None:
        return TimeGuess(unit, f"{UNIT_NAMES[unit]} since 1970, by their size")
    whole = values.str.fullmatch(_INTEGER).all()
    return TimeGuess("position", "small whole numbers that grow with time") if whole else None


def _moments(values: pd.Series[str]) -> pd.Series[pd.Timestamp]:
    return pd.to_datetime(values, format="ISO8601", utc=True, errors="coerce")

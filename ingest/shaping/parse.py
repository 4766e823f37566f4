"""Text becomes integers, numbers, truth values, dates and times; what cannot is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Mask = npt.NDArray[np.bool_]
Kind = Literal["text", "category", "integer", "number", "boolean", "date", "time", "list", "image"]
Unit = Literal["iso", "s", "ms", "us", "ns"]

_INTEGER = r"^[+-]?[0-9]+(\.0*)?$"
_LONG = r"^[+-]?[0-9]{19}"  # digits that int64 may not take
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_TRUE, _FALSE = ("true", "yes", "1", "t", "y"), ("false", "no", "0", "f", "n")
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # of the years 1 and 9999

PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""Number of each unit of Unix time make a second."""
UNIT_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
FIRST, LAST = 631_152_000, 4_133_980_800
"""Seconds at the beginning of 1990 and of 2101; events of other years are not expected."""


class Wrong(NamedTuple):
    """Rows whose text cannot be taken.

    Attributes:
        rows: ``(N,)``, true for these rows.
        reason: What is wrong with them.
        hint: How to mend them.
    """

    rows: Mask
    reason: str
    hint: str


class Parsed(NamedTuple):
    """Values that text became.

    Attributes:
        values: ``(N,)``, null where the text is null or wrong.
        wrong: What could not be taken.
    """

    values: pa.Array
    wrong: list[Wrong]


def parse(text: pa.StringArray, kind: Kind, unit: Unit = "iso") -> Parsed:
    """Read text as values of a kind.

    Args:
        text: ``(N,)`` without white space around it; null where nothing stands.
        kind: What it should be. A date stays text, ``2024-05-31``.
        unit: How a time is written; it becomes milliseconds UTC.
    """
    if kind == "time":
        return parse_times(text, unit)
    parsers: dict[str, Callable[[pa.StringArray], Parsed]] = {
        "integer": parse_integers,
        "number": parse_numbers,
        "boolean": _booleans,
        "date": _dates,
    }
    return parsers.get(kind, partial(Parsed, wrong=[]))(text)


def parse_integers(text: pa.StringArray, hint: str = "Mend it, or set another 'type'") -> Parsed:
    """Integers of up to 18 digits."""
    whole = pc.match_substring_regex(text, _INTEGER)
    short = pc.and_(whole, pc.invert(pc.match_substring_regex(text, _LONG)))
    wrong = [
        Wrong(_others(text, whole), "this is not an integer", hint),
        Wrong(mask(pc.and_not(whole, short)), "this integer has more than 18 digits", hint),
    ]
    plain = pc.replace_substring_regex(pc.if_else(short, text, None), r"(^\+|\.0*$)", "")
    return Parsed(plain.cast(pa.int64()), wrong)


def parse_times(text: pa.StringArray, unit: Unit) -> Parsed:
    """Milliseconds UTC; Unix time may have fractions, which are rounded to milliseconds."""
    if unit == "iso":
        return _moments(text)
    hint = "Check 'unit' in the mapping"
    parsed = parse_numbers(text, hint)
    # Exact to the millisecond: a double has 53 bits, and those up to the year 9999 need 48.
    times = parsed.values.to_numpy(zero_copy_only=False) * 1_000 / PER_SECOND[unit]
    late, early = times > _LAST_SECOND * 1_000, times < _FIRST_SECOND * 1_000
    meant = fitting_unit(np.median(times[late]) * PER_SECOND[unit] / 1_000) if late.any() else None
    more = f": it looks like {UNIT_NAMES[meant]}" if meant else ""
    wrong = [
        *parsed.wrong,
        Wrong(late, "the time is after the year 9999", hint + more),
        Wrong(early, "the time is before the year 1", hint),
    ]
    absent = late | early | np.isnan(times)
    whole = np.rint(np.where(absent, 0, times)).astype(np.int64)
    return Parsed(pa.array(whole, mask=absent), wrong)


def fitting_unit(number: float) -> Unit | None:
    """The unit of Unix time in which a number is a time from 1990 to 2100, or None."""
    units: tuple[Unit, ...] = ("s", "ms", "us", "ns")
    return next((unit for unit in units if FIRST <= number / PER_SECOND[unit] < LAST), None)


def mask(values: Any) -> Mask:
    """A boolean array as numpy has it; null is false."""
    result: Mask = pc.fill_null(values, False).to_numpy(zero_copy_only=False)
    return result


def parse_numbers(
    text: pa.StringArray, hint: str = "Use digits and a decimal point, or leave it empty"
) -> Parsed:
    """Numbers as float64."""
    right = pc.match_substring_regex(text, _NUMBER)
    plain = pc.replace_substring_regex(pc.if_else(right, text, None), r"^\+", "")
    numbers = plain.cast(pa.float64())
    wrong = [
        Wrong(_others(text, right), "this is not a number", hint),
        Wrong(mask(pc.is_inf(numbers)), "this number is too large", hint),
    ]
    return Parsed(numbers, wrong)


def _booleans(text: pa.StringArray) -> Parsed:
    lower = pc.utf8_lower(text)
    true = pc.is_in(lower, pa.array(_TRUE))
    known = pc.or_(true, pc.is_in(lower, pa.array(_FALSE)))
    wrong = Wrong(_others(text, known), "this is neither true nor false", "Use true or false")
    return Parsed(pc.if_else(pc.is_valid(text), true, None), [wrong])


def _dates(text: pa.StringArray) -> Parsed:
    """Dates as they are written, checked one by one: the distinct ones are few."""
    days = [day for day in pc.unique(text.drop_null()).to_pylist() if not _is_date(day)]
    bad = mask(pc.is_in(text, pa.array(days, pa.string()))) & mask(pc.is_valid(text))
    wrong = Wrong(bad, "this is not an ISO 8601 date", "Write it as 2024-05-31")
    return Parsed(pc.if_else(pa.array(bad), None, text), [wrong])


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _moments(text: pa.StringArray) -> Parsed:
    moments = pd.to_datetime(
        pd.Series(text.to_numpy(zero_copy_only=False), dtype="str"),
        format="ISO8601",
        utc=True,
        errors="coerce",
    )
    absent = moments.isna().to_numpy()
    numbers = moments.dt.as_unit("ms").astype("int64").to_numpy()
    early = ~absent & (numbers < _FIRST_SECOND * 1_000)
    hint = "Write it as 2024-05-31 or 2024-05-31T18:30:00Z"
    wrong = [
        Wrong(absent & mask(pc.is_valid(text)), "this is not an ISO 8601 time", hint),
        Wrong(early, "the time is before the year 1", hint),
    ]
    return Parsed(pa.array(numbers, mask=absent | early), wrong)


def _others(text: pa.StringArray, right: pa.BooleanArray) -> Mask:
    """Rows with a text that is not right."""
    return mask(pc.and_(pc.is_valid(text), pc.invert(right)))

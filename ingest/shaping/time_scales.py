"""Sees that times are read in the unit that they have: a wrong one makes all of them 1970."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from linkspan.errors import DataError
from linkspan.ingest.mapping.tables import FileTable, InteractionsTable
from linkspan.ingest.readers.source import Source
from linkspan.ingest.shaping.parse import FIRST, LAST, PER_SECOND, UNIT_NAMES, Unit
from linkspan.ingest.shaping.shapes import Shaped

_NO_TIMES = "or 'unit = \"position\"' if they are no times, only an order"
_FIRST_DAY, _LAST_DAY = 32_874, 73_415  # 1990 and 2100 as spreadsheets count days
Numbers = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass
class _Seen:
    """Record of one column: times of each reading that lie from 1990 to 2100."""

    count: int = 0
    fits: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    first: float = np.inf
    last: float = -np.inf


class TimeScales:
    """Counts, for each column of Unix times in a file, how many are of our age, by unit."""

    def __init__(self, spec: FileTable) -> None:
        self._units = dict(_unix_columns(spec))
        self._seen: defaultdict[str, _Seen] = defaultdict(_Seen)

    def add(self, shaped: Shaped) -> None:
        """Take in the rows of a batch."""
        for name, (_, unit) in self._units.items():
            table = shaped.table
            values = table.keys.get(name, table.properties.get(name))
            if values is None:
                continue
            times = values.drop_null().to_numpy().astype(np.float64)
            seen = self._seen[name]
            seen.count += len(times)
            for reading, fits in _readings(times * PER_SECOND[unit] / 1_000):
                seen.fits[reading] += int(fits.sum())
            if len(times):
                seen.first, seen.last = min(seen.first, times.min()), max(seen.last, times.max())

    def see(self, source: Source) -> None:
        """See that no column fits another unit where it does not fit its own at all.

        Raises:
            DataError: One does.
        """
        for name, seen in self._seen.items():
            column, unit = self._units[name]
            if seen.fits[unit] or not seen.count:
                continue
            better = max(seen.fits, key=lambda reading: seen.fits[reading])
            if seen.fits[better] * 2 <= seen.count:
                continue
            days = [_day(time) for time in (seen.first, seen.last)]
            span = f"on {days[0]}" if days[0] == days[1] else f"from {days[0]} to {days[1]}"
            what = UNIT_NAMES.get(better, better)
            raise DataError(
                f"read as {UNIT_NAMES[unit]}, all times lie {span}; they look like {what}",
                file=source.path,
                column=column,
                hint=_HINTS.get(better, f"Say 'unit = \"{better}\"', {_NO_TIMES}"),
            )


_HINTS = {
    "dates": f"Say 'unit = \"iso\"', {_NO_TIMES}",
    "dates with times of day": "Write them as 2024-05-31T18:30:00",
    "a spreadsheet's days": "Write them as 2024-05-31",
}


def is_day(numbers: Numbers) -> Mask:
    """Tell which numbers are dates from 1990 to 2100 without dashes, such as 20240531."""
    year, rest = np.divmod(numbers, 10_000)
    month, day = np.divmod(rest, 100)
    right: Mask = (year >= 1990) & (year <= 2100) & (month >= 1) & (month <= 12)
    right &= (day >= 1) & (day <= 31) & (day == np.rint(day))
    return right


def is_moment(numbers: Numbers) -> Mask:
    """Tell which numbers are dates and times without marks, such as 20240531183000."""
    day, rest = np.divmod(numbers, 1_000_000)
    hour, rest = np.divmod(rest, 10_000)
    found: Mask = is_day(day) & (hour < 24) & (rest // 100 < 60) & (rest % 100 < 60)
    return found


def _readings(numbers: Numbers) -> Iterator[tuple[str, Mask]]:
    """Those numbers of a file that are times of our age, by what they could be."""
    for unit, per_second in PER_SECOND.items():
        yield unit, (numbers >= FIRST * per_second) & (numbers < LAST * per_second)
    yield "dates", is_day(numbers)
    yield "dates with times of day", is_moment(numbers)
    yield "a spreadsheet's days", (numbers >= _FIRST_DAY) & (numbers < _LAST_DAY)


def _unix_columns(spec: FileTable) -> Iterator[tuple[str, tuple[str, Unit]]]:
    """Property to its column and unit."""
    for name, column in spec.values().items():
        if column.type == "time" and column.unit != "iso":
            yield name, (column.column, column.unit)
    if isinstance(spec, InteractionsTable) and spec.at and spec.at.unit in PER_SECOND:
        yield "at", (spec.at.column, spec.at.unit)  # type: ignore[misc]


def _day(milliseconds: float) -> str:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).date().isoformat()

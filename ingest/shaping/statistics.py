"""Statistics of other rows that a value depends on: means, smallest and largest numbers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from linkspan.ingest.mapping.columns import Column
from linkspan.ingest.mapping.relation_tables import RelationsTable
from linkspan.ingest.mapping.tables import FileTable
from linkspan.ingest.shaping.catalogue import Catalogue
from linkspan.ingest.shaping.codes import Codes
from linkspan.ingest.shaping.duplicates import WRITE, Actions
from linkspan.ingest.shaping.shapes import Shaped
from linkspan.ingest.shaping.targets import Target

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Summary:
    """Of all numbers of one property.

    Attributes:
        mean: Their mean.
        deviation: Their standard deviation (that of a whole population).
        low: The smallest.
        high: The largest.
    """

    mean: float
    deviation: float
    low: float
    high: float


class Statistics:
    """Collects numbers while all files are checked, and fills and scales them when they are loaded.

    Counted are the rows that the graph gets, of all files of one label or type: no rejected rows,
    and of rows that say the same, one. Sums are exact, so that no order of rows or files matters.
    Takes 16 bytes a row and property that needs it, until `close`.

    Args:
        catalogue: Knows the types of relations.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._types: dict[str, int] = {}
        self._numbers: defaultdict[tuple[Target, str], defaultdict[int, list[Numbers]]]
        self._numbers = defaultdict(lambda: defaultdict(list))  # each (N, 2) with the type
        self._summaries: dict[tuple[Target, str, int], Summary] = {}

    def add(self, file: int, spec: FileTable, shaped: Shaped) -> None:
        """Take in the rows of a batch of file number ``file``."""
        for name, column in spec.values().items():
            if column.needs_statistics:
                numbers = shaped.table.properties[name].to_numpy(zero_copy_only=False)
                rows = np.column_stack([numbers, self._types_of(shaped)])
                self._numbers[shaped.table.target, name][file].append(rows)

    def close(self, actions: Mapping[int, Actions]) -> None:
        """Sum up; ``actions`` has for each file what is done with each of its good rows."""
        for (target, name), files in self._numbers.items():
            written = [
                np.concatenate(numbers)[actions[file] == WRITE] for file, numbers in files.items()
            ]
            numbers, types = np.concatenate(written).T
            for code in np.unique(types):
                of_type = numbers[(types == code) & ~np.isnan(numbers)]
                self._summaries[target, name, int(code)] = summarise(of_type)
        self._numbers.clear()

    def apply(self, spec: FileTable, shaped: Shaped) -> Shaped:
        """The same rows with means filled in and numbers scaled."""
        properties = dict(shaped.table.properties)
        for name, column in spec.values().items():
            if column.normalise is not None or column.missing == "mean":
                numbers = properties[name].to_numpy(zero_copy_only=False)
                scaled, types = np.zeros(len(numbers)), self._types_of(shaped)
                for code in np.unique(types):
                    summary = self._summaries.get((shaped.table.target, name, int(code)))
                    scaled[types == code] = _scaled(numbers[types == code], column, summary)
                properties[name] = pa.array(scaled, mask=np.isnan(scaled))
        return replace(shaped, table=replace(shaped.table, properties=properties))

    def _types_of(self, shaped: Shaped) -> Codes:
        """(N,) a number for the type of each row; 0 where all rows of a target are of one."""
        if shaped.groups is None:
            return np.zeros(len(shaped), np.int64)
        groups, places = np.unique(shaped.groups, return_inverse=True)
        names = [self._catalogue.group(group).type for group in groups.tolist()]
        codes = [self._types.setdefault(name, len(self._types)) for name in names]
        return np.array(codes, np.int64)[places]


def statistics_groups(specs: list[FileTable]) -> dict[int, list[int]]:
    """Places of tables to the places of all whose values are scaled with theirs.

    Relations are all taken together, as a column may name their types.
    """
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for place, spec in enumerate(specs):
        groups["" if isinstance(spec, RelationsTable) else spec.becomes].append(place)
    return {
        place: places
        for places in groups.values()
        if any(column.needs_statistics for n in places for column in specs[n].values().values())
        for place in places
    }


def summarise(numbers: Numbers) -> Summary:
    """Sum up numbers, the same in any order; all but the deviation are NaN where there are none."""
    if not len(numbers):
        return Summary(math.nan, 0.0, math.nan, math.nan)
    mean = math.fsum(numbers) / len(numbers)
    variance = math.fsum((numbers - mean) ** 2) / len(numbers)
    return Summary(mean, math.sqrt(variance), float(numbers.min()), float(numbers.max()))


def _scaled(numbers: Numbers, column: Column, summary: Summary | None) -> Numbers:
    if summary is not None and column.missing == "mean":
        numbers = np.where(np.isnan(numbers), summary.mean, numbers)
    if column.normalise == "log":
        return np.log1p(numbers)
    if summary is None or column.normalise is None:
        return numbers
    if summary.low == summary.high:
        return numbers * 0.0  # what is absent stays so
    if column.normalise == "minmax":
        return (numbers - summary.low) / (summary.high - summary.low)
    return (numbers - summary.mean) / summary.deviation

"""Finds rows that say the same key twice, over all files that fill one label or type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from linkspan.ingest.shaping.codes import Codes, row_hashes
from linkspan.ingest.shaping.shapes import Shaped
from linkspan.ingest.shaping.targets import LinkTarget, Table

DuplicatePolicy = Literal["update", "keep", "error"]
Actions = npt.NDArray[np.uint8]

WRITE, SAME, REJECT = 0, 1, 2
"""Actions on a row: written; nothing, as another says the same or replaces it; rejected."""


class Clash(NamedTuple):
    """A row that says of a key what another row says otherwise.

    Attributes:
        file: Number of its file.
        line: Line in that file.
        code: Number of the key.
        group: Number of what it becomes, where each row says that.
        first_file: Number of the file with the row that is kept.
        first_line: Line of that row.
    """

    file: int
    line: int
    code: int
    group: int
    first_file: int
    first_line: int


@dataclass(frozen=True)
class Clashes:
    """Clashes by file and line, 48 bytes each: there may be as many as there are rows.

    Attributes:
        table: ``(N, 6)`` int64, the fields of each.
    """

    table: Codes = field(default_factory=lambda: np.zeros((0, len(Clash._fields)), np.int64))

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[Clash]:
        return (Clash(*row.tolist()) for row in self.table)

    def of_file(self, file: int) -> Clashes:
        """Those of one file."""
        start, end = np.searchsorted(self.table[:, 0], [file, file + 1])
        return Clashes(self.table[start:end])

    def of_lines(self, lines: Codes) -> Clashes:
        """Those of some lines, which must be among them, of one file."""
        return Clashes(self.table[np.searchsorted(self.table[:, 1], lines)])


@dataclass
class _Part:
    """The rows of one file, as far as they have been read."""

    codes: list[Codes] = field(default_factory=list)
    times: list[Codes] = field(default_factory=list)
    hashes: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    lines: list[npt.NDArray[np.int32]] = field(default_factory=list)
    ages: list[Codes] = field(default_factory=list)


class DuplicateFinder:
    """Collects the keys of all files of one target; 20 bytes a row, 28 where it has a time."""

    def __init__(self) -> None:
        self._parts: dict[int, _Part] = {}

    def add(self, file: int, shaped: Shaped) -> None:
        """Take in the rows of a batch of file number ``file``."""
        part = self._parts.setdefault(file, _Part())
        part.codes.append(shaped.codes)
        part.lines.append(shaped.lines.astype(np.int32))
        part.hashes.append(row_hashes(list(shaped.table.properties.values()), len(shaped)))
        if "at" in shaped.table.keys:
            part.times.append(shaped.table.keys["at"].to_numpy())
        elif shaped.groups is not None:  # one pair may have relations of several types
            part.times.append(shaped.groups)
        elif is_dated(shaped.table):
            part.ages.append(shaped.table.properties["at"].to_numpy())

    def resolve(self, policy: DuplicatePolicy) -> tuple[dict[int, Actions], Clashes]:
        """Decide what is done with every row; takes another 16 bytes a row.

        Args:
            policy: Of rows with one key and different values, ``update`` takes that of the latest
                event, the last where they have no time or one, ``keep`` and ``error`` the first.

        Returns:
            File to an action for each of its good rows, and the rows that are rejected.
        """
        files, parts = list(self._parts), list(self._parts.values())
        sizes = [sum(map(len, part.codes)) for part in parts]
        bounds = np.cumsum([0, *sizes])
        actions = np.full(bounds[-1], WRITE, np.uint8)
        again = _again(_joined(part.codes for part in parts))
        several = np.flatnonzero(again)  # all that follows is about these rows only
        codes = _picked((part.codes for part in parts), again)
        times = _picked((part.times for part in parts), again)
        hashes = _picked((part.hashes for part in parts), again)
        lines = _picked((part.lines for part in parts), again)
        ages = _picked((part.ages for part in parts), again) if policy == "update" else times[:0]
        # Stable: rows that are alike in all of these stay in the order of files and lines.
        order = np.lexsort([keys for keys in (ages, times, codes) if len(keys) == len(codes)])
        first = np.ones(len(order), bool)  # of its key, in that order
        first[1:] = codes[order[1:]] != codes[order[:-1]]
        if len(times):
            first[1:] |= times[order[1:]] != times[order[:-1]]
        starts = np.flatnonzero(first)
        ends = np.append(starts, len(order))[1:]
        kept = order[(ends - 1 if policy == "update" else starts)][np.cumsum(first) - 1]
        rejected = (hashes[order] != hashes[kept]) & (policy != "update")
        actions[several[order[order != kept]]] = SAME
        actions[several[order[rejected]]] = REJECT

        def places(rows: Codes) -> list[Codes]:
            of_parts = np.searchsorted(bounds, several[rows], "right") - 1
            return [np.array(files, np.int64)[of_parts], lines[rows].astype(np.int64)]

        row, other = order[rejected], kept[rejected]
        group = times[row] if len(times) else np.zeros(len(row), np.int64)
        clashes = np.stack([*places(row), codes[row], group, *places(other)], axis=1)
        clashes = clashes[np.lexsort([clashes[:, 1], clashes[:, 0]])]
        cut = {
            file: actions[start:end]
            for file, start, end in zip(files, bounds[:-1], bounds[1:], strict=True)
        }
        return cut, Clashes(clashes)


def is_dated(table: Table) -> bool:
    """Tell whether rows are events with a time that is no part of their key."""
    return isinstance(table.target, LinkTarget) and "at" in table.properties


def _again(codes: Codes) -> npt.NDArray[np.bool_]:
    """Rows whose code stands more than once."""
    in_order = np.sort(codes)
    twice = np.unique(in_order[1:][in_order[1:] == in_order[:-1]])
    if not len(twice):
        return np.zeros(len(codes), bool)
    places = np.minimum(np.searchsorted(twice, codes), len(twice) - 1)
    found: npt.NDArray[np.bool_] = twice[places] == codes
    return found


def _joined(lists: Iterable[list[Any]]) -> npt.NDArray[Any]:
    arrays = [array for part in lists for array in part]
    return np.concatenate(arrays) if arrays else np.zeros(0, np.int64)


def _picked(lists: Iterable[list[Any]], rows: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """The values in some rows, without a copy of all values."""
    picked, start = [], 0
    for part in lists:
        for array in part:
            picked.append(array[rows[start : start + len(array)]])
            start += len(array)
    return np.concatenate(picked) if picked else np.zeros(0, np.int64)

"""Finds rows that say the same key twice, over all files that fill one label or type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from linkspan.ingest.codes import Codes, row_hashes
from linkspan.ingest.shapes import Shaped

DuplicatePolicy = Literal["update", "keep", "error"]
Actions = npt.NDArray[np.uint8]

WRITE, SAME, REJECT = 0, 1, 2
"""What is done with a row: written; nothing, as another says the same or replaces it; rejected."""


@dataclass(frozen=True)
class Clash:
    """A row that says of a key what another row says otherwise.

    Attributes:
        file: Number of its file.
        line: Line in that file.
        code: Number of the key.
        first_file: Number of the file with the row that is kept.
        first_line: Line of that row.
    """

    file: int
    line: int
    code: int
    first_file: int
    first_line: int


@dataclass
class _Part:
    """The rows of one file, as far as they have been read."""

    codes: list[Codes] = field(default_factory=list)
    times: list[Codes] = field(default_factory=list)
    hashes: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    lines: list[Codes] = field(default_factory=list)


class DuplicateFinder:
    """Collects the keys of all files of one target; 24 bytes a row."""

    def __init__(self) -> None:
        self._parts: dict[int, _Part] = {}

    def add(self, file: int, shaped: Shaped) -> None:
        """Take in the rows of a batch of file number ``file``."""
        part = self._parts.setdefault(file, _Part())
        part.codes.append(shaped.codes)
        part.lines.append(shaped.lines)
        part.hashes.append(row_hashes(list(shaped.table.properties.values()), len(shaped)))
        if "at" in shaped.table.keys:
            part.times.append(shaped.table.keys["at"].to_numpy())

    def resolve(self, policy: DuplicatePolicy) -> tuple[dict[int, Actions], list[Clash]]:
        """Decide what is done with every row; takes memory for one sort of all keys.

        Args:
            policy: Of rows with one key and different values, ``update`` takes the last, ``keep``
                and ``error`` the first.

        Returns:
            File to an action for each of its good rows, and the rows that are rejected.
        """
        files = list(self._parts)
        parts = list(self._parts.values())
        sizes = [sum(map(len, part.codes)) for part in parts]
        codes = _joined(part.codes for part in parts)
        times = _joined(part.times for part in parts)
        order = np.lexsort((times, codes)) if len(times) else np.argsort(codes, kind="stable")
        again = np.zeros(len(order) + 1, bool)  # has the key of the row before it, in that order
        again[1:-1] = codes[order[1:]] == codes[order[:-1]]
        if len(times):
            again[1:-1] &= times[order[1:]] == times[order[:-1]]
        several = again[:-1] | again[1:]
        rows, first = order[several], ~again[:-1][several]
        group = np.cumsum(first) - 1
        starts = np.flatnonzero(first)
        ends = np.append(starts, len(rows))[1:]
        kept = rows[(ends - 1 if policy == "update" else starts)][group]
        hashes = _joined(part.hashes for part in parts)
        differs = hashes[rows] != hashes[kept]
        actions = np.full(sum(sizes), WRITE, np.uint8)
        actions[rows[rows != kept]] = SAME
        rejected = differs & (policy != "update")
        actions[rows[rejected]] = REJECT
        lines = _joined(part.lines for part in parts)
        bounds = np.cumsum([0, *sizes])

        def place(row: Any) -> tuple[int, int]:
            return files[int(np.searchsorted(bounds, row, "right")) - 1], int(lines[row])

        clashes = [
            Clash(*place(row), int(codes[row]), *place(other))
            for row, other in zip(rows[rejected], kept[rejected], strict=True)
        ]
        clashes.sort(key=lambda clash: (clash.file, clash.line))
        cut = np.split(actions, bounds[1:-1])
        return dict(zip(files, cut, strict=True)), clashes


def _joined(lists: Iterable[list[Any]]) -> npt.NDArray[Any]:
    arrays = [array for part in lists for array in part]
    return np.concatenate(arrays) if arrays else np.zeros(0, np.int64)

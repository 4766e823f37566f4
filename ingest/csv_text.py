"""What the CSV parser does not tell: line ends inside values, blank rows, quotes left open."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from linkspan.ingest.problems import Problem

_LINE_END = r"\r\n|\r|\n"
_READ_BYTES = 1 << 20


class Tap(io.RawIOBase):
    """The text of a file as it passes: notes what the parser does not tell, ends the last line."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._ahead = b""
        self.quotes = 0
        self.nul = False

    def readable(self) -> bool:
        """Always: the parser asks."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most ``size``; none at the end."""
        wanted = _READ_BYTES if size < 0 else size - 1  # one is kept for a last line end
        data = self._ahead
        while len(data) <= wanted and (more := self._stream.read(wanted + 1 - len(data))):
            data += more
        data, self._ahead = data[:wanted], data[wanted:]
        self.quotes += data.count(b'"')
        self.nul = self.nul or b"\x00" in data
        if data and not self._ahead and data[-1:] not in b"\r\n":
            data += b"\n"  # the parser refuses a header without it
        return data


def blank_rows(piece: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Rows in which every value is empty: blank lines, and what spreadsheets leave below."""
    blank = np.ones(len(piece), bool)
    for column in piece.columns:
        if not blank.any():
            break
        blank &= pc.equal(pc.binary_length(column), 0).to_numpy(zero_copy_only=False)
    return blank


def line_breaks(piece: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Line ends inside the values of each row."""
    count = np.zeros(len(piece), np.int64)
    for column in piece.columns:
        if pc.any(pc.match_substring_regex(column, "[\r\n]")).as_py():
            count += pc.count_substring_regex(column, _LINE_END).to_numpy(zero_copy_only=False)
    return count


def count_line_ends(text: str) -> int:
    """Line ends in a text, whichever of the three kinds."""
    return len(re.findall(_LINE_END, text))


def ragged_problem(row: csv.InvalidRow, line: int) -> Problem:
    """What is wrong with a row that has more or fewer columns than the header."""
    columns = "column" if row.actual_columns == 1 else "columns"
    return Problem(
        line,
        None,
        row.text,
        f"{row.actual_columns} {columns} where the header has {row.expected_columns}",
        "Quote values that have the delimiter or a line end in them",
    )


def is_utf8(value: bytes) -> bool:
    """Whether bytes are UTF-8 text."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True

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

from linkspan.ingest.readers.problems import Problem

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


def counted(columns: int) -> str:
    """``1 column``, ``2 columns``."""
    return f"{columns} column{'s' * (columns != 1)}"


def ragged_problem(row: csv.InvalidRow, line: int, header: str = "the header") -> Problem:
    """What is wrong with a row that has more or fewer columns than the header."""
    return Problem(
        line,
        None,
        row.text,
        f"{counted(row.actual_columns)} where {header} has {row.expected_columns}",
        "Quote values that have the delimiter or a line end in them"
        if row.actual_columns > row.expected_columns
        else "Write every value; an empty one still needs its delimiter",
    )


def not_text_rows(values: pa.BinaryArray, *, nul: bool) -> npt.NDArray[np.bool_]:
    """Rows whose value is not UTF-8 or, if there may be any, has a NUL byte in it."""
    bad = np.zeros(len(values), bool)
    if nul:
        found = pc.match_substring(values, b"\x00")
        bad |= pc.fill_null(found, False).to_numpy(zero_copy_only=False)
    try:
        values.cast(pa.string())
    except pa.ArrowInvalid:
        bad |= np.array([not _is_utf8(value) for value in values.to_pylist()])
    return bad


def not_text_problem(line: int, column: str, cells: dict[str, str | None]) -> Problem:
    """What is wrong with a row that `not_text_rows` found."""
    return Problem(
        line,
        column,
        cells[column],
        "a NUL byte in the text" if "\x00" in (cells[column] or "") else "not UTF-8 text",
        "Save the file as UTF-8, or say what it is with 'encoding = ...'",
        cells=cells,
    )


def _is_utf8(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True

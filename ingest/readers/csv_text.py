"""Faults that the CSV parser does not tell: blank rows, and what is wrong with others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from linkspan.ingest.readers.dialect import Dialect
from linkspan.ingest.readers.problems import Problem
from linkspan.ingest.readers.tap import BadQuote


def blank_rows(piece: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Rows in which every value is empty: blank lines, and what spreadsheets leave below."""
    blank = np.ones(len(piece), bool)
    for column in piece.columns:
        if not blank.any():
            break
        blank &= pc.equal(pc.binary_length(column), 0).to_numpy(zero_copy_only=False)
    return blank


def counted(columns: int) -> str:
    """``1 column``, ``2 columns``."""
    return f"{columns} column{'s' * (columns != 1)}"


def ragged_problem(row: csv.InvalidRow, line: int, header: str, dialect: Dialect) -> Problem:
    """Problem of a row that has more or fewer columns than the header."""
    text = dialect.as_written(row.text)
    hint = "Write every value; an empty one still needs its delimiter"
    if row.actual_columns > row.expected_columns:
        hint = "Quote values that have the delimiter or a line end in them"
        if not dialect.quote:
            hint = "No value may have the delimiter in it, unless 'escape' or 'quote' says how"
    if '\\"' in text and not dialect.escape:
        hint = "Say 'escape = \"\\\\\"' if a backslash stands before quotes in this file"
    return Problem(
        line,
        None,
        text,
        f"{counted(row.actual_columns)} where {header} has {row.expected_columns}",
        hint,
    )


def quote_problem(bad: BadQuote, columns: list[str], dialect: Dialect) -> Problem:
    """Problem of a row that was left out for its quotes."""
    column = f"'{columns[bad.column]}'" if bad.column < len(columns) else f"{bad.column + 1}"
    reason = bad.reason.format(column=column)
    return Problem(bad.line, None, dialect.as_written(bad.text), reason, bad.hint)


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
    """Problem of a row that `not_text_rows` found."""
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

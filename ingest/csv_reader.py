"""Reads CSV and TSV, also compressed, in bounded memory, and knows the line of every row."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from linkspan.errors import DataError
from linkspan.ingest.problems import Problem
from linkspan.ingest.readers import Batch, Source

BLOCK_BYTES = 16 << 20
"""Text read at a time: bounds memory, and the longest row a file may have."""

BATCH_ROWS = 50_000
"""Rows in a `Batch`, at most."""

_DELIMITERS = {"csv": ",", "tsv": "\t"}
_MAX_COLUMNS = 2_000
_LINE_END = r"\r\n|\r|\n"
Rows = npt.NDArray[np.int64]


class _Tap(io.RawIOBase):
    """The text of a file as it passes: notes what the parser does not tell, ends the last line."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._ahead = b""
        self.quotes = 0
        self.nul = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = BLOCK_BYTES if size < 0 else size - 1  # one is kept for a last line end
        data = self._ahead
        while len(data) <= wanted and (more := self._stream.read(wanted + 1 - len(data))):
            data += more
        data, self._ahead = data[:wanted], data[wanted:]
        self.quotes += data.count(b'"')
        self.nul = self.nul or b"\x00" in data
        if data and not self._ahead and data[-1:] not in b"\r\n":
            data += b"\n"  # the parser refuses a header without it
        return data


class CsvFile:
    """One pass over a file.

    Args:
        source: The file.

    Raises:
        DataError: It cannot be opened, is empty, or its first line is no header.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._ragged: list[csv.InvalidRow] = []
        self._line = 1  # of the next row
        self._problems: list[Problem] = []
        self._row = 1  # number that the parser gives to the next row
        self._long_row: int | None = None  # line of the last row, if it goes over several lines
        with self._errors():
            stream = pa.input_stream(str(source.path), compression=source.compression)
            if codecs.lookup(source.spec.encoding).name != "utf-8":
                stream = pa.transcoding_input_stream(stream, source.spec.encoding, "utf-8")
            self._tap = _Tap(stream)
            self._reader = self._parse()
            first = self._reader.read_next_batch()
        self._first = first
        self.header = self._take_header(first)

    def _parse(self) -> csv.CSVStreamingReader:
        names = [f"f{number}" for number in range(_MAX_COLUMNS)]
        try:
            return csv.open_csv(
                pa.PythonFile(self._tap, mode="r"),
                csv.ReadOptions(
                    use_threads=False, block_size=BLOCK_BYTES, autogenerate_column_names=True
                ),
                csv.ParseOptions(
                    delimiter=self._source.spec.delimiter or _DELIMITERS[self._source.format],
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=self._note_ragged,
                ),
                csv.ConvertOptions(column_types=dict.fromkeys(names, pa.binary())),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV" not in str(error):
                raise
            raise DataError(
                "the file is empty",
                file=self._source.path,
                hint="Its first line should name the columns",
            ) from error

    def _note_ragged(self, row: csv.InvalidRow) -> str:
        self._ragged.append(row)
        return "skip"

    def _take_header(self, first: pa.RecordBatch) -> list[str]:
        """Column names: what stands in the first row."""
        cells = [column[0].as_py() for column in first.columns] if len(first) else []
        try:
            names = [cell.decode().strip() for cell in cells]
        except UnicodeDecodeError as error:
            raise self._not_text(error) from error
        if self._tap.nul and any("\x00" in name for name in names):
            raise self._not_text(None)
        if len(names) > _MAX_COLUMNS:
            raise DataError(f"more than {_MAX_COLUMNS:,} columns", file=self._source.path, line=1)
        if not any(names):
            raise DataError(
                "the first line is empty",
                file=self._source.path,
                line=1,
                hint="It should name the columns",
            )
        return names

    def _not_text(self, error: UnicodeDecodeError | None) -> DataError:
        return DataError(
            f"the first line is not {self._source.spec.encoding} text",
            file=self._source.path,
            line=1,
            value=None if error is None else error.object.decode(errors="backslashreplace"),
            hint="Save the file as UTF-8, or say what it is with 'encoding = ...'",
        )

    def batches(self, wanted: list[str]) -> Iterator[Batch]:
        """Read the rows.

        Args:
            wanted: Names of the columns to give.

        Raises:
            DataError: The file is cut short or damaged, or has a quote that is never closed.
        """
        piece: pa.RecordBatch | None = self._first
        names = {name: self.header.index(name) for name in wanted}
        header_rows = 1
        while piece is not None:
            lines = self._number(piece)[header_rows:]
            piece, header_rows = piece.slice(header_rows), 0
            columns = {name: piece.column(place) for name, place in names.items()}
            good = self._good_rows(piece, columns, lines)
            if not good.all():
                kept = pa.array(good)
                columns = {name: values.filter(kept) for name, values in columns.items()}
                lines = lines[good]
            texts = {name: values.cast(pa.string()) for name, values in columns.items()}
            for start in range(0, len(lines), BATCH_ROWS):
                part = {name: values[start : start + BATCH_ROWS] for name, values in texts.items()}
                yield Batch(lines[start : start + BATCH_ROWS], part)
            with self._errors():
                piece = next(self._reader, None)
            if piece is None:
                self._finish()
            if self._problems:
                yield Batch(
                    np.zeros(0, np.int64),
                    {name: pa.array([], pa.string()) for name in names},
                    self._problems,
                )
                self._problems = []

    def _good_rows(
        self, piece: pa.RecordBatch, columns: dict[str, pa.BinaryArray], lines: Rows
    ) -> npt.NDArray[np.bool_]:
        """Rows that are not blank and are text; the others that are not blank are problems."""
        good = ~_blank_rows(piece)
        for name, values in columns.items():
            bad = self._not_text_rows(values) & good
            for row in np.flatnonzero(bad):
                cells = {
                    column: cell[row].as_py().decode(errors="backslashreplace")
                    for column, cell in columns.items()
                }
                self._problems.append(
                    Problem(
                        int(lines[row]),
                        name,
                        cells[name],
                        "a NUL byte in the text" if "\x00" in cells[name] else "not UTF-8 text",
                        "Save the file as UTF-8, or say what it is with 'encoding = ...'",
                        cells=cells,
                    )
                )
            good &= ~bad
        return good

    def _number(self, piece: pa.RecordBatch) -> Rows:
        """The line of each row of the next piece, counting the rows that were left out."""
        first, count = self._row, len(piece)
        left_out = [row.number for row in self._ragged]
        numbers = np.arange(first, first + count + len(left_out))
        numbers = numbers[~np.isin(numbers, left_out)][:count]
        last = int(numbers[-1]) + 1 if count else first
        breaks = np.zeros(last - first, np.int64)  # line ends inside each row
        breaks[numbers - first] = _line_breaks(piece)
        ragged = [row for row in self._ragged if row.number < last]
        for row in ragged:
            breaks[row.number - first] = _count_line_ends(row.text)
        lines = self._line + np.arange(len(breaks)) + np.cumsum(breaks) - breaks
        self._problems += [
            _ragged_problem(row, int(lines[row.number - first]))
            for row in ragged
            if row.text.strip()
        ]
        if count:
            self._line = int(lines[-1] + breaks[-1] + 1)
            self._long_row = int(lines[-1]) if breaks[-1] else None
            self._row = last
            self._ragged = self._ragged[len(ragged) :]
        return lines[numbers - first]

    def _finish(self) -> None:
        """Note the ragged rows after the last good one.

        Raises:
            DataError: A quote is never closed.
        """
        for row in self._ragged:
            breaks = _count_line_ends(row.text)
            if row.text.strip():
                self._problems.append(_ragged_problem(row, self._line))
            self._long_row = self._line if breaks else None
            self._line += breaks + 1
        if self._tap.quotes % 2 and self._long_row is not None:
            raise DataError(
                "a quote opens in this row and is never closed",
                file=self._source.path,
                line=self._long_row,
                hint="Close it, or double it if it belongs to the text",
            )

    def _not_text_rows(self, values: pa.BinaryArray) -> npt.NDArray[np.bool_]:
        """Rows whose value is not UTF-8, or has a NUL byte in it."""
        bad = np.zeros(len(values), bool)
        if self._tap.nul:
            bad |= pc.match_substring(values, b"\x00").to_numpy(zero_copy_only=False)
        try:
            values.cast(pa.string())
        except pa.ArrowInvalid:
            bad |= np.array([not _is_utf8(value) for value in values.to_pylist()])
        return bad

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what the libraries raise into errors with the file, and the line where known."""
        path = self._source.path
        try:
            yield
        except PermissionError as error:
            raise DataError(
                "it may not be read", file=path, hint="Check its permissions"
            ) from error
        except (OSError, EOFError) as error:
            raise DataError(
                f"the file is cut short or damaged ({error})",
                file=path,
                hint="Copy or download it again",
            ) from error
        except UnicodeDecodeError as error:
            raise DataError(
                f"this is not {self._source.spec.encoding} text ({error.reason})",
                file=path,
                hint="Say what it is with 'encoding = ...', or save it as UTF-8",
            ) from error
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise DataError(f"it cannot be read ({error})", file=path) from error
            raise DataError(
                f"a row is longer than {BLOCK_BYTES >> 20} MB",
                file=path,
                line=self._line,
                hint="Look for a quote that is never closed, at this line or below",
            ) from error


def _blank_rows(piece: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Rows in which every value is empty: blank lines, and what spreadsheets leave below."""
    blank = np.ones(len(piece), bool)
    for column in piece.columns:
        if not blank.any():
            break
        blank &= pc.equal(pc.binary_length(column), 0).to_numpy(zero_copy_only=False)
    return blank


def _line_breaks(piece: pa.RecordBatch) -> Rows:
    """Line ends inside the values of each row."""
    count = np.zeros(len(piece), np.int64)
    for column in piece.columns:
        if pc.any(pc.match_substring_regex(column, "[\r\n]")).as_py():
            count += pc.count_substring_regex(column, _LINE_END).to_numpy(zero_copy_only=False)
    return count


def _count_line_ends(text: str) -> int:
    return len(re.findall(_LINE_END, text))


def _ragged_problem(row: csv.InvalidRow, line: int) -> Problem:
    columns = "column" if row.actual_columns == 1 else "columns"
    return Problem(
        line,
        None,
        row.text,
        f"{row.actual_columns} {columns} where the header has {row.expected_columns}",
        "Quote values that have the delimiter or a line end in them",
    )


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True

"""Reads CSV and TSV, also compressed, in bounded memory, and knows the line of every row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from linkspan.errors import DataError
from linkspan.ingest.readers.csv_text import (
    blank_rows,
    counted,
    not_text_problem,
    not_text_rows,
    quote_problem,
    ragged_problem,
)
from linkspan.ingest.readers.dialect import Dialect
from linkspan.ingest.readers.problems import Problem
from linkspan.ingest.readers.source import Batch, Source
from linkspan.ingest.readers.streams import file_errors, open_text
from linkspan.ingest.readers.tap import Tap

BLOCK_BYTES = 1 << 20
"""Text read at a time: bounds memory."""

LONG_BLOCK_BYTES = 32 << 20
"""The same for a file that has a longer row; the longest row that a file may have."""

BATCH_ROWS = 50_000
"""Rows in a `Batch`, at most."""

_MAX_COLUMNS = 2_000
Rows = npt.NDArray[np.int64]


class LongRowError(Exception):
    """A row is longer than a block; ``line`` is the first that was not read."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


def read_header(source: Source) -> list[str]:
    """Column names of a file.

    Raises:
        DataError: It cannot be opened, is empty, or its first line is no header.
    """
    try:
        with closing(CsvFile(source, BLOCK_BYTES)) as file:
            return file.header
    except LongRowError:
        with closing(CsvFile(source, LONG_BLOCK_BYTES)) as file:
            return file.header


def read_csv(source: Source) -> Iterator[Batch]:
    """Read the columns that the mapping names.

    Raises:
        DataError: The file is cut short or damaged, or a row is longer than 32 MB.
    """
    wanted = list(source.spec.columns())
    first = 0  # line to go on from
    try:
        with closing(CsvFile(source, BLOCK_BYTES)) as file:
            yield from file.batches(wanted)
        return
    except LongRowError as error:
        first = error.line
    try:
        with closing(CsvFile(source, LONG_BLOCK_BYTES)) as file:
            for batch in file.batches(wanted):
                yield batch.since(first)
    except LongRowError as error:
        raise DataError(
            f"a row is longer than {LONG_BLOCK_BYTES >> 20} MB",
            file=source.path,
            line=error.line,
            hint="Look for a missing line end, at this line or below",
        ) from error


class CsvFile:
    """One pass over a file.

    Args:
        source: The file.
        block_bytes: Text parsed at a time.

    Raises:
        DataError: It cannot be opened, is empty, or its first line is no header.
        LongRowError: Its first row is longer than a block.
    """

    def __init__(self, source: Source, block_bytes: int) -> None:
        self._source = source
        self._block_bytes = block_bytes
        self._ragged: list[csv.InvalidRow] = []
        self._reader: csv.CSVStreamingReader | None = None
        self._line = 1  # of the next row
        self._problems: list[Problem] = []
        self._row = 1  # number that the parser gives to the next row
        named = source.spec.header
        self._dialect = Dialect.of(source.spec, source.format)
        self._names = "'columns'" if named else "the header"  # what says how wide a row is
        with ExitStack() as opened:
            with self._errors():
                self._tap = Tap(open_text(source), self._dialect, len(named) if named else None)
                opened.callback(self.close)
                self._reader = self._parse()
                first = self._reader.read_next_batch()
            self._first = first
            self.header = (
                self._take_header(first) if named is None else self._see_width(first, named)
            )
            opened.pop_all()

    def close(self) -> None:
        """Close the file; the parser, which calls back into this object, would keep it open."""
        self._tap.close()
        self._reader = None

    def _parse(self) -> csv.CSVStreamingReader:
        names = [f"f{number}" for number in range(_MAX_COLUMNS)]
        try:
            return csv.open_csv(
                pa.PythonFile(self._tap, mode="r"),
                csv.ReadOptions(
                    use_threads=False, block_size=self._block_bytes, autogenerate_column_names=True
                ),
                csv.ParseOptions(
                    delimiter=self._dialect.parsed_delimiter,
                    quote_char=self._dialect.quote or False,
                    newlines_in_values=bool(self._dialect.quote),
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
                hint="Put rows into it, or leave it out of the mapping"
                if self._source.spec.header
                else "Its first line should name the columns",
            ) from error

    def _note_ragged(self, row: csv.InvalidRow) -> str:
        self._ragged.append(row)
        return "skip"

    def _take_header(self, first: pa.RecordBatch) -> list[str]:
        """Column names: what stands in the first row."""
        if self._tap.bad and self._tap.bad[0].line == 1:
            raise quote_problem(self._tap.bad[0], [], self._dialect).error(self._source.path)
        columns = [self._dialect.restore(column[:1]) for column in first.columns]
        cells = [column[0].as_py() for column in columns] if len(first) else []
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

    def _see_width(self, first: pa.RecordBatch, named: tuple[str, ...]) -> list[str]:
        """The names that the mapping gives to the columns of a file without a header."""
        if first.num_columns != len(named):
            raise DataError(
                f"{counted(first.num_columns)} where 'columns' in the mapping names {len(named)}",
                file=self._source.path,
                line=1,
                hint="Name every column of the file, in its order",
            )
        return list(named)

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
            DataError: The file is cut short or damaged, or a row is longer than 32 MB.
            LongRowError: A row is longer than a block.
        """
        piece: pa.RecordBatch | None = self._first
        names = {name: self.header.index(name) for name in wanted}
        header_rows = 0 if self._source.spec.header else 1
        while piece is not None:
            lines = self._number(piece)[header_rows:]
            piece, header_rows = piece.slice(header_rows), 0
            columns = {n: self._dialect.restore(piece.column(at)) for n, at in names.items()}
            good = self._good_rows(piece, columns, lines)
            if not good.all():
                kept = pa.array(good)
                columns = {name: values.filter(kept) for name, values in columns.items()}
                lines = lines[good]
            texts = {name: values.cast(pa.string()) for name, values in columns.items()}
            for start in range(0, len(lines), BATCH_ROWS):
                part = {name: values[start : start + BATCH_ROWS] for name, values in texts.items()}
                yield Batch(lines[start : start + BATCH_ROWS], part)
            yield from self._take_problems(wanted)
            assert self._reader is not None, "the file is closed"
            with self._errors():
                piece = next(self._reader, None)
        self._finish()
        self._note_quotes(None)
        yield from self._take_problems(wanted)

    def _take_problems(self, wanted: list[str]) -> Iterator[Batch]:
        """A batch without rows, for the problems since the last one; none where there are none."""
        if self._problems:
            columns = {name: pa.array([], pa.string()) for name in wanted}
            problems = sorted(self._problems, key=lambda problem: problem.line)
            yield Batch(np.zeros(0, np.int64), columns, problems)
            self._problems = []

    def _good_rows(
        self, piece: pa.RecordBatch, columns: dict[str, pa.BinaryArray], lines: Rows
    ) -> npt.NDArray[np.bool_]:
        """Rows that are not blank and are text; the others that are not blank are problems."""
        good = ~blank_rows(piece)
        for name, values in columns.items():
            bad = not_text_rows(values, nul=self._tap.nul) & good
            for row in np.flatnonzero(bad):
                cells = {
                    column: cell[row].as_py().decode(errors="backslashreplace")
                    for column, cell in columns.items()
                }
                self._problems.append(not_text_problem(int(lines[row]), name, cells))
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
        breaks[numbers - first] = self._dialect.breaks(piece)
        ragged = [row for row in self._ragged if row.number < last]
        for row in ragged:
            breaks[row.number - first] = self._dialect.line_ends(row.text.encode())
        lines = self._line + np.arange(len(breaks)) + np.cumsum(breaks) - breaks
        self._problems += [
            ragged_problem(row, int(lines[row.number - first]), self._names, self._dialect)
            for row in ragged
            if row.text.strip()
        ]
        if count:
            self._line = int(lines[-1] + breaks[-1] + 1)
            self._row = last
            self._ragged = self._ragged[len(ragged) :]
            self._note_quotes(self._line)
        return lines[numbers - first]

    def _note_quotes(self, end: int | None) -> None:
        """Note the rows before a line, or all, that were left out for their quotes."""
        found = [bad for bad in self._tap.bad if end is None or bad.line < end]
        self._tap.bad = self._tap.bad[len(found) :]
        self._problems += [quote_problem(bad, self.header, self._dialect) for bad in found]

    def _finish(self) -> None:
        """Note the ragged rows after the last good one."""
        for row in self._ragged:
            if row.text.strip():
                self._problems.append(ragged_problem(row, self._line, self._names, self._dialect))
            self._line += self._dialect.line_ends(row.text.encode()) + 1

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what the libraries raise into errors with the file, and the line where known."""
        try:
            with file_errors(self._source):
                yield
        except pa.ArrowInvalid as error:
            if "straddling" in str(error):
                raise LongRowError(self._line) from error
            raise DataError(f"it cannot be read ({error})", file=self._source.path) from error

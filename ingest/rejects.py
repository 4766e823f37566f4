"""The file of rows that were not taken: to be mended, and loaded in place of the first file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from linkspan.ingest.readers.dialect import Dialect
from linkspan.ingest.readers.problems import Problem
from linkspan.ingest.readers.source import Source

_ADDED = ("rejected_line", "rejected_column", "rejected_value", "rejected_reason")


class RejectsFile:
    """Writes the rejected rows of one file; a context manager. Without any, there is no file.

    It has the columns that the mapping names, and delimiter, quote, escape and encoding of its
    table, so that the rows can be mended there and the file be put in the mapping; and four more
    columns, which a reader passes over, that say what is wrong.

    Args:
        folder: Where it is made; the folder, too, if need be.
        source: The file that is read.
    """

    def __init__(self, folder: Path, source: Source) -> None:
        table = source.table.strip("[]").replace("]] ", "-")
        # Longer than the name of the file itself: a file of rejects may be read in turn.
        name = source.name.replace("/", "-").lstrip(".-")  # of one table, two may differ in folder
        self.path = folder / f"{name}.{table}.csv"
        self._columns = list(source.spec.columns())[::-1]
        self._encoding = source.spec.encoding
        self._dialect = Dialect.of(source.spec, source.spec.format or "csv")
        self._file: Any = None

    def add(self, problems: Iterable[Problem]) -> None:
        """Write rows that are not taken."""
        for problem in problems:
            if problem.kind == "forgotten":
                continue  # whose rows they are must stand nowhere
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                # JSON may hold half of a character, and UTF-8 not: it is written as it was there.
                self._file = self.path.open(
                    "w", newline="", encoding=self._encoding, errors="backslashreplace"
                )
                self._write([*self._columns, *_ADDED])
            self._write(
                [
                    *(problem.cells.get(column) for column in self._columns),
                    problem.line,
                    problem.column,
                    problem.value,
                    f"{problem.reason}. {problem.hint}.",
                ]
            )

    def _write(self, cells: list[Any]) -> None:
        row = self._dialect.row("" if cell is None else str(cell) for cell in cells)
        self._file.write(row + "\r\n")

    def __enter__(self) -> Self:
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

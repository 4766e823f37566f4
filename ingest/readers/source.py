"""A file of a mapping, and its rows batch by batch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from linkspan.graph.users.pseudonyms import Pseudonyms
from linkspan.ingest.mapping.tables import FileTable
from linkspan.ingest.readers.problems import Problem


@dataclass(frozen=True)
class Batch:
    """Some rows of a file, in file order.

    Attributes:
        lines: ``(N,)`` int64, the line on which each row begins, from 1, the header counted; in
            Parquet the number of the row, from 1.
        columns: Column name to ``(N,)`` text, null where nothing stands, or a list.
        problems: Rows that could not be read at all; they are not among the N.
        lists: Column name to ``(N,)`` lists of text, null where none stands, for columns that have
            any.
    """

    lines: npt.NDArray[np.int64]
    columns: dict[str, pa.StringArray]
    problems: list[Problem] = field(default_factory=list)
    lists: dict[str, pa.ListArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lines)

    def since(self, line: int) -> Batch:
        """The rows and problems from a line on."""
        start = int(np.searchsorted(self.lines, line))
        return Batch(
            self.lines[start:],
            {name: values[start:] for name, values in self.columns.items()},
            [problem for problem in self.problems if problem.line >= line],
            {name: values[start:] for name, values in self.lists.items()},
        )

    def filter(self, kept: npt.NDArray[np.bool_]) -> Batch:
        """The rows for which a mask is true, and all problems."""
        rows = pa.array(kept)
        return Batch(
            self.lines[kept],
            {name: values.filter(rows) for name, values in self.columns.items()},
            self.problems,
            {name: values.filter(rows) for name, values in self.lists.items()},
        )

    def cells(self, row: int) -> dict[str, str | None]:
        """Cells of a row, by column; lists as JSON."""
        found = {name: values[row].as_py() for name, values in self.columns.items()}
        for name, values in self.lists.items():
            if (several := values[row].as_py()) is not None:
                found[name] = json.dumps(several, ensure_ascii=False)
        return found


class Reader(NamedTuple):
    """Functions that read files of a format.

    Attributes:
        names: Reads the names of all columns of a file.
        rows: Reads the columns that its mapping names, batch by batch.
    """

    names: Callable[[Source], list[str]]
    rows: Callable[[Source], Iterator[Batch]]


@dataclass(frozen=True)
class Source:
    """One file of a mapping, found and with its header checked.

    Attributes:
        table: Name of its table, such as ``[[items]] 1``.
        spec: That table.
        path: The file.
        name: The path as it is written in the mapping.
        format: ``csv``, ``tsv``, ``jsonl`` or ``parquet``.
        compression: As pyarrow names it, or None.
        pseudonyms: What takes the place of users' ids in it, or None.
        reader: How it is read; None where it reads by itself.
    """

    table: str
    spec: FileTable
    path: Path
    name: str
    format: str
    compression: str | None
    pseudonyms: Pseudonyms | None = None
    reader: Reader | None = None

    def batches(self) -> Iterator[Batch]:
        """Read the columns that the mapping names.

        Raises:
            DataError: The file is damaged: cut short, not text, or with an open quote.
        """
        assert self.reader is not None, "a source without a reader reads by itself"
        return self.reader.rows(self)

    @property
    def unit(self) -> str:
        """Unit that ``Batch.lines`` counts: ``line`` or ``row``."""
        return "row" if self.format in ("parquet", "npy") else "line"

    def header(self) -> list[str]:
        """Names of all its columns.

        Raises:
            DataError: It cannot be read, or is empty.
        """
        assert self.reader is not None, "a source without a reader has no header"
        return self.reader.names(self)

    def sha256(self) -> str:
        """SHA-256 of the file as it lies there, in hex; about 1 GB/s."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

"""Opens the files of a mapping: finds them, checks their headers, reads them batch by batch."""

from __future__ import annotations

import codecs
import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from linkspan.errors import ConfigError, DataError
from linkspan.ingest.problems import Problem
from linkspan.ingest.tables import FileTable

_SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv"}
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}


@dataclass(frozen=True)
class Batch:
    """Some rows of a file, in file order.

    Attributes:
        lines: ``(N,)`` int64, the line on which each row begins, from 1, the header counted.
        columns: Column name to ``(N,)`` values: text, or what the format holds.
        problems: Rows that could not be read at all; they are not among the N.
    """

    lines: npt.NDArray[np.int64]
    columns: dict[str, pa.Array]
    problems: list[Problem] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.lines)

    def since(self, line: int) -> Batch:
        """The rows and problems from a line on."""
        start = int(np.searchsorted(self.lines, line))
        return Batch(
            self.lines[start:],
            {name: values[start:] for name, values in self.columns.items()},
            [problem for problem in self.problems if problem.line >= line],
        )

    def cells(self, row: int) -> dict[str, str | None]:
        """What stands in a row, by column."""
        return {name: values[row].as_py() for name, values in self.columns.items()}


@dataclass(frozen=True)
class Source:
    """One file of a mapping, found and with its header checked.

    Attributes:
        table: Name of its table, such as ``[[items]] 1``.
        spec: That table.
        path: The file.
        name: The path as it is written in the mapping.
        format: ``csv`` or ``tsv``.
        compression: As pyarrow names it, or None.
    """

    table: str
    spec: FileTable
    path: Path
    name: str
    format: str
    compression: str | None

    def batches(self) -> Iterator[Batch]:
        """Read the columns that the mapping names.

        Raises:
            DataError: The file is damaged: cut short, not text, or with an open quote.
        """
        from linkspan.ingest.csv_reader import read_csv

        return read_csv(self)

    def header(self) -> list[str]:
        """Names of all its columns.

        Raises:
            DataError: It cannot be read, or is empty.
        """
        from linkspan.ingest.csv_reader import read_header

        return read_header(self)

    def sha256(self) -> str:
        """SHA-256 of the file as it lies there, in hex; about 1 GB/s."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def open_source(table: str, spec: FileTable, base: Path) -> Source:
    """Find a file and check its header against its table.

    Args:
        table: Name of the table, such as ``[[items]] 1``.
        spec: The table.
        base: Folder that its path is relative to.

    Raises:
        ConfigError: There is no such file, its format is not known, or a column is not in it.
        DataError: It cannot be read, or is empty.
    """
    path = base / spec.file
    if not path.exists():
        raise ConfigError(f"{table}: there is no file {path}", hint=_near_file(path))
    if path.is_dir():
        raise ConfigError(f"{table}: {path} is a folder", hint="Name one file in it")
    try:
        codecs.lookup(spec.encoding)
    except LookupError:
        raise ConfigError(
            f"{table}, encoding: '{spec.encoding}' is not known", hint="Try 'utf-8' or 'cp1252'"
        ) from None
    compression = _COMPRESSIONS.get(path.suffix.lower())
    inner = path.with_suffix("") if compression else path
    kind = spec.format or _SUFFIXES.get(inner.suffix.lower())
    if kind is None:
        raise ConfigError(
            f"{table}: the name of {path} does not say how it is written",
            hint=f"Add 'format = ...' (csv or tsv), or end it in {', '.join(_SUFFIXES)}",
        )
    source = Source(table, spec, path, spec.file, kind, compression)
    _check_header(source, source.header())
    return source


def is_readable(path: Path) -> bool:
    """Whether the name of a file says that it can be read."""
    inner = path.with_suffix("") if path.suffix.lower() in _COMPRESSIONS else path
    return inner.suffix.lower() in _SUFFIXES


def _check_header(source: Source, columns: list[str]) -> None:
    """Check that all columns of the mapping are there, once each."""
    for name in columns:
        if name and columns.count(name) > 1:
            raise DataError(
                f"the header has column '{name}' {columns.count(name)} times",
                file=source.path,
                line=1,
                hint="Give each column a name of its own",
            )
    for name, key in source.spec.columns().items():
        if name not in columns:
            near = next(iter(difflib.get_close_matches(name, columns, n=1)), None)
            meant = f"Perhaps '{near}' is meant; it has" if near else "It has"
            raise ConfigError(
                f"{source.table}, {key}: {source.path} has no column '{name}'",
                hint=f"{meant} {', '.join(columns)}",
            )


def _near_file(path: Path) -> str:
    """A file in the same folder with a name like that, or where was looked."""
    if not path.parent.is_dir():
        return f"There is no folder {path.parent} either; paths are relative to the mapping"
    names = [entry.name for entry in path.parent.iterdir()]
    near = next(iter(difflib.get_close_matches(path.name, names, n=1)), None)
    return f"Perhaps '{near}' is meant" if near else "Paths are relative to the mapping"

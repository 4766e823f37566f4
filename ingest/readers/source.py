"""Opens the files of a mapping: finds them, checks their headers, reads them batch by batch."""

from __future__ import annotations

import difflib
import glob
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from linkspan.errors import ConfigError, DataError
from linkspan.graph.users.pseudonyms import Pseudonyms
from linkspan.ingest.mapping.tables import FileTable
from linkspan.ingest.readers.problems import Problem

_SUFFIXES = {
    **{".csv": "csv", ".tsv": "tsv", ".tab": "tsv"},
    **{".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"},
    **{".parquet": "parquet", ".pq": "parquet"},
}
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}


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
    """

    table: str
    spec: FileTable
    path: Path
    name: str
    format: str
    compression: str | None
    pseudonyms: Pseudonyms | None = None

    def batches(self) -> Iterator[Batch]:
        """Read the columns that the mapping names.

        Raises:
            DataError: The file is damaged: cut short, not text, or with an open quote.
        """
        from linkspan.ingest.readers.integer_ids import with_integer_ids
        from linkspan.ingest.readers.pseudonymised import pseudonymised

        batches = with_integer_ids(_reader(self.format)[1](self), self.spec.integer_ids)
        if self.pseudonyms is None:
            return batches
        return pseudonymised(batches, self.spec.user_columns(), self.pseudonyms)

    @property
    def unit(self) -> str:
        """Unit that ``Batch.lines`` counts: ``line`` or ``row``."""
        return "row" if self.format in ("parquet", "npy") else "line"

    def header(self) -> list[str]:
        """Names of all its columns.

        Raises:
            DataError: It cannot be read, or is empty.
        """
        return _reader(self.format)[0](self)

    def sha256(self) -> str:
        """SHA-256 of the file as it lies there, in hex; about 1 GB/s."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def open_files(
    table: str, spec: FileTable, base: Path, pseudonyms: Pseudonyms | None = None
) -> list[Source]:
    """Find the files of a table, one or all that match a pattern, and check their headers.

    Args:
        table: Name of the table, such as ``[[items]] 1``.
        spec: The table.
        base: Folder that its path is relative to.
        pseudonyms: What takes the place of users' ids; none of them is shown in an error then.

    Returns:
        The files sorted by path; each has the table with its own path for ``file``.

    Raises:
        ConfigError: There is no such file, its format is not known, or a column is not in it.
        DataError: It cannot be read, or is empty.
    """
    if (base / spec.file).exists() or not glob.has_magic(spec.file):
        return [open_source(table, spec, base, pseudonyms)]
    names = sorted(
        Path(name).as_posix()
        for name in glob.glob(spec.file, root_dir=base, recursive=True)
        if (base / name).is_file()
    )
    if not names:
        raise ConfigError(
            f"{table}: no file matches {base / spec.file}",
            hint="Paths are relative to the mapping, or to its 'base'",
        )
    return [
        open_source(table, spec.model_copy(update={"file": name}), base, pseudonyms)
        for name in names
    ]


def open_source(
    table: str, spec: FileTable, base: Path, pseudonyms: Pseudonyms | None = None
) -> Source:
    """Find one file and check its header against its table; as `open_files`, without patterns."""
    source = find_source(table, spec, base, pseudonyms)
    from linkspan.ingest.readers.pseudonymised import values_hidden

    with values_hidden() if source.pseudonyms else nullcontext():
        columns = source.header()
    _check_header(source, columns)
    return source


def find_source(
    table: str, spec: FileTable, base: Path, pseudonyms: Pseudonyms | None = None
) -> Source:
    """Find one file; as `open_source`, without a look into it."""
    path = base / spec.file
    if path.is_symlink() and not path.exists():
        raise ConfigError(f"{table}: {path} is a link to {os.readlink(path)}, which is not there")
    if not path.exists():
        raise ConfigError(f"{table}: there is no file {path}", hint=_near_file(path))
    if path.is_dir():
        hint = "Name one file in it, or all of them with a pattern such as "
        raise ConfigError(f"{table}: {path} is a folder", hint=f"{hint}'{spec.file}/*.csv'")
    if not path.is_file():
        raise ConfigError(
            f"{table}: {path} is a pipe or a device, which cannot be read twice",
            hint="Save what it gives to a file: all files are checked first, and loaded then",
        )
    try:
        "".encode(spec.encoding)
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
            hint=f"Add 'format = ...' ({', '.join(dict.fromkeys(_SUFFIXES.values()))}), "
            f"or end it in {', '.join(_SUFFIXES)}",
        )
    if kind == "parquet" and compression:
        raise ConfigError(
            f"{table}: {path} is compressed Parquet, which cannot be read in parts",
            hint="Unpack it, or compress inside the file, as Parquet does by itself",
        )
    if spec.header and kind not in ("csv", "tsv"):
        raise ConfigError(
            f"{table}, columns: {path} is {kind}, which names its columns itself",
            hint="Leave 'columns' out",
        )
    if kind not in ("csv", "tsv"):
        for key in ("delimiter", "quote", "escape"):
            if getattr(spec, key) is not None:
                raise ConfigError(
                    f"{table}, {key}: {path} is {kind}, which has none",
                    hint=f"Leave '{key}' out",
                )
    pseudonyms = pseudonyms if spec.user_columns() else None
    return Source(table, spec, path, spec.file, kind, compression, pseudonyms)


def is_readable(path: Path) -> bool:
    """Tell whether the name of a file says that it can be read."""
    inner = path.with_suffix("") if path.suffix.lower() in _COMPRESSIONS else path
    return inner.suffix.lower() in _SUFFIXES


def _reader(
    kind: str,
) -> tuple[Callable[[Source], list[str]], Callable[[Source], Iterator[Batch]]]:
    """Readers of the column names of a format, and of its rows."""
    if kind == "jsonl":
        from linkspan.ingest.readers.jsonl_reader import read_jsonl, read_keys

        return read_keys, read_jsonl
    if kind == "parquet":
        from linkspan.ingest.readers.parquet_reader import read_names, read_parquet

        return read_names, read_parquet
    from linkspan.ingest.readers.csv_reader import read_csv, read_header

    return read_header, read_csv


def _check_header(source: Source, columns: list[str]) -> None:
    """Check that all columns of the mapping are there, once each.

    Where users have pseudonyms the header is not shown: without one it is a row with a user's id.
    """
    for name in columns:
        if name and columns.count(name) > 1:
            shown = f"column '{name}'" if source.pseudonyms is None else "one column"
            raise DataError(
                f"the header has {shown} {columns.count(name)} times",
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
                hint=f"{meant} {', '.join(columns)}"
                if source.pseudonyms is None
                else "Look at its first line, which is not shown as it may hold a user's id",
            )


def _near_file(path: Path) -> str:
    """A file in the same folder with a name like that, or where was looked."""
    if not path.parent.is_dir():
        return f"There is no folder {path.parent} either; paths are relative to the mapping"
    names = [entry.name for entry in path.parent.iterdir()]
    near = next(iter(difflib.get_close_matches(path.name, names, n=1)), None)
    return f"Perhaps '{near}' is meant" if near else "Paths are relative to the mapping"

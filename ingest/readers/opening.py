"""Opens the files of a mapping: finds them, and checks their headers."""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from linkspan.errors import ConfigError, DataError
from linkspan.graph.users.pseudonyms import Pseudonyms
from linkspan.ingest.mapping.tables import FileTable
from linkspan.ingest.readers.csv_reader import read_csv, read_header
from linkspan.ingest.readers.integer_ids import with_integer_ids
from linkspan.ingest.readers.jsonl_reader import read_jsonl, read_keys
from linkspan.ingest.readers.parquet_reader import read_names, read_parquet
from linkspan.ingest.readers.pseudonymised import pseudonymised, values_hidden
from linkspan.ingest.readers.source import Batch, Reader, Source

_SUFFIXES = {
    **{".csv": "csv", ".tsv": "tsv", ".tab": "tsv"},
    **{".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"},
    **{".parquet": "parquet", ".pq": "parquet"},
}
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}


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
    reader = Reader(_READERS[kind].names, _rows)
    return Source(table, spec, path, spec.file, kind, compression, pseudonyms, reader)


def is_readable(path: Path) -> bool:
    """Tell whether the name of a file says that it can be read."""
    inner = path.with_suffix("") if path.suffix.lower() in _COMPRESSIONS else path
    return inner.suffix.lower() in _SUFFIXES


_READERS = {
    "csv": Reader(read_header, read_csv),
    "tsv": Reader(read_header, read_csv),
    "jsonl": Reader(read_keys, read_jsonl),
    "parquet": Reader(read_names, read_parquet),
}


def _rows(source: Source) -> Iterator[Batch]:
    """Rows of a file with ids as the mapping wants them."""
    read = _READERS[source.format].rows
    batches = with_integer_ids(read(source), source.spec.integer_ids)
    if source.pseudonyms is None:
        return batches
    return pseudonymised(batches, source.spec.user_columns(), source.pseudonyms)


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

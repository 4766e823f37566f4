"""Reads Parquet in bounded memory; every value becomes the text that would stand in a CSV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet as pq

from linkspan.errors import DataError
from linkspan.ingest.readers.csv_text import not_text_problem, not_text_rows
from linkspan.ingest.readers.source import Batch, Source
from linkspan.ingest.readers.streams import file_errors

BATCH_ROWS = 50_000
"""Rows in a `Batch`, at most."""

_BUFFER_BYTES = 1 << 20


def read_names(source: Source) -> list[str]:
    """Column names of a file.

    Raises:
        DataError: It cannot be read, or a column that the mapping names holds no plain values.
    """
    with _errors(source), _open(source) as file:
        schema: pa.Schema = file.schema_arrow
    wanted = source.spec.columns()
    for field in schema:
        if field.name in wanted and not _is_plain(field.type):
            raise DataError(
                f"the column holds {field.type}, where a value or a list of text is needed",
                file=source.path,
                column=field.name,
                hint="Give each value a column of its own",
            )
    return list(schema.names)


def nested_names(source: Source) -> list[str]:
    """Names of the columns that hold no plain values, nor lists of text."""
    with _errors(source), _open(source) as file:
        return [field.name for field in file.schema_arrow if not _is_plain(field.type)]


def read_parquet(source: Source) -> Iterator[Batch]:
    """Read the columns that the mapping names.

    Raises:
        DataError: The file is damaged.
    """
    wanted, names, first = list(source.spec.columns()), source.spec.name_columns(), 1
    with _errors(source), _open(source) as file:
        pieces = file.iter_batches(BATCH_ROWS, columns=wanted)
        for piece in pieces:
            yield _batch(piece, wanted, names, first)
            first += len(piece)


def _batch(piece: pa.RecordBatch, wanted: list[str], names: set[str], first: int) -> Batch:
    raw = {name: _decoded(piece.column(name)) for name in wanted}
    lists = {
        name: values.cast(pa.list_(pa.string()))
        for name, values in raw.items()
        if _is_list(values.type)
    }
    bytes_of = {
        name: pa.nulls(len(piece), pa.binary())
        if name in lists
        else _text(_known(values) if name in names else values)
        for name, values in raw.items()
    }
    lines = np.arange(first, first + len(piece))
    good, problems = np.ones(len(piece), bool), []
    for name, values in bytes_of.items():
        bad = not_text_rows(values, nul=True) & good
        for row in np.flatnonzero(bad):
            cells = {
                column: None
                if (cell := texts[row].as_py()) is None
                else cell.decode(errors="backslashreplace")
                for column, texts in bytes_of.items()
            }
            problems.append(not_text_problem(int(lines[row]), name, cells))
        good &= ~bad
    kept = pa.array(good)
    return Batch(
        lines[good],
        {name: values.filter(kept).cast(pa.string()) for name, values in bytes_of.items()},
        problems,
        {name: values.filter(kept) for name, values in lists.items()},
    )


def _decoded(values: pa.Array) -> pa.Array:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _known(values: pa.Array) -> pa.Array:
    """Values without NaN, which pandas and NumPy write where there is no id."""
    if not pa.types.is_floating(values.type):
        return values
    return pc.if_else(pc.is_nan(values), None, values)


def _text(values: pa.Array) -> pa.BinaryArray:
    """Values as the text that would stand in a CSV; as bytes, as no one has checked them yet."""
    if pa.types.is_timestamp(values.type) and values.type.tz is not None:
        # In UTC, whatever zone the file would show it in; cast writes a Z.
        values = values.cast(pa.timestamp(values.type.unit, "UTC"))
    if pa.types.is_timestamp(values.type):
        values = pc.replace_substring_regex(values.cast(pa.string()), r"\.0+(Z?)$", r"\1")
    elif not _is_text(values.type):
        values = values.cast(pa.string())
    return values.cast(pa.binary())


def _is_text(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_fixed_size_binary,
    )
    return any(test(kind) for test in tests)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_plain(kind: pa.DataType) -> bool:
    """Tell whether a column can stand in a mapping: no struct, no map, no list but of text."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if _is_list(kind):
        return _is_text(kind.value_type)
    return not pa.types.is_nested(kind) and not pa.types.is_duration(kind)


def _open(source: Source) -> pq.ParquetFile:
    return pq.ParquetFile(str(source.path), buffer_size=_BUFFER_BYTES, pre_buffer=False)


@contextmanager
def _errors(source: Source) -> Iterator[None]:
    """Turn what the libraries raise into errors with the file."""
    try:
        with file_errors(source):
            yield
    except pa.ArrowException as error:
        raise DataError(
            f"this is no Parquet file, or it is cut short or damaged ({error})",
            file=source.path,
            hint="Copy or write it again",
        ) from error

"""Reads ready-made vectors of items: numpy matrices, and lists in Parquet files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from linkspan.errors import ConfigError, DataError
from linkspan.ingest.mapping.tables import VectorsTable
from linkspan.ingest.readers.integer_ids import with_integer_ids
from linkspan.ingest.readers.problems import Problem
from linkspan.ingest.readers.source import Batch, Source

VECTOR = "vector"
"""Name of the column of a `Batch` that holds the vectors: lists of float32 of one length."""

BATCH_NUMBERS = 1 << 21
"""Numbers in a `Batch`, at most: bounds memory."""

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class VectorSource(Source):
    """One file of vectors; its lines are its rows, from 1.

    Attributes:
        vectors: Its table.
        length: Numbers in each vector.
        ids_file: File with the ids of its rows, or None.
        items: Files of the items in whose order its rows are; none where ids are given.
    """

    vectors: VectorsTable
    length: int
    ids_file: Path | None
    items: tuple[Source, ...]

    def batches(self) -> Iterator[Batch]:
        """Read the vectors; see `_batches`."""
        return with_integer_ids(self._batches(), self.spec.integer_ids)

    def _batches(self) -> Iterator[Batch]:
        """Read the vectors with the ids of their items.

        Raises:
            DataError: The file is damaged, or does not have a row for each id.
        """
        lists = _parquet_lists(self) if self.format == "parquet" else _matrix_lists(self)
        first = 1
        for columns, vectors in lists:
            lines = np.arange(first, first + len(vectors))
            first += len(vectors)
            yield self._checked(lines, columns, vectors)

    def sha256(self) -> str:
        """SHA-256 of the file, and of those that say whose its vectors are."""
        digest = hashlib.sha256(super().sha256().encode())
        if self.ids_file is not None:
            digest.update(self.ids_file.read_bytes())
        for source in self.items:
            digest.update(source.sha256().encode())
        return digest.hexdigest()

    def _checked(
        self, lines: npt.NDArray[np.int64], columns: dict[str, pa.Array], vectors: pa.ListArray
    ) -> Batch:
        """The vectors of the right length that are all numbers; the others are problems."""
        lengths = pc.if_else(vectors.is_valid(), pc.list_value_length(vectors), 0).to_numpy()
        right = lengths == self.length
        matrix = _float32(vectors.filter(pa.array(right)).flatten()).reshape(-1, self.length)
        finite = np.isfinite(matrix).all(axis=1)
        good = right.copy()
        good[right] = finite
        problems = []
        for row in np.flatnonzero(~good):
            cells = {name: values[row].as_py() for name, values in columns.items()}
            reason = "a vector has a number that is not finite as float32"
            if not right[row]:
                reason = f"a vector of {lengths[row]} numbers where the first has {self.length}"
            hint = "All vectors of a property have as many numbers, and no gaps"
            id_column = self.vectors.id
            problems.append(
                Problem(int(lines[row]), id_column, cells[id_column], reason, hint, cells=cells)
            )
        kept = pa.array(good)
        columns = {name: values.filter(kept) for name, values in columns.items()}
        columns[VECTOR] = pa.FixedSizeListArray.from_arrays(
            pa.array(matrix[finite].ravel()), self.length
        )
        return Batch(lines[good], columns, problems)


def open_vectors(
    table: str, spec: VectorsTable, base: Path, sources: Sequence[Source]
) -> VectorSource:
    """Find a file of vectors and look at its first row.

    Args:
        table: Name of the table, such as ``[[items]] 1, vectors.image``.
        spec: The table.
        base: Folder that paths are relative to.
        sources: The files that were opened before, those of the items among them.

    Raises:
        ConfigError: A file or a column is missing.
        DataError: It cannot be read, is empty, or its vectors are not as long as others of the
            same property.
    """
    path = _existing(table, base / spec.file)
    ids_file = _existing(table, base / spec.vectors.ids) if spec.vectors.ids else None
    is_matrix = spec.vectors.id is None
    length = _matrix(path).shape[1] if is_matrix else _first_length(table, spec, path)
    for source in sources:
        if (
            isinstance(source, VectorSource)
            and source.spec.becomes == spec.becomes
            and source.length != length
        ):
            raise DataError(
                f"its vectors have {length} numbers, those of {source.path} have {source.length}",
                file=path,
                hint="Make them agree, or give the property two names",
            )
    return VectorSource(
        table,
        spec,
        path,
        spec.file,
        "npy" if is_matrix else "parquet",
        None,
        vectors=spec,
        length=length,
        ids_file=ids_file,
        items=tuple(s for s in sources if spec.in_row_order and s.table == table.partition(",")[0]),
    )


def _existing(table: str, path: Path) -> Path:
    if not path.is_file():
        hint = "Paths are relative to the mapping"
        raise ConfigError(f"{table}: there is no file {path}", hint=hint)
    return path


def _matrix(path: Path) -> npt.NDArray[Any]:
    """The matrix in a file, mapped into memory."""
    try:
        matrix: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"this is not an array that numpy can read ({error})",
            file=path,
            hint="Write it with numpy.save",
        ) from error
    if matrix.ndim != 2 or not matrix.size or matrix.dtype.kind not in "fiu":
        raise DataError(
            f"an array of shape {matrix.shape} and type {matrix.dtype}",
            file=path,
            hint="It should be a matrix of numbers, one item a row",
        )
    return matrix


def _matrix_lists(source: VectorSource) -> Iterator[tuple[dict[str, pa.Array], pa.ListArray]]:
    matrix = _matrix(source.path)
    columns, of = _ids(source)
    count = len(next(iter(columns.values())))
    if count != len(matrix):
        raise DataError(
            f"{len(matrix):,} rows, where {of} has {count:,}",
            file=source.path,
            hint="Both should have one row for each item, in the same order",
        )
    step = max(1, BATCH_NUMBERS // source.length)
    for start in range(0, len(matrix), step):
        part = pa.array(_float32(matrix[start : start + step]).ravel())
        vectors = pa.FixedSizeListArray.from_arrays(part, source.length)
        yield {name: ids[start : start + step] for name, ids in columns.items()}, vectors


def _ids(source: VectorSource) -> tuple[dict[str, pa.Array], str]:
    """The columns that say whose vector each row is, and the name of the file they are from."""
    if source.ids_file is None:
        return _item_rows(source), source.items[0].path.name
    try:
        lines = source.ids_file.read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(
            "not UTF-8 text", file=source.ids_file, hint="It should have one id a line, as UTF-8"
        ) from error
    if not lines[-1]:
        lines.pop()
    return {source.vectors.id: pa.array(lines, pa.string())}, source.ids_file.name


def _item_rows(source: VectorSource) -> dict[str, pa.Array]:
    """Read what the items files have in the columns of id and domain, row by row.

    A row that cannot be read has its place, too: nothing stands there.
    """
    names = list(source.vectors.columns())
    parts: dict[str, list[pa.Array]] = {name: [] for name in names}
    for items in source.items:
        lines, found = [], {name: [] for name in names}  # type: ignore[var-annotated]
        for batch in items.batches():
            lines += [*batch.lines.tolist(), *(problem.line for problem in batch.problems)]
            for name in names:
                found[name] += batch.columns[name].to_pylist() + [None] * len(batch.problems)
        order = np.argsort(lines, kind="stable")
        for name in names:
            parts[name].append(pa.array(found[name], pa.string()).take(pa.array(order)))
    return {name: pa.concat_arrays(arrays) for name, arrays in parts.items()}


def _first_length(table: str, spec: VectorsTable, path: Path) -> int:
    """Length of the first vector of a Parquet file, after a look at its columns."""
    wanted = {"id": spec.vectors.id, "column": spec.vectors.column}
    try:
        with pq.ParquetFile(path) as file:
            for key, name in wanted.items():
                if name not in file.schema_arrow.names:
                    raise ConfigError(
                        f"{table}, {key}: {path} has no column '{name}'",
                        hint=f"It has {', '.join(file.schema_arrow.names)}",
                    )
            kind = file.schema_arrow.field(spec.vectors.column).type
            if not _is_list_of_numbers(kind):
                raise DataError(
                    f"column '{spec.vectors.column}' is of type {kind}",
                    file=path,
                    hint="It should be a list of numbers",
                )
            for batch in file.iter_batches(1_000, columns=[spec.vectors.column]):
                lengths = pc.list_value_length(batch.column(0)).drop_null()
                if len(lengths) and lengths[0].as_py():
                    return int(lengths[0].as_py())
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(path, error) from error
    raise DataError("no row has a vector", file=path, hint="Leave the file out of the mapping")


def _is_list_of_numbers(kind: pa.DataType) -> bool:
    is_list = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if not any(is_kind(kind) for is_kind in is_list):
        return False
    return bool(pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type))


def _parquet_lists(source: VectorSource) -> Iterator[tuple[dict[str, pa.Array], pa.ListArray]]:
    spec = source.vectors.vectors
    try:
        with pq.ParquetFile(source.path) as file:
            step = max(1, BATCH_NUMBERS // source.length)
            for batch in file.iter_batches(step, columns=[spec.id, spec.column]):
                ids = batch.column(spec.id).cast(pa.string())
                yield {source.vectors.id: ids}, batch.column(spec.column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise _damaged(source.path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"it cannot be read as Parquet ({error})", file=path, hint="Write it again")


def _float32(numbers: Any) -> Matrix:
    """Numbers as float32; those that it cannot hold become infinite, gaps become NaN."""
    if isinstance(numbers, pa.Array):
        numbers = numbers.to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):
        converted: Matrix = np.asarray(numbers).astype(np.float32)
    return converted

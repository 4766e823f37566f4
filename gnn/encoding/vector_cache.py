"""Vectors kept by the content they were made of, so that nothing is encoded twice."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkspan.errors import ModelError
from linkspan.progress import Task

FloatArray = NDArray[np.float32]

SAVED_EVERY = 120
"""Seconds after which what is known is written, so that a kill costs no more."""


def cached_vectors(
    keys: Sequence[bytes],
    encode: Callable[[list[bytes]], Mapping[bytes, FloatArray]],
    name: str,
    cache: Path | None,
    task: Task,
    chunk: int,
) -> dict[bytes, FloatArray]:
    """Vectors of all keys, those that the cache holds already not encoded again.

    Args:
        keys: Hashes of contents, each once, in the order in which they are best encoded.
        encode: Keys to vectors (d,); keys that it cannot encode are left out.
        name: Of the encoder, with all of its settings; it says which file of the cache is meant.
        cache: Folder; None keeps nothing.
        task: Told of each key.
        chunk: Keys encoded at once.

    Raises:
        ModelError: Vectors are not finite.
    """
    file = None
    if cache is not None:
        file = cache / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.parquet"
    known = _load(file) if file is not None and file.exists() else {}
    todo = [key for key in keys if key not in known]
    task.advance(len(keys) - len(todo))
    written = monotonic()
    for start in range(0, len(todo), chunk):
        found = encode(todo[start : start + chunk])
        if not all(np.isfinite(vector).all() for vector in found.values()):
            raise ModelError(f"encoder '{name}' gave vectors that are not finite")
        known.update(found)
        if file is not None and known and monotonic() - written > SAVED_EVERY:
            _write(file, known)
            written = monotonic()
        task.advance(len(todo[start : start + chunk]))
    if file is not None and todo and known:
        _write(file, known)
    return known


def _load(file: Path) -> dict[bytes, FloatArray]:
    """Key to vector; an unreadable cache is as good as none, for it can be computed again."""
    try:
        table = pq.read_table(file)
        width = int(table.schema.metadata[b"width"])
        keys = table.column("key").to_pylist()
        flat = table.column("vector").combine_chunks().flatten().to_numpy()
        return dict(zip(keys, flat.reshape(len(keys), width), strict=True))
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return {}


def _write(file: Path, known: dict[bytes, FloatArray]) -> None:
    """Write beside the file and rename, so that a killed run leaves the old cache whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    width = len(next(iter(known.values())))
    flat = pa.array(np.concatenate(list(known.values())))
    table = pa.table(
        {
            "key": pa.array(list(known), pa.binary()),
            "vector": pa.FixedSizeListArray.from_arrays(flat, width),
        }
    ).replace_schema_metadata({"width": str(width)})
    part = file.with_suffix(f".{os.getpid()}.part")
    pq.write_table(table, part)
    part.replace(file)

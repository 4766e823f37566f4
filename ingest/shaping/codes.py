"""Numbers for keys: exact, in order of first appearance, and fast for columns that repeat."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Codes = npt.NDArray[np.int64]


class KeyCodes:
    """Gives each key the number of keys that came before it. About 100 bytes a key."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._keys: list[str] = []  # as far as `key` was asked for

    def __len__(self) -> int:
        return len(self._codes)

    def key(self, code: int) -> str:
        """The key with a number; goes through all keys once after the last was added."""
        if len(self._keys) < len(self._codes):
            self._keys = list(self._codes)
        return self._keys[code]

    def keys(self) -> pa.StringArray:
        """All keys, in order of first appearance."""
        return pa.array(list(self._codes), pa.string())

    def add(self, keys: pa.StringArray) -> Codes:
        """The number of each key; new ones get one. Null has -1."""
        encoded = keys.dictionary_encode()
        codes = self._codes
        return _spread(
            encoded, [codes.setdefault(key, len(codes)) for key in encoded.dictionary.to_pylist()]
        )

    def find(self, keys: pa.StringArray) -> Codes:
        """The number of each key, -1 where it has none."""
        encoded = keys.dictionary_encode()
        return _spread(
            encoded, [self._codes.get(key, -1) for key in encoded.dictionary.to_pylist()]
        )


def row_hashes(columns: list[pa.Array], count: int) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of the values in each of ``count`` rows, the same in every run.

    Only rows of one key are compared by it: a collision is out of the question.
    """
    total = np.zeros(count, np.uint64)
    for column in columns:
        if pa.types.is_list(column.type):
            texts = column.cast(pa.list_(pa.string()))
            column = pc.binary_join(texts, "\x1f")  # noqa: PLW2901
        total = total * np.uint64(1_000_003) + _hashes(column)
    return total


def _hashes(column: pa.Array) -> npt.NDArray[np.uint64]:
    if pa.types.is_fixed_size_list(column.type):
        matrix = column.flatten().to_numpy().reshape(len(column), -1)
        digests = (hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in matrix)
        return np.frombuffer(b"".join(digests), np.uint64)
    absent = column.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_string(column.type):
        values = column.fill_null("").to_numpy(zero_copy_only=False)
    else:
        values = column.cast(pa.float64() if pa.types.is_boolean(column.type) else column.type)
        values = values.fill_null(0).to_numpy(zero_copy_only=False)
    hashes = pd.util.hash_array(values)
    hashes[absent] = 1
    return hashes


def _spread(encoded: pa.DictionaryArray, codes: list[int]) -> Codes:
    """Numbers of the distinct keys, as numbers of all rows."""
    table = np.array([*codes, -1], np.int64)  # the last is for null
    spread: Codes = table[pc.fill_null(encoded.indices, len(codes)).to_numpy()]
    return spread

"""Reads the item properties that a model may use beside the text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from linkspan import cypher
from linkspan.errors import SchemaError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.roles import FeatureKind, FeatureRole

BATCH_ROWS = 2_000
"""Items asked for at once: bounds the memory that lists of numbers take on the way."""

_TEXTS = ("category", "text", "image")
_EPOCH = date(1970, 1, 1).toordinal()
_WANTED: dict[FeatureKind, str] = {
    "number": "a finite number",
    "category": "a text",
    "date": "a date such as 2024-05-31",
    "vector": "a list of finite numbers",
    "text": "a text",
    "image": "a text that names a file",
}


def read_feature(database: Database, role: FeatureRole, keys: Sequence[str]) -> pd.DataFrame:
    """Read one property of all items; what no item has is missing everywhere.

    Args:
        database: The graph.
        role: The property, and what it holds.
        keys: Keys of the items, one for each row of the table.

    Returns:
        As `Snapshot.features` describes it.

    Raises:
        SchemaError: A value is of another kind or not finite, or vectors differ in length.
        DatabaseError: A query failed.
    """
    found = _read_values(database, role, keys)
    if role.kind == "vector":
        return pd.DataFrame(_matrix(found, role, keys)).rename(columns=str)
    if role.kind in _TEXTS:
        return pd.DataFrame({"value": [found.get(row, "") for row in range(len(keys))]}, dtype=str)
    numbers = [found.get(row, np.nan) for row in range(len(keys))]
    return pd.DataFrame({"value": np.array(numbers, np.float64)})


def _read_values(database: Database, role: FeatureRole, keys: Sequence[str]) -> dict[int, Any]:
    """The row of each item that has the property, with its value as `_converted` gives it."""
    query = cypher.load("stored_nodes", {"Item": "Item"})
    values: dict[int, Any] = {}
    for start in range(0, len(keys), BATCH_ROWS):
        rows = [
            {"place": start + place, "key": key}
            for place, key in enumerate(keys[start : start + BATCH_ROWS])
        ]
        for row, (value,) in database.read_rows(query, {"rows": rows, "names": [role.property]}):
            if value is None:
                continue
            try:
                values[row] = _converted(value, role.kind)
            except (TypeError, ValueError) as error:
                raise SchemaError(
                    f"property '{role.property}' of item {keys[row]!r} is {str(value)[:60]!r}, "
                    f"not {_WANTED[role.kind]}",
                    hint="Check the features in the mapping",
                ) from error
    return values


def _converted(value: Any, kind: FeatureKind) -> Any:
    """A number, a text, or a float32 vector; days since 1970 for a date."""
    if kind == "vector":
        with np.errstate(over="ignore"):
            vector = np.array(value, np.float32)
        if not isinstance(value, list) or vector.ndim != 1 or not np.isfinite(vector).all():
            raise TypeError
        return vector
    if kind == "number" and isinstance(value, int | float) and isfinite(value):
        return float(value)
    if kind == "date" and isinstance(value, str):
        return date.fromisoformat(value).toordinal() - _EPOCH
    if kind in _TEXTS and isinstance(value, str):
        return value
    raise TypeError


def _matrix(
    found: dict[int, Any], role: FeatureRole, keys: Sequence[str]
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """One vector a row, NaN where an item has none."""
    length = len(next(iter(found.values()), [0.0]))
    matrix = np.full((len(keys), length), np.nan, np.float32)
    for row, vector in found.items():
        if len(vector) != length:
            raise SchemaError(
                f"property '{role.property}' of item {keys[row]!r} has {len(vector)} numbers, "
                f"those before have {length}",
                hint="All vectors of a property should come from one model",
            )
        matrix[row] = vector
    return matrix

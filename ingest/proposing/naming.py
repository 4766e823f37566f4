"""Names for the columns of a file that does not name them, after what stands in them."""

from __future__ import annotations

import pandas as pd

_SCALE = 20
"""Different values that ratings have, at most."""


def name_columns(rows: pd.DataFrame) -> list[str]:
    """Guess names: those of events where something is a time or rating, else those of items.

    Args:
        rows: ``(N, columns)`` text, the first row of the file too.

    Returns:
        A name for each column; ``column_3`` where nothing is told of the third.
    """
    columns = [rows[name].str.strip() for name in rows.columns]
    names = [f"column_{number}" for number in range(1, len(columns) + 1)]
    later = range(2, len(columns))
    numbers = {i: column.astype(float) for i, column in enumerate(columns) if _is_number(column)}
    times = [i for i in later if i in numbers and numbers[i].between(5e8, 5e12).all()]
    ratings = [i for i in later if i in numbers and _is_rating(numbers[i])]
    if len(columns) > 2 and (times or (ratings and columns[0].duplicated().any())):
        names[:2] = ["user_id", "item_id"]
        if times:
            names[times[0]] = "timestamp"
        if ratings:
            names[ratings[0]] = "rating"
        return names
    if not columns[0].duplicated().any():
        names[0] = "id"
        texts = [i for i in range(1, len(columns)) if i not in numbers and _is_title(columns[i])]
        if texts:
            names[texts[0]] = "title"
    return names


def _is_number(values: pd.Series[str]) -> bool:
    return bool(values.str.fullmatch(r"[+-]?\d+(\.\d+)?").all())


def _is_rating(values: pd.Series[float]) -> bool:
    return bool(values.nunique() <= _SCALE and values.between(-10, 10).all())


def _is_title(values: pd.Series[str]) -> bool:
    """Tell whether values differ and are more than a sign or a code."""
    return bool(values.nunique() > 0.9 * len(values) and values.str.len().mean() > 3)

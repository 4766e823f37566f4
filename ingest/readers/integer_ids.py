"""Ids that are whole numbers, in one form: ``1.0``, ``1e0`` and ``01`` become ``1``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation

import pyarrow as pa

from linkspan.ingest.readers.problems import Problem
from linkspan.ingest.readers.source import Batch

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\d{1,3}(,\d{3})+(\.\d*)?)([eE][+-]?\d{1,2})?")
_HINT = "Mend it, or take the column out of 'integer_ids' in the mapping"


def whole_number(text: str) -> str | None:
    """The plain digits of a whole number; None for any other text.

    >>> whole_number("1.0"), whole_number("1e5"), whole_number("007"), whole_number("1.5")
    ('1', '100000', '7', None)
    """
    if not _NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text.replace(",", ""))
        return str(int(number)) if number == number.to_integral_value() else None
    except InvalidOperation:  # more digits than a Decimal keeps
        return None


def with_integer_ids(batches: Iterator[Batch], columns: Iterable[str]) -> Iterator[Batch]:
    """The same batches with whole numbers in some columns in one form; others are problems.

    Args:
        batches: As read from the file.
        columns: Those with the ids. A list, or nothing, in a cell is left for others to judge.
    """
    from linkspan.ingest.shaping.convert import Rows

    wanted = sorted(columns)
    if not wanted:
        yield from batches
    for batch in batches:
        rows, columns_of = Rows(batch), dict(batch.columns)
        for column in wanted:
            ids = batch.columns[column].dictionary_encode()
            texts = [text.strip() for text in ids.dictionary.to_pylist()]
            plain = [whole_number(text) if text else text for text in texts]
            columns_of[column] = pa.array(plain, pa.string()).take(ids.indices)
            wrong = pa.array([each is None for each in plain]).take(ids.indices).fill_null(False)
            bad = wrong.to_numpy(zero_copy_only=False)
            rows.reject(bad, column, "this id is not a whole number", _HINT)
        problems: list[Problem] = [*batch.problems, *rows.problems]
        changed = Batch(batch.lines, columns_of, problems, batch.lists)
        yield changed if rows.good.all() else changed.filter(rows.good)

"""Columns of text become ids, numbers, times and lists; what cannot is noted and left out."""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from linkspan.ingest.columns import Column, Domain, TimeColumn
from linkspan.ingest.names import domain_label
from linkspan.ingest.problems import Problem
from linkspan.ingest.readers import Batch

Mask = npt.NDArray[np.bool_]

_INTEGER = r"^[+-]?[0-9]{1,18}(\.0*)?$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_TRUE, _FALSE = ("true", "yes", "1", "t", "y"), ("false", "no", "0", "f", "n")
_LAST_SECOND = 253_402_300_799  # 31 December 9999
_UNITS = {"s": 1_000, "ms": 1}


class Rows:
    """The rows of a batch while they are converted: which are still good, and what is wrong.

    Args:
        batch: The rows as read.

    Attributes:
        batch: The rows as read.
        good: ``(N,)`` whether nothing was found wrong with the row so far.
        problems: What was found, one for each row that is not good.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.good: Mask = np.ones(len(batch), bool)
        self.problems: list[Problem] = []

    def __len__(self) -> int:
        return len(self.batch)

    def reject(
        self, bad: Mask, column: str, reason: str, hint: str, *, dangling: bool = False
    ) -> None:
        """Note rows that cannot be used because of what stands in a column."""
        for row in np.flatnonzero(bad & self.good):
            cells = self.batch.cells(int(row))
            self.problems.append(
                Problem(
                    line=int(self.batch.lines[row]),
                    column=column,
                    value=cells[column],
                    reason=reason,
                    hint=hint,
                    kind="dangling" if dangling else "malformed",
                    cells=cells,
                )
            )
        self.good &= ~bad

    def text(self, column: str) -> pa.StringArray:
        """Text without white space around it; null where nothing stands. A list is a problem."""
        if column in self.batch.lists:
            several = mask(pc.is_valid(self.batch.lists[column]))
            hint = "Say 'type = \"list\"' where it is a property, or write one value"
            self.reject(several, column, "a list where one value is needed", hint)
        return self._text(column)

    def lists(self, column: str, separator: str | None = None) -> pa.ListArray:
        """Lists of text: lists as they stand, and text split at a separator; null without values.

        No part is empty, or has white space around it.
        """
        text = self._text(column)
        parents, parts = split_cells(text, separator)
        several = self.batch.lists.get(column)
        if several is None:
            return _lists(parents, parts, len(text))
        listed = pc.utf8_trim_whitespace(pc.list_flatten(several))
        kept = mask(pc.greater(pc.binary_length(listed), 0))
        rows = np.concatenate((parents, pc.list_parent_indices(several).to_numpy()[kept]))
        order = np.argsort(rows, kind="stable")
        both = pa.chunked_array([parts, listed.filter(pa.array(kept))]).combine_chunks()
        return _lists(pa.array(rows[order]), both.take(pa.array(order)), len(text))

    def _text(self, column: str) -> pa.StringArray:
        text = pc.utf8_trim_whitespace(self.batch.columns[column])
        return pc.if_else(pc.equal(pc.binary_length(text), 0), None, text)

    def ids(self, column: str) -> pa.StringArray:
        """Ids; an empty one is a problem."""
        text = self.text(column)
        self.reject(mask(pc.is_null(text)), column, "the id is empty", "Every row needs one")
        return text

    def domains(self, domain: Domain) -> pa.StringArray:
        """The domain of each row; none, or one that is not listed, is a problem."""
        if domain.column is None:
            return pa.repeat(pa.scalar(domain.name, pa.string()), len(self))
        text, column = self.text(domain.column), domain.column
        hint = "Give the item one of the domains"
        if domain.values is not None:
            hint += f": {', '.join(domain.values)}"
        self.reject(mask(pc.is_null(text)), column, "the item is in no domain", hint)
        for name in pc.unique(text.drop_null()).to_pylist():
            reason = _not_a_domain(name, domain.values)
            if reason is not None:
                hint = "Mend it, or list it in the 'values' of 'domain' in the mapping"
                self.reject(mask(pc.equal(text, name)), column, reason, hint)
        return text

    def values(self, spec: Column) -> pa.Array:
        """What a column holds, typed; null where nothing stands."""
        if spec.split is not None or spec.type == "list":
            lists = self.lists(spec.column, spec.split)
            return self._number_lists(lists, spec.column) if spec.type == "number" else lists
        text = self.text(spec.column)
        if spec.type == "integer":
            return self._integers(text, spec.column)
        if spec.type == "number":
            return self._numbers(text, spec.column)
        if spec.type == "boolean":
            return self._booleans(text, spec.column)
        if spec.type == "time":
            return self._iso(text, spec.column)
        return text

    def times(self, spec: TimeColumn) -> pa.Int64Array:
        """Positions, or milliseconds UTC; none is a problem."""
        text = self.text(spec.column)
        self.reject(
            mask(pc.is_null(text)), spec.column, "the time is empty", "Every event needs one"
        )
        if spec.unit == "iso":
            return self._iso(text, spec.column)
        times = self._integers(text, spec.column, "Check 'unit' in the mapping")
        if spec.unit == "position":
            return times
        scale = _UNITS[spec.unit]
        late = mask(pc.greater(pc.abs(times), _LAST_SECOND * 1_000 // scale))
        hint = "Check 'unit' in the mapping" + (
            ": it looks like milliseconds" if spec.unit == "s" else ""
        )
        self.reject(late, spec.column, "the time is after the year 9999", hint)
        return pc.multiply(pc.if_else(pa.array(late), 0, times), scale)

    def _integers(
        self, text: pa.StringArray, column: str, hint: str = "Mend it, or set another 'type'"
    ) -> pa.Int64Array:
        right = pc.match_substring_regex(text, _INTEGER)
        wrong = mask(pc.and_(pc.is_valid(text), pc.invert(right)))
        self.reject(wrong, column, "this is not an integer", hint)
        whole = pc.replace_substring_regex(pc.if_else(right, text, None), r"(^\+|\.0*$)", "")
        return whole.cast(pa.int64())

    def _numbers(self, text: pa.StringArray, column: str) -> pa.DoubleArray:
        right = pc.match_substring_regex(text, _NUMBER)
        hint = "Use digits and a decimal point, or leave it empty"
        wrong = mask(pc.and_(pc.is_valid(text), pc.invert(right)))
        self.reject(wrong, column, "this is not a number", hint)
        plain = pc.replace_substring_regex(pc.if_else(right, text, None), r"^\+", "")
        numbers = plain.cast(pa.float64())
        self.reject(mask(pc.is_inf(numbers)), column, "this number is too large", hint)
        return numbers

    def _number_lists(self, lists: pa.ListArray, column: str) -> pa.ListArray:
        parents, texts = pc.list_parent_indices(lists), pc.list_flatten(lists)
        right = pc.match_substring_regex(texts, _NUMBER)
        wrong = np.zeros(len(self), bool)
        wrong[parents.to_numpy()[~mask(right)]] = True
        hint = "Use digits and a decimal point, with 'split' between numbers"
        self.reject(wrong, column, "this is not a list of numbers", hint)
        plain = pc.replace_substring_regex(pc.if_else(right, texts, None), r"^\+", "")
        return _lists(parents, plain.cast(pa.float64()), len(self))

    def _booleans(self, text: pa.StringArray, column: str) -> pa.BooleanArray:
        lower = pc.utf8_lower(text)
        true = pc.is_in(lower, pa.array(_TRUE))
        known = pc.or_(true, pc.is_in(lower, pa.array(_FALSE)))
        wrong = mask(pc.and_(pc.is_valid(text), pc.invert(known)))
        self.reject(wrong, column, "this is neither true nor false", "Use true or false")
        return pc.if_else(pc.is_valid(text), true, None)

    def _iso(self, text: pa.StringArray, column: str) -> pa.Int64Array:
        moments = pd.to_datetime(
            pd.Series(text.to_numpy(zero_copy_only=False), dtype="str"),
            format="ISO8601",
            utc=True,
            errors="coerce",
        )
        absent = moments.isna().to_numpy()
        hint = "Write it as 2024-05-31 or 2024-05-31T18:30:00Z"
        self.reject(absent & mask(pc.is_valid(text)), column, "this is not an ISO 8601 time", hint)
        numbers = moments.dt.as_unit("ms").astype("int64").to_numpy()
        return pa.array(numbers, mask=absent)


def split_cells(text: pa.StringArray, separator: str | None) -> tuple[pa.Array, pa.StringArray]:
    """The values in cells that hold several.

    Returns:
        The row of each value, and the values, without empty ones and without white space around.
    """
    if separator is None:
        there = text.is_valid()
        return pa.array(np.arange(len(text))).filter(there), text.filter(there)
    lists = pc.split_pattern(text, separator)
    parts = pc.utf8_trim_whitespace(pc.list_flatten(lists))
    kept = pc.greater(pc.binary_length(parts), 0)
    return pc.list_parent_indices(lists).filter(kept), parts.filter(kept)


def joined(*parts: pa.StringArray) -> pa.StringArray:
    """Parts of a key with ``/`` between them; null where one is null."""
    return pc.binary_join_element_wise(*parts, "/")


def domains_in(keys: pa.StringArray) -> pa.StringArray:
    """The domains of keys: what stands before the first ``/``."""
    return pc.list_element(pc.split_pattern(keys, "/", max_splits=1), 0)


def mask(values: Any) -> Mask:
    """A boolean array as numpy has it; null is false."""
    result: Mask = pc.fill_null(values, False).to_numpy(zero_copy_only=False)
    return result


def _lists(parents: pa.Array, parts: pa.Array, count: int) -> pa.ListArray:
    """Lists of values by row; null for a row without any."""
    sizes = np.bincount(parents.to_numpy(), minlength=count)
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), parts, mask=pa.array(sizes == 0))


def _not_a_domain(name: str, allowed: tuple[str, ...] | None) -> str | None:
    """Why a name is not a domain, or None."""
    if allowed is not None:
        if name in allowed:
            return None
        near = next(iter(difflib.get_close_matches(name, allowed, n=1)), None)
        return "there is no such domain" + (f", perhaps '{near}' is meant" if near else "")
    try:
        domain_label(name)
    except ValueError as error:
        return str(error)
    return None

"""Columns of text become ids, numbers, times and lists; what cannot is noted and left out."""

from __future__ import annotations

import difflib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkspan.ingest.columns import Column, Domain, TimeColumn
from linkspan.ingest.names import domain_label
from linkspan.ingest.parse import Mask, Parsed, mask, parse, parse_integers, parse_times
from linkspan.ingest.problems import Problem
from linkspan.ingest.readers import Batch
from linkspan.ingest.text import absent_if_empty, cleaned, composed


class Rows:
    """The rows of a batch while they are converted: which are still good, and what is wrong.

    Args:
        batch: The rows as read.

    Attributes:
        good: ``(N,)`` whether nothing was found wrong with the row so far.
        problems: What was found, one for each row that is not good.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self.good: Mask = np.ones(len(batch), bool)
        self.problems: list[Problem] = []

    def __len__(self) -> int:
        return len(self._batch)

    def reject(
        self,
        bad: Mask,
        column: str,
        reason: str,
        hint: str,
        *,
        dangling: bool = False,
        missing: bool = False,
    ) -> None:
        """Note rows that cannot be used because of what stands in a column."""
        for row in np.flatnonzero(bad & self.good):
            cells = self._batch.cells(int(row))
            self.problems.append(
                Problem(
                    line=int(self._batch.lines[row]),
                    column=column,
                    value=cells[column],
                    reason=reason,
                    hint=hint,
                    kind="dangling" if dangling else "missing" if missing else "malformed",
                    cells=cells,
                )
            )
        self.good &= ~bad

    def text(self, column: str) -> pa.StringArray:
        """Text in Unicode NFC without white space around it; null where nothing stands."""
        return absent_if_empty(pc.utf8_trim_whitespace(composed(self._batch.columns[column])))

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
        """What a column holds, typed; null where nothing stands and nothing stands in.

        What needs numbers of the whole column, its mean for one, is left to `Statistics`.
        """
        text, column = self.text(spec.column), spec.column
        if spec.absent:
            text = pc.if_else(pc.is_in(text, pa.array(spec.absent)), None, text)
        if spec.clean:
            text = cleaned(text)
        if spec.stand_in is not None:
            text = pc.fill_null(text, spec.stand_in)
        if spec.split is not None:
            parents, parts = split_cells(text, spec.split)
            values = _lists(parents, parts, len(text))
        else:
            values = self._taken(parse(text, spec.type, spec.unit), column)
        if spec.normalise == "log":
            hint = "A logarithm needs numbers from 0 on; mend it, or use 'minmax' or 'zscore'"
            self.reject(mask(pc.less(values, 0)), column, "this number is negative", hint)
        if spec.missing == "drop":
            hint = "The mapping says 'missing = \"drop\"'"
            reason = "nothing stands here"
            self.reject(mask(pc.is_null(values)), column, reason, hint, missing=True)
        return values

    def times(self, spec: TimeColumn) -> pa.Int64Array:
        """Positions, or milliseconds UTC; none is a problem."""
        text = self.text(spec.column)
        self.reject(
            mask(pc.is_null(text)), spec.column, "the time is empty", "Every event needs one"
        )
        if spec.unit == "position":
            parsed = parse_integers(text, "Check 'unit' in the mapping")
        else:
            parsed = parse_times(text, spec.unit)
        return self._taken(parsed, spec.column)

    def _taken(self, parsed: Parsed, column: str) -> pa.Array:
        """The values, with the rows rejected whose text could not be taken."""
        for wrong in parsed.wrong:
            self.reject(wrong.rows, column, wrong.reason, wrong.hint)
        return parsed.values


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


def _lists(parents: pa.Array, parts: pa.StringArray, count: int) -> pa.ListArray:
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

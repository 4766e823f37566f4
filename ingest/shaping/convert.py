"""Columns of text become ids, numbers, times and lists; what cannot is noted and left out."""

from __future__ import annotations

import difflib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkspan.ingest.mapping.columns import Column, Domain, TimeColumn
from linkspan.ingest.mapping.names import domain_label
from linkspan.ingest.readers.problems import Problem
from linkspan.ingest.readers.source import Batch
from linkspan.ingest.shaping.parse import Mask, Parsed, mask, parse, parse_integers, parse_times
from linkspan.ingest.shaping.text import absent_if_empty, cleaned, composed

LONGEST_ID = 1_000
"""Characters; Neo4j's index takes keys of some 8,000 bytes."""

PARAMETERS = pa.array(["$rows", "$run", "$names"])
"""Parameters of queries that write. A pattern in ArcadeDB 26 takes such a value for the parameter
of that name, and finds nothing."""


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
            cells = self.batch.cells(int(row))
            self.problems.append(
                Problem(
                    line=int(self.batch.lines[row]),
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
        """Text in NFC without white space around it; null where nothing stands. A list is wrong."""
        if column in self.batch.lists:
            several = mask(pc.is_valid(self.batch.lists[column]))
            hint = "Say 'type = \"list\"' where it is a property, or write one value"
            self.reject(several, column, "a list where one value is needed", hint)
        return self._text(column)

    def lists(self, column: str, separator: str | None = None) -> pa.ListArray:
        """Lists of text: lists as they stand, and text split at a separator; null without values.

        No part is empty, or has white space around it.
        """
        return self._lists(self._text(column), column, separator)

    def _lists(self, text: pa.StringArray, column: str, separator: str | None) -> pa.ListArray:
        parents, parts = split_cells(text, separator)
        several = self.batch.lists.get(column)
        if several is None:
            return _lists(parents, parts, len(text))
        listed = pc.utf8_trim_whitespace(composed(pc.list_flatten(several)))
        kept = mask(pc.greater(pc.binary_length(listed), 0))
        rows = np.concatenate((parents, pc.list_parent_indices(several).to_numpy()[kept]))
        order = np.argsort(rows, kind="stable")
        both = pa.chunked_array([parts, listed.filter(pa.array(kept))]).combine_chunks()
        return _lists(pa.array(rows[order]), both.take(pa.array(order)), len(text))

    def _text(self, column: str) -> pa.StringArray:
        return absent_if_empty(pc.utf8_trim_whitespace(composed(self.batch.columns[column])))

    def ids(self, column: str) -> pa.StringArray:
        """Ids; an empty one is a problem, and one that no index takes."""
        # Files that were joined have a byte order mark before what was the first value of each.
        text = absent_if_empty(pc.utf8_ltrim(self.text(column), "\ufeff"))
        self.reject(mask(pc.is_null(text)), column, "the id is empty", "Every row needs one")
        self._reject_long(mask(pc.greater(pc.utf8_length(text), LONGEST_ID)), column)
        return text

    def check_key(self, ids: pa.StringArray, column: str) -> None:
        """Ids that are keys by themselves: those that a server would not find are a problem."""
        taken = mask(pc.is_in(ids, PARAMETERS))
        self.reject(taken, column, "ArcadeDB takes this id for a parameter", "Rename it")

    def names(self, column: str, separator: str | None) -> pa.ListArray:
        """Lists of names that are ids of entities; as `lists`, with the limit of `ids`."""
        names = self.lists(column, separator)
        long = pc.greater(pc.utf8_length(pc.list_flatten(names)), LONGEST_ID)
        rows = np.zeros(len(self), bool)
        rows[pc.list_parent_indices(names).filter(long)] = True
        self._reject_long(rows, column)
        return names

    def _reject_long(self, rows: Mask, column: str) -> None:
        reason = f"the id is longer than {LONGEST_ID:,} characters"
        self.reject(rows, column, reason, "Look whether the mapping names the right column")

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
        """Values of a column, typed; null where nothing stands and nothing stands in.

        What needs numbers of the whole column, its mean for one, is left to `Statistics`.
        """
        column = spec.column
        text = self._text(column) if spec.is_list else self.text(column)
        if spec.absent:
            text = pc.if_else(pc.is_in(text, pa.array(spec.absent)), None, text)
        if spec.clean:
            text = cleaned(text)
        if spec.stand_in is not None:
            listed = self.batch.lists.get(column) if spec.is_list else None
            empty = pc.is_null(text)
            empty = empty if listed is None else pc.and_(empty, pc.is_null(listed))
            text = pc.if_else(empty, spec.stand_in, text)
        if spec.is_list:
            values = self._lists(text, column, spec.split)
            values = self._number_lists(values, column) if spec.type == "number" else values
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

    def _number_lists(self, lists: pa.ListArray, column: str) -> pa.ListArray:
        parents, parsed = pc.list_parent_indices(lists), parse(pc.list_flatten(lists), "number")
        for wrong in parsed.wrong:
            rows = np.zeros(len(self), bool)
            rows[parents.to_numpy()[wrong.rows]] = True
            self.reject(rows, column, f"in this list, {wrong.reason}", wrong.hint)
        return _lists(parents, parsed.values, len(self))

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


def _lists(parents: pa.Array, parts: pa.Array, count: int) -> pa.ListArray:
    """Lists of values by row; null for a row without any."""
    sizes = np.bincount(parents.to_numpy(), minlength=count)
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), parts, mask=pa.array(sizes == 0))


def _not_a_domain(name: str, allowed: tuple[str, ...] | None) -> str | None:
    """Tell why a name is not a domain, or None."""
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

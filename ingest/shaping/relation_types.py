"""Relationship types that stand in a column."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from linkspan.errors import ConfigError
from linkspan.ingest.mapping.columns import RelationType
from linkspan.ingest.mapping.names import relation_type
from linkspan.ingest.readers.source import Batch
from linkspan.ingest.shaping.convert import Rows
from linkspan.ingest.shaping.parse import mask


class TypeNames:
    """The types that values of columns have become so far.

    Args:
        taken: Names that no type may have, each with what it stands for.
    """

    def __init__(self, taken: Mapping[str, str] | None = None) -> None:
        self._of: dict[str, str] = {}  # value to type
        self._met: dict[str | None, None] = {}  # values, also those passed over
        self._values = dict(taken or {})  # type to value

    def of_rows(self, rows: Rows, spec: RelationType) -> pa.StringArray:
        """The type of each row; none, or one that cannot be, is a problem."""
        if spec.column is None:
            return pa.repeat(pa.scalar(spec.name, pa.string()), len(rows))
        text = rows.text(spec.column)
        empty = mask(pc.is_null(text))
        rows.reject(empty, spec.column, "the relation has no type", "Every row needs one")
        encoded = text.dictionary_encode()
        types = []
        for value in encoded.dictionary.to_pylist():
            reason = self._take(value)
            if reason is not None:
                wrong = mask(pc.equal(text, value))
                hint = "Mend it, or leave it out with 'values' of 'type' in the mapping"
                rows.reject(wrong, spec.column, reason, hint)
            types.append(self._of.get(value))
        return pa.array(types, pa.string()).take(encoded.indices)

    def kept(self, batch: Batch, spec: RelationType) -> Batch:
        """The rows whose value is to be taken; those without any stay, to be told."""
        if spec.column is None or spec.values is None:
            return batch
        text = Rows(batch).text(spec.column)
        self._met |= dict.fromkeys(pc.unique(text).to_pylist())
        return batch.filter(mask(pc.or_(pc.is_null(text), pc.is_in(text, pa.array(spec.values)))))

    def see_all(self, table: str, spec: RelationType) -> None:
        """Check that all values that the mapping lists were met.

        Raises:
            ConfigError: One was not.
        """
        for value in spec.values or ():
            if value not in self._met:
                met = [other for other in self._met if other]
                near = next(iter(difflib.get_close_matches(value, met, n=1)), None)
                raise ConfigError(
                    f"{table}, type: no row has {value!r} in column '{spec.column}'",
                    hint=f"Perhaps '{near}' is meant" if near else "Take it out of 'values'",
                )

    def _take(self, value: str) -> str | None:
        """Note a value and its type; returns why it cannot have one."""
        if value in self._of:
            return None
        try:
            name = relation_type(value)
        except ValueError as error:
            return str(error)
        other = self._values.setdefault(name, value)
        if other != value:
            return f"type '{name}' would stand for {other} and {value}"
        self._of[value] = name
        return None

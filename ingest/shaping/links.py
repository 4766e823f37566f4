"""Links of entities that are items, so that the relations of the entity are those of the item."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkspan.ingest.shaping.codes import KeyCodes
from linkspan.ingest.shaping.convert import Rows


class Links:
    """Keys of entities to keys of items, one to one."""

    def __init__(self) -> None:
        self._entities = KeyCodes()
        self._items = KeyCodes()
        self._item_of: list[str] = []  # by number of the entity

    def add(self, rows: Rows, column: str, entities: pa.StringArray, items: pa.StringArray) -> None:
        """Take in rows; one that links an entity to a second item is a problem."""
        good = pa.array(rows.good)
        known = len(self._entities)
        codes = self._entities.add(pc.if_else(good, entities, None))
        bad = np.zeros(len(rows), bool)
        for row in np.flatnonzero(codes >= 0):
            item = items[int(row)].as_py()
            if codes[row] >= known and codes[row] == len(self._item_of):
                self._item_of.append(item)
            bad[row] = self._item_of[codes[row]] != item
        hint = "Link each entity to one item"
        rows.reject(bad, column, "another row says that this entity is another item", hint)

    def resolve(self, keys: pa.StringArray, kind: str) -> tuple[pa.StringArray, pa.StringArray]:
        """Resolve entities: keys of items, where they are linked to one, else their own.

        Args:
            keys: ``(N,)`` keys of entities.
            kind: Their label.

        Returns:
            ``(N,)`` keys and ``(N,)`` roles: ``item`` or ``kind``.
        """
        codes = self._entities.find(keys)
        linked = pa.array(codes >= 0)
        items = pa.array(self._item_of, pa.string()).take(pa.array(codes, mask=codes < 0))
        return pc.coalesce(items, keys), pc.if_else(linked, "item", kind)

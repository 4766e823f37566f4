"""Writes the tables of an ingest into the files of a bulk load."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkspan.errors import DataError
from linkspan.graph.bulk.files import BulkFiles, Numbers
from linkspan.ingest.mapping.model import Mapping
from linkspan.ingest.shaping.codes import KeyCodes
from linkspan.ingest.shaping.targets import LinkTarget, NodeTarget, Table
from linkspan.progress import Task


class BulkWriter:
    """Writes the tables of one ingest, in place of a `GraphWriter`; about 100 bytes a node.

    A relationship that both a column of items and a file of relations make is one, with the
    properties that the file gives: those of such columns are kept until all files are read.

    Args:
        files: Where they are written.
        mapping: Says which columns of items become relationships.
        numbered: How many nodes were written into them before.

    Attributes:
        older: Always 0: an empty graph has no later event.
    """

    def __init__(self, files: BulkFiles, mapping: Mapping, numbered: int = 0) -> None:
        self._files, self._before = files, numbered
        self.older = 0
        self._numbers = KeyCodes()  # of nodes, by label and key: in the order of the files
        self._several = _made_twice(mapping)
        self._bare: defaultdict[LinkTarget, dict[int, None]] = defaultdict(dict)
        self._stated: defaultdict[LinkTarget, set[int]] = defaultdict(set)

    def new_nodes(self, table: Table) -> Table:
        """Nodes that no earlier table had; relationships as they are."""
        if not isinstance(table.target, NodeTarget):
            return table
        known = len(self._numbers)
        numbers = self._numbers.add(_named(table.target.label, table.keys["key"]))
        return table.filter(pa.array(numbers >= known))

    def ready(self, table: Table) -> Table:
        """The rows in the order in which `new_nodes` numbered them."""
        return table

    def write(self, table: Table, rows: Any, task: Task) -> int:
        """Write the rows of a table; returns how many were not there before.

        Raises:
            DataError: A relationship begins or ends at a node that is not there.
            OSError: The files cannot be written.
        """
        target, written = table.target, len(table)
        if isinstance(target, NodeTarget):
            labels = (target.label,) if target.kind is None else (target.label, target.kind)
            self._files.add_nodes(labels, {**table.keys, **table.properties})
        else:
            written = self._write_links(target, table)
        task.advance(len(table))
        return written

    def _write_links(self, target: LinkTarget, table: Table) -> int:
        sources, targets = (
            self._numbers_of(label, table.keys[end], target)
            for label, end in zip(target.labels, ("source", "target"), strict=True)
        )
        columns = {name: table.keys[name] for name in list(table.keys)[2:]} | table.properties
        if target in self._several:
            pairs = ((sources << 32) | targets).tolist()
            if not columns:
                bare = self._bare[target]
                before = len(bare)
                bare.update(dict.fromkeys(pairs))
                return len(bare) - before
            self._stated[target].update(pairs)
        self._files.add_links(target.type, sources, targets, columns)
        return len(sources)

    def _numbers_of(self, label: str, keys: pa.StringArray, target: LinkTarget) -> Numbers:
        """The numbers that the files give to nodes; one without any would be another's."""
        numbers = self._numbers.find(_named(label, keys))
        if len(numbers) and numbers.min() < 0:
            key = keys[int(numbers.argmin())].as_py()
            raise DataError(
                f"a {target.type} relationship has an end, {label} '{key}', that no file makes",
                hint="Leave '--bulk' out",
            )
        return self._before + numbers

    def close(self) -> None:
        """Write what was kept, and the files to their end.

        Raises:
            OSError: The files cannot be written.
        """
        for target, bare in self._bare.items():
            stated = self._stated[target]
            pairs: Numbers = np.array([pair for pair in bare if pair not in stated], np.int64)
            self._files.add_links(target.type, pairs >> 32, pairs & 0xFFFFFFFF, {})
        self._files.close()


def _named(label: str, keys: pa.StringArray) -> pa.StringArray:
    return pc.binary_join_element_wise(label, keys, "/")


def _made_twice(mapping: Mapping) -> set[LinkTarget]:
    """Targets that several columns of items, or a column and a file of relations, may make."""
    columns = Counter(
        LinkTarget(role.type, "item", role.target) for role in mapping.column_relations()
    )
    stated = [table.type.types for table in mapping.relations]
    return {
        target
        for target, count in columns.items()
        if count > 1 or any(types is None or target.type in types for types in stated)
    }

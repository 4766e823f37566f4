"""Files of ArcadeDB's batch endpoint: a record a line in JSON, all nodes before the first link."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from linkspan.graph.bulk.files import BulkFiles, Columns, Numbers

_SENT_BYTES = 1 << 20


class ArcadeFiles(BulkFiles):
    """Two files, one of nodes and one of relationships; see `BulkFiles`.

    Args:
        folder: Where they are written.
        vertex_type: Gives the server's type for a set of labels, and makes it if need be.
        edge_type: Makes the server's type for a relationship type.
    """

    def __init__(
        self,
        folder: Path,
        vertex_type: Callable[[tuple[str, ...]], str],
        edge_type: Callable[[str], None],
    ) -> None:
        super().__init__(folder)
        self._vertex_type, self._edge_type = vertex_type, edge_type
        self._types: dict[tuple[str, ...], str] = {}
        self._nodes = (folder / "nodes.ndjson").open("wb")
        self._links = (folder / "links.ndjson").open("wb")

    def _write_nodes(self, labels: tuple[str, ...], numbers: Numbers, columns: Columns) -> None:
        if labels not in self._types:
            self._types[labels] = self._vertex_type(labels)
        head = f'{{"@type":"v","@class":{json.dumps(self._types[labels])}'
        self._nodes.write(_lines([head, *_members(columns)]))

    def _write_links(self, kind: str, sources: Numbers, targets: Numbers, columns: Columns) -> None:
        if kind not in self.types:
            self._edge_type(kind)
        ends = [pa.array(numbers).cast(pa.string()) for numbers in (sources, targets)]
        head = f'{{"@type":"e","@class":{json.dumps(kind)},"@from":"'
        self._links.write(_lines([head, ends[0], '","@to":"', ends[1], '"', *_members(columns)]))

    def close(self) -> None:
        """Write to the end what is open."""
        self._nodes.close()
        self._links.close()

    @property
    def records(self) -> int:
        """Nodes and relationships that were written."""
        return self.labels.total() + self.types.total()

    @property
    def size(self) -> int:
        """Bytes that `parts` gives."""
        return sum(Path(file.name).stat().st_size for file in (self._nodes, self._links))

    def parts(self) -> Iterator[bytes]:
        """All that was written, in the order in which the endpoint takes it."""
        for file in (self._nodes, self._links):
            with Path(file.name).open("rb") as written:
                while part := written.read(_SENT_BYTES):
                    yield part


def _lines(pieces: list[Any]) -> memoryview:
    """Bytes of the lines that pieces make: texts, and arrays of text with one for each line."""
    joined: pa.LargeStringArray = pc.binary_join_element_wise(
        *map(_large, [*pieces, "}\n", ""])  # the last is what stands between them
    )
    return memoryview(joined.buffers()[2])[: pc.sum(pc.binary_length(joined)).as_py()]


def _large(piece: Any) -> Any:
    if isinstance(piece, str):
        return pa.scalar(piece, pa.large_string())
    return piece.cast(pa.large_string())


def _members(columns: Columns) -> Iterator[pa.StringArray]:
    """The JSON of each property and its value; empty where there is none."""
    for name, values in columns.items():
        named = pc.binary_join_element_wise(f",{json.dumps(name)}:", _json(values), "")
        yield pc.fill_null(named, "")


def _json(values: pa.Array) -> pa.StringArray:
    """The JSON of each value; null stays null."""
    kind = values.type
    if pa.types.is_integer(kind):
        return values.cast(pa.string())
    if pa.types.is_boolean(kind):
        return pc.if_else(values, "true", "false")
    listed = (None if value is None else json.dumps(value) for value in values.to_pylist())
    return pa.array(listed, pa.string())

"""Files of a bulk load, which the engine's own importer reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Columns = dict[str, pa.Array]
Numbers = npt.NDArray[np.int64]


class BulkFiles(ABC):
    """Files that hold all nodes and relationships of a graph.

    Nodes are numbered from 0 in the order in which they come; relationships name their ends by
    these numbers. Memory does not grow with what is written.

    Args:
        folder: Where they are written; it is there and empty.

    Attributes:
        folder: The same.
        labels: First label to the number of its nodes.
        types: Relationship type to the number of its relationships.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.labels: Counter[str] = Counter()
        self.types: Counter[str] = Counter()

    def add_nodes(self, labels: tuple[str, ...], columns: Columns) -> None:
        """Write nodes.

        Args:
            labels: Of all of them; no two first labels share a node.
            columns: Property to ``(N,)`` values.

        Raises:
            OSError: The files cannot be written.
        """
        count = len(next(iter(columns.values())))
        if count:
            first = self.labels.total()
            self._write_nodes(labels, np.arange(first, first + count), columns)
            self.labels[labels[0]] += count

    def add_links(self, kind: str, sources: Numbers, targets: Numbers, columns: Columns) -> None:
        """Write relationships.

        Args:
            kind: Type of all of them.
            sources: ``(N,)`` numbers of the nodes where they begin.
            targets: ``(N,)`` numbers of those where they end.
            columns: Property to ``(N,)`` values.

        Raises:
            OSError: The files cannot be written.
        """
        if len(sources):
            self._write_links(kind, sources, targets, columns)
            self.types[kind] += len(sources)

    @abstractmethod
    def _write_nodes(self, labels: tuple[str, ...], numbers: Numbers, columns: Columns) -> None: ...

    @abstractmethod
    def _write_links(
        self, kind: str, sources: Numbers, targets: Numbers, columns: Columns
    ) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """Write to the end what is open.

        Raises:
            OSError: The files cannot be written.
        """

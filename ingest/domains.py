"""Finds the names of domains where only the files tell them."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from linkspan.errors import DataError
from linkspan.ingest.convert import Rows
from linkspan.ingest.mapping import Mapping
from linkspan.ingest.names import domain_label
from linkspan.ingest.readers import Source, open_files
from linkspan.ingest.tables import ItemsTable


def find_domains(mapping: Mapping) -> tuple[str, ...]:
    """Read the items files for the names of their domains.

    Returns:
        The names, sorted.

    Raises:
        ConfigError: A file is missing, or lacks a column.
        DataError: A name is no domain, or two names give one label.
    """
    labels: dict[str, str] = {}
    for table, spec in mapping.tables():
        if not isinstance(spec, ItemsTable):
            continue
        for source in open_files(table, spec, mapping.base):
            for name in _names(source, spec):
                other = labels.setdefault(domain_label(name), name)
                if other != name:
                    raise DataError(
                        f"domains '{other}' and '{name}' would both have the label "
                        f"'{domain_label(name)}'",
                        file=source.path,
                        hint="Rename one of them",
                    )
    return tuple(sorted(labels.values()))


def _names(source: Source, spec: ItemsTable) -> Iterator[str]:
    """Names of domains in a file; one may come more than once."""
    for batch in source.batches():
        rows = Rows(batch)
        domains = rows.domains(spec.domain)
        yield from pc.unique(domains.filter(pa.array(rows.good))).to_pylist()

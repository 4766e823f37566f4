"""The roles of what a mapping makes, those that only its files tell among them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkspan.errors import DataError
from linkspan.graph.roles import InteractionRole, RelationRole, Roles
from linkspan.ingest.check import new_catalogue, open_sources
from linkspan.ingest.mapping.model import Mapping
from linkspan.ingest.mapping.names import domain_label
from linkspan.ingest.mapping.relation_tables import LinksTable, RelationsTable
from linkspan.ingest.mapping.tables import EntitiesTable, ItemsTable
from linkspan.ingest.readers.opening import open_files
from linkspan.ingest.readers.source import Source
from linkspan.ingest.shaping.convert import Rows
from linkspan.ingest.shaping.shapes import shape
from linkspan.ingest.shaping.targets import LinkTarget


def find_roles(mapping: Mapping) -> Roles:
    """Find the roles of what a mapping makes.

    Where a domain column has no ``values``, the items files are read for the names; where a type
    column has none, or entities may be items, the relations files are read, too.

    Raises:
        ConfigError: A file is missing, or lacks a column.
        DataError: A file cannot be read, or two domains would have one label.
    """
    names = mapping.domain_names or find_domains(mapping)
    interactions: dict[str, InteractionRole] = {}
    for table in mapping.interactions:
        interactions[table.type] = InteractionRole(
            type=table.type,
            at="at" if table.at else None,
            repeat=table.repeat,
            weight="weight" if table.weight else None,
            positive=table.positive,
            otherwise=table.otherwise,
        )
    relations = [*mapping.column_relations(), *find_relations(mapping)]
    return Roles(
        domains={name: domain_label(name) for name in names},
        text=tuple(dict.fromkeys(name for table in mapping.items for name in table.text)),
        interactions=tuple(interactions.values()),
        entities=mapping.kinds,
        relations=tuple(dict.fromkeys(relations)),
        features=tuple(dict.fromkeys(mapping.features())),
    )


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


def find_relations(mapping: Mapping) -> Iterator[RelationRole]:
    """The relations of the relations files.

    These are read where a type stands in a column without ``values``, or entities may be items.

    Raises:
        ConfigError: A file is missing, or lacks a column.
        DataError: A file cannot be read.
    """
    for table in mapping.relations:
        if not _is_open(table, mapping):
            for name in table.type.types or ():
                yield _role(table, LinkTarget(name, table.source.role, table.target.role))
    if not any(_is_open(table, mapping) for table in mapping.relations):
        return
    catalogue = new_catalogue(mapping)
    for source in open_sources(mapping):
        spec = source.spec
        if isinstance(spec, ItemsTable | EntitiesTable | LinksTable):
            for batch in source.batches():
                shape(spec, batch, catalogue, mapping.users.shared)
        elif isinstance(spec, RelationsTable) and _is_open(spec, mapping):
            groups: set[int] = set()
            for batch in source.batches():
                found = shape(spec, batch, catalogue, mapping.users.shared).groups
                groups |= set() if found is None else set(np.unique(found).tolist())
            roles = {_role(spec, catalogue.group(code)) for code in groups}
            yield from sorted(roles, key=lambda role: (role.type, role.source, role.target))


def _is_open(table: RelationsTable, mapping: Mapping) -> bool:
    ends = {table.source.kind, table.target.kind}
    return table.type.types is None or bool(ends & mapping.linked_kinds)


def _role(table: RelationsTable, target: LinkTarget) -> RelationRole:
    return RelationRole(
        type=target.type,
        source=target.source,
        target=target.target,
        weight="weight" if table.weight else None,
    )

"""Rows of a file, as the nodes and relationships that its table says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import singledispatch

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linkspan.graph.snapshot.identities import SAME_AS
from linkspan.ingest.mapping.columns import Column, End
from linkspan.ingest.mapping.names import domain_label, entity_key_prefix
from linkspan.ingest.mapping.relation_tables import IdentitiesTable, LinksTable, RelationsTable
from linkspan.ingest.mapping.tables import (
    EntitiesTable,
    FileTable,
    InteractionsTable,
    ItemRelation,
    ItemsTable,
    UsersFile,
    VectorsTable,
)
from linkspan.ingest.readers.problems import Problem
from linkspan.ingest.readers.source import Batch
from linkspan.ingest.readers.vectors import VECTOR
from linkspan.ingest.shaping.catalogue import Catalogue
from linkspan.ingest.shaping.codes import Codes
from linkspan.ingest.shaping.convert import Rows, domains_in, joined
from linkspan.ingest.shaping.parse import Mask, mask
from linkspan.ingest.shaping.targets import (
    LINKED,
    RELATIONS,
    LinkTarget,
    NodeTarget,
    Table,
    Target,
    VectorTarget,
)


@dataclass(frozen=True)
class Shaped:
    """The good rows of a batch.

    Attributes:
        lines: ``(N,)`` int64, where they stand in the file.
        table: What each of them becomes.
        codes: ``(N,)`` int64, one number for each key.
        problems: The other rows.
        groups: ``(N,)`` int64, number of what each relation becomes; None where the table tells.
        cells: Columns of an items file that become relations, ``(N,)`` lists of text each.
    """

    lines: npt.NDArray[np.int64]
    table: Table
    codes: Codes
    problems: list[Problem]
    groups: Codes | None = None
    cells: list[tuple[ItemRelation, pa.ListArray]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.lines)

    def filter(self, kept: Mask) -> Shaped:
        """The rows for which a mask is true."""
        rows = pa.array(kept)
        return Shaped(
            self.lines[kept],
            self.table.filter(rows),
            self.codes[kept],
            self.problems,
            None if self.groups is None else self.groups[kept],
            [(relation, names.filter(rows)) for relation, names in self.cells],
        )

    def tables(self, catalogue: Catalogue, shared_users: bool) -> Iterator[Table]:
        """All that the rows become, in the order in which it can be written.

        Args:
            catalogue: Knows which nodes come from a file of their own.
            shared_users: Whether one user id is one user in all domains.
        """
        if isinstance(self.table.target, LinkTarget):
            yield from self._links(self.table.target, catalogue, shared_users)
        elif isinstance(self.table.target, VectorTarget):
            inserted = catalogue.undeclared("item", self.table.keys["key"])
            yield from _nodes("item", inserted, shared_users)
            yield self.table
        elif self.table.target.label == "Item":
            yield from _by_domain(self.table)
        else:
            yield self.table
        for relation, names in self.cells:
            parents = pc.list_parent_indices(names)
            keys = _entity_keys(relation.entity, pc.list_flatten(names))
            named = catalogue.undeclared(relation.entity, keys)
            yield from _nodes(relation.entity, named, shared_users)
            items = self.table.keys["key"].take(parents)
            yield Table(
                LinkTarget(relation.type, "item", relation.entity),
                _distinct({"source": items, "target": keys}),
                {},
            )

    def _links(
        self, target: LinkTarget, catalogue: Catalogue, shared_users: bool
    ) -> Iterator[Table]:
        """Relationships by what they become, each table after the nodes that it needs."""
        parts = [(target, self.table)]
        if self.groups is not None:
            parts = [
                (catalogue.group(code), self.table.filter(pa.array(self.groups == code)))
                for code in np.unique(self.groups).tolist()
            ]
        for link, table in parts:
            for role, keys in zip((link.source, link.target), table.keys.values(), strict=False):
                yield from _nodes(role, catalogue.undeclared(role, keys), shared_users)
            yield Table(link, table.keys, table.properties)


@singledispatch
def shape(spec: FileTable, batch: Batch, catalogue: Catalogue, shared_users: bool) -> Shaped:
    """Convert and check the rows of a batch.

    Args:
        spec: The table of the file.
        batch: Its rows.
        catalogue: What was declared before; new keys are added.
        shared_users: Whether one user id is one user in all domains.
    """
    raise TypeError(f"no function shapes the rows of a {type(spec).__name__}")


@shape.register
def _(spec: ItemsTable, batch: Batch, catalogue: Catalogue, shared_users: bool) -> Shaped:
    rows = Rows(batch)
    ids, domains = rows.ids(spec.id), rows.domains(spec.domain)
    if spec.domain.column is not None:
        catalogue.check_labels(rows, domains, spec.domain.column)
    properties = {"id": ids, "domain": domains, **_properties(rows, spec.properties)}
    cells = [(relation, rows.names(relation.column, relation.split)) for relation in spec.relations]
    for relation, names in cells:
        if relation.entity in catalogue.listed_kinds and not catalogue.insert:
            keys = _entity_keys(relation.entity, pc.list_flatten(names))
            unknown = catalogue.entities[relation.entity].find(keys) < 0
            bad = np.zeros(len(rows), bool)
            bad[pc.list_parent_indices(names).to_numpy()[unknown]] = True
            reason = f"no entities file has this {relation.entity}"
            hint = "Add it there, or remove it here"
            rows.reject(bad, relation.column, reason, hint, dangling=True)
    shaped = _shaped(rows, NodeTarget("Item"), {"key": joined(domains, ids)}, properties)
    kept = pa.array(rows.good)
    cells = [(relation, names.filter(kept)) for relation, names in cells]
    good = shaped.table.properties
    codes = catalogue.add_items(good["id"], good["domain"])
    return replace(shaped, codes=codes, cells=cells)


@shape.register
def _(spec: VectorsTable, batch: Batch, catalogue: Catalogue, shared_users: bool) -> Shaped:
    rows = Rows(batch)
    keys = {"key": catalogue.item_keys(rows, spec.id, spec.domain)}
    target = VectorTarget("Item", name=spec.name)
    shaped = _shaped(rows, target, keys, {spec.name: batch.columns[VECTOR]})
    return replace(shaped, codes=catalogue.codes("item", shaped.table.keys["key"]))


@shape.register
def _(spec: EntitiesTable, batch: Batch, catalogue: Catalogue, shared_users: bool) -> Shaped:
    rows = Rows(batch)
    ids = rows.ids(spec.id)
    name = ids if spec.name is None else pc.coalesce(rows.text(spec.name), ids)
    properties = {"name": name, **_properties(rows, spec.properties)}
    target = NodeTarget("Entity", spec.kind)
    shaped = _shaped(rows, target, {"key": _entity_keys(spec.kind, ids)}, properties)
    codes = catalogue.add_entities(spec.kind, shaped.table.keys["key"])
    return replace(shaped, codes=codes)


@shape.register
def _(spec: UsersFile, batch: Batch, catalogue: Catalogue, shared_users: bool) -> Shaped:
    rows = Rows(batch)
    ids = rows.ids(spec.id)
    properties, keys = {"id": ids}, ids
    if not shared_users and spec.domain is not None:
        properties["domain"] = rows.domains(spec.domain)
        keys = joined(properties["domain"], ids)
    else:
        rows.check_key(ids, spec.id)
    properties |= _properties(rows, spec.properties)
    shaped = _shaped(rows, NodeTarget("User"), {"key": keys}, properties)
    codes = catalogue.codes("user", shaped.table.keys["key"])
    return replace(shaped, codes=codes)


@shape.register
def _(spec: InteractionsTable, batch: Batch, catalogue: Catalogue, shared_users: bool) -> Shaped:
    rows = Rows(batch)
    items = catalogue.item_keys(rows, spec.item, spec.domain)
    domains = None if shared_users else domains_in(items)
    users = catalogue.user_keys(rows, spec.user, domains)
    properties = _weighted(rows, spec)
    keys = {"source": users, "target": items}
    if spec.at is not None:
        (keys if spec.repeat else properties)["at"] = rows.times(spec.at)
    target = LinkTarget(spec.type, "user", "item", spec.repeat)
    return _linked(rows, target, keys, properties, catalogue)


@shape.register
def _(spec: LinksTable, batch: Batch, catalogue: Catalogue, shared_users: bool) -> Shaped:
    rows = Rows(batch)
    items = catalogue.item_keys(rows, spec.item, spec.domain)
    entities = rows.ids(spec.entity)
    catalogue.links.add(rows, spec.entity, _entity_keys(spec.kind, entities), items)
    properties = {"id": rows.ids(spec.item), "domain": domains_in(items), "entity": entities}
    shaped = _shaped(rows, LINKED, {"key": items}, properties)
    return replace(shaped, codes=catalogue.codes("item", shaped.table.keys["key"]))


@shape.register
def _(spec: RelationsTable, batch: Batch, catalogue: Catalogue, shared_users: bool) -> Shaped:
    rows = Rows(catalogue.types.kept(batch, spec.type))
    types = catalogue.types.of_rows(rows, spec.type)
    source, source_roles = _end(spec.source, rows, catalogue, shared_users)
    target, target_roles = _end(spec.target, rows, catalogue, shared_users)
    keys = {"source": source, "target": target}
    shaped = _shaped(rows, RELATIONS, keys, _weighted(rows, spec))
    kept = pa.array(rows.good)
    source_roles, target_roles = source_roles.filter(kept), target_roles.filter(kept)
    codes = _end_codes(catalogue, source_roles, shaped.table.keys["source"]) << 32
    codes |= _end_codes(catalogue, target_roles, shaped.table.keys["target"])
    groups = catalogue.group_codes(types.filter(kept), source_roles, target_roles)
    return replace(shaped, codes=codes, groups=groups)


@shape.register
def _(spec: IdentitiesTable, batch: Batch, catalogue: Catalogue, shared_users: bool) -> Shaped:
    rows = Rows(batch)
    left, right = (_end(end, rows, catalogue, shared_users)[0] for end in (spec.left, spec.right))
    role = spec.left.role
    reason, hint = f"this is the same {role} as on the left", "Name another one, or remove the row"
    rows.reject(mask(pc.equal(left, right)), spec.right.column, reason, hint)
    # One direction, so that a pair given both ways is one relationship.
    keys = {"source": pc.min_element_wise(left, right), "target": pc.max_element_wise(left, right)}
    return _linked(rows, LinkTarget(SAME_AS, role, role), keys, {}, catalogue)


def _end(
    end: End, rows: Rows, catalogue: Catalogue, shared_users: bool
) -> tuple[pa.StringArray, pa.StringArray]:
    """Keys of one end of relations, and the role of each."""
    if end.entity is not None:
        keys = catalogue.entity_keys(rows, end.entity, end.role)
        return catalogue.links.resolve(keys, end.role)
    if end.item is not None:
        keys = catalogue.item_keys(rows, end.item, end.domain)
    else:
        domains = None if shared_users or end.domain is None else rows.domains(end.domain)
        keys = catalogue.user_keys(rows, end.column, domains)
    return keys, pa.repeat(pa.scalar(end.role), len(keys))


def _end_codes(catalogue: Catalogue, roles: pa.StringArray, keys: pa.StringArray) -> Codes:
    """Numbers of keys, each among those of its role."""
    codes = np.zeros(len(keys), np.int64)
    for role in pc.unique(roles).to_pylist():
        rows = pc.equal(roles, role)
        codes[mask(rows)] = catalogue.codes(role, keys.filter(rows))
    return codes


def _weighted(rows: Rows, spec: InteractionsTable | RelationsTable) -> dict[str, pa.Array]:
    """Properties of a relationship; a negative weight is a problem."""
    properties = _properties(rows, spec.values())
    if spec.weight is not None:
        hint = "Write 0 or more, and say with 'positive' what is disliked"
        negative = mask(pc.less(properties["weight"], 0))
        rows.reject(negative, spec.weight.column, "a weight is not negative", hint)
    return properties


def _properties(rows: Rows, specs: dict[str, Column]) -> dict[str, pa.Array]:
    return {name: rows.values(spec) for name, spec in specs.items()}


def _shaped(
    rows: Rows,
    target: Target,
    keys: dict[str, pa.Array],
    properties: dict[str, pa.Array],
) -> Shaped:
    """The rows that are good, without their numbers."""
    table = Table(target, keys, properties).filter(pa.array(rows.good))
    problems = sorted([*rows.batch.problems, *rows.problems], key=lambda problem: problem.line)
    return Shaped(rows.batch.lines[rows.good], table, np.zeros(0, np.int64), problems)


def _linked(
    rows: Rows,
    target: LinkTarget,
    keys: dict[str, pa.Array],
    properties: dict[str, pa.Array],
    catalogue: Catalogue,
) -> Shaped:
    """The good rows, with a number for each pair of source and target."""
    shaped = _shaped(rows, target, keys, properties)
    good = shaped.table.keys
    source = catalogue.codes(target.source, good["source"])
    codes = (source << 32) | catalogue.codes(target.target, good["target"])
    return replace(shaped, codes=codes)


def _nodes(role: str, keys: pa.StringArray, shared_users: bool) -> Iterator[Table]:
    """The distinct nodes with these keys, as far as a key alone tells them."""
    distinct = pc.unique(keys)
    if not len(distinct):
        return
    if role not in ("item", "user"):
        names = pc.utf8_slice_codeunits(distinct, len(entity_key_prefix(role)))
        yield Table(NodeTarget("Entity", role), {"key": distinct}, {"name": names})
    elif role == "user" and shared_users:
        yield Table(NodeTarget("User"), {"key": distinct}, {"id": distinct})
    else:
        domains = domains_in(distinct)
        ids = pc.list_element(pc.split_pattern(distinct, "/", max_splits=1), 1)
        target = NodeTarget("User" if role == "user" else "Item")
        table = Table(target, {"key": distinct}, {"id": ids, "domain": domains})
        yield from [table] if role == "user" else _by_domain(table)


def _by_domain(table: Table) -> Iterator[Table]:
    """Items, apart by the label that they get."""
    domains = table.properties["domain"]
    for name in sorted(pc.unique(domains).to_pylist()):
        rows = table.filter(pc.equal(domains, name))
        target = NodeTarget("Item", domain_label(name), table.target == LINKED)
        yield Table(target, rows.keys, rows.properties)


def _entity_keys(kind: str, ids: pa.StringArray) -> pa.StringArray:
    return pc.binary_join_element_wise(entity_key_prefix(kind), ids, "")


def _distinct(keys: dict[str, pa.StringArray]) -> dict[str, pa.StringArray]:
    """Rows without those that stand there before."""
    names = list(keys)
    table = pa.table(list(keys.values()), names=names).group_by(names).aggregate([])
    return {name: table[name].combine_chunks() for name in names}

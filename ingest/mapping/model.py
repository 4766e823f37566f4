"""The mapping: which files hold what, and what it becomes in the graph."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from linkspan.errors import ConfigError
from linkspan.graph.roles import FeatureKind, FeatureRole, RelationRole
from linkspan.ingest.mapping.columns import Domain, End, Strict
from linkspan.ingest.mapping.complaints import config_error
from linkspan.ingest.mapping.names import domain_label
from linkspan.ingest.mapping.policies import Policies
from linkspan.ingest.mapping.relation_tables import IdentitiesTable, LinksTable, RelationsTable
from linkspan.ingest.mapping.tables import (
    EntitiesTable,
    FileTable,
    InteractionsTable,
    ItemsTable,
    UsersTable,
    VectorsTable,
)

TABLES = (
    *("base", "users", "items", "entities", "links", "interactions", "relations", "identities"),
    *("recbole", "ingest"),
)
"""Names of the tables in ``linkspan.toml`` that are the mapping; `base` is a text."""

_FEATURE_KINDS: dict[str, FeatureKind] = {
    "category": "category",
    "date": "date",
    "text": "text",
    "image": "image",
}


class Mapping(Strict):
    """Mapping of files: which hold what, and what it becomes in the graph.

    Attributes:
        base: Folder that the files' paths are relative to.
        users: What is said about users.
        items: Files with one item a row.
        entities: Files with one entity a row.
        links: Files that say which items are which entities.
        interactions: Files with one event a row.
        relations: Files with one relation a row.
        identities: Files with two users or two items a row that are one.
        ingest: What is done with rows that cannot be taken as they are.
    """

    base: Path = Path()
    users: UsersTable = UsersTable()
    items: tuple[ItemsTable, ...] = Field(min_length=1)
    entities: tuple[EntitiesTable, ...] = ()
    links: tuple[LinksTable, ...] = ()
    interactions: tuple[InteractionsTable, ...] = Field(min_length=1)
    relations: tuple[RelationsTable, ...] = ()
    identities: tuple[IdentitiesTable, ...] = ()
    ingest: Policies = Policies()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        no_two("label", self._labels())
        no_two("key prefix", ((kind.lower(), f"entity {kind}") for kind in self.kinds))
        types = [("an interaction", table.type) for table in self.interactions]
        types += [("a relation", name) for name in self._stated_types()]
        named = [(name, what) for what, name in types]
        no_two("relationship type", named)
        no_two("name", [*self._labels(), *named])  # ArcadeDB has one namespace for both
        self._interactions_agree()
        self._columns_agree()
        self._users_have_domains()
        self._inserted_have_domains()
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """Labels of all entity kinds, sorted."""
        named = {table.kind for table in self.entities}
        named |= {table.kind for table in self.links}
        named |= {relation.entity for table in self.items for relation in table.relations}
        named |= {
            end.kind for table in self.relations for end in (table.source, table.target) if end.kind
        }
        return tuple(sorted(named))

    @property
    def domain_names(self) -> tuple[str, ...] | None:
        """Names of all domains, sorted; None where only the files can tell."""
        names: set[str] = set()
        for table in self.items:
            listed = _listed(table.domain)
            if listed is None:
                return None
            names |= set(listed)
        return tuple(sorted(names))

    def tables(self) -> Iterator[tuple[str, FileTable]]:
        """All tables with a file, each with its name, in the order in which they are loaded."""
        groups: list[tuple[str, Iterable[FileTable]]] = [
            ("entities", self.entities),
            ("items", self.items),
            ("links", self.links),
            ("users.files", self.users.files),
            ("interactions", self.interactions),
            ("relations", self.relations),
            ("identities", self.identities),
        ]
        for name, group in groups:
            for number, table in enumerate(group, 1):
                yield f"[[{name}]] {number}", table
            if name == "items":  # after all items: a vector may stand for any of them
                yield from self._vectors()

    def _vectors(self) -> Iterator[tuple[str, VectorsTable]]:
        for number, items in enumerate(self.items, 1):
            for name, vectors in items.vectors.items():
                table = VectorsTable(file=vectors.file, name=name, vectors=vectors, items=items)
                if items.id in items.integer_ids and not table.in_row_order:
                    table = table.model_copy(update={"integer_ids": (table.id,)})
                yield f"[[items]] {number}, vectors.{name}", table

    @property
    def linked_kinds(self) -> frozenset[str]:
        """Kinds of which some entities are items."""
        return frozenset(table.kind for table in self.links)

    def features(self) -> Iterator[FeatureRole]:
        """Give the properties of items that a model may use; one may come more than once."""
        for items in self.items:
            for name, column in items.properties.items():
                if column.feature:
                    yield FeatureRole(property=name, kind=_FEATURE_KINDS.get(column.type, "number"))
            for name, vectors in items.vectors.items():
                if vectors.feature:
                    yield FeatureRole(property=name, kind="vector")

    def column_relations(self) -> Iterator[RelationRole]:
        """Give the relations that columns of items make; one may come more than once."""
        for items in self.items:
            for relation in items.relations:
                yield RelationRole(type=relation.type, source="item", target=relation.entity)

    def _stated_types(self) -> Iterator[str]:
        """All types of relations that the mapping names, without a look at the files."""
        yield from (role.type for role in self.column_relations())
        for table in self.relations:
            yield from table.type.types or ()

    def _labels(self) -> Iterator[tuple[str, str]]:
        for kind in self.kinds:
            yield kind, f"entity {kind}"
        for table in self.items:
            for name in _listed(table.domain) or ():
                yield domain_label(name), f"domain {name}"

    def _interactions_agree(self) -> None:
        """Two files of one type make relationships of one shape."""
        shapes: dict[str, tuple[Any, ...]] = {}
        for table in self.interactions:
            shape = (
                table.repeat,
                table.at and table.at.unit == "position",
                table.weight is None,
                table.positive,
                table.otherwise,
            )
            if shapes.setdefault(table.type, shape) != shape:
                raise ValueError(
                    f"the interactions of type '{table.type}' differ in 'repeat', 'at', 'weight', "
                    "'positive' or 'otherwise'; give them different types, or make them agree"
                )

    def _columns_agree(self) -> None:
        """A property that is scaled, or a feature, is so in all files of a label or type."""
        no_two(
            "property",
            (
                (name, what)
                for items in self.items
                for what, names in (("a column", items.properties), ("vectors", items.vectors))
                for name in names
            ),
        )
        forms: dict[tuple[str, str], tuple[Any, ...]] = {}
        for table_name, table in self.tables():
            for name, column in table.values().items():
                special = column.feature or column.normalise is not None
                form = (column.feature, column.normalise, column.type if special else None)
                if forms.setdefault((table.becomes, name), form) != form:
                    raise ValueError(
                        f"property '{name}' of {table.becomes} differs between files in 'type', "
                        "'normalise' or 'feature'; make them agree, or give it two names"
                    )
                if column.feature and not isinstance(table, ItemsTable):
                    raise ValueError(
                        f"{table_name}, properties.{name}: only properties of items are features"
                    )

    def _inserted_have_domains(self) -> None:
        if self.ingest.dangling != "insert":
            return
        ends = [
            (f"[[interactions]] {number}", table.domain)
            for number, table in enumerate(self.interactions, 1)
        ]
        ends += [(where, end.domain) for where, end in self._ends() if end.item is not None]
        for where, domain in ends:
            if domain is None:
                raise ValueError(
                    f"{where} needs 'domain', as [ingest] says 'dangling = \"insert\"'"
                )

    def _ends(self) -> Iterator[tuple[str, End]]:
        """Ends of relations and identities, each with the place where it is named."""
        for where, table in self.tables():
            for name, end in table.ends.items():
                yield f"{where}, {name}", end

    def _users_have_domains(self) -> None:
        if self.users.shared:
            return
        for number, file in enumerate(self.users.files, 1):
            if file.domain is None:
                raise ValueError(
                    f"[[users.files]] {number} needs 'domain', as [users] does not say "
                    "'shared = true'"
                )
        for where, end in self._ends():
            if end.user is not None and end.domain is None:
                raise ValueError(f"{where} needs 'domain', as [users] does not say 'shared = true'")


def mapping_from_tables(tables: dict[str, Any], base: Path) -> Mapping:
    """Check the mapping's tables of a ``linkspan.toml``.

    Args:
        tables: The tables named in `TABLES`, as a TOML reader gives them.
        base: Folder of the file: paths in it are relative to this, or to the folder ``base`` that
            the tables name, in which ``$NAME`` stands for a variable of the environment.

    Raises:
        ConfigError: Something in them is wrong; the message names the table, the key and what may
            stand there.
    """
    base = _base(tables.get("base", "."), base)
    if "recbole" in tables:
        from linkspan.ingest.mapping.recbole import expand_recbole

        tables = expand_recbole(tables, base)
    try:
        return Mapping.model_validate({**tables, "base": base})
    except ValidationError as error:
        raise config_error(error, Mapping, tables) from error


def _base(path: Any, folder: Path) -> Path:
    """The folder that a mapping calls its base."""
    if not isinstance(path, str):
        raise ConfigError(f"base: a path is needed (found {path!r})")
    expanded = os.path.expandvars(path)
    if "$" in expanded:
        raise ConfigError(
            f"base: a variable in '{path}' is not set",
            hint="Set it in the environment, such as LINKSPAN_DATA=/folder/with/the/data",
        )
    return folder / expanded


def _listed(domain: Domain) -> tuple[str, ...] | None:
    return (domain.name,) if domain.name is not None else domain.values


def no_two(what: str, named: Iterable[tuple[str, str]]) -> None:
    """Check that one name is not used for two things.

    Raises:
        ValueError: It is.
    """
    users: defaultdict[str, set[str]] = defaultdict(set)
    for name, user in named:
        users[name].add(user)
        if len(users[name]) > 1:
            both = " and ".join(sorted(users[name]))
            raise ValueError(f"{what} '{name}' would stand for {both}")

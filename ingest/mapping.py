"""The mapping: which files hold what, and what it becomes in the graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from linkspan.graph.roles import InteractionRole, RelationRole, Roles
from linkspan.ingest.columns import Domain, Strict
from linkspan.ingest.complaints import config_error
from linkspan.ingest.names import domain_label
from linkspan.ingest.policies import Policies
from linkspan.ingest.tables import (
    EntitiesTable,
    FileTable,
    InteractionsTable,
    ItemsTable,
    RelationsTable,
    UsersTable,
)

TABLES = ("users", "items", "entities", "interactions", "relations", "ingest")
"""Names of the tables in ``linkspan.toml`` that are the mapping."""


class Mapping(Strict):
    """Which files hold what, and what it becomes in the graph.

    Attributes:
        base: Folder that the files' paths are relative to.
        users: What is said about users.
        items: Files with one item a row.
        entities: Files with one entity a row.
        interactions: Files with one event a row.
        relations: Files with one relation a row.
        ingest: What is done with rows that cannot be taken as they are.
    """

    base: Path = Path()
    users: UsersTable = UsersTable()
    items: tuple[ItemsTable, ...] = Field(min_length=1)
    entities: tuple[EntitiesTable, ...] = ()
    interactions: tuple[InteractionsTable, ...] = Field(min_length=1)
    relations: tuple[RelationsTable, ...] = ()
    ingest: Policies = Policies()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        no_two("label", self._labels())
        no_two("key prefix", ((kind.lower(), f"entity {kind}") for kind in self.kinds))
        types = [("an interaction", table.type) for table in self.interactions]
        types += [("a relation", role.type) for role in self._relation_roles()]
        no_two("relationship type", ((name, what) for what, name in types))
        self._interactions_agree()
        self._users_have_domains()
        self._inserted_have_domains()
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """Labels of all entity kinds, sorted."""
        named = {table.kind for table in self.entities}
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
            ("users.files", self.users.files),
            ("interactions", self.interactions),
            ("relations", self.relations),
        ]
        for name, group in groups:
            for number, table in enumerate(group, 1):
                yield f"[[{name}]] {number}", table

    def roles(self) -> Roles:
        """The roles of what this mapping makes.

        Where a domain column has no ``values``, the items files are read for the names.

        Raises:
            ConfigError: An items file is missing, or lacks its domain column.
            DataError: An items file cannot be read, or two domains would have one label.
        """
        from linkspan.ingest.domains import find_domains

        names = self.domain_names or find_domains(self)
        interactions: dict[str, InteractionRole] = {}
        for table in self.interactions:
            interactions[table.type] = InteractionRole(
                type=table.type,
                at="at" if table.at else None,
                weight="weight" if table.weight else None,
                positive=table.positive,
                otherwise=table.otherwise,
            )
        return Roles(
            domains={name: domain_label(name) for name in names},
            text=tuple(dict.fromkeys(name for table in self.items for name in table.text)),
            interactions=tuple(interactions.values()),
            entities=self.kinds,
            relations=tuple(dict.fromkeys(self._relation_roles())),
        )

    def _relation_roles(self) -> Iterator[RelationRole]:
        for items in self.items:
            for relation in items.relations:
                yield RelationRole(type=relation.type, source="item", target=relation.entity)
        for table in self.relations:
            yield RelationRole(
                type=table.type,
                source=table.source.role,
                target=table.target.role,
                weight="weight" if table.weight else None,
            )

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

    def _inserted_have_domains(self) -> None:
        if self.ingest.dangling != "insert":
            return
        ends = [("interactions", n, "", t.domain) for n, t in enumerate(self.interactions, 1)]
        ends += [
            ("relations", number, f", {name}", end.domain)
            for number, table in enumerate(self.relations, 1)
            for name, end in (("source", table.source), ("target", table.target))
            if end.item is not None
        ]
        for table_name, number, where, domain in ends:
            if domain is None:
                raise ValueError(
                    f"[[{table_name}]] {number}{where} needs 'domain', as [ingest] says "
                    "'dangling = \"insert\"'"
                )

    def _users_have_domains(self) -> None:
        if self.users.shared:
            return
        for number, file in enumerate(self.users.files, 1):
            if file.domain is None:
                raise ValueError(
                    f"[[users.files]] {number} needs 'domain', as [users] does not say "
                    "'shared = true'"
                )
        for number, table in enumerate(self.relations, 1):
            for name, end in (("source", table.source), ("target", table.target)):
                if end.user is not None and end.domain is None:
                    raise ValueError(
                        f"[[relations]] {number}, {name} needs 'domain', as [users] does not say "
                        "'shared = true'"
                    )


def mapping_from_tables(tables: dict[str, Any], base: Path) -> Mapping:
    """Check the mapping's tables of a ``linkspan.toml``.

    Args:
        tables: The tables named in `TABLES`, as a TOML reader gives them.
        base: Folder of the file: paths in it are relative to this.

    Raises:
        ConfigError: Something in them is wrong; the message names the table, the key and what may
            stand there.
    """
    try:
        return Mapping.model_validate({"base": base, **tables})
    except ValidationError as error:
        raise config_error(error, Mapping, tables) from error


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

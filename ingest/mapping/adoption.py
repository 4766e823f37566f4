"""The roles of an existing graph, as ``[adopt]`` in ``linkspan.toml`` gives them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from linkspan.cypher import Names, NodeNames
from linkspan.graph.roles import InteractionRole, RelationRole, Roles
from linkspan.ingest.mapping.columns import Strict
from linkspan.ingest.mapping.complaints import config_error
from linkspan.ingest.mapping.conditions import AsCondition
from linkspan.ingest.mapping.model import no_two
from linkspan.ingest.mapping.names import DomainName, Label, not_ours

Name = Annotated[str, Field(min_length=1)]
"""A label or property of the graph; any text, as Cypher takes it in back-ticks."""

Type = Annotated[Name, AfterValidator(not_ours)]
"""A relationship type of the graph; any text but the types that Linkspan writes."""


class AdoptedUsers(Strict):
    """Nodes that are users.

    Attributes:
        label: Their label.
        key: Property that tells them apart: text or whole numbers.
    """

    label: Name
    key: Name


class AdoptedItems(Strict):
    """Nodes that are the items of a domain.

    Attributes:
        label: Their label.
        key: Property that tells them apart: text or whole numbers.
        title: Property that a person reads.
        text: Properties, in order, that make the text of an item; the title without it.
    """

    label: Name
    key: Name
    title: Name | None = None
    text: tuple[Name, ...] | None = None


class AdoptedEntities(Strict):
    """Nodes that are the entities of a kind.

    Attributes:
        label: Their label; the name of the kind without it.
        key: Property that tells them apart: text or whole numbers.
        name: Property that a person reads; the key without it.
    """

    label: Name | None = None
    key: Name
    name: Name | None = None


class AdoptedInteraction(Strict):
    """A relationship type from users to items that is an interaction.

    Attributes:
        type: Relationship type.
        at: Property with the time: a point in time, a day, or a whole number that grows with time.
        weight: Property with how strong an event is; the model counts each event once.
        positive: What makes an event positive, such as ``rating >= 4`` or ``kind = 'buy'``; every
            event without it.
        otherwise: What an event is that is not positive.
    """

    type: Type
    at: Name | None = None
    weight: Name | None = None
    positive: AsCondition | None = None
    otherwise: Literal["negative", "ignored"] = "negative"


class AdoptedRelation(Strict):
    """A relationship type that is not an interaction.

    Attributes:
        type: Relationship type.
        source: Label of the nodes that it starts at.
        target: Label of the nodes that it ends at.
        weight: Property with how strong it is.
    """

    type: Type
    source: Name
    target: Name
    weight: Name | None = None


class Adoption(Strict):
    """The roles of an existing graph.

    Attributes:
        users: Its users; one node is one user in all domains.
        domains: Domain to its items.
        interactions: Types from users to items.
        entities: Kind to its entities.
        relations: All other types that the model should see.
    """

    users: AdoptedUsers
    domains: Annotated[dict[DomainName, AdoptedItems], Field(min_length=1)]
    interactions: Annotated[tuple[AdoptedInteraction, ...], Field(min_length=1)]
    entities: dict[Label, AdoptedEntities] = Field(default_factory=dict)
    relations: tuple[AdoptedRelation, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        no_two("label", ((label, what) for label, what, _ in self._labels()))
        no_two("key prefix", ((kind.lower(), f"entity {kind}") for kind in self.entities))
        types = [(each.type, f"interaction {n}") for n, each in enumerate(self.interactions, 1)]
        types += [(each.type, "a relation") for each in self.relations]
        no_two("relationship type", types)
        self._relation_roles()
        return self

    def roles(self) -> Roles:
        """The same as `Roles`; `linkspan.graph.adopting` finds the kinds of keys."""
        items = {
            domain: NodeNames(
                label=each.label,
                key=each.key,
                title=each.title,
                text=each.text if each.text is not None else (each.title,) if each.title else (),
            )
            for domain, each in self.domains.items()
        }
        return Roles(
            domains={domain: each.label for domain, each in self.domains.items()},
            text=tuple(dict.fromkeys(name for node in items.values() for name in node.text)),
            interactions=tuple(
                InteractionRole.model_validate(each.model_dump()) for each in self.interactions
            ),
            entities=tuple(sorted(self.entities)),
            relations=self._relation_roles(),
            names=Names(
                users=NodeNames(label=self.users.label, key=self.users.key),
                items=items,
                entities={
                    kind: NodeNames(
                        label=each.label or kind, key=each.key, title=each.name or each.key
                    )
                    for kind, each in self.entities.items()
                },
                at=tuple(dict.fromkeys(each.at for each in self.interactions if each.at)),
            ),
        )

    def _labels(self) -> Iterator[tuple[str, str, str]]:
        """Each label, what it stands for, and its role as `RelationRole` names it."""
        yield self.users.label, "the users", "user"
        for domain, items in self.domains.items():
            yield items.label, f"domain {domain}", "item"
        for kind, entities in self.entities.items():
            yield entities.label or kind, f"entity {kind}", kind

    def _relation_roles(self) -> tuple[RelationRole, ...]:
        roles = {label: role for label, _, role in self._labels()}
        made = []
        for number, relation in enumerate(self.relations, 1):
            for end, label in (("source", relation.source), ("target", relation.target)):
                if label not in roles:
                    raise ValueError(
                        f"[[adopt.relations]] {number}, {end}: no role has the label '{label}' "
                        f"(there are {', '.join(sorted(roles))})"
                    )
            made.append(
                RelationRole(
                    type=relation.type,
                    source=roles[relation.source],
                    target=roles[relation.target],
                    weight=relation.weight,
                )
            )
        return tuple(dict.fromkeys(made))


class AdoptTables(Strict):
    """The table ``[adopt]``.

    Attributes:
        adopt: Roles in an existing graph, in place of files.
    """

    adopt: Adoption


def adoption_from_tables(tables: dict[str, Any]) -> Adoption:
    """Check the ``[adopt]`` table of a ``linkspan.toml``.

    Args:
        tables: What a TOML reader gives, with ``adopt`` and nothing else of a mapping.

    Raises:
        ConfigError: Something in it is wrong; the message names the key and what may stand there.
    """
    try:
        return AdoptTables.model_validate(tables).adopt
    except ValidationError as error:
        raise config_error(error, AdoptTables, tables) from error

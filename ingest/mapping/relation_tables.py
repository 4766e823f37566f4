"""Tables of a mapping whose rows join nodes: relations, links to entities, identities."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from linkspan.graph.snapshot.identities import SAME_AS
from linkspan.ingest.mapping.columns import (
    AsColumn,
    AsDomain,
    AsNumber,
    AsType,
    Column,
    ColumnName,
    End,
)
from linkspan.ingest.mapping.names import EdgeProperty, Label
from linkspan.ingest.mapping.tables import FileTable, domain_columns


class LinksTable(FileTable):
    """A file that says which items are which entities: relations of the entity are the item's.

    Attributes:
        item: Column with the item's id.
        domain: Domain of the item; without it, its id stands in one domain only.
        entity: Column with the entity's id; it becomes the item's property ``entity``.
        kind: Label of the entities that are no item.
    """

    item: ColumnName
    domain: AsDomain | None = None
    entity: ColumnName
    kind: Label

    @property
    def becomes(self) -> str:
        """See `FileTable.becomes`."""
        return "Item"

    def columns(self) -> dict[str, str]:
        """See `FileTable.columns`."""
        return {**domain_columns(self.domain), self.entity: "entity", self.item: "item"}


class RelationsTable(FileTable):
    """A file with one relation a row.

    Attributes:
        type: Relationship type, such as ``ALSO_BOUGHT``, or the column that tells it.
        source: Where it begins.
        target: Where it ends.
        weight: Column with how strong it is.
        properties: Property to the column it comes from.
    """

    type: AsType
    source: End
    target: End
    weight: AsNumber | None = None
    properties: dict[EdgeProperty, AsColumn] = Field(default_factory=dict)

    @property
    def becomes(self) -> str:
        """See `FileTable.becomes`."""
        return self.type.shown

    def columns(self) -> dict[str, str]:
        """See `FileTable.columns`."""
        return {
            **{column.column: f"properties.{name}" for name, column in self.properties.items()},
            **({self.weight.column: "weight"} if self.weight else {}),
            **domain_columns(self.source.domain),
            **domain_columns(self.target.domain),
            **({self.type.column: "type"} if self.type.column else {}),
            self.target.column: "target",
            self.source.column: "source",
        }

    def values(self) -> dict[str, Column]:
        """See `FileTable.values`; the weight is one of them."""
        return {**self.properties, **({"weight": self.weight} if self.weight else {})}

    @property
    def ends(self) -> dict[str, End]:
        """See `FileTable.ends`."""
        return {"source": self.source, "target": self.target}


class IdentitiesTable(FileTable):
    """A file whose rows name two users, or two items, that are one.

    Attributes:
        left: One of the two; the order says nothing.
        right: The other one.
    """

    left: End
    right: End

    @property
    def becomes(self) -> str:
        """See `FileTable.becomes`."""
        return SAME_AS

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if {self.left.role, self.right.role} not in ({"user"}, {"item"}):
            raise ValueError(
                "'left' and 'right' are two users or two items, not "
                f"{self.left.role} and {self.right.role}"
            )
        return self

    def columns(self) -> dict[str, str]:
        """See `FileTable.columns`."""
        return {
            **domain_columns(self.left.domain),
            **domain_columns(self.right.domain),
            self.right.column: "right",
            self.left.column: "left",
        }

    @property
    def ends(self) -> dict[str, End]:
        """See `FileTable.ends`."""
        return {"left": self.left, "right": self.right}

"""How one column of a file becomes one value in the graph: the leaves of a mapping."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from linkspan.ingest.names import DomainName, RelationshipType, relation_type

ColumnName = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    """Root of all parts of a mapping: frozen, and no key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _short(key: str) -> BeforeValidator:
    """Let ``"x"`` stand for ``{key = "x"}``."""

    def widen(value: Any) -> Any:
        return {key: value} if isinstance(value, str) else value

    return BeforeValidator(widen)


class Column(Strict):
    """A column that becomes a property; ``"title"`` is short for ``{ column = "title" }``.

    Attributes:
        column: Name in the file's header.
        type: What the values are. ``time`` is text in ISO 8601, kept as milliseconds UTC; ``list``
            is a list of text.
        split: What separates several values in one cell; the property is then a list.
    """

    column: ColumnName
    type: Literal["text", "integer", "number", "boolean", "time", "list"] = "text"
    split: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _lists_hold_text_or_numbers(self) -> Self:
        if self.split is not None and self.type not in ("text", "list", "number"):
            raise ValueError(
                f"'split' makes lists of text or numbers, so type '{self.type}' cannot go with it"
            )
        return self


class TimeColumn(Strict):
    """The column that says when.

    Attributes:
        column: Name in the file's header.
        unit: ``position`` (any integer that grows with time), ``s`` or ``ms`` (Unix time) or
            ``iso`` (ISO 8601, UTC unless it names a zone). All but a position become milliseconds.
    """

    column: ColumnName
    unit: Literal["position", "s", "ms", "iso"]


class Domain(Strict):
    """Where the domain of a row stands; ``"food"`` is short for ``{ name = "food" }``.

    Attributes:
        name: One domain for the whole file.
        column: Column with the domain's name.
        values: The names that may stand in that column; without it, all are taken.
    """

    name: DomainName | None = None
    column: ColumnName | None = None
    values: tuple[DomainName, ...] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.name is None) == (self.column is None):
            raise ValueError("a domain is either a name or { column = ... }")
        if self.values is not None and self.column is None:
            raise ValueError("'values' lists the names in a column, so 'column' is needed too")
        return self


class RelationType(Strict):
    """Where the type of a relation stands; ``"SEQUEL"`` is short for ``{ name = "SEQUEL" }``.

    Attributes:
        name: One type for the whole file.
        column: Column whose values become types, as `relation_type` makes them.
        values: The values to take; rows with others are passed over. Without it, all are taken.
    """

    name: RelationshipType | None = None
    column: ColumnName | None = None
    values: Annotated[tuple[str, ...] | None, Field(min_length=1)] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.name is None) == (self.column is None):
            raise ValueError("a type is either a name or { column = ... }")
        if self.values is not None and self.column is None:
            raise ValueError("'values' lists what is taken of a column, so 'column' is needed too")
        types = self.types or ()
        for value, name in zip(self.values or (), types, strict=False):
            if types.count(name) > 1:
                raise ValueError(f"{value!r} and another of the 'values' would have type '{name}'")
        return self

    @property
    def types(self) -> tuple[str, ...] | None:
        """The relationship types; None where only the file can tell."""
        if self.name is not None:
            return (self.name,)
        return self.values and tuple(relation_type(value) for value in self.values)

    @property
    def shown(self) -> str:
        """As the report names what the rows become."""
        return self.name or f"{{{self.column}}}"


class End(Strict):
    """One end of a relation: exactly one of ``item``, ``user`` and ``entity``.

    Attributes:
        item: Column with the item's id.
        user: Column with the user's id.
        entity: Column with the entity's id (its name where no entities file lists the kind).
        kind: Label of the entity, such as ``Author``.
        domain: Domain of the item, or of the user where users are not shared. Absent for an item:
            its id stands in one domain only, which is then looked up.
    """

    item: ColumnName | None = None
    user: ColumnName | None = None
    entity: ColumnName | None = None
    kind: str | None = None
    domain: Annotated[Domain, _short("name")] | None = None

    @model_validator(mode="after")
    def _one_role(self) -> Self:
        if sum(value is not None for value in (self.item, self.user, self.entity)) != 1:
            raise ValueError("an end has exactly one of 'item', 'user' and 'entity'")
        if (self.entity is None) != (self.kind is None):
            raise ValueError("'entity' and 'kind' go together")
        if self.entity is not None and self.domain is not None:
            raise ValueError("an entity stands in no domain")
        return self

    @property
    def column(self) -> str:
        """The column with the id."""
        return self.item or self.user or self.entity or ""

    @property
    def role(self) -> str:
        """``item``, ``user`` or the label of the entity kind, as `Roles` names node types."""
        return self.kind or ("item" if self.item else "user")


AsColumn = Annotated[Column, _short("column")]
AsNumber = Annotated[
    Column, BeforeValidator(lambda v: {"column": v, "type": "number"} if isinstance(v, str) else v)
]
AsDomain = Annotated[Domain, _short("name")]
AsType = Annotated[RelationType, _short("name")]

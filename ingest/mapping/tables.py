"""The tables of a mapping: one model for each kind of file."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from linkspan.ingest.mapping.columns import (
    AsColumn,
    AsDomain,
    AsNumber,
    Column,
    ColumnName,
    Domain,
    End,
    Strict,
    TimeColumn,
    Vectors,
)
from linkspan.ingest.mapping.conditions import AsCondition, check_positive
from linkspan.ingest.mapping.names import EdgeProperty, Label, NodeProperty, RelationshipType


class FileTable(Strict):
    r"""Keys that every table with a file has.

    Attributes:
        file: Path, relative to `Mapping.base`; with ``*`` in it, all files that match, sorted.
        header: Names of the columns, for a ``csv`` or ``tsv`` file without a header; ``columns`` in
            the mapping.
        format: How it is written; without it, the end of its name says so (``.csv.gz``).
        delimiter: What separates columns in ``csv`` and ``tsv``, one character or several such as
            ``::``; a comma or a tab without it.
        quote: The character that encloses values there, ``""`` for none; ``"`` without it.
        escape: The character there that takes the meaning from a delimiter, quote or line end
            behind it, such as ``\``; none without it.
        encoding: How text is encoded in ``csv``, ``tsv`` and ``jsonl``.
        integer_ids: Columns with ids that are whole numbers, however they are written: ``1.0``,
            ``1e5``, ``007`` and ``1,000`` are taken for ``1``, ``100000``, ``7`` and ``1000``.
        properties: Property to the column it comes from.
    """

    file: Annotated[str, Field(min_length=1)]
    header: Annotated[tuple[ColumnName, ...] | None, Field(alias="columns", min_length=1)] = None
    format: Literal["csv", "tsv", "jsonl", "parquet"] | None = None
    delimiter: Annotated[str, Field(min_length=1)] | None = None
    quote: Annotated[str, Field(max_length=1)] | None = None
    escape: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    encoding: str = "utf-8"
    integer_ids: tuple[ColumnName, ...] = ()
    properties: dict[str, AsColumn] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _columns_differ(self) -> Self:
        for name in self.header or ():
            if (self.header or ()).count(name) > 1:
                raise ValueError(f"'columns' names {name!r} twice")
        return self

    @model_validator(mode="after")
    def _signs_differ(self) -> Self:
        """Check that delimiter, quote and escape can be told apart."""
        if {"\r", "\n", "\0"} & set(self.delimiter or ""):
            raise ValueError(f"delimiter {self.delimiter!r} has a line end or NUL in it")
        for name, sign in (("quote", self.quote), ("escape", self.escape)):
            if sign and (not sign.isascii() or not sign.isprintable() or sign.isalnum()):
                raise ValueError(f"{name} {sign!r} is no punctuation mark of ASCII")
            if sign == " ":
                raise ValueError(f"{name} is a blank; use a punctuation mark")
        quote = '"' if self.quote is None else self.quote
        delimiter = self.delimiter or ","
        if quote and quote in delimiter:
            raise ValueError(
                f"the delimiter {delimiter!r} has the quote {quote!r} in it; "
                "say 'quote = \"\"' if the file has none"
            )
        if self.escape and self.escape in delimiter:
            raise ValueError(f"the delimiter {delimiter!r} has the escape {self.escape!r} in it")
        if self.escape and self.escape == quote:
            raise ValueError(
                f"quote and escape are both {quote!r}; a doubled quote is understood "
                "without 'escape', so leave it out"
            )
        return self

    @model_validator(mode="after")
    def _integer_ids_are_ids(self) -> Self:
        ids = [name for name, key in self.columns().items() if not key.startswith("properties.")]
        for name in self.integer_ids:
            if name not in ids:
                raise ValueError(
                    f"integer_ids names {name!r}, which is no column with ids of this table "
                    f"(there are: {', '.join(ids)})"
                )
        return self

    @property
    @abstractmethod
    def becomes(self) -> str:
        """Label or relationship type of what the rows become."""

    @abstractmethod
    def columns(self) -> dict[str, str]:
        """Columns that the file must have, each with the key that names it."""

    def values(self) -> dict[str, Column]:
        """Columns that become properties of what the rows become, by property."""
        return dict(self.properties)

    def name_columns(self) -> set[str]:
        """Columns whose cells are ids or names, no values: a number that is none is empty there."""
        return {
            column
            for column, key in self.columns().items()
            if key not in ("weight", "at") and not key.startswith("properties.")
        }

    @property
    def ends(self) -> dict[str, End]:
        """The two nodes that a row joins, each by its key; none where a row is a node."""
        return {}

    def user_columns(self) -> set[str]:
        """Columns with users' ids."""
        return {end.user for end in self.ends.values() if end.user is not None}


class AnyTable(FileTable):
    """A file that is only looked into: some columns of it, whatever they hold.

    Attributes:
        names: Names of the columns.
    """

    names: tuple[str, ...] = ()

    @property
    def becomes(self) -> str:
        """See `FileTable.becomes`."""
        return ""

    def columns(self) -> dict[str, str]:
        """See `FileTable.columns`."""
        return dict.fromkeys(self.names, "")


class ItemRelation(Strict):
    """A column of an items file that becomes relations to entities.

    Attributes:
        type: Relationship type, such as ``WRITTEN_BY``.
        column: Column with the names of the entities.
        entity: Their label, such as ``Author``.
        split: What separates several names in one cell.
    """

    type: RelationshipType
    column: ColumnName
    entity: Label
    split: Annotated[str, Field(min_length=1)] | None = None


class ItemsTable(FileTable):
    """A file with one item a row.

    Attributes:
        id: Column with the id, unique within a domain.
        domain: The domain of the items.
        text: Properties, in order, that make the text of an item.
        properties: Property to the column it comes from.
        relations: Columns that become relations to entities.
        vectors: Property to the ready-made vectors that fill it.
    """

    id: ColumnName
    domain: AsDomain
    text: tuple[str, ...] = ("title",)
    properties: dict[NodeProperty, AsColumn] = Field(default_factory=dict)
    relations: tuple[ItemRelation, ...] = ()
    vectors: dict[NodeProperty, Vectors] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _text_is_properties(self) -> Self:
        known = ", ".join(self.properties) or "none"
        for name in self.text if "text" in self.model_fields_set else ():
            if name not in self.properties:
                raise ValueError(
                    f"text {name!r} is not a property of these items (they have: {known})"
                )
        return self

    @property
    def becomes(self) -> str:
        """See `FileTable.becomes`."""
        return "Item"

    def columns(self) -> dict[str, str]:
        """See `FileTable.columns`."""
        return {
            **{relation.column: "relations" for relation in self.relations},
            **{column.column: f"properties.{name}" for name, column in self.properties.items()},
            **domain_columns(self.domain),
            self.id: "id",
        }


class VectorsTable(FileTable):
    """A file with one vector of an item a row, as an items table names it.

    Attributes:
        name: Property that it fills.
        vectors: What the items table says of it.
        items: The items table.
    """

    name: str
    vectors: Vectors
    items: ItemsTable

    @property
    def becomes(self) -> str:
        """See `FileTable.becomes`."""
        return f"Item.{self.name}"

    @property
    def in_row_order(self) -> bool:
        """True where the items file says whose vector a row is."""
        return self.vectors.id is None and self.vectors.ids is None

    @property
    def id(self) -> str:
        """Column with the item's id."""
        return self.items.id if self.in_row_order else self.vectors.id or "id"

    @property
    def domain(self) -> Domain | None:
        """Domain of the items; None where their ids tell."""
        return None if self.items.domain.column and not self.in_row_order else self.items.domain

    def columns(self) -> dict[str, str]:
        """See `FileTable.columns`."""
        return {**domain_columns(self.domain), self.id: "id"}


class EntitiesTable(FileTable):
    """A file with one entity a row.

    Attributes:
        kind: Label of the entities, such as ``Author``.
        id: Column with the id, unique within the kind.
        name: Column with the name; the id without it.
        properties: Property to the column it comes from.
    """

    kind: Label
    id: ColumnName
    name: ColumnName | None = None
    properties: dict[NodeProperty, AsColumn] = Field(default_factory=dict)

    @property
    def becomes(self) -> str:
        """See `FileTable.becomes`."""
        return self.kind

    def columns(self) -> dict[str, str]:
        """See `FileTable.columns`."""
        return {
            **{column.column: f"properties.{name}" for name, column in self.properties.items()},
            **({self.name: "name"} if self.name else {}),
            self.id: "id",
        }


class UsersFile(FileTable):
    """A file with one user a row; users that only interact need none.

    Attributes:
        id: Column with the id.
        domain: Domain of the users, needed where users are not shared.
        properties: Property to the column it comes from.
    """

    id: ColumnName
    domain: AsDomain | None = None
    properties: dict[NodeProperty, AsColumn] = Field(default_factory=dict)

    @property
    def becomes(self) -> str:
        """See `FileTable.becomes`."""
        return "User"

    def columns(self) -> dict[str, str]:
        """See `FileTable.columns`."""
        return {
            **{column.column: f"properties.{name}" for name, column in self.properties.items()},
            **domain_columns(self.domain),
            self.id: "id",
        }

    def user_columns(self) -> set[str]:
        """See `FileTable.user_columns`."""
        return {self.id}


class UsersTable(Strict):
    """Users: files of them, and what their ids mean.

    Attributes:
        shared: One id is one user in all domains; if not, each domain has its own users.
        pseudonymise: Keyed hashes take the place of the ids, see `linkspan.graph.users.pseudonyms`.
        files: Files with one user a row.
    """

    shared: bool = False
    pseudonymise: bool = False
    files: tuple[UsersFile, ...] = ()


class InteractionsTable(FileTable):
    """A file with one event a row.

    Attributes:
        type: Relationship type, such as ``SAVED``.
        user: Column with the user's id.
        item: Column with the item's id.
        domain: Domain of the item; without it, its id stands in one domain only.
        at: When; without it, a history has no order.
        weight: Column with how strong an event is; the model counts each event once.
        properties: Property to the column it comes from.
        repeat: Keep events of one user and item that differ in time, each as a relationship.
        positive: What makes an event positive, such as ``rating >= 4`` or ``kind = 'buy'``; every
            event without it.
        otherwise: What an event is that is not positive; one whose property is absent is neither.
    """

    type: RelationshipType
    user: ColumnName
    item: ColumnName
    domain: AsDomain | None = None
    at: TimeColumn | None = None
    weight: AsNumber | None = None
    properties: dict[EdgeProperty, AsColumn] = Field(default_factory=dict)
    repeat: bool = False
    positive: AsCondition | None = None
    otherwise: Literal["negative", "ignored"] = "negative"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.repeat and self.at is None:
            raise ValueError("'repeat = true' tells events apart by time, so 'at' is needed too")
        if self.positive is not None:
            check_positive(self.positive, self.values(), timed=self.at is not None)
        return self

    @property
    def becomes(self) -> str:
        """See `FileTable.becomes`."""
        return self.type

    def columns(self) -> dict[str, str]:
        """See `FileTable.columns`."""
        return {
            **{column.column: f"properties.{name}" for name, column in self.properties.items()},
            **({self.weight.column: "weight"} if self.weight else {}),
            **({self.at.column: "at"} if self.at else {}),
            **domain_columns(self.domain),
            self.item: "item",
            self.user: "user",
        }

    def values(self) -> dict[str, Column]:
        """See `FileTable.values`; the weight is one of them."""
        return {**self.properties, **({"weight": self.weight} if self.weight else {})}

    def user_columns(self) -> set[str]:
        """See `FileTable.user_columns`."""
        return {self.user}


def domain_columns(domain: Domain | None) -> dict[str, str]:
    """The column of a domain, if it stands in one, with the key that names it."""
    return {domain.column: "domain"} if domain and domain.column else {}

"""Columns of files, each of which becomes one value in the graph: the leaves of a mapping."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self
from unicodedata import normalize

import pyarrow as pa
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from linkspan.ingest.mapping.names import DomainName, Label, RelationshipType, relation_type
from linkspan.ingest.shaping.parse import Kind, Unit, parse

ColumnName = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    """Root of all parts of a mapping: frozen, and no key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _short(key: str, model: type[BaseModel]) -> BeforeValidator:
    """Let ``"x"`` stand for ``{key = "x"}``."""

    def widen(value: Any) -> Any:
        return {key: value} if isinstance(value, str) else value

    return BeforeValidator(widen, json_schema_input_type=str | model)


def _cell(value: Any) -> Any:
    """A value of the mapping as it would be written in a cell."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float | date) else value


def _composed(text: str) -> str:
    return normalize("NFC", text.strip())


Text = Annotated[str, AfterValidator(_composed)]
Cell = Annotated[Text, BeforeValidator(_cell, json_schema_input_type=str | bool | int | float)]
_CATEGORIES = ("text", "category")


class Column(Strict):
    """A column that becomes a property; ``"title"`` is short for ``{ column = "title" }``.

    Attributes:
        column: Name in the file's header.
        type: What the values are. ``category`` is one of a few names. ``date`` is ISO 8601,
            ``2024-05-31``, and kept so. ``time`` is kept as milliseconds UTC. ``list`` is a list of
            text. ``image`` is the path of an image file, seen from ``base``.
        unit: How a ``time`` is written: ``iso`` (ISO 8601, UTC unless it names a zone), ``s``,
            ``ms``, ``us`` or ``ns`` (Unix time, also with fractions).
        split: What separates several values in one cell; the property is then a list.
        absent: Texts that mean that nothing stands there, such as ``NA``, beside the empty cell.
        missing: What is done where nothing stands: ``drop`` leaves the row out and counts it as
            rejected, ``unknown`` is a category of its own, ``mean`` takes the mean of the column.
            Without it, and without ``default``, the row has no such property.
        default: What is taken where nothing stands, as if it stood in the cell.
        normalise: ``minmax`` (0 to 1), ``zscore`` (mean 0, standard deviation 1) or ``log``
            (``ln(1 + x)``). A column of one value becomes 0 by the first two.
        clean: Take HTML tags, entities and control characters out, and make white space one blank.
        feature: A property of items that a model may use: as it is, or, a ``text`` or ``image``,
            as its encoder reads it.
    """

    column: ColumnName
    type: Kind = "text"
    unit: Unit = "iso"
    split: Annotated[str, Field(min_length=1)] | None = None
    absent: tuple[Cell, ...] = ()
    missing: Literal["drop", "unknown", "mean"] | None = None
    default: Cell | None = None
    normalise: Literal["minmax", "zscore", "log"] | None = None
    clean: bool = False
    feature: bool = False

    @model_validator(mode="after")
    def _options_fit_the_type(self) -> Self:
        if self.split is not None and self.type not in ("text", "list", "number"):
            raise ValueError(
                f"'split' makes lists of text or numbers, so type '{self.type}' cannot go with it"
            )
        if self.is_list and self.type == "number" and (self.needs_statistics or self.normalise):
            raise ValueError("'mean' and 'normalise' are for single numbers, not for lists of them")
        wants: list[tuple[str, bool, tuple[str, ...]]] = [
            ("unit", "unit" in self.model_fields_set, ("time",)),
            ("missing = 'unknown'", self.missing == "unknown", _CATEGORIES),
            ("missing = 'mean'", self.missing == "mean", ("number",)),
            (f"normalise = '{self.normalise}'", self.normalise is not None, ("number",)),
            ("clean = true", self.clean, _CATEGORIES),
        ]
        for option, is_set, kinds in wants:
            if is_set and self.type not in kinds:
                needed = " or ".join(f"'{kind}'" for kind in kinds)
                raise ValueError(f"{option} needs type {needed}, not '{self.type}'")
        if self.missing is not None and self.default is not None:
            raise ValueError("'missing' and 'default' both say what an empty cell is; keep one")
        if self.feature and self.is_list:
            raise ValueError("a feature is one value, not a list: make lists relations")
        if self.default is not None and (wrong := self._wrong_default(self.default)):
            raise ValueError(f"default = {self.default!r}: {wrong}")
        return self

    @property
    def is_list(self) -> bool:
        """True where the property is a list."""
        return self.split is not None or self.type == "list"

    @property
    def stand_in(self) -> str | None:
        """Text that is taken for a cell in which nothing stands."""
        return "unknown" if self.missing == "unknown" else self.default

    @property
    def needs_statistics(self) -> bool:
        """True where a value depends on the other values of the column."""
        return self.missing == "mean" or self.normalise in ("minmax", "zscore")

    def _wrong_default(self, default: str) -> str | None:
        if not default:
            return "it is empty. Leave it out instead"
        parsed = parse(pa.array([default]), self.type, self.unit)
        for wrong in parsed.wrong:
            if wrong.rows.any():
                return f"{wrong.reason}. {wrong.hint}"
        if self.normalise == "log" and parsed.values[0].as_py() < 0:
            return "a logarithm needs numbers from 0 on"
        return None


class TimeColumn(Strict):
    """The column that says when.

    Attributes:
        column: Name in the file's header.
        unit: ``position`` (any integer that grows with time), ``s``, ``ms``, ``us`` or ``ns`` (Unix
            time, also with fractions) or ``iso`` (ISO 8601, UTC unless it names a zone). All but a
            position become milliseconds.
    """

    column: ColumnName
    unit: Literal["position", "s", "ms", "us", "ns", "iso"]


class Domain(Strict):
    """Place of the domain of a row; ``"food"`` is short for ``{ name = "food" }``.

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
    """Place of the type of a relation; ``"SEQUEL"`` is short for ``{ name = "SEQUEL" }``.

    Attributes:
        name: One type for the whole file.
        column: Column whose values become types, as `relation_type` makes them.
        values: The values to take; rows with others are passed over. Without it, all are taken.
    """

    name: RelationshipType | None = None
    column: ColumnName | None = None
    values: Annotated[tuple[Text, ...] | None, Field(min_length=1)] = None

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
    kind: Label | None = None
    domain: Annotated[Domain, _short("name", Domain)] | None = None

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


class Vectors(Strict):
    """Ready-made vectors of items, all of one length, kept as float32.

    Attributes:
        file: A ``.npy`` matrix with one item a row, or a ``.parquet`` file; paths are relative to
            the mapping.
        ids: For ``.npy``: a text file with the item of each row, one id a line. Without it, row n
            is the item in row n of the items file.
        id: For ``.parquet``: column with the item's id.
        column: For ``.parquet``: column with the vector, a list of numbers.
        feature: A property that a model may use as it is.
    """

    file: Annotated[str, Field(min_length=1)]
    ids: Annotated[str, Field(min_length=1)] | None = None
    id: ColumnName | None = None
    column: ColumnName | None = None
    feature: bool = True

    @model_validator(mode="after")
    def _as_the_file_needs(self) -> Self:
        if self.file.endswith(".parquet"):
            if self.ids is not None or self.id is None or self.column is None:
                raise ValueError("vectors in a .parquet file need 'id' and 'column', and no 'ids'")
        elif not self.file.endswith(".npy"):
            raise ValueError(f"vectors stand in a .npy or .parquet file, not in {self.file!r}")
        elif self.id is not None or self.column is not None:
            raise ValueError("a .npy file has no columns; 'ids' names a file with one id a line")
        return self


def _number(value: Any) -> Any:
    """A column of numbers, unless it says otherwise."""
    if isinstance(value, str):
        value = {"column": value}
    return {"type": "number", **value} if isinstance(value, dict) else value


def _is_weight(column: Column) -> Column:
    if column.type not in ("integer", "number"):
        raise ValueError(f"a weight is of type 'number' or 'integer', not '{column.type}'")
    if column.normalise == "zscore":
        raise ValueError("a weight is not negative, so use 'minmax' or 'log', not 'zscore'")
    return column


AsColumn = Annotated[Column, _short("column", Column)]
AsNumber = Annotated[
    Column,
    BeforeValidator(_number, json_schema_input_type=str | Column),
    AfterValidator(_is_weight),
]
AsDomain = Annotated[Domain, _short("name", Domain)]
AsType = Annotated[RelationType, _short("name", RelationType)]

"""RecBole's atomic files as ordinary tables of a mapping: their headers say what each column is.

Format: https://recbole.io/docs/user_guide/data/atomic_files.html
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from linkspan.errors import ConfigError, DataError
from linkspan.ingest.mapping.columns import ColumnName, Strict
from linkspan.ingest.mapping.complaints import config_error
from linkspan.ingest.mapping.names import (
    RESERVED_EDGE_PROPERTIES,
    RESERVED_PROPERTIES,
    DomainName,
    Label,
    RelationshipType,
)
from linkspan.ingest.mapping.tables import AnyTable
from linkspan.ingest.readers.csv_reader import read_header
from linkspan.ingest.readers.opening import open_source

_SEPARATOR = " "  # between the values of a sequence
_TYPES: dict[str, dict[str, str]] = {
    "token": {},
    "float": {"type": "number"},
    "token_seq": {"type": "list", "split": _SEPARATOR},
    "float_seq": {"type": "number", "split": _SEPARATOR},
}


class RecBole(Strict):
    """One data set in RecBole's atomic files, all of one domain.

    Attributes:
        path: Folder with ``NAME.inter``, and ``.item``, ``.user``, ``.kg``, ``.link`` where there
            are some; plain or ``.gz``.
        name: NAME, where the folder has several.
        domain: Domain of the items.
        type: Relationship type of the interactions.
        user: Field with the user's id.
        item: Field with the item's id.
        time: Field with the time of an interaction; without such a field, there is none.
        unit: Its unit.
        repeat: Keep events of one user and item that differ in time.
        positive: What makes an event positive, such as ``rating >= 4``.
        otherwise: What an event is that is not positive.
        title: Field that becomes an item's title; the first whose name ends in ``title`` or
            ``name`` without it.
        text: Fields that make the text of an item; the title and all ``token_seq`` without it.
        relations: Relations of the ``.kg`` file to take; all without it.
        kind: Label of the entities that are no item.
    """

    path: Annotated[str, Field(min_length=1)]
    name: str | None = None
    domain: DomainName
    type: RelationshipType = "INTERACTED"
    user: ColumnName = "user_id"
    item: ColumnName = "item_id"
    time: ColumnName = "timestamp"
    unit: Literal["position", "s", "ms", "us", "ns"] = "s"
    repeat: bool = False
    positive: str | None = None
    otherwise: Literal["negative", "ignored"] = "negative"
    title: ColumnName | None = None
    text: tuple[ColumnName, ...] | None = None
    relations: tuple[str, ...] | None = None
    kind: Label = "Concept"


class RecBoleTables(Strict):
    """The tables ``[[recbole]]``; one alone may be written ``[recbole]``.

    Attributes:
        recbole: Data sets in RecBole's atomic files.
    """

    recbole: tuple[RecBole, ...]


def expand_recbole(tables: dict[str, Any], base: Path) -> dict[str, Any]:
    """The same tables with ordinary ones in place of ``[recbole]``, or of each ``[[recbole]]``.

    Args:
        tables: Tables of a ``linkspan.toml``.
        base: Folder that paths are relative to.

    Raises:
        ConfigError: A setting is wrong, or a file or field is missing.
        DataError: A file cannot be read, or its header is not RecBole's.
    """
    rest = {name: value for name, value in tables.items() if name != "recbole"}
    given = tables["recbole"]
    several = {"recbole": [given] if isinstance(given, dict) else given}
    try:
        data_sets = RecBoleTables.model_validate(several).recbole
    except ValidationError as error:
        raise config_error(error, RecBoleTables, several) from error
    users = dict(rest.get("users", {}))
    for data_set in reversed(data_sets):
        made = _Files(data_set, base).tables()
        users["files"] = [*made.pop("users"), *users.get("files", [])]
        for name, own in made.items():
            rest[name] = [*own, *rest.get(name, [])]
    return {**rest, "users": users}


class _Files:
    """The files of one data set."""

    def __init__(self, data_set: RecBole, base: Path) -> None:
        self._set = data_set
        self._base = base
        self._files = self._find()
        self._fields = {suffix: self._read_fields(suffix) for suffix in self._files}

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Tables that the files become, by name of the table."""
        made: dict[str, list[dict[str, Any]]] = {
            "users": [],
            "items": [self._items()],
            "interactions": [self._interactions()],
        }
        domain = self._set.domain
        if "user" in self._files:
            ids = {"id": self._column("user", self._set.user), "domain": domain}
            properties = self._properties("user", {self._set.user})
            made["users"] = [{**self._file("user"), **ids, "properties": properties}]
        if "link" in self._files:
            item = {"item": self._column("link", self._set.item), "domain": domain}
            entity = {"entity": self._column("link", "entity_id"), "kind": self._set.kind}
            made["links"] = [{**self._file("link"), **item, **entity}]
        if "kg" in self._files:
            kind: dict[str, Any] = {"column": self._column("kg", "relation_id")}
            if self._set.relations is not None:
                kind["values"] = self._set.relations
            ends = {
                end: {"entity": self._column("kg", field), "kind": self._set.kind}
                for end, field in (("source", "head_id"), ("target", "tail_id"))
            }
            made["relations"] = [{**self._file("kg"), "type": kind, **ends}]
        return made

    def _items(self) -> dict[str, Any]:
        """Items from their file; without one, those that are interacted with."""
        kind = "item" if "item" in self._files else "inter"
        about = {"id": self._column(kind, self._set.item), "domain": self._set.domain}
        if kind == "inter":
            return {**self._file(kind), **about, "text": []}
        fields = self._fields[kind]
        title = self._set.title or next(
            (name for name in fields if re.search("(title|name)$", name)), None
        )
        properties = self._properties(kind, {self._set.item, title or ""}, taken={"title"})
        own = {field: _property(kind, field, {"title"}) for field in fields}
        if title is not None:
            properties["title"] = {"column": self._column(kind, title)}
            own[title] = "title"
        text = self._set.text
        if text is None:
            lists = [name for name, (_, sort) in fields.items() if sort == "token_seq"]
            text = tuple(dict.fromkeys([*([title] if title else []), *lists]))
        for name in text:
            self._column(kind, name)
        return {
            **self._file(kind),
            **about,
            "text": [own[n] for n in text],
            "properties": properties,
        }

    def _interactions(self) -> dict[str, Any]:
        chosen = self._set
        table: dict[str, Any] = {
            **self._file("inter"),
            "type": chosen.type,
            "user": self._column("inter", chosen.user),
            "item": self._column("inter", chosen.item),
            "domain": chosen.domain,
            "repeat": chosen.repeat,
            "otherwise": chosen.otherwise,
            "properties": self._properties("inter", {chosen.user, chosen.item, chosen.time}),
        }
        if chosen.time in self._fields["inter"] or "time" in chosen.model_fields_set:
            table["at"] = {"column": self._column("inter", chosen.time), "unit": chosen.unit}
        if chosen.positive is not None:
            table["positive"] = chosen.positive
        return table

    def _find(self) -> dict[str, str]:
        """The files by suffix, each as a path seen from the base."""
        folder = self._base / self._set.path
        if not folder.is_dir():
            raise ConfigError(f"[recbole], path: there is no folder {folder}")
        files = {file.name.removesuffix(".gz"): file.name for file in sorted(folder.iterdir())}
        names = sorted(name.removesuffix(".inter") for name in files if name.endswith(".inter"))
        chosen = self._set.name or (names[0] if len(names) == 1 else None)
        if chosen is None or chosen not in names:
            found = ", ".join(names)
            raise ConfigError(
                f"[recbole]: {folder} has no file {self._set.name or 'NAME'}.inter"
                if not names or self._set.name
                else f"[recbole]: {folder} has several data sets",
                hint=f"Choose one with 'name': {found}" if names else "Check 'path'",
            )
        return {
            suffix: f"{self._set.path}/{files[f'{chosen}.{suffix}']}"
            for suffix in ("inter", "user", "item", "kg", "link")
            if f"{chosen}.{suffix}" in files
        }

    def _read_fields(self, suffix: str) -> dict[str, tuple[str, str]]:
        """Field to its column and type, as the header ``name:type`` says."""
        spec = AnyTable(file=self._files[suffix], format="tsv", quote="")
        source = open_source("[recbole]", spec, self._base)
        fields = {}
        for column in read_header(source):
            name, _, sort = column.rpartition(":")
            if sort not in _TYPES or not name:
                raise DataError(
                    "the header is not RecBole's",
                    file=source.path,
                    line=1,
                    value=column,
                    hint=f"Write 'name:type', with one of {', '.join(_TYPES)} and tabs between",
                )
            fields[name] = (column, sort)
        return fields

    def _file(self, suffix: str) -> dict[str, Any]:
        return {"file": self._files[suffix], "format": "tsv", "quote": ""}

    def _column(self, suffix: str, field: str) -> str:
        """The column of a field.

        Raises:
            ConfigError: The file has no such field.
        """
        fields = self._fields[suffix]
        if field not in fields:
            raise ConfigError(
                f"[recbole]: {self._base / self._files[suffix]} has no field '{field}'",
                hint=f"It has {', '.join(fields)}",
            )
        return fields[field][0]

    def _properties(
        self, suffix: str, apart: set[str], taken: frozenset[str] | set[str] = frozenset()
    ) -> dict[str, Any]:
        """Properties of all fields but those that stand for something else."""
        return {
            _property(suffix, name, taken): {"column": column, **_TYPES[sort]}
            for name, (column, sort) in self._fields[suffix].items()
            if name not in apart
        }


def _property(suffix: str, field: str, taken: frozenset[str] | set[str] = frozenset()) -> str:
    """A field's name; where a property cannot be called so, with that of the file before it."""
    name = re.sub(r"\W", "_", field)
    reserved = RESERVED_EDGE_PROPERTIES if suffix == "inter" else RESERVED_PROPERTIES
    return f"{suffix}_{name}" if name in reserved | taken or not name[0].isalpha() else name

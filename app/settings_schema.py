"""The JSON Schema of ``linkspan.toml``: for editors, and for programs that write one."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from linkspan.ingest.mapping.adoption import AdoptTables
from linkspan.ingest.mapping.model import TABLES, Mapping
from linkspan.ingest.mapping.recbole import RecBoleTables
from linkspan.settings import OWN_TABLES, Settings

DIALECT = "http://json-schema.org/draft-07/schema#"
"""Dialect that editors of TOML read; nothing of the later ones is needed."""


def build_schema() -> dict[str, Any]:
    """The schema of the whole file: mapping and settings.

    No table is required, as a file may hold settings only; within a table all that has no default
    is.
    """
    tables: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    own = [name for name in TABLES if name in Mapping.model_fields]
    parts: list[tuple[type[BaseModel], Sequence[str]]] = [
        (Mapping, own),
        (RecBoleTables, ["recbole"]),
        (AdoptTables, ["adopt"]),
        (Settings, OWN_TABLES),
    ]
    for model, names in parts:
        schema = model.model_json_schema(
            ref_template="#/definitions/{model}", schema_generator=_Described
        )
        definitions |= schema.get("$defs", {})
        tables |= {name: schema["properties"][name] for name in names}
    several = tables["recbole"]
    tables["recbole"] = {
        "description": several.pop("description"),
        "anyOf": [several["items"], several],
    }
    used = set(re.findall(r"#/definitions/(\w+)", str((tables, definitions))))
    return {
        "$schema": DIALECT,
        "title": "linkspan.toml",
        "description": "Which files hold what, what it becomes in the graph, and the settings.",
        "type": "object",
        "additionalProperties": False,
        "properties": tables,
        "definitions": {name: definitions[name] for name in sorted(used)},
    }


def settings_page() -> str:
    """The tables that are settings, each key with its default and meaning, as Markdown."""
    schema = build_schema()
    parts = [
        "# Settings",
        "Written by `linkspan schema --markdown`; do not edit. All keys of `linkspan.toml` that "
        "are not [the mapping](mapping.md); each may be left out.",
    ]
    for name in OWN_TABLES:
        parts += _sections(name, schema["properties"][name], schema["definitions"])
    return "\n\n".join(parts)


def _sections(name: str, table: dict[str, Any], definitions: dict[str, Any]) -> list[str]:
    """A table: heading, description, and keys; then the tables in it, likewise."""
    entries = definitions[table["$ref"].rpartition("/")[2]]["properties"]
    lines, below = ["| key | default | |", "|---|---|---|"], []
    for key, entry in entries.items():
        if "$ref" in entry:
            below += _sections(f"{name}.{key}", entry, definitions)
            continue
        default = f"`{json.dumps(entry['default'])}`" if "default" in entry else ""
        lines.append(f"| `{key}` | {default} | {entry['description'].replace('|', '&#124;')} |")
    own = ["\n".join(lines)] if len(lines) > 2 else []
    return [f"## [{name}]", table["description"], *own, *below]


class _Described(GenerateJsonSchema):
    """Takes the descriptions of keys from the docstrings' ``Attributes``; TOML knows no null."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        result = super().default_schema(schema)
        return {k: v for k, v in result.items() if (k, v) != ("default", None)}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        result = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        result["description"] = _plain((model.__doc__ or "").split("\n\n")[0])
        for base in reversed(model.__mro__):
            for name, text in _attributes(base.__doc__ or "").items():
                field = model.model_fields.get(name)
                key = (field and field.alias) or name
                if key in result["properties"]:
                    result["properties"][key]["description"] = text
        return result


def _attributes(docstring: str) -> dict[str, str]:
    """Texts of the section ``Attributes`` of a Google docstring, by name."""
    _, _, section = docstring.partition("Attributes:\n")
    section = section.split("\n\n")[0]
    entries = re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", section, re.MULTILINE)
    return {name: _plain(text) for name, text in entries}


def _plain(text: str) -> str:
    """Text of a docstring on one line, with code as Markdown has it."""
    return " ".join(text.split()).replace("``", "`")

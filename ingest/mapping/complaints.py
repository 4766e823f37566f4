"""Turns what pydantic says about a mapping into one line a person can act on."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import BaseModel, ValidationError

from linkspan.errors import ConfigError

_FILES = "Give one path; with * in it, such as 'events/*.csv', it stands for all files that match"
_FORMS = {
    "string_type": "Give one text, in quotes",
    "tuple_type": "Give a list, [...]",
    "list_type": "Give a list, [...]",
    "dict_type": "Give a table, { ... }",
    "model_type": "Give a table, { ... }",
    "model_attributes_type": "Give a table, { ... }",
    "bool_type": "Give true or false",
    "bool_parsing": "Give true or false",
}
"""Hints by the kind of pydantic's complaint."""


def config_error(error: ValidationError, model: type[BaseModel], tables: Any) -> ConfigError:
    """The first complaint as an error that names the table, the key and what may stand there.

    Args:
        error: What pydantic raised.
        model: The model that was to be filled.
        tables: What it was filled with.
    """
    first = min(error.errors(include_url=False), key=lambda entry: _weight(entry["type"]))
    path = tuple(first["loc"])
    context = first.get("ctx", {})
    if first["type"] == "extra_forbidden":
        known = _known_keys(model, path[:-1])
        return misspelt(_where(path[:-1]), str(path[-1]), known)
    if first["type"] == "missing":
        near = _near(str(path[-1]), _found(tables, path[:-1]))
        add = f"Add '{path[-1]} = ...'" if len(path) > 1 else f"Add a table '[[{path[-1]}]]'"
        hint = f"Is '{near}' meant to be '{path[-1]}'" if near else add
        return ConfigError(f"{_where(path[:-1])}: key '{path[-1]}' is missing", hint=hint)
    where = f"{_where(path)}: "
    if first["type"] == "literal_error":
        return ConfigError(
            f"{where}{first['input']!r} is not allowed",
            hint=f"Use one of {str(context['expected']).replace(' or ', ', ')}",
        )
    if first["type"] == "value_error":
        return ConfigError(f"{where}{context['error']}")
    message = first["msg"][0].lower() + first["msg"][1:]
    form = _FILES if path[-1:] == ("file",) else _FORMS.get(first["type"])
    return ConfigError(f"{where}{message} (found {first['input']!r})", hint=form)


def _weight(kind: str) -> int:
    """Misspelt keys first, as they explain missing ones; lists last that a wrong entry emptied."""
    return {"extra_forbidden": 0, "too_short": 2}.get(kind, 1)


def misspelt(where: str, key: str, known: list[str]) -> ConfigError:
    """Error about a key that none of the known ones is."""
    near = _near(key, known)
    hint = f"Perhaps '{near}' is meant" if near else f"Known keys: {', '.join(known)}"
    return ConfigError(f"{where}: there is no key '{key}'", hint=hint)


def _near(word: str, words: list[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word, words, n=1)), None)


def _where(path: tuple[int | str, ...]) -> str:
    """``[[items]] 2, properties.year`` for ``("items", 1, "properties", "year")``."""
    if not path:
        return "the mapping"
    table, rest = str(path[0]), path[1:]
    if table == "users" and rest and rest[0] == "files":
        table, rest = "users.files", rest[1:]
    if rest and isinstance(rest[0], int):
        shown, rest = f"[[{table}]] {rest[0] + 1}", rest[1:]
    else:
        shown = f"[{table}]"
    keys = ""
    for part in rest:
        if isinstance(part, int):
            keys += f" {part + 1}"
        elif part != "[key]":
            keys += f".{part}" if keys else part
    return f"{shown}, {keys}" if keys else shown


def _known_keys(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Field names of the model that stands at a path."""
    schema: dict[str, Any] = model.model_json_schema()
    definitions, here = schema.get("$defs", {}), schema
    for part in path:
        here = _resolve(here, definitions)
        if isinstance(part, int):
            items = here.get("items", {})
            here = items
        elif part in here.get("properties", {}):
            here = here["properties"][part]
        else:
            here = here.get("additionalProperties", {})
    return sorted(_resolve(here, definitions).get("properties", {}))


def _resolve(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    for option in schema.get("anyOf", [schema]):
        reference = option.get("$ref")
        found: dict[str, Any] = definitions[reference.rsplit("/")[-1]] if reference else option
        if "properties" in found or "items" in found or "additionalProperties" in found:
            return found
    return schema


def _found(tables: Any, path: tuple[int | str, ...]) -> list[str]:
    """Keys that stand in the tables at a path."""
    for part in path:
        tables = tables[part]
    return [str(key) for key in tables] if isinstance(tables, dict) else []

"""The key ``positive`` of a mapping: a condition, held against the columns it may look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from linkspan.errors import ConfigError
from linkspan.graph.conditions import Condition, kind_of, parse_condition
from linkspan.ingest.mapping.columns import Column

_KINDS = {
    **dict.fromkeys(("integer", "number"), "a number"),
    **dict.fromkeys(("text", "category", "date"), "text"),
    "boolean": "true or false",
}
"""Kinds of columns whose properties a condition can look at, in its words."""


def _parsed(value: Any) -> Any:
    """A condition that ``positive`` may be: feedback has to know a value that fulfils it."""
    if not isinstance(value, str):
        return value
    try:
        condition = parse_condition(value)
    except ConfigError as error:
        raise ValueError(error) from error
    if isinstance(condition.value, str) and condition.operator in (">", "<"):
        raise ValueError(
            f"{value!r} asks for text beyond another, and feedback could not say which. "
            "Compare with =, !=, >= or <=."
        )
    return condition


AsCondition = Annotated[Condition, BeforeValidator(_parsed, json_schema_input_type=str)]


def check_positive(condition: Condition, columns: Mapping[str, Column], *, timed: bool) -> None:
    """See that a condition looks at a property of the kind that it compares with.

    Args:
        condition: What makes an event positive.
        columns: Property to its column.
        timed: Whether events have ``at``, a number.

    Raises:
        ValueError: It does not, or what it looks at is normalised.
    """
    kinds = {
        name: _KINDS[column.type]
        for name, column in columns.items()
        if column.type in _KINDS and not column.is_list
    }
    kinds |= {"at": "a number"} if timed else {}
    name = condition.property
    if kinds.get(name) != kind_of(condition.value):
        known = ", ".join(f"{known} is {kind}" for known, kind in sorted(kinds.items()))
        wanted = kind_of(condition.value)
        raise ValueError(
            f"positive compares '{name}' with {wanted}, and these interactions have no such "
            f"property ({known or 'they have none to compare'})"
        )
    if name in columns and columns[name].normalise is not None:
        raise ValueError(
            f"positive asks for '{columns[name].column}' as it stands in the file, and property "
            f"'{name}' is normalised; keep both under two names"
        )

"""Rules on what is published: conditions on properties of items, and on those of their users.

They look at the graph as it is when lists are made, not at the snapshot: what is sold out today was
in stock when the model was trained.
"""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass
from typing import Any

from linkspan import cypher
from linkspan.cypher import Names
from linkspan.errors import ConfigError, DataError
from linkspan.graph.connecting.connection import Database

_FORM = re.compile(r"\s*([^\W\d]\w*|`[^`]+`)\s*(==|=|!=|>=|<=|>|<)\s*(.+?)\s*")
_COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Rule:
    """A comparison of an item's property with a constant.

    Attributes:
        property: Name of the property.
        operator: ``=``, ``!=``, ``>=``, ``<=``, ``>`` or ``<``.
        value: A number, a text, or true or false.
    """

    property: str
    operator: str
    value: bool | float | str

    def holds(self, found: Any) -> bool:
        """Tell whether a value of the property passes; an absent one does not, for a list any may.

        Raises:
            DataError: A text is to be greater than a number, or the like.
        """
        if isinstance(found, list):
            return any(self.holds(each) for each in found)
        if found is None or (isinstance(found, float) and math.isnan(found)):
            return False
        alike = (isinstance(found, bool), isinstance(found, str)) == (
            isinstance(self.value, bool),
            isinstance(self.value, str),
        )
        if self.operator in ("=", "!="):
            return (alike and found == self.value) == (self.operator == "=")
        if not alike or isinstance(found, bool):
            raise DataError(
                f"an item has {self.property} = {found!r}, which is neither more nor less than "
                f"{self.value!r}",
                hint="Compare it with = or != in [publish]",
            )
        return bool(_COMPARE[self.operator](found, self.value))


def parse_rule(text: str) -> Rule:
    """Read ``in_stock = true``, ``language = 'en'`` or ``year >= 2000``.

    Raises:
        ConfigError: It has another form.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"'{text}' is no condition on a property",
            hint="Write it like in_stock = true, language = 'en' or year >= 2000",
        )
    name, sign, value = match.groups()
    name, sign = name.strip("`"), "=" if sign == "==" else sign
    if value.lower() in ("true", "false"):
        return Rule(name, sign, value.lower() == "true")
    if _NUMBER.fullmatch(value):
        return Rule(name, sign, float(value))
    quoted = value[0] in "'\"" and value[-1] == value[0] and len(value) > 1
    if not quoted and not re.fullmatch(r"\w+", value):
        raise ConfigError(f"'{text}': {value} is no value", hint="Put text into quotes")
    return Rule(name, sign, value[1:-1] if quoted else value)


def read_properties(
    database: Database, role: str, properties: list[str], names: Names | None
) -> dict[str, list[Any]]:
    """Properties of all users, or items.

    Args:
        database: The graph.
        role: ``user`` or ``item``.
        properties: Their names.
        names: Of an adopted graph.

    Returns:
        Key to a value for each of ``properties``, None where it is absent.

    Raises:
        ConfigError: None of them has one of the properties.
        DatabaseError: The query failed.
    """
    query = cypher.load(f"properties_of_{role}s", None, names)
    rows = {row["key"]: row["found"] for row in database.read(query, properties=properties)}
    for place, name in enumerate(properties):
        if rows and all(values[place] is None for values in rows.values()):
            raise ConfigError(
                f"no {role} has a property '{name}'", hint="Look at the rules in [publish]"
            )
    return rows

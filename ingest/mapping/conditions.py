"""Small comparisons in a mapping, such as ``rating >= 4``."""

from __future__ import annotations

import math
import re

from linkspan.graph.roles import Condition

OPERATORS = ("==", "!=", ">=", ">", "<=", "<")
_CONDITION = re.compile(
    r"\s*(?:(?P<plain>[^\W\d]\w*)|`(?P<quoted>[^`]+)`)\s*(?P<operator>==|!=|>=|<=|>|<)\s*"
    r"(?P<value>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*"
)


def parse_condition(text: str) -> Condition:
    """Read a property, an operator and a number; nothing is evaluated.

    Args:
        text: For example ``rating >= 4``; a name that is no plain word stands in back-ticks.

    Raises:
        ValueError: It has another form.
    """
    match = _CONDITION.fullmatch(text)
    if match is None or not math.isfinite(float(match["value"])):
        raise ValueError(
            f"a condition is a property, one of {' '.join(OPERATORS)} and a number, "
            f"such as 'rating >= 4', not {text!r}"
        )
    name = match["plain"] or match["quoted"]
    return Condition(property=name, operator=match["operator"], value=float(match["value"]))  # type: ignore[arg-type]

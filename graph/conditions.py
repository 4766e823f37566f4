"""Conditions on a property, such as ``rating >= 4``, ``language = 'en'`` or ``in_stock = true``.

One language for all places: ``positive`` of interactions, ``require`` and ``exclude`` of
``[publish]``.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from typing import Any, Literal, Self
from unicodedata import normalize

from pydantic import BaseModel, ConfigDict, StrictBool, StrictStr, field_validator, model_validator

from linkspan.errors import ConfigError, DataError

Operator = Literal["==", "!=", ">=", ">", "<=", "<"]
Value = StrictBool | float | StrictStr

COMPARE: dict[Operator, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
_FORM = re.compile(
    r"\s*(?:(?P<plain>[^\W\d]\w*)|`(?P<quoted>[^`]+)`)\s*(?P<operator>==|=|!=|>=|<=|>|<)\s*"
    r"(?P<value>\S.*?)\s*",
    re.DOTALL,
)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_BOOLEANS = {"true": True, "false": False}


class Condition(BaseModel):
    """A comparison of a property with a constant.

    Attributes:
        property: Name of the property.
        operator: How it compares; true and false are only equal or not.
        value: A finite number, a text in Unicode NFC, or true or false.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    property: str
    operator: Operator
    value: Value

    @field_validator("value")
    @classmethod
    def _finite(cls, value: Value) -> Value:
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("the number is not finite")
        return normalize("NFC", value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _booleans_have_no_order(self) -> Self:
        if isinstance(self.value, bool) and self.operator not in ("==", "!="):
            raise ValueError("true and false are neither more nor less than one another")
        return self

    def __str__(self) -> str:
        """The condition as `parse_condition` reads it."""
        name = self.property
        if re.fullmatch(r"[^\W\d]\w*", name) is None:
            name = f"`{name}`"
        sign = "=" if self.operator == "==" else self.operator
        if isinstance(self.value, bool):
            return f"{name} {sign} {str(self.value).lower()}"
        if isinstance(self.value, str):
            return f"{name} {sign} '{self.value}'"
        whole = self.value.is_integer() and abs(self.value) < 1e15
        return f"{name} {sign} {int(self.value) if whole else self.value!r}"

    def holds(self, found: Any) -> bool:
        """Tell whether a value of the property passes; an absent one does not, of a list any may.

        Raises:
            DataError: A text is to be greater than a number, or the like.
        """
        if isinstance(found, list):
            return any(self.holds(each) for each in found)
        if is_absent(found):
            return False
        alike = kind_of(found) == kind_of(self.value)
        found = normalize("NFC", found) if isinstance(found, str) else found
        if self.operator in ("==", "!="):
            return bool(alike and found == self.value) == (self.operator == "==")
        if not alike:
            raise DataError(
                f"{self.property} = {found!r} is neither more nor less than {self.value!r}",
                hint="Compare it with = or !=",
            )
        return bool(COMPARE[self.operator](found, self.value))


def parse_condition(text: str) -> Condition:
    """Read a property, an operator and a constant; nothing is evaluated.

    A name that is no plain word stands in back-ticks. ``=`` and ``==`` are one. A constant is a
    number, ``true`` or ``false``, a text in quotes of either kind, or one word without any.

    Args:
        text: For example ``in_stock = true``, ``language = 'en'`` or ``rating >= 4``.

    Raises:
        ConfigError: It has another form.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"{text!r} is no condition on a property",
            hint="Write it like rating >= 4, language = 'en' or in_stock = true",
        )
    name, sign = match["plain"] or match["quoted"], match["operator"]
    compare: Operator = "==" if sign == "=" else sign  # type: ignore[assignment]
    value = _parse_value(match["value"], text)
    if isinstance(value, bool) and compare not in ("==", "!="):
        raise ConfigError(
            f"{text!r}: true and false are neither more nor less than one another",
            hint="Compare with = or !=",
        )
    return Condition(property=name, operator=compare, value=value)


def _parse_value(written: str, text: str) -> bool | float | str:
    """The constant of a condition."""
    if written.lower() in _BOOLEANS:
        return _BOOLEANS[written.lower()]
    if _NUMBER.fullmatch(written):
        if not math.isfinite(float(written)):
            raise ConfigError(f"{text!r}: {written} is too large", hint="Write a smaller number")
        return float(written)
    if len(written) > 1 and written[0] in "'\"" and written[-1] == written[0]:
        return written[1:-1]
    if re.fullmatch(r"\w+", written):
        return written
    raise ConfigError(f"{text!r}: {written} is no value", hint="Put text into quotes")


def kind_of(value: Any) -> str:
    """Kind of a value, in words: ``true or false``, ``text`` or ``a number``."""
    if isinstance(value, bool):
        return "true or false"
    return "text" if isinstance(value, str) else "a number"


def is_absent(value: Any) -> bool:
    """Tell whether a value says nothing: None, or not a number."""
    return value is None or (isinstance(value, float) and math.isnan(value))

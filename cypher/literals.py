"""Values as Cypher writes them, and queries with their values written in, to be pasted anywhere.

The program itself sends values beside a query, never in its text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Strings, quoted names and comments are passed over: what looks like a parameter there is none.
_PIECE = re.compile(
    r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`|//[^\n]*|/\*.*?\*/|\$(\w+)""", re.DOTALL
)
_ESCAPED = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def literal(value: Any) -> str:
    """A text, number, list, truth value or None as Cypher takes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return "'" + "".join(_ESCAPED.get(each, each) for each in value) + "'"
    return "[" + ", ".join(map(literal, value)) + "]"


def write_in(text: str, values: Mapping[str, Any]) -> str:
    """A query with literals in place of its parameters; one without a value stays."""
    return _PIECE.sub(
        lambda piece: literal(values[piece[1]]) if piece[1] in values else piece[0], text
    )

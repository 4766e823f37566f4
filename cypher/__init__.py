"""Every query that Linkspan runs or offers, one ``.cypher`` file each, and their loader.

The files beside this module are the queries a person asks; `steps/` holds those the program runs on
the way. Each is plain Cypher for the default names and runs as it stands; `load` puts other labels
and relationship types in their place, and the names of an adopted graph (`names`). Each begins with
``// key: value`` lines: ``purpose``, ``parameters``, ``columns``, ``index`` and ``retryable``.
Those that a person asks have a ``group`` too, and write a parameter ``$name: meaning``, or with a
default, as JSON, ``$name = default: meaning``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from linkspan.cypher.literals import literal, write_in
from linkspan.cypher.names import Names, NodeNames, quote, translate
from linkspan.errors import ConfigError

__all__ = [
    "GROUPS",
    "Names",
    "NodeNames",
    "Parameter",
    "Query",
    "describe",
    "literal",
    "load",
    "names",
    "parameters",
    "quote",
    "write_in",
]

GROUPS = (
    "recommendations",
    "new users",
    "items",
    "users",
    "domains",
    "runs and health",
    "graph browser",
)
"""The groups of the queries that people ask, in the order in which they are listed."""

_HEADER = re.compile(r"^// (group|purpose|parameters|columns|index|retryable): (.*)$", re.MULTILINE)
_PARAMETER = re.compile(r"\$(\w+)(?: = ([^:]+))?: (.*?)(?=; \$|$)")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Parameter:
    """A parameter of a query that a person asks.

    Attributes:
        name: Its name, without the ``$``.
        meaning: What to give.
        default: What is taken where none is given, which also tells its kind: a whole number; a
            text; None: text or nothing; an empty list: one text or more, of which one has to be
            given.
        required: Whether it has to be given.
    """

    name: str
    meaning: str
    default: Any
    required: bool


@dataclass(frozen=True)
class Query:
    """One query file.

    Attributes:
        name: File name without ``.cypher``.
        text: The whole file, comments included.
        purpose: What it answers, one sentence.
        parameters: Parameter names with their meaning, as written in the header.
        columns: What each column of the result holds, as written in the header.
        index: The index or constraint that its plan begins with.
        retryable: Whether it may be sent again after a lost connection.
        group: One of `GROUPS`; empty in ``steps/``.
    """

    name: str
    text: str
    purpose: str
    parameters: str
    columns: str
    index: str
    retryable: bool
    group: str = ""

    @property
    def asked(self) -> list[Parameter]:
        """The parameters, as a person gives them."""
        return [
            Parameter(name, meaning, json.loads(default or "null"), default in ("", "[]"))
            for name, default, meaning in _PARAMETER.findall(self.parameters)
        ]

    @property
    def defaults(self) -> dict[str, Any]:
        """The parameters that need not be given, with what is taken then."""
        return {each.name: each.default for each in self.asked if not each.required}


def names() -> list[str]:
    """Names of the queries that people ask, sorted; those in ``steps/`` are not among them."""
    return sorted(
        path.name.removesuffix(".cypher")
        for path in files(__name__).iterdir()
        if path.name.endswith(".cypher")
    )


@cache
def describe(name: str) -> Query:
    """The query ``name`` with what its header says.

    Raises:
        ConfigError: There is no such query.
    """
    if not _PLAIN.fullmatch(name):
        raise _unknown(name)
    for folder in (files(__name__), files(__name__) / "steps"):
        path = folder / f"{name}.cypher"
        if path.is_file():
            text = path.read_text("utf-8")
            header = dict(_HEADER.findall(text))
            return Query(
                name=name,
                text=text,
                purpose=header["purpose"],
                parameters=header["parameters"],
                columns=header["columns"],
                index=header["index"],
                retryable=header["retryable"].startswith("yes"),
                group=header.get("group", ""),
            )
    raise _unknown(name)


def load(
    name: str,
    replace: Mapping[str, str | Sequence[str]] | None = None,
    adopted: Names | None = None,
) -> str:
    """The text of a query, with labels and relationship types replaced.

    Args:
        name: File name without ``.cypher``.
        replace: Label or type as it stands in the file (``SAVED``) to the one to use
            (``RATED``), or to several, any of which will do; quoted where it has to be.
        adopted: Names of an adopted graph, put in after that; None: those in the file.

    Raises:
        ConfigError: There is no such query.
    """
    text = describe(name).text
    if replace:
        wanted = {
            old: "|".join(map(quote, [new] if isinstance(new, str) else new))
            for old, new in replace.items()
        }
        found = re.compile(rf"(?<=[:|&])({'|'.join(map(re.escape, wanted))})\b")  # all at once
        text = found.sub(lambda match: wanted[match[1]], text)
    return translate(text, adopted) if adopted else text


def parameters(text: str) -> list[str]:
    """Names of the ``$parameters`` in a query or header, each once, in order."""
    return list(dict.fromkeys(re.findall(r"\$(\w+)", text)))


def _unknown(name: str) -> ConfigError:
    return ConfigError(f"there is no query {name!r}", hint=f"Known queries: {', '.join(names())}")

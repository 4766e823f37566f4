"""Names in the graph: which labels, relationship types and properties a mapping may use."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated
from unicodedata import normalize

from pydantic import AfterValidator

RESERVED_LABELS = frozenset(
    {
        "User",
        "Item",
        "Entity",
        "Run",
        "LoadedFile",
        "BulkLoad",
        "UserKey",
        "Lease",
        "Forgotten",
        "ForgottenKey",
    }
)
RESERVED_TYPES = frozenset({"RECOMMENDED", "SIMILAR", "SAME_AS", "FEEDBACK"})
RESERVED_PROPERTIES = frozenset(
    {
        *("key", "id", "domain", "name", "run", "embedding", "feedback_at"),
        *("vector_a", "vector_b", "text_vector_a", "text_vector_b", "text_hash_a", "text_hash_b"),
    }
)
RESERVED_EDGE_PROPERTIES = frozenset({"at", "weight", "from_feedback"})

_NAME = re.compile(r"[^\W\d]\w{0,63}")  # a letter or _, then letters, digits or _, in any script


def domain_label(domain: str) -> str:
    """The label that items of a domain carry: ``science-fiction`` becomes ``ScienceFiction``.

    Args:
        domain: Name of the domain, as it stands in files and keys.

    Raises:
        ValueError: The name is empty, has a ``/``, or gives no label or a reserved one.
    """
    if "/" in domain:
        raise ValueError(f"the name of a domain has no '/' in it, not {domain!r}")
    words = re.findall(r"[^\W_]+", domain)
    label = "".join(word[0].upper() + word[1:] for word in words)
    if not label:
        raise ValueError(f"the name of a domain needs a letter or digit, not {domain!r}")
    if is_reserved_label(label):
        raise ValueError(f"domain {domain!r} would have the label '{label}', which is reserved")
    return label


def is_reserved_label(label: str) -> bool:
    """Tell whether a label is one of ours, in whatever case: ``item`` would be read as ``Item``.

    On ArcadeDB a label and a relationship type are one kind of thing, and cannot have one name.
    """
    ours = {each.lower() for each in RESERVED_LABELS}
    return label.lower() in ours or label in RESERVED_TYPES


def relation_type(value: str) -> str:
    """The relationship type that a value of a column becomes: ``film.actor`` is ``FILM_ACTOR``.

    Letters and digits in upper case; whatever stands between them becomes one ``_``.

    Args:
        value: As it stands in a file.

    Raises:
        ValueError: It gives no type, a reserved one, or one of more than 64 characters.
    """
    name = "_".join(re.findall(r"[^\W_]+", value)).upper()
    return _type(f"_{name}" if name[:1].isdigit() else name)


def entity_key_prefix(kind: str) -> str:
    """Text that the keys of a kind begin with: ``author/`` for ``Author``."""
    return f"{kind.lower()}/"


def _plain(name: str, what: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{what} begins with a letter and has letters, digits and '_' only, not {name!r}"
        )
    return name


def _reserved(name: str, what: str, reserved: Iterable[str]) -> ValueError:
    return ValueError(f"{what} {name!r} is reserved: {', '.join(sorted(reserved))}")


def _label(name: str) -> str:
    if is_reserved_label(name):
        raise _reserved(name, "a label", RESERVED_LABELS | RESERVED_TYPES)
    return _plain(name, "a label")


def not_ours(name: str) -> str:
    """A relationship type of an adopted graph, as it is.

    Raises:
        ValueError: It is one that Linkspan writes.
    """
    if name in RESERVED_TYPES:
        raise _reserved(name, "a relationship type", RESERVED_TYPES)
    return name


def _type(name: str) -> str:
    if name.upper() in RESERVED_TYPES or name in RESERVED_LABELS:
        raise _reserved(name, "a relationship type", RESERVED_LABELS | RESERVED_TYPES)
    return _plain(name, "a relationship type")


def _property(name: str) -> str:
    if name in RESERVED_PROPERTIES:
        raise _reserved(name, "a property", RESERVED_PROPERTIES)
    return _plain(name, "a property")


def _edge_property(name: str) -> str:
    if name in RESERVED_EDGE_PROPERTIES:
        raise _reserved(name, "a property", RESERVED_EDGE_PROPERTIES)
    return _plain(name, "a property")


def _domain(name: str) -> str:
    domain_label(name)
    return normalize("NFC", name)


Label = Annotated[str, AfterValidator(_label)]
"""Label of an entity kind, such as ``Author``."""
RelationshipType = Annotated[str, AfterValidator(_type)]
"""Relationship type, such as ``WRITTEN_BY``."""
NodeProperty = Annotated[str, AfterValidator(_property)]
"""Property of a node, such as ``title``."""
EdgeProperty = Annotated[str, AfterValidator(_edge_property)]
"""Property of a relationship beside ``at`` and ``weight``."""
DomainName = Annotated[str, AfterValidator(_domain)]
"""Name of a domain, such as ``science-fiction``."""

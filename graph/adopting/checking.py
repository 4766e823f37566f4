"""Checks that an existing graph is what its roles say, before anything is read or written."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from typing import Any

from linkspan import cypher
from linkspan.cypher import Names, NodeNames
from linkspan.errors import SchemaError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.roles import InteractionRole, RelationRole, Roles
from linkspan.graph.writing.constraints import check_free

_SAMPLE = 1_000  # nodes or relationships looked at for the names of properties
_CHECK = "Check [adopt]; 'linkspan inspect' shows what the graph has"


def check_adopted(database: Database, roles: Roles) -> Roles:
    """See that a graph has what the roles name; nothing is written.

    Every node that plays a role is read once for its key, and every relationship for its ends.

    Args:
        database: The graph.
        roles: With `Roles.names`.

    Returns:
        The roles, with the kind of key of each label.

    Raises:
        SchemaError: A label, type or property is not there; a key is missing, of a wrong kind, or
            stands on two nodes; a type joins other labels; or the graph has results of its own.
        DatabaseError: A query failed.
    """
    names = roles.names
    assert names is not None
    check_free(database, names)
    names = names.model_copy(
        update={
            "users": _checked(database, names.users),
            "items": {domain: _checked(database, node) for domain, node in names.items.items()},
            "entities": {kind: _checked(database, node) for kind, node in names.entities.items()},
        }
    )
    _check_apart(database, names)
    for interaction in roles.interactions:
        _check_interaction(database, interaction, names)
    for relation in roles.relations:
        _check_relation(database, relation, names)
    return roles.model_copy(update={"names": names})


def _checked(database: Database, node: NodeNames) -> NodeNames:
    """The names of a role, with the kind of its keys."""
    wanted = list(dict.fromkeys([node.key, *([node.title] if node.title else []), *node.text]))
    query = cypher.load("read_keys", {"Item": node.label})
    rows = [row[0] for row in database.read_rows(query, {"names": wanted})]
    if not rows:
        known = _names(database, "all_labels")
        raise SchemaError(
            f"the graph has no nodes labelled '{node.label}'", hint=_meant(node.label, known)
        )
    for name, values in zip(wanted, zip(*rows, strict=True), strict=True):
        if all(value is None for value in values):
            known = _names(database, "inspect_properties", {"Item": node.label})
            raise SchemaError(
                f"no node labelled '{node.label}' has a property '{name}'", hint=_meant(name, known)
            )
    integer = _kind_of_key([row[0] for row in rows], node)
    return node.model_copy(update={"integer": integer})


def _kind_of_key(keys: list[Any], node: NodeNames) -> bool:
    """Tell whether keys are whole numbers; if not, they are text."""
    shown = f"'{node.key}' of the nodes labelled '{node.label}'"
    missing = sum(key is None or key == "" for key in keys)
    if missing:
        raise SchemaError(
            f"{missing:,} of {len(keys):,} nodes labelled '{node.label}' have no '{node.key}'",
            hint="Every node that plays a role needs its key",
        )
    odd = [key for key in keys if type(key) not in (int, str)]
    if odd:
        raise SchemaError(
            f"{shown} is {odd[0]!r}, and a key is text or a whole number",
            hint="Name another property as 'key'",
        )
    if len({type(key) for key in keys}) > 1:
        text = next(key for key in keys if type(key) is str)
        number = next(key for key in keys if type(key) is int)
        raise SchemaError(
            f"{shown} is text on some and a number on others ({text!r}, {number!r})",
            hint="Make all of them text, or all numbers",
        )
    twice = [key for key, count in Counter(keys).most_common(3) if count > 1]
    if twice:
        raise SchemaError(
            f"{shown} tells no two apart: several have {', '.join(map(repr, twice))}",
            hint="Name another property as 'key', or merge the nodes",
        )
    return type(keys[0]) is int


def _check_apart(database: Database, names: Names) -> None:
    """See that no node is an item of two domains, or an item and a user."""
    labels = [node.label for node in (names.users, *names.items.values())]
    for one, other in combinations(labels, 2):
        both = {"Item": one, "Entity": other}
        found = database.read(cypher.load("count_both", both))[0]["count"]
        if found:
            raise SchemaError(
                f"{found:,} nodes are labelled both '{one}' and '{other}'",
                hint="A node is an item of one domain, or a user",
            )


def _check_interaction(database: Database, role: InteractionRole, names: Names) -> None:
    rows = _ends(database, role.type)
    items = {node.label for node in names.items.values()}
    for row in rows:
        if names.users.label not in row["sources"] or not items & set(row["targets"]):
            raise SchemaError(
                f"{row['count']:,} relationships of type {role.type} join {_joined(row)}, and an "
                f"interaction joins users (:{names.users.label}) to items "
                f"(:{', :'.join(sorted(items))})",
                hint="Make those items a domain of their own, or give them another type",
            )
    wanted = [role.at, role.weight, role.positive.property if role.positive else None]
    _check_properties(database, role.type, wanted)


def _check_relation(database: Database, role: RelationRole, names: Names) -> None:
    rows = _ends(database, role.type)
    sources, targets = _labels_of(role.source, names), _labels_of(role.target, names)
    if not any(sources & set(row["sources"]) and targets & set(row["targets"]) for row in rows):
        raise SchemaError(
            f"no relationship of type {role.type} joins (:{'|'.join(sorted(sources))}) to "
            f"(:{'|'.join(sorted(targets))}); they join "
            + ", ".join(dict.fromkeys(map(_joined, rows))),
            hint="Name its ends as the arrow goes",
        )
    _check_properties(database, role.type, [role.weight])


def _ends(database: Database, kind: str) -> list[dict[str, Any]]:
    rows = database.read(cypher.load("read_ends", {"SAVED": kind}))
    if not rows:
        known = _names(database, "all_types")
        raise SchemaError(
            f"the graph has no relationships of type {kind}", hint=_meant(kind, known)
        )
    return rows


def _check_properties(database: Database, kind: str, wanted: Iterable[str | None]) -> None:
    known = _names(database, "inspect_link_properties", {"SAVED": kind})
    for name in wanted:
        if name is not None and name not in known:
            raise SchemaError(
                f"no relationship of type {kind} has a property '{name}'", hint=_meant(name, known)
            )


def _labels_of(role: str, names: Names) -> set[str]:
    if role == "user":
        return {names.users.label}
    if role == "item":
        return {node.label for node in names.items.values()}
    return {names.entities[role].label}


def _joined(row: dict[str, Any]) -> str:
    return f"(:{':'.join(row['sources'])}) to (:{':'.join(row['targets'])})"


def _names(database: Database, query: str, replace: dict[str, str] | None = None) -> list[str]:
    rows = database.read(cypher.load(query, replace), sample=_SAMPLE)
    return list(dict.fromkeys(row["name"] for row in rows))


def _meant(name: str, known: list[str]) -> str:
    """Name what is near a name that is not there, or all that is."""
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"Perhaps '{near[0]}' is meant"
    return f"It has {', '.join(known[:12])}" if known else _CHECK

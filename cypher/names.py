"""Names of an adopted graph: puts its labels and properties into queries for the default names.

A query file speaks of roles: labels ``User``, ``Item`` and ``Entity``, and the properties in
`PROPERTIES` of variables that such a label stands beside. In an adopted graph a role is a label of
the graph's own, or several, and a key is computed: ``i.key`` is ``'films/' + toString(i.pid)``.
A lookup ``{key: …}`` becomes one of the graph's own key property, which an index can serve.
"""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict

from linkspan.cypher.literals import literal

PROPERTIES = {
    "User": ("key", "id", "run", "feedback_at"),
    "Item": (
        *("key", "id", "domain", "title"),
        *("vector_a", "vector_b", "text_vector_a", "text_vector_b", "text_hash_a", "text_hash_b"),
    ),
    "Entity": ("key", "name"),
}
"""Properties of each role that a query file may name."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# No key of theirs: ArcadeDB finds a value by the index, and reads every node to look for null.
_NO_NUMBER, _NO_TEXT = "-9223372036854775807", "''"


class NodeNames(BaseModel):
    """A label of an adopted graph that plays a role.

    Attributes:
        label: The label.
        key: Property that tells its nodes apart.
        integer: Whether keys are whole numbers; they are text if not.
        title: Property that a person reads: the title of an item, the name of an entity.
        text: Properties, in order, that make the text of an item.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    key: str
    integer: bool = False
    title: str | None = None
    text: tuple[str, ...] = ()


class Names(BaseModel):
    """Names of the roles in an adopted graph.

    Attributes:
        users: The users; their keys are their ids.
        items: Domain to its items; their keys are ``domain/id``.
        entities: Kind to its entities; their keys are ``kind/id``, the kind in lower case.
        at: Properties that hold the time of an interaction.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: NodeNames
    items: dict[str, NodeNames]
    entities: dict[str, NodeNames] = {}
    at: tuple[str, ...] = ()

    def only(self, domain: str) -> Names:
        """The same with the items of one domain."""
        return self.model_copy(update={"items": {domain: self.items[domain]}})


def quote(name: str) -> str:
    """A label, type or property as Cypher takes it: in back-ticks unless it is a plain word."""
    return name if _PLAIN.fullmatch(name) else "`" + name.replace("`", "``") + "`"


def translate(text: str, names: Names) -> str:
    """A query for the default names, with the names of an adopted graph.

    Args:
        text: The query. A lookup of an item or entity by its key, ``MATCH (i:Item {key: …})``, is a
            clause of its own, on its own line.
        names: Those of the graph.
    """
    roles: dict[str, dict[str, NodeNames]] = {
        "User": {"": names.users},
        "Item": {f"{domain}/": node for domain, node in names.items.items()},
        **{kind: {f"{kind.lower()}/": node} for kind, node in names.entities.items()},
    }
    if names.entities:
        roles["Entity"] = {f"{kind.lower()}/": node for kind, node in names.entities.items()}
    any_role = "|".join(map(re.escape, roles))
    variables = dict(re.findall(rf"\((\w+):({any_role})\b", text))

    def lookup(match: re.Match[str]) -> str:
        indent, optional, variable, role, key = match.groups()
        nodes = roles.get(role)
        if nodes is None:  # a graph without entities
            return match[0]
        found = [_found(variable, node, prefix, key) for prefix, node in nodes.items()]
        if len(found) == 1:
            return f"{indent}{optional or ''}MATCH {found[0]}"
        parts = f"\n{indent}  UNION ALL\n".join(
            f"{indent}  MATCH {part}\n{indent}  RETURN {variable}" for part in found
        )
        return f"{indent}{optional or ''}CALL (*) {{\n{parts}\n{indent}}}"

    def pattern(match: re.Match[str]) -> str:
        variable, role, name, value = match.groups()
        nodes = roles[role]
        label = "|".join(dict.fromkeys(quote(node.label) for node in nodes.values()))
        if name == "key":
            ((prefix, node),) = nodes.items()
            return _found(variable, node, prefix, value)
        if name is not None:
            return f"({variable}:{label} WHERE {_value(variable, name, nodes)} = {value})"
        return f"({variable}:{label})"

    def value(match: re.Match[str]) -> str:
        return _value(match[1], match[2], roles[variables[match[1]]])

    text = re.sub(
        r"^( *)(OPTIONAL )?MATCH \((\w+):(Item|Entity) \{key: ([^}]+)\}\)$",
        lookup,
        text,
        flags=re.M,
    )
    text = re.sub(rf"\((\w*):({any_role})\b(?: \{{(\w+): ([^}}]+)\}})?\)", pattern, text)
    if variables:
        theirs = "|".join(variables)
        named = sorted({name for properties in PROPERTIES.values() for name in properties})
        text = re.sub(rf"\b({theirs})\.({'|'.join(named)})\b(?!\()", value, text)
    if names.entities:
        kinds = ", ".join(literal(node.label) for node in names.entities.values())
        text = text.replace("l <> 'Entity'", f"l IN [{kinds}]")
    times = [f"r.{quote(name)}" for name in names.at]
    at = times[0] if len(times) == 1 else f"coalesce({', '.join(times)})" if times else "null"
    return re.sub(r"\br\.at\b", lambda match: at, text)


def _found(variable: str, node: NodeNames, prefix: str, key: str) -> str:
    """A node pattern that finds a node by its key, with the index on its property."""
    none = _NO_NUMBER if node.integer else _NO_TEXT
    own = f"substring({key}, {len(prefix)})" if prefix else key
    if node.integer:
        own = f"coalesce(toInteger({own}), {none})"
    if prefix:
        own = f"CASE WHEN {key} STARTS WITH {literal(prefix)} THEN {own} ELSE {none} END"
    return f"({variable}:{quote(node.label)} {{{quote(node.key)}: {own}}})"


def _value(variable: str, name: str, nodes: dict[str, NodeNames]) -> str:
    """A property of a role, computed from what the graph has."""

    def own(prefix: str, node: NodeNames) -> str:
        key = f"toString({variable}.{quote(node.key)})"
        if name == "domain":
            return literal(prefix.removesuffix("/"))
        if name in ("title", "name"):
            return f"{variable}.{quote(node.title)}" if node.title else "null"
        if name == "key":
            return f"{literal(prefix)} + {key}" if prefix else key
        return key if name == "id" else f"{variable}.{quote(name)}"

    values = [(node, own(prefix, node)) for prefix, node in nodes.items()]
    if len({text for _, text in values}) == 1:
        return values[0][1]
    cases = " ".join(f"WHEN {variable}:{quote(node.label)} THEN {text}" for node, text in values)
    return f"CASE {cases} END"

"""Files for Neo4j Browser: the queries ready to be clicked, and a style with a colour per domain.

It imports saved queries from a zip of ``.cypher`` files, and makes a folder of a folder in it; a
query is called like the first line of its file, and they are sorted by name. What ``:params`` sets
are floats, what ``:param`` sets is Cypher. A style is a ``.grass`` file, in which a later rule adds
to an earlier one; it cannot name a label that has a space.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from linkspan import cypher
from linkspan.errors import ArgumentError
from linkspan.graph.asking.client import Client
from linkspan.graph.asking.results import active_run

QUERIES, STYLE = "linkspan-queries.zip", "linkspan.grass"
_FOLDER = "Linkspan"
_FIRST = "as_graph"
_COLOURS = (  # background, border, text; the colours of Okabe and Ito, which all eyes tell apart
    ("#0072B2", "#00517F", "#FFFFFF"), ("#E69F00", "#B37B00", "#000000"),
    ("#009E73", "#006B4E", "#FFFFFF"), ("#CC79A7", "#A85585", "#000000"),
    ("#56B4E9", "#2A8FC7", "#000000"), ("#D55E00", "#A24700", "#FFFFFF"),
    ("#F0E442", "#C4B814", "#000000"), ("#8C6D46", "#6B5234", "#FFFFFF"),
)  # fmt: skip
_USER, _ENTITY = ("#2B2B2B", "#000000", "#FFFFFF"), ("#D9D9D9", "#B0B0B0", "#000000")


def write_browser_files(client: Client, folder: Path, user: str | None = None) -> list[Path]:
    """Write saved queries and a style for this graph.

    Args:
        client: On a graph with a run.
        folder: Made where it is not there; files of the same names are replaced.
        user: Key of the user that the queries begin with; None: one who has a list.

    Returns:
        The files.

    Raises:
        ArgumentError: The graph has no such user.
        PublishError: No run is active.
        DatabaseError: The server failed.
    """
    values = _values(client, user)
    folder.mkdir(parents=True, exist_ok=True)
    with ZipFile(folder / QUERIES, "w", ZIP_DEFLATED) as made:
        made.writestr(f"{_FOLDER}/start.cypher", _start(values))
        for name in cypher.names():
            made.writestr(f"{_FOLDER}/{name}.cypher", _saved(client, name))
    (folder / STYLE).write_text(_style(client), "utf-8")
    return [folder / STYLE, folder / QUERIES]


def _values(client: Client, user: str | None) -> dict[str, Any]:
    """A value for each parameter that some query has, from this graph."""
    active = active_run(client.runs())
    if user is not None and not client.has_user(user):
        raise ArgumentError(
            f"there is no user {user!r}", hint="Leave out --user to begin with one who has a list"
        )
    found = client.query("browser_example")
    values: dict[str, Any] = dict(found[0]) if found else {}
    if user is not None:
        values["user"] = user
        for row in client.recommend(user, k=1):
            values |= {"item": row.item, "domain": row.domain}
    domains = [row["domain"] for row in client.query("read_domains")]
    values |= {"run": active, "text": "the", "rank": 3}
    values["other"] = next((name for name in domains if name != values.get("domain")), None)
    values["users"], values["items"] = [values.get("user")], [values.get("item")]
    for name in cypher.names():
        for each in cypher.describe(name).asked:
            values.setdefault(each.name, each.default)
    return values


def _start(values: dict[str, Any]) -> str:
    """Text that sets the parameters of all queries."""
    shown = "".join(
        f":param {key} => {cypher.literal(value)};\n" for key, value in sorted(values.items())
    )
    return (
        "// 1 Start here: sets the parameters of all queries below\n"
        f"// Change them as you like, then run a query.\n{shown}"
    )


def _saved(client: Client, name: str) -> str:
    """A query as it runs in this graph, under a first line that says what it answers."""
    query = cypher.describe(name)
    body = "\n".join(line for line in client.text(name).splitlines() if not line.startswith("// "))
    asked = "; ".join(f"${each.name}: {each.meaning}" for each in query.asked) or "none"
    called = f"2 {name}" if name == _FIRST else name
    return f"// {called}: {query.purpose}\n// parameters: {asked}\n{body}\n"


def _style(client: Client) -> str:
    """Titles as captions, a colour for each domain, ranks on recommendations."""
    names = client.names
    if names is None:
        labels = {row["domain"]: row["label"] for row in client.query("domain_labels")}
        rules = [_rule("node.User", _USER, "{key}"), _rule("node.Entity", _ENTITY, "{name}", 40)]
        titles = dict.fromkeys(labels.values(), "{title}")
    else:
        labels = {domain: node.label for domain, node in names.items.items()}
        titles = {n.label: f"{{{n.title or n.key}}}" for n in names.items.values()}
        rules = [_rule(f"node.{names.users.label}", _USER, f"{{{names.users.key}}}")]
        rules += [
            _rule(f"node.{node.label}", _ENTITY, f"{{{node.title or node.key}}}", 40)
            for node in names.entities.values()
        ]
    if names is None:
        rules.append(_rule("node.Item", _ENTITY, "{title}", 65))
    for place, label in enumerate(labels.values()):
        rules.append(_rule(f"node.{label}", _COLOURS[place % len(_COLOURS)], titles[label], 65))
    rules.append(
        "relationship.RECOMMENDED {\n  color: #D55E00;\n  shaft-width: 3px;\n"
        "  text-color-internal: #FFFFFF;\n  caption: '{rank}';\n}\n"
    )
    return "\n".join(rules)


def _rule(selector: str, colours: tuple[str, str, str], caption: str, size: int = 50) -> str:
    colour, border, text = colours
    return (
        f"{selector} {{\n  color: {colour};\n  border-color: {border};\n"
        f"  text-color-internal: {text};\n  diameter: {size}px;\n  caption: '{caption}';\n}}\n"
    )

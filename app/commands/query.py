"""``linkspan query``: the queries in ``cypher/`` by name, listed, explained, printed or run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from linkspan import cypher
from linkspan.browsing import write_browser_files
from linkspan.commands.ask import moment, open_client, show
from linkspan.commands.options import Config, Json, Uri
from linkspan.console import err, out, show_json, table
from linkspan.cypher import Parameter
from linkspan.errors import ConfigError, LinkspanError
from linkspan.graph.asking.client import Client

app = typer.Typer()

_TIMES = {"at", "first", "last"}  # columns that hold milliseconds where they are large
_MOST = 2**63 - 1  # what Bolt carries


def _complete_name(incomplete: str) -> list[tuple[str, str]]:
    """Names of queries for the shell, with what they answer."""
    found = [cypher.describe(each) for each in cypher.names() if each.startswith(incomplete)]
    return [(query.name, query.purpose) for query in found]


def _complete_parameter(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Parameters of the query that stands on the line, those that may still be given."""
    # The line ends in an option without its value, so click has left the rest in `args`.
    name = next((word for word in context.args if word in cypher.names()), None)
    if name is None:
        return []
    given = context.params.get("param") or []
    taken = {pair.partition("=")[0] for pair in given}
    return [
        (f"{each.name}=", each.meaning)
        for each in cypher.describe(name).asked
        if each.name.startswith(incomplete) and (each.name not in taken or each.default == [])
    ]


@app.command()
def query(
    name: Annotated[
        str | None,
        typer.Argument(help="Name of the query; none: list them.", autocompletion=_complete_name),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            "-p",
            help="NAME=VALUE; may be repeated.",
            autocompletion=_complete_parameter,
        ),
    ] = None,
    print_only: Annotated[
        bool,
        typer.Option("--print", help="Print the Cypher, with the values of --param written in."),
    ] = False,
    config: Config = None,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Run one of the queries that come with Linkspan, or list them."""
    if name is None:
        return _list(as_json)
    if print_only:
        text = _text(name, param or [], config, uri).rstrip()
        return out.print(text, markup=False, emoji=False)
    parameters = read_parameters(name, param or [])
    with open_client(config, uri) as client:
        parameters = _with_keys(client, parameters)
        rows = client.query(name, **parameters)
        if not rows:
            _check_domains(client, name, parameters)
    columns = list(rows[0]) if rows else []
    cells = [tuple(_plain(column, row[column]) for column in columns) for row in rows]
    shown = tuple(f">{each}" if _is_number(rows, each) else each for each in columns)
    show(_as_data(rows) if as_json else rows, as_json, shown, cells, "No rows")


@app.command()
def browser(
    folder: Annotated[Path, typer.Option("--out", help="Where to write them.")] = Path(
        "linkspan-browser"
    ),
    user: Annotated[
        str | None, typer.Option("--user", help="User to begin with. [default: one with a list]")
    ] = None,
    config: Config = None,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Write the queries and a style for Neo4j Browser: titles, and a colour for each domain."""
    with open_client(config, uri) as client:
        key = None if user is None else client.user_key(user)
        files = [str(file) for file in write_browser_files(client, folder, key)]
    if as_json:
        return show_json({"files": files})
    for file in files:
        out.print(file, markup=False)
    out.print("Drop them on Neo4j Browser, first the style; docs/browser.md shows it.")


def read_parameters(name: str, given: Sequence[str], *, partly: bool = False) -> dict[str, Any]:
    """The parameters of a query from ``NAME=VALUE``; the rest as the query's header says.

    A value is never part of a query that runs: it is sent beside it, as text, whole number or list.

    Args:
        name: Name of the query.
        given: What stands after ``--param``.
        partly: Whether those that have to be given may be missing, and are left out.

    Raises:
        ConfigError: A parameter is unknown, twice there, missing, or of a wrong kind.
    """
    wanted = {each.name: each for each in cypher.describe(name).asked}
    found: dict[str, Any] = {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals or key not in wanted:
            raise ConfigError(
                f"query {name} takes no parameter like {pair!r}",
                hint=f"Write NAME=VALUE with {', '.join(wanted) or 'nothing'}",
            )
        if isinstance(wanted[key].default, list):
            found.setdefault(key, []).extend(_values(key, value))
        elif key in found:
            raise ConfigError(f"parameter {key} is given twice", hint="It takes one value")
        else:
            found[key] = _value(wanted[key], value)
    missing = [each for each in wanted.values() if each.required and each.name not in found]
    if missing and not partly:
        explained = "; ".join(f"--param {each.name}=VALUE ({each.meaning})" for each in missing)
        raise ConfigError(
            f"query {name} needs {' and '.join(each.name for each in missing)}",
            hint=f"Add {explained}",
        )
    return {
        key: found.get(key, each.default)
        for key, each in wanted.items()
        if key in found or not each.required
    }


def _with_keys(client: Client, parameters: dict[str, Any]) -> dict[str, Any]:
    """The same, with the keys that users have in the graph."""
    found = dict(parameters)
    if "user" in found:
        found["user"] = client.user_key(found["user"])
    if "users" in found:
        found["users"] = [client.user_key(user) for user in found["users"]]
    return found


def _value(parameter: Parameter, value: str) -> Any:
    """A value as the kind that the parameter's default has."""
    if isinstance(parameter.default, int):
        if not (value.isascii() and value.isdecimal() and 1 <= int(value) <= _MOST):
            raise ConfigError(
                f"parameter {parameter.name} is {value!r}",
                hint=f"Give a whole number from 1 to {_MOST}",
            )
        return int(value)
    return None if value == "null" and not parameter.required else value


def _values(key: str, value: str) -> list[Any]:
    """One value of a list, or several as a JSON list."""
    if not value.startswith("["):
        return [value]
    try:
        values = json.loads(value)
    except ValueError as error:
        raise ConfigError(
            f"parameter {key} is no JSON list: {error}",
            hint=f"Or give --param {key}=VALUE once for each",
        ) from error
    return list(values)


def _list(as_json: bool) -> None:
    """All queries, in groups."""
    queries = [cypher.describe(each) for each in cypher.names()]
    if as_json:
        return show_json({each.name: each.purpose for each in queries})
    for group in cypher.GROUPS:
        shown = table("query", "answers", title=f"{group[0].upper()}{group[1:]}")
        shown.show_header, shown.columns[0].width = False, max(len(each.name) for each in queries)
        for each in queries:
            if each.group == group:
                shown.add_row(each.name, each.purpose)
        out.print(shown)
        out.print()
    out.print("linkspan query NAME --param PARAMETER=VALUE … runs one, with --print shows it.")


def _text(name: str, given: Sequence[str], config: Path | None, uri: str | None) -> str:
    """A query as it runs in this graph; where there is none, as it stands in its file.

    Once a value is given, the defaults of the others are written in with it.
    """
    text = cypher.describe(name).text
    values = read_parameters(name, given, partly=True) if given else {}
    try:
        with open_client(config, uri) as client:
            text, values = client.text(name), _with_keys(client, values)
    except LinkspanError as error:
        err.print(f"[dim]With the default names of labels and types, as {error}[/]")
    return cypher.write_in(text, values)


def _check_domains(client: Client, name: str, parameters: dict[str, Any]) -> None:
    """Nothing was found: it may be because a domain that was named is not there."""
    named = {
        parameters[each.name]
        for each in cypher.describe(name).asked
        if "domain" in each.name or each.meaning == "the other one"
    }
    if named - {None}:
        known = [row["domain"] for row in client.query("read_domains")]
        for domain in sorted(named - {None, *known}):
            raise ConfigError(
                f"the graph has no domain {domain!r}", hint=f"It has {', '.join(known)}"
            )


def _is_number(rows: Sequence[dict[str, Any]], column: str) -> bool:
    """Tell whether a column holds numbers and no text; they are set to the right."""
    values = [row[column] for row in rows if row[column] is not None]
    return bool(values) and all(isinstance(value, (int, float)) for value in values)


def _plain(column: str, value: Any) -> str:
    """A value for a table: numbers with four digits are exact enough to read."""
    if value is None:
        return ""
    if column in _TIMES and isinstance(value, int):
        return moment(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return _path(value) if hasattr(value, "relationships") else str(value)


def _path(path: Any) -> str:
    """A path in one line: what its nodes are called, and the types between them."""
    parts = [_called(path.nodes[0])]
    for start, link, end in zip(path.nodes, path.relationships, path.nodes[1:], strict=False):
        arrow = f"-{link.type}->" if link.start_node == start else f"<-{link.type}-"
        parts += [arrow, _called(end)]
    return " ".join(parts)


def _called(node: Any) -> str:
    return str(node.get("title") or node.get("name") or node.get("key") or node.element_id)


def _as_data(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows for JSON: a path becomes what a table shows of it."""
    return [
        {k: _path(v) if hasattr(v, "relationships") else v for k, v in row.items()} for row in rows
    ]

"""Looks at everything Linkspan stands on, and says what is wrong in words."""

from __future__ import annotations

import platform
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

import linkspan
from linkspan import cypher
from linkspan.errors import LinkspanError
from linkspan.graph.asking.client import Client
from linkspan.graph.connecting.connection import Database
from linkspan.settings import FILE, Settings, load_settings

_EXTRAS = {
    "train": ("torch", "torch-geometric", "sentence-transformers"),
    "embedded": ("arcadedb-embedded",),
    "serve": ("fastapi", "uvicorn"),
    "measure": ("optuna", "implicit"),
    "private": ("dp-accounting",),
    "cluster": ("ray",),
    "federated": ("flwr",),
}


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        ok: Whether it is as it should be.
        what: What was looked at.
        found: What was found, and how to mend it.
    """

    ok: bool
    what: str
    found: str


def examine(config: Path | None, uri: str | None) -> list[Finding]:
    """Look at the installation, the settings, the server and the graph, in this order.

    Args:
        config: The settings file, or None for the one in this folder.
        uri: Address that goes before the one in the settings.

    Returns:
        All findings; looking ends at the first thing that the rest depends on.
    """
    return list(_findings(config, uri))


def _findings(config: Path | None, uri: str | None) -> Iterator[Finding]:
    yield Finding(True, "linkspan", f"{linkspan.__version__}, Python {platform.python_version()}")
    for extra, packages in _EXTRAS.items():
        missing = [name for name in packages if not _version(name)]
        there = ", ".join(f"{name} {_version(name)}" for name in packages if _version(name))
        hint = f"not installed: {', '.join(missing)} (pip install 'linkspan[{extra}]')"
        # An extra is a choice: without it the commands that need it say so.
        yield Finding(True, extra, hint if missing else there)
    try:
        settings = load_settings(config, database__uri=uri)
        has_file = config or (Path(FILE) if Path(FILE).exists() else None)
        if settings.tables:
            settings.check()
        yield Finding(True, "settings", str(has_file or f"no {FILE} here, defaults"))
    except LinkspanError as error:
        yield Finding(False, "settings", str(error))
        return
    try:
        with settings.open_database() as database:
            yield from _graph(database)
    except LinkspanError as error:
        yield Finding(False, "server", _closer(settings, error))


def _graph(database: Database) -> Iterator[Finding]:
    """The server and what is in the graph."""
    can = database.capabilities
    kind = "embedded" if database.embedded else database.uri
    yield Finding(True, "server", f"{can.engine} {can.version}, {kind}, Bolt {can.bolt}")
    database.read("RETURN 1 AS one")
    vectors = "Cypher" if can.vector_index_in_cypher else "the server's own API"
    yield Finding(True, "can do", f"constraints, indexes; vector indexes by {vectors}")
    if database.embedded:
        yield Finding(True, "browser", database.embedded.http_url)
    counts = Client(database).query("count_nodes")[0]
    shown = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    yield Finding(True, "graph", shown)
    active = [run for run in database.read(cypher.load("runs")) if run["state"] == "active"]
    yield Finding(True, "active run", active[0]["run"] if active else "none yet (linkspan publish)")


def _closer(settings: Settings, error: LinkspanError) -> str:
    """Tell what stands in the way of a connection, as close as can be told."""
    parts = urlsplit(settings.database.uri)
    if not parts.hostname:
        return str(error)
    port = parts.port or 7687
    try:
        socket.create_connection((parts.hostname, port), timeout=5).close()
    except socket.gaierror:
        return f"the name {parts.hostname} is unknown. Check the address."
    except ConnectionRefusedError:
        return f"nothing listens on {parts.hostname}:{port}. Start the server, or check the port."
    except OSError as problem:
        return f"{parts.hostname}:{port} cannot be reached ({problem}). Check network and firewall."
    return str(error)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

"""The real servers that tests run against, and how a test database is emptied."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.arcadedb import start_arcadedb
from servers.cable import Cable
from servers.emptying import empty
from servers.neo4j import start_neo4j
from servers.ports import free_ports
from servers.running import QUICK, RunningServer, Unavailable

__all__ = [
    "QUICK",
    "START",
    "Cable",
    "RunningServer",
    "Unavailable",
    "empty",
    "free_ports",
    "started",
]

START = {"arcadedb": start_arcadedb, "neo4j": start_neo4j}
"""Engine to what starts it in a folder."""


@contextmanager
def started(engine: str) -> Iterator[RunningServer]:
    """A server of an engine in a folder of its own, which goes with it."""
    with tempfile.TemporaryDirectory() as folder:
        server = START[engine](Path(folder))
        try:
            yield server
        finally:
            server.stop()

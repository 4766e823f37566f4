"""The real servers that tests run against, and how a test database is emptied."""

from __future__ import annotations

from servers.arcadedb import start_arcadedb
from servers.cable import Cable
from servers.emptying import empty
from servers.neo4j import start_neo4j
from servers.running import RunningServer, Unavailable

__all__ = ["START", "Cable", "RunningServer", "Unavailable", "empty"]

START = {"arcadedb": start_arcadedb, "neo4j": start_neo4j}
"""Engine to what starts it in a folder."""

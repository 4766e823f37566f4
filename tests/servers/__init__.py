"""The real servers that tests run against, and how a test database is emptied."""

from __future__ import annotations

from servers.emptying import empty
from servers.running import RunningServer, Unavailable

__all__ = ["RunningServer", "Unavailable", "empty"]

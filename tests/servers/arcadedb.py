"""The embedded server, started through the product itself, as a user would get it."""

from __future__ import annotations

from pathlib import Path

from linkspan.graph.embedded import EmbeddedServer
from servers.running import RunningServer


def start_arcadedb(home: Path) -> RunningServer:
    """Start an embedded server whose data is in ``home``; it takes a few seconds."""
    server = EmbeddedServer.ensure(home)
    return RunningServer(
        engine="arcadedb",
        uri=server.uri,
        user=server.user,
        password=server.password,
        http_url=server.http_url,
        pid=server.pid,
        home=home,
        log=home / "server.log",
        stop=server.stop,
    )

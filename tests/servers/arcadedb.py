"""The embedded server, started through the product itself, as a user would get it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from linkspan.graph.connecting.embedded import EmbeddedServer, is_running
from servers.running import RunningServer


def start_arcadedb(home: Path) -> RunningServer:
    """Start an embedded server whose data is in ``home``; it takes a few seconds."""
    server = EmbeddedServer.ensure(home)

    def stop() -> None:
        server.stop()

    def restart() -> None:
        nonlocal server
        os.kill(server.pid, signal.SIGKILL)
        server.leave()
        while is_running(home):
            time.sleep(0.02)
        server = EmbeddedServer.ensure(home)

    return RunningServer(
        engine="arcadedb",
        uri=server.uri,
        user=server.user,
        password=server.password,
        http_url=server.http_url,
        home=home,
        log=home / "server.log",
        stop=stop,
        restart=restart,
    )

"""The child process of `linkspan.graph.connecting.embedded`: runs the server until nobody uses it.

Usage: ``python -m linkspan.graph.connecting._embedded_server FOLDER HEAP``
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from linkspan.graph.connecting.embedded import DATABASE

_LOOK_SECONDS = 0.5


def _page_cache_mb(heap: str) -> int:
    """45% of the heap, as ArcadeDB's makers say for a server of its own; a quarter by default."""
    megabytes = int(heap[:-1]) * {"m": 1, "g": 1024}[heap[-1].lower()]
    return megabytes * 45 // 100


def main(folder: Path, heap: str) -> None:
    """Serve ``folder`` until nobody holds ``users.lock`` and there is no file ``keep``."""
    server_lock = (folder / "server.lock").open("w")
    fcntl.flock(server_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    users_lock = (folder / "users.lock").open("a")
    stop = threading.Event()

    from arcadedb_embedded import create_server
    from arcadedb_embedded.jvm import start_jvm

    # Whoever runs out of memory leaves ArcadeDB half dead: threads end and keep their place among
    # the few queries that may run at once, until none may. It ends, and is started again.
    options = ["-XX:+ExitOnOutOfMemoryError", f"-Darcadedb.maxPageRAM={_page_cache_mb(heap)}"]
    start_jvm(heap_size=heap, jvm_args=options)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    bolt_port, http_port = _ports(folder / "ports.json")
    server = create_server(
        str(folder / "data"),
        root_password=(folder / "password").read_text(),
        config={
            # In production mode the graph browser is off and error texts are hidden; what that
            # mode adds for safety, a flush of the log at each commit, is asked for by name.
            "mode": "development",
            "txWalFlush": 1,
            "server_httpBodyContentMaxSize": -1,  # a bulk load is one request
            "host": "127.0.0.1",
            "http_port": http_port,
            "server_plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
            "bolt_port": bolt_port,
        },
    )
    server.start()
    if not (folder / "data" / "databases" / DATABASE).exists():
        server.create_database(DATABASE)
    state = {"pid": os.getpid(), "bolt_port": bolt_port, "http_port": http_port}
    fresh = folder / "server.json.new"
    fresh.write_text(json.dumps(state))
    fresh.rename(folder / "server.json")

    while not stop.wait(_LOOK_SECONDS):
        if (folder / "keep").exists():
            continue
        try:
            fcntl.flock(users_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        break  # nobody is there, and who comes now waits for this lock until the process is gone
    (folder / "server.json").unlink(missing_ok=True)
    server.stop()


def _ports(path: Path) -> tuple[int, int]:
    """The ports of the last time if they are free, so that addresses stay; else any free ones."""
    try:
        bolt, http = json.loads(path.read_text())
    except (OSError, ValueError):
        bolt = http = 0
    ports = (_free_port(bolt), _free_port(http))
    path.write_text(json.dumps(ports))
    return ports


def _free_port(wanted: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return _free_port(0)
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

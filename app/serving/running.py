"""Running of the REST server and of the explore page: options of uvicorn, and how to stop."""

from __future__ import annotations

import signal
import sys
from typing import Any

OPTIONS: dict[str, Any] = {
    "log_level": "warning",
    "access_log": False,  # its lines would hold the keys of users
    "server_header": False,
}
"""For uvicorn."""


def stop_when_told() -> None:
    """End the process well on SIGTERM and SIGINT: uvicorn raises them again when it has ended."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))


def address(host: str, port: int) -> str:
    """Address of a server, with the brackets that IPv6 needs."""
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

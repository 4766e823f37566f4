"""Running of the REST server and of the explore page: options of uvicorn, and how to stop."""

from __future__ import annotations

import asyncio
import logging
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
    """End the process well on SIGTERM and SIGINT: uvicorn raises them again when it has ended.

    Questions that are under way then are dropped, without a traceback of each.
    """
    logging.getLogger("uvicorn.error").addFilter(_is_no_stop)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))


def address(host: str, port: int) -> str:
    """Address of a server, with the brackets that IPv6 needs."""
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _is_no_stop(record: logging.LogRecord) -> bool:
    """Tell whether a line of uvicorn's log is more than a question that was dropped at the end."""
    kind = record.exc_info[0] if record.exc_info else None
    dropped = kind is not None and issubclass(kind, asyncio.CancelledError)
    return not dropped and "graceful shutdown exceeded" not in record.getMessage()

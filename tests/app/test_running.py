"""A server that is stopped while questions are under way says so without a traceback."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from linkspan.serving.running import OPTIONS, stop_when_told

LOG = logging.getLogger("uvicorn.error")


@pytest.fixture
def told() -> Iterator[list[str]]:
    """Lines of uvicorn's log; signals and log are as they were afterwards."""
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    filters, handlers = list(LOG.filters), list(LOG.handlers)
    yield []
    LOG.filters[:], LOG.handlers[:] = filters, handlers
    for each, what in before.items():
        signal.signal(each, what)


@pytest.mark.parametrize("quiet", [True, False])
def test_what_is_dropped_at_the_end_has_no_traceback(told: list[str], quiet: bool) -> None:
    app, asked = FastAPI(), threading.Event()

    @app.get("/slow")
    async def slow() -> None:
        asked.set()
        await asyncio.sleep(60)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("this is a fault")

    if quiet:
        stop_when_told()
    with socket.create_server(("127.0.0.1", 0)) as bound:
        server = uvicorn.Server(uvicorn.Config(app, timeout_graceful_shutdown=1, **OPTIONS))
        LOG.addHandler(_collecting(told))
        thread = threading.Thread(target=server.run, args=([bound],))
        thread.start()
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        until = time.monotonic() + 30
        while not server.started and time.monotonic() < until:
            time.sleep(0.05)
        assert httpx.get(f"{url}/broken").status_code == 500
        asking = threading.Thread(target=_ask, args=(f"{url}/slow",))
        asking.start()
        assert asked.wait(30)
        server.should_exit = True
        thread.join(30)
        asking.join(30)
    text = "\n".join(told)
    assert "this is a fault" in text  # of what is wrong one is told
    assert ("CancelledError" in text) is not quiet
    assert ("shutdown exceeded" in text) is not quiet


def _collecting(lines: list[str]) -> logging.Handler:
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(handler.format(record))  # type: ignore[method-assign]
    return handler


def _ask(url: str) -> None:
    try:
        httpx.get(url, timeout=60)
    except httpx.HTTPError:
        return

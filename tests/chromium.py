"""The system's Chromium, driven by Playwright, and a page served in this process for it."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextmanager
def opened() -> Iterator[Browser]:
    """A browser; without one on the system its tests are skipped, or fail where required."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = f"none of {', '.join(NAMES)} is there"
        if os.environ.get("LINKSPAN_REQUIRE_CHROMIUM") == "1":
            pytest.fail(f"LINKSPAN_REQUIRE_CHROMIUM=1, but {reason}", pytrace=False)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        # As root, in a container, its sandbox cannot be made.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


def settle(page: Page, *, drawn: bool = True) -> None:
    """Wait until the explore page asks nothing any more, and its pictures are drawn."""
    page.wait_for_selector("h1")
    page.wait_for_selector(".spinner", state="detached")
    if drawn:
        page.wait_for_load_state("networkidle")


def nodes(page: Page, least: int) -> int:
    """Nodes of the first picture, once it has so many."""
    for _ in range(300):
        found = page.locator(".graph .canvas").first.get_attribute("data-nodes")
        if int(found or 0) >= least:
            return int(found or 0)
        page.wait_for_timeout(100)
    raise AssertionError(f"the picture has {found} nodes, not {least}")


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of an application, served from a thread on a free port."""
    # Without its protocol asyncio does not know it for one of TCP, and each answer waits 40 ms.
    with socket.socket(proto=socket.IPPROTO_TCP) as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2)
        )
        thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.02)
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        server.should_exit = True
        thread.join(20)

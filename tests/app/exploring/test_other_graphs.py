"""The explore page over graphs of other kinds, and on a machine without torch."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from chromium import nodes, served, settle
from playwright.sync_api import Browser, expect

from linkspan.exploring.app import create_app
from linkspan.exploring.sources import Sources
from linkspan.graph.asking.async_client import AsyncClient
from linkspan.graph.connecting.async_connection import AsyncDatabase
from linkspan.graph.connecting.connection import Database
from linkspan.graph.users.pseudonyms import Pseudonyms
from linkspan.settings import load_settings
from servers import RunningServer, free_ports

from .conftest import looked_at, on_one_server

pytestmark = pytest.mark.usefixtures("trained_once")
KEY = "a secret of many bytes"
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; from linkspan.cli import main; main()"


@contextmanager
def page_over(server: RunningServer, pseudonyms: Pseudonyms | None = None) -> Iterator[str]:
    """The address of a page over the project in this folder."""
    login = (server.uri, server.user, server.password)
    sources = Sources(
        load_settings(Path("linkspan.toml")),
        lambda: AsyncClient(AsyncDatabase(*login), pseudonyms),
    )
    with served(create_app(sources)) as address:
        yield address


def run_stages(linkspan: Any, *stages: str) -> None:
    for stage in stages:
        answer = linkspan(stage)
        assert answer.code == 0, (stage, answer.err)


def test_an_adopted_graph_is_shown_by_its_own_names(
    linkspan: Any, theirs: Database, server: RunningServer, browser: Browser
) -> None:
    run_stages(linkspan, "snapshot", "train", "evaluate", "publish")
    with page_over(server) as address, looked_at(browser, address) as page:
        page.goto("/")
        settle(page)
        expect(page.locator(".lead")).to_contain_text("60 items in 2 domains")
        page.goto("/user?key=p1&domain=films")
        first = page.locator(".list li button").first
        title = first.locator("b").inner_text()
        assert re.fullmatch(r"Film \d+", title)
        first.click()
        expect(page.locator(".sentence")).to_contain_text(f"{title} is number 1 in films")
        nodes(page, 4)
        page.locator("button", has_text="Without this shelf").first.click()
        expect(page.locator(".rose, .fell, .same").first).to_be_visible()
        page.get_by_role("link", name="About this item").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        expect(page.get_by_role("region", name="What it is", exact=True)).to_contain_text("taste")
        nodes(page, 4)
        page.get_by_role("group", name="Tied to").get_by_role("link").first.click()
        answer = page.get_by_role("region", name="Answer")
        expect(answer.locator("tbody tr").first).to_contain_text(re.compile("Film|Book"))
        page.goto("/cypher?name=as_graph&user=p1&run=1&open=%5B%22text%22%5D")
        nodes(page, 6)
        expect(page.locator("pre")).to_contain_text("(u:Person {pid: 'p1'})")
        labels = page.get_by_label("node").locator("option").all_inner_texts()
        assert "p1" in labels and any(label.startswith("Book ") for label in labels)
        assert Axe().run(page).response["violations"] == []
        for asked, told in {
            "as_graph&user=p0": "no user p0",
            "similar&item=films/none": "no item films/none",
            "by_entity&entity=genre/none": "no entity genre/none",
        }.items():
            page.goto(f"/cypher?name={asked}&run=1")
            expect(page.get_by_role("alert")).to_contain_text(told)


@on_one_server
def test_pseudonyms_are_found_by_ids_and_no_torch_is_told(
    linkspan: Any, project: Path, on_server: Database, server: RunningServer,
    browser: Browser, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Users who are pseudonyms; then the same page from a process that has no torch.

    Neither the one nor the other is of the server."""
    monkeypatch.setenv("LINKSPAN_USER_KEY", KEY)
    mapping = (project / "linkspan.toml").read_text()
    (project / "linkspan.toml").write_text(
        mapping.replace("shared = true", "shared = true\npseudonymise = true")
    )
    run_stages(linkspan, "ingest", "snapshot", "train", "evaluate", "publish")
    pseudonyms = Pseudonyms(KEY)
    own = pseudonyms.of("7")
    with page_over(server, pseudonyms) as address, looked_at(browser, address) as page:
        page.goto("/")
        page.get_by_role("combobox", name="User by key").fill("7")
        page.get_by_role("option", name=own).click()
        expect(page.locator(".list li").first).to_be_visible()
        page.goto("/user?key=7")  # an address with the id leads to the same
        page.locator(".list li button").first.click()
        expect(page.locator(".sentence")).to_contain_text(f"for user {own}")
        page.goto("/cypher?name=as_graph&user=7&run=1&open=%5B%22text%22%5D")
        nodes(page, 6)
        expect(page.locator("pre")).to_contain_text(own)
        page.goto("/cypher?name=recommend_rows&users=nobody&run=1")
        expect(page.get_by_role("alert")).to_contain_text("There is no user nobody")

    [port] = free_ports(1)
    with subprocess.Popen(
        [sys.executable, "-c", WITHOUT_TORCH, "explore", "--no-open", "--port", str(port)],
        env={**os.environ}, cwd=project, stderr=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stderr is not None and f":{port}/ shows" in child.stderr.readline()
        needs = "pip install 'linkspan[train]'"
        with looked_at(browser, f"http://127.0.0.1:{port}") as page:
            page.goto("/")
            expect(page.locator(".lead")).to_contain_text("60 items in 2 domains")
            page.goto(f"/user?key={own}")
            page.locator(".list li button").first.click()
            expect(page.locator(".sentence")).to_contain_text(f"for user {own}")
            page.locator("button", has_text="Without this shelf").first.click()
            expect(page.get_by_role("region", name=re.compile("^What if"))).to_contain_text(needs)
            page.goto("/item")
            expect(page.locator(".card", has_text="does not exist yet")).to_contain_text(needs)
            page.goto("/model")
            expect(page.get_by_role("group", name="Methods")).to_contain_text("popularity")
            page.get_by_role("button", name="Draw the map").click()
            expect(page.get_by_role("alert")).to_contain_text(needs, timeout=60_000)
        child.terminate()
        assert child.wait(20) == 0 and "Traceback" not in child.stderr.read()

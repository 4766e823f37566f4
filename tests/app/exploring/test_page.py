"""The explore page in a real Chromium: every panel, by mouse and by keyboard.

The way from the start page to a reason, each other panel, what is written and what is not there are
seen on both servers; what the page makes of the same rows, on one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from chromium import nodes, served, settle
from playwright.sync_api import Browser, Page, expect

from linkspan.errors import ConfigError
from linkspan.exploring.app import create_app
from linkspan.exploring.sources import Sources
from linkspan.graph.asking.async_client import AsyncClient
from linkspan.graph.connecting.async_connection import AsyncDatabase
from linkspan.settings import demo_settings

from .conftest import Shown, on_one_server
from .hostile import HOSTILE, LONG

READER = "u7"
VIEWS = {
    "overview": "/",
    "user": f"/user?key={READER}&domain=films",
    "item": "/item?key=books/12",
    "no user": "/user?key=nobody",
    "an item to come": "/item",
    "model": "/model",
    "map": "/model?open=%5B%22map%22%5D&dot=books/12",
    "cypher": "/cypher?name=as_graph&user=u7&run=1",
    "a query of nobody": "/cypher?name=as_graph&user=nobody&run=1",
    "words": "/?open=%5B%22words%22,%22pairs%22%5D",
    "no view": "/nothing",
}


def test_from_the_start_page_to_a_reason_and_what_if(page: Page, shown: Shown) -> None:
    """Why is this film recommended to this reader, and would it be without their books?"""
    page.goto("/")
    page.get_by_role("combobox", name="User by key").fill("u7")
    page.get_by_role("option", name=re.compile("^u7 ")).click()
    expect(page.get_by_role("heading", name=f"User {READER}")).to_be_visible()
    page.get_by_role("button", name=re.compile("^films")).first.click()
    first = page.locator(".list li button").first
    title = first.locator("b").inner_text()
    first.click()
    sentence = page.locator(".sentence")
    expect(sentence).to_contain_text(f"{title} is number 1 in films for user {READER}")
    expect(sentence).to_contain_text("because you saved")
    expect(page.locator("table.parts caption")).to_contain_text("is the sum of")
    before = nodes(page, 4)
    wide = "document.querySelector('.graph .canvas')._cyreg.cy.nodes().boundingBox().w"
    assert page.evaluate(wide) > 400, "the nodes lie upon each other"
    page.get_by_label("node").select_option(label=f"user {READER}")
    page.get_by_role("button", name="Open further").click()
    nodes(page, before + 1)

    page.get_by_role("region", name="Past in books").get_by_role(
        "button", name="Without this shelf"
    ).click()
    changed = page.get_by_role("region", name="What if the books shelf had not happened").first
    expect(changed).to_contain_text(re.compile(r"Without \d of \d interactions"))
    expect(changed.locator(".rose, .fell").first).to_be_visible()
    kept = page.url
    page.go_back()
    expect(page.get_by_role("region", name=re.compile("^What if"))).to_have_count(0)
    page.goto(kept)  # as sent to somebody else
    expect(page.locator(".rose, .fell").first).to_be_visible()
    why = page.get_by_role("region", name="Why", exact=True)
    expect(why.locator(".sentence")).to_contain_text(title)
    expect(changed.locator(".sentence")).to_contain_text(re.compile("would (not )?be"))
    past = page.get_by_role("region", name="Past in films")
    past.get_by_role("button", name=re.compile("^Without The|^Without <|^Without '")).first.click()
    expect(
        page.get_by_role("region", name=re.compile("^What if the books shelf and .* had not")).first
    ).to_be_visible()
    page.get_by_role("button", name="Put it back").click()
    expect(page.get_by_role("region", name=re.compile("^What if"))).to_have_count(0)
    why.get_by_role("button", name="nothing in books had happened").click()
    expect(
        page.get_by_role("region", name="What if the books shelf had not happened")
    ).to_be_visible()


def test_a_recommendation_leads_to_the_item_and_back_to_a_reader(page: Page) -> None:
    page.goto(VIEWS["user"])
    page.locator(".list li button").nth(1).click()
    page.get_by_role("link", name="About this item").click()
    expect(page).to_have_url(re.compile(r"/item\?key=films"))
    settle(page)
    for title in ("What it is", "Like it, in its domain", "Like it, in other domains",
                  "Near by ties", "Near in text", "Who is recommended it"):  # fmt: skip
        expect(page.get_by_role("region", name=title, exact=True).first).to_be_visible()
    expect(page.get_by_role("region", name="What it is", exact=True)).not_to_contain_text("vector")
    readers = page.get_by_role("region", name="Who is recommended it").first
    readers.get_by_role("link", name="why").first.click()
    expect(page.locator(".sentence")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile(r"/item\?key=films"))


def test_opinions_are_written_and_change_the_list(page: Page, shown: Shown) -> None:
    page.goto("/user?key=u9&domain=books")
    first = page.locator(".list li button").first
    title = first.locator("b").inner_text()
    first.click()
    page.get_by_role("button", name="dismiss").click()
    expect(page.locator(".opinion [role=status]")).to_have_text("Written: dismiss.")
    expect(page.locator(".list")).not_to_contain_text(title)
    rows = shown.database.read(
        "MATCH (:User {key: 'u9'})-[f:FEEDBACK]->(i) RETURN f.kind AS kind, i.title AS title"
    )
    assert rows == [{"kind": "dismiss", "title": title}]


def test_the_overview_tells_what_there_is(page: Page) -> None:
    page.goto("/")
    settle(page)
    expect(page.locator(".lead")).to_contain_text("60 items in 2 domains, 1,281 interactions")
    health = page.get_by_role("region", name="Health", exact=True)
    expect(health).to_contain_text("161 users")
    expect(health.locator(".bad")).to_have_count(0)
    expect(page.get_by_role("region", name="Files loaded").first).to_contain_text("events.csv")
    page.get_by_role("button", name="entities they share").click()
    expect(page.locator(".graph figcaption")).to_contain_text("entities they share")
    page.get_by_text("Each two domains").click()
    page.get_by_role("link", name="what ties them").click()
    expect(page.get_by_role("heading", name="bridges_as_graph")).to_be_visible()
    nodes(page, 3)


@on_one_server
def test_the_model_is_shown(page: Page) -> None:
    page.goto("/model")
    settle(page)
    methods = page.get_by_role("group", name="Methods")
    expect(methods).to_contain_text("popularity")
    expect(page.locator(".chart svg").first).to_be_visible()
    page.get_by_role("button", name="Draw the map").click()
    expect(page.locator("figcaption", has_text="60 items")).to_be_visible(timeout=60_000)
    page.get_by_label("Beside").select_option(index=1)
    expect(page).to_have_url(re.compile("other=20260101"))
    expect(methods).to_contain_text("of 20260101-000000-1")


def test_queries_are_run_and_copied(page: Page) -> None:
    page.goto("/cypher")
    page.get_by_role("link", name="similar", exact=True).click()
    page.get_by_label(re.compile("^item")).fill("books/12")
    page.get_by_role("button", name="Run").click()
    answer = page.get_by_role("region", name="Answer").first
    expect(answer.locator("tbody tr").first).to_be_visible()
    page.get_by_text("Its Cypher").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert "MATCH (of:Item {key: 'books/12'})" in page.evaluate("navigator.clipboard.readText()")
    answer.get_by_role("link", name=re.compile("^books.")).first.click()
    expect(page).to_have_url(re.compile(r"/item\?key=books"))
    page.goto(VIEWS["cypher"])
    nodes(page, 6)
    page.get_by_role("button", name="table").click()
    expect(page.get_by_role("region", name="Answer").locator("tbody tr").first).to_be_visible()


@on_one_server
def test_a_keyboard_is_enough(page: Page) -> None:
    page.goto("/")
    settle(page)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("To the content")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.get_by_role("combobox", name="Item by title or key").focus()
    page.keyboard.type("garden")
    expect(page.get_by_role("option").nth(2)).to_be_visible()
    page.keyboard.press("ArrowDown")
    chosen = page.get_by_role("option", selected=True)
    title = chosen.locator("span").first.inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    page.goto(VIEWS["user"])
    page.locator(".list li button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".sentence")).to_be_visible()
    page.keyboard.press("Tab")  # nothing is a trap
    expect(page.locator(".list li button").nth(1)).to_be_focused()


@on_one_server
def test_axe_finds_nothing(page: Page) -> None:
    """In the light and in the dark: a view is loaded in one, then the other is chosen."""
    for name, path in VIEWS.items():
        page.goto(path)
        settle(page)
        seen = []
        for _ in range(2):
            seen.append(page.evaluate("document.documentElement.dataset.theme") or "light")
            found = Axe().run(page)
            told = [
                (each["id"], each["help"], [node["html"][:200] for node in each["nodes"][:3]])
                for each in found.response["violations"]
            ]
            assert told == [], (name, seen)
            page.get_by_role("button", name="Dark").click()
        assert sorted(seen) == ["dark", "light"], name


@on_one_server
def test_narrow_pages_do_not_scroll_sideways(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    for name, path in VIEWS.items():
        page.goto(path)
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name


@on_one_server
def test_markup_of_the_graph_is_text(page: Page) -> None:
    """The fixture `page` sees at the end that none of it has run. How odd texts come back from each
    server, ingest/test_bulk.py sees."""
    places = [f"/item?key={('books', 'films')[n % 2]}/{n}" for n in range(len(HOSTILE) + 1)]
    for place in places:
        page.goto(place)
        settle(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(LONG.strip())
    for key in HOSTILE[:2]:
        page.goto(f"/user?key={quote(key)}")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"User {key}")
        page.locator(".list li button").first.click()
        expect(page.locator(".sentence")).to_contain_text(key)
        page.locator("button", has_text="Without this shelf").first.click()
        expect(page.get_by_role("region", name=re.compile("^What if")).first).to_be_visible()


@on_one_server
def test_markup_of_an_address_is_text(page: Page) -> None:
    """Queries get such values on both servers in test_queries.py."""
    for text in HOSTILE:
        page.goto(f"/cypher?name=find&text={quote(text)}&run=1")
        settle(page, drawn=False)
        page.goto(
            f"/user?key={quote(text)}&domain={quote(text)}&item={quote(text)}&without={quote(text)}"
        )
        settle(page, drawn=False)
        page.goto(f"/item?text={quote(text)}&domain={quote(text)}")
        settle(page, drawn=False)
    page.goto("/")
    for text in HOSTILE:
        page.get_by_role("combobox", name="Item by title or key").fill(text)
        expect(page.get_by_role("option").filter(has_text=text).first).to_be_visible()


def test_the_token_is_asked_for_and_opens_the_page(browser: Browser, tmp_path: Path) -> None:
    def connect() -> AsyncClient:
        raise ConfigError("there is no graph database here")

    app = create_app(Sources(demo_settings(tmp_path), connect), "a-token-of-24-characters")
    with served(app) as address, browser.new_context(base_url=address) as context:
        page = context.new_page()
        page.goto("/user?key=u7")
        page.get_by_label("Token").fill("another-one")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("that is not the token")
        page.get_by_label("Token").fill("a-token-of-24-characters")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("there is no graph database here")


def test_a_user_is_shown_without_a_look_at_every_item(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    read = AsyncDatabase.read

    async def keep(self: AsyncDatabase, query: str, **parameters: Any) -> list[dict[str, Any]]:
        asked.append(query)
        return await read(self, query, **parameters)

    monkeypatch.setattr(AsyncDatabase, "read", keep)
    found = httpx.get(f"{shown.address}/api/user", params={"key": READER}).json()
    assert [row["rank"] for row in found["lists"]] == sorted(2 * list(range(1, 11)))
    assert asked and all("$user" in query for query in asked if "MATCH (r:Run" not in query)


def test_what_is_not_there_says_so(page: Page) -> None:
    for path, words in {
        "/user?key=nobody": "the graph has no user 'nobody'",
        "/item?key=books/none": "the graph has no item 'books/none'",
        "/cypher?name=similar&run=1": "item is missing",
        "/model?run=none": "run 'none' is not on this machine",
        "/cypher?name=none": "There is no query none",
        "/cypher?name=recommend&user=u7&k=abc&run=1": "k is None. Give a whole number, 1 to 10,000",
        "/user?key=u7&domain=none": "The graph has no such domain",
        "/nowhere": "/nowhere is no view of this page",
    }.items():
        page.goto(path)
        expect(page.locator("body")).to_contain_text(words)
    page.goto("/user?key=single")
    expect(page.get_by_role("region", name="Past in books")).to_contain_text("The space 12")
    page.get_by_role("button", name="Without this shelf").click()
    expect(page.get_by_role("region", name=re.compile("^What if")).first).to_contain_text(
        "Without 1 of 1 interactions"
    )


def test_a_server_that_goes_away_is_told_and_found_again(page: Page, shown: Shown) -> None:
    page.goto("/cypher?name=runs&run=1")
    settle(page)
    shown.cable.cut()
    page.get_by_role("button", name="Run").click()
    failed = page.get_by_role("alert")
    expect(failed).to_contain_text("no graph database answers")
    shown.cable.mend()
    failed.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("region", name="Answer").locator("tbody tr")).to_have_count(1)

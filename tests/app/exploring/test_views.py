"""What a person sees on the explore page: words, bars, pictures, and addresses that keep it all."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import httpx
import pytest
from chromium import nodes, settle
from playwright.sync_api import Browser, Page, Route, expect

from .conftest import REST, Shown, looked_at, on_one_server

GRAPH = "/cypher?name=as_graph&user=u7&run=1"
MAP = "/model?open=%5B%22map%22%5D"
SVG = "{http://www.w3.org/2000/svg}"


def changed(page: Page, path: str, change: Callable[[Any], None]) -> None:
    """Let an answer of the server reach the page with a change."""

    def answer(route: Route) -> None:
        found = route.fetch()
        told = found.json()
        change(told)
        route.fulfill(response=found, json=told)

    page.route(re.compile(rf"/api/{path}(\?|$)"), answer)


def saved(page: Page, figure: str, kind: str = "SVG") -> Path:
    """The file of a picture that is saved, of the figure with these words."""
    with page.expect_download() as found:
        page.locator("figure", has_text=figure).get_by_role("button", name=kind).click()
    return Path(found.value.path())


def test_a_key_that_is_not_there_is_told(page: Page) -> None:
    for asked, told in {
        "as_graph&user=nobody": "There is no user nobody",
        "recommend_rows&users=u7%0Anobody": "There is no user nobody",
        "similar&item=books/none": "There is no item books/none",
        "by_entity&entity=author/none": "There is no entity author/none",
        "popular&domain=none": "There is no domain none",
        "list_changes&user=u7&p_run=none&other=none": "There is no run none",
    }.items():
        page.goto(f"/cypher?name={asked}&run=1")
        expect(page.get_by_role("alert"), asked).to_contain_text(told)


def test_an_unknown_user_is_replaced_by_one_that_is_found(page: Page) -> None:
    page.goto(GRAPH.replace("u7", "nobody"))
    page.get_by_role("combobox", name="Search for another user").fill("u7")
    page.get_by_role("option", name=re.compile("^u7 ")).click()
    nodes(page, 6)
    expect(page).to_have_url(re.compile("user=u7&run=1"))
    page.goto("/cypher?name=recommend_new&user=u7&run=1")  # a user who is there, and no row
    expect(page.get_by_role("region", name="Answer")).to_contain_text("No row")


@on_one_server
def test_an_address_of_no_view_leads_back(page: Page, shown: Shown) -> None:
    answer = page.goto("/nothing/here")
    assert answer is not None and answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing at this address")
    page.get_by_role("link", name="To the overview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What is in the graph")
    told = httpx.get(f"{shown.address}/api/nothing")
    assert told.status_code == 404 and told.json()["detail"] == "there is no /api/nothing"


def test_lists_show_titles_and_say_where_they_end(page: Page) -> None:
    page.goto("/item?key=books/12")
    readers = page.get_by_role("region", name="Who is recommended it").first
    because = readers.locator("tbody td:nth-child(4) a")
    expect(because.first).to_be_visible()
    keys = because.evaluate_all("all => all.map((each) => each.href.split('key=')[1])")
    assert keys and not set(because.all_inner_texts()) & {key.replace("%2F", "/") for key in keys}
    page.get_by_role("link", name="Up to 1,000").last.click()
    expect(page.get_by_role("heading", name="recommended_to")).to_be_visible()
    rows = page.get_by_role("region", name="Answer").locator("tbody tr")
    expect(rows.nth(10)).to_be_visible()
    page.goto("/")
    example = page.locator("p", has_text="For example user").get_by_role("link").nth(1)
    expect(example).not_to_have_text(re.compile(r"^(books|films)/\d+$"))


@on_one_server
def test_a_text_that_is_too_long_is_not_cut_but_told(page: Page) -> None:
    page.goto("/item")
    field = page.get_by_label("Title or text")
    field.fill("garden " * 286)
    expect(page.get_by_text("1 letter too many: 2,000 can be tried")).to_be_visible()
    expect(page.get_by_role("button", name="Try it")).to_be_disabled()
    field.fill("garden")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("group", name="What it is near")).to_be_visible()


@on_one_server
def test_what_is_below_zero_lies_left_of_the_line(page: Page) -> None:
    def lower(told: Any) -> None:
        for row in told["lists"]:
            row |= {"gnn": 1.0, "linear": -0.25, "popularity": 1.5}

    changed(page, "user", lower)
    changed(page, "why", lambda told: told["explanation"]["parts"].update(gnn=1.0, linear=-0.25))
    page.goto("/user?key=u7&domain=films")
    expect(page.locator(".list li small").first).to_contain_text("mostly as it is popular, then")
    page.locator(".list li button").first.click()
    places = "all => all.map((each) => each.getBoundingClientRect().toJSON())"
    for bars in (page.locator(".list .bar"), page.locator(".parts .bar:has(.below)")):
        bar = bars.first
        expect(bar).to_be_visible()
        (zero,) = bar.locator(".zero").evaluate_all(places)
        below = bar.locator(".below").evaluate_all(places)
        assert max(each["width"] for each in below) > 3
        assert all(each["right"] <= zero["right"] for each in below)
        above = bar.locator("i:not(.below)").evaluate_all(places)
        assert all(each["left"] >= zero["left"] for each in above)
    told = page.locator(".list .bar").first.get_attribute("aria-label") or ""
    assert "network 1.000, chosen together -0.250" in told


@on_one_server
def test_a_saved_chart_has_its_words_and_legend_and_whole_dots(page: Page) -> None:
    page.goto(MAP)
    expect(page.locator("figure", has_text="60 items")).to_be_visible(timeout=60_000)
    page.locator("figure.chart circle").nth(60).wait_for(state="attached")
    drawn = ElementTree.parse(saved(page, "60 items")).getroot()
    words = {each.text for each in drawn.iter(f"{SVG}text")}
    assert {"books", "films", "60 items by domain"} <= words
    (chart,) = drawn.findall(f"{SVG}svg")
    dots = [{name: float(dot.get(name, 0)) for name in ("cx", "cy", "r")}
            for dot in chart.iter(f"{SVG}circle")]  # fmt: skip
    assert len(dots) == 60
    for dot in dots:
        for at, side in (("cx", "width"), ("cy", "height")):
            assert dot["r"] <= dot[at] <= float(chart.get(side, 0)) - dot["r"]
    assert saved(page, "60 items", "PNG").read_bytes().startswith(b"\x89PNG")


@on_one_server
def test_a_saved_graph_shows_all_nodes_and_no_label_upon_another(page: Page) -> None:
    page.goto(GRAPH)
    count = nodes(page, 6)
    labels = page.evaluate("""() => document.querySelector('.canvas')._cyreg.cy.nodes()
        .filter((node) => !node.hasClass('covered')).map((node) => [node.data('label'),
            node.boundingBox({includeNodes: false, includeEdges: false, includeOverlays: false})])
        """)
    boxes = [box for _, box in labels]
    assert len(boxes) > count / 3
    for place, one in enumerate(boxes):
        for other in boxes[:place]:
            aside = one["x1"] >= other["x2"] or other["x1"] >= one["x2"]
            assert aside or one["y1"] >= other["y2"] or other["y1"] >= one["y2"]
    drawn = ElementTree.parse(saved(page, "The answer of as_graph")).getroot()
    shapes = [each for name in ("circle", "rect", "path") for each in drawn.iter(f"{SVG}{name}")]
    nodes_drawn = [each for each in shapes if each.get("fill") and not each.get("transform")]
    assert len(nodes_drawn) == count + 1  # and the ground
    # Springs place the nodes by chance, so that no label has its room for certain, not even u7's.
    words = Counter(word for text in drawn.iter(f"{SVG}text") for word in (text.text or "").split())
    assert not Counter(word for label, _ in labels for word in label.split()) - words
    assert saved(page, "The answer of as_graph", "PNG").read_bytes().startswith(b"\x89PNG")


@on_one_server
def test_what_if_can_be_read_on_a_narrow_page(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/user?key=u7&domain=films&without_domains=%5B%22books%22%5D")
    table = page.get_by_role("group", name="Places before and after")
    expect(table.locator("tbody tr").first).to_be_visible()
    assert table.evaluate("box => box.scrollWidth <= box.clientWidth")
    label = table.locator("td").first.evaluate("cell => getComputedStyle(cell, '::before').content")
    assert "before" in label


@on_one_server
def test_a_dot_of_the_map_is_named_where_it_is_clicked(page: Page) -> None:
    page.goto(MAP)
    dot = page.locator("figure", has_text="60 items").locator("circle").nth(30)
    dot.wait_for(state="attached", timeout=60_000)
    dot.scroll_into_view_if_needed()
    box = dot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    named = page.locator(".chosen a")
    expect(named).to_be_visible()
    key = parse_qs(urlsplit(named.get_attribute("href") or "").query)["key"]
    assert parse_qs(urlsplit(page.url).query)["dot"] == key
    title = named.inner_text()
    page.reload()
    expect(page.locator(".chosen a")).to_have_text(title, timeout=60_000)
    expect(page.locator("figure.chart circle[r='8']")).to_have_count(1)
    other = "The garden 58" if title != "The garden 58" else "The garden 54"
    page.get_by_role("combobox", name=re.compile("An item of the map")).fill(other)
    page.get_by_role("option", name=re.compile(other)).click()
    expect(page.locator(".chosen a")).to_have_text(other)


@on_one_server
def test_what_is_opened_is_in_the_address(page: Page, shown: Shown, browser: Browser) -> None:
    page.goto("/")
    page.get_by_role("button", name="entities they share").click()
    page.get_by_text("Each two domains").click()
    overview = page.url
    page.goto("/user?key=u7&domain=films")
    page.locator(".list li button").first.click()
    before = nodes(page, 4)
    page.get_by_label("node").select_option(label="user u7")
    page.get_by_role("button", name="Open further").click()
    nodes(page, before + 1)
    page.wait_for_url(re.compile("opened="))
    after, user = nodes(page, before + 1), page.url
    page.locator(".list li button").nth(1).click()
    expect(page).not_to_have_url(re.compile("opened="))
    page.goto(GRAPH)
    page.get_by_role("button", name="table").click()
    page.get_by_text("Its Cypher").click()
    expect(page.locator("pre")).to_contain_text("MATCH (u:User {key: 'u7'})")
    cypher = page.url
    with looked_at(browser, shown.address) as other:
        other.goto(overview)
        expect(other.locator(".graph figcaption")).to_contain_text("entities they share")
        expect(other.get_by_role("group", name="Each two domains")).to_be_visible()
        other.goto(user)
        assert nodes(other, after) == after
        other.goto(cypher)
        answer = other.get_by_role("region", name="Answer")
        expect(answer.locator("tbody tr").first).to_be_visible()
        expect(other.locator("pre")).to_be_visible()


@on_one_server
@pytest.mark.parametrize("path", ["/", "/user?key=u7&domain=films", "/item?key=books/12", "/model"])
def test_no_inner_word_is_shown(page: Page, path: str) -> None:
    page.goto(path)
    if path.startswith("/user"):
        page.locator(".list li button").first.click()
        page.locator("table.parts").wait_for()
    settle(page)
    page.locator("code").evaluate_all("all => all.forEach((each) => each.remove())")
    shown = re.sub(r"\S+\.csv", "", page.locator("main").inner_text())
    assert not re.search(r"\b(gnn|met|events?|cosine|epochs?)\b", shown), shown


@on_one_server
def test_the_words_are_explained_by_keyboard(page: Page) -> None:
    page.goto("/user?key=u7")
    settle(page)
    page.get_by_text("What do these words mean?").focus()
    page.keyboard.press("Enter")
    meanings = page.locator(".words dl")
    expect(meanings).to_contain_text("interactions that the training did not see")
    expect(page).to_have_url(re.compile("open=.*words"))
    page.keyboard.press("Enter")
    expect(meanings).to_have_count(0)


@on_one_server
def test_what_each_domain_gains_is_shown_with_its_interval(page: Page) -> None:
    def learned(told: Any) -> None:
        rows = [
            {"domain": "books", "state": "helped", "verdict": "helped by films",
             "gain": 0.021, "low": 0.014, "high": 0.028},
            {"domain": "films", "state": "unmeasured", "verdict": "not measured"},
        ]  # fmt: skip
        lost = {"domain": "films", "left_out": "books", "gain": -0.02, "certain": True}
        told["transfer"] = {"k": 10, "domains": rows, "without_domain": [lost], "segments": []}

    changed(page, "run", learned)
    for path in ("/", "/model"):
        page.goto(path)
        table = page.get_by_role("group", name="Gain of learning together")
        expect(table).to_contain_text("+2.10 (+1.40 to +2.80)")
        expect(table).to_contain_text("not measured")
        zero, whole = (table.locator(each).bounding_box() for each in (".zero", ".sure"))
        assert zero and whole and whole["x"] > zero["x"]
    page.goto("/?lines=transfer")
    expect(page.locator(".graph figcaption")).to_contain_text("dashed where it takes")
    nodes(page, 2)
    lines = "document.querySelector('.canvas')._cyreg.cy.edges().map((e) => e.style('line-style'))"
    assert page.evaluate(lines) == ["dashed"]


def test_links_lead_to_the_same_elsewhere(page: Page) -> None:
    for path, rest, text in (
        ("/user?key=u7", "recommend/u7", "MATCH (u:User {key: 'u7'})"),
        ("/item?key=books/12", "similar/books%2F12", "MATCH (i:Item {key: 'books/12'})"),
    ):
        page.goto(path)
        answer = page.get_by_role("link", name="as the REST answer")
        expect(answer).to_have_attribute("href", f"{REST}/{rest}")
        expect(page.locator(".elsewhere a")).to_have_count(2)
        link = page.locator(".elsewhere a").first
        if link.inner_text() == "ArcadeDB Studio":
            page.get_by_role("button", name="Copy the query").click()
            expect(page.get_by_text("Copied.")).to_be_visible()
            assert text in page.evaluate("navigator.clipboard.readText()")
        else:
            found = parse_qs(urlsplit(link.get_attribute("href") or "").query)
            assert text in found["arg"][0] and found["cmd"] == ["edit"]


@on_one_server
def test_a_search_waits_for_a_pause(page: Page) -> None:
    """By a clock that stands still, so that it does not matter how fast the machine types."""
    asked: list[str] = []
    page.on("request", lambda sent: "/api/items" in sent.url and asked.append(sent.url))
    page.clock.install()
    page.goto("/")
    settle(page)
    page.clock.pause_at(page.evaluate("Date.now()") + 1000)
    field = page.get_by_role("combobox", name="Item by title or key")
    found = page.locator("#find-item-found [role=option]")
    field.press_sequentially("g")
    page.clock.run_for(1000)
    expect(found).to_have_text("Type one more letter")
    for letter in "arden":
        field.press_sequentially(letter)
        page.clock.run_for(200)
    assert asked == []
    page.clock.resume()
    expect(found.nth(2)).to_be_visible()
    assert [parse_qs(urlsplit(url).query)["text"] for url in asked] == [["garden"]]
    field.fill("no such title")
    expect(found.first).to_have_text(re.compile("No item has these words"))


@on_one_server
def test_values_of_a_query_are_checked(shown: Shown) -> None:
    def text_of(values: str) -> httpx.Response:
        return httpx.get(
            f"{shown.address}/api/query", params={"name": "recommend", "values": values}
        )

    written = text_of(json.dumps({"user": "it's"})).json()["text"]
    assert "{key: 'it\\'s'}" in written and "toInteger(10)" in written
    for wrong in ("no JSON", "[1]", '{"nothing": 1}', '{"k": "many"}'):
        assert text_of(wrong).status_code == 422, wrong

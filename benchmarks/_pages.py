"""Pages in the system's Chromium: when they are painted, their bytes, and their longest tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from chromium import opened, settle
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.sync_api import Browser, Page, Response

from linkspan.exploring.app import PAGE

FRESH, VISITS = 5, 3
"""Contexts of which the best is taken: for the paint, and for a view's longest task."""
SHORTEST = 0.05
"""Seconds of the shortest task that a browser calls long."""
_TABLE = "[aria-label=Domains] table"
_WATCH = """
window.tasks = [];
new PerformanceObserver((list) => list.getEntries().forEach((each) => tasks.push(each.duration)))
  .observe({ type: "longtask", buffered: true });
new MutationObserver((_, watch) => {
  if (!document.querySelector("h1") || !document.querySelector("TABLE")) return;
  watch.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.useful = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
""".replace("TABLE", _TABLE)
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
_LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
Visit = tuple[str, Callable[[Page], None]]
"""Address of a view, and what is done there."""


def add_empty(app: FastAPI) -> None:
    """Add a page with the files of the overview, which has nothing to ask and nothing to draw.

    The page's own script finds no place for itself there, and stops when all are loaded.
    """
    head = (PAGE / "index.html").read_text().partition("<body>")[0]
    body = "<body><h1>Nothing</h1><script src='/page/vendor/cytoscape.js'></script></body></html>"
    app.add_api_route("/empty", lambda: HTMLResponse(head + body), methods=["GET"])


@contextmanager
def _visited(browser: Browser, address: str) -> Iterator[Page]:
    """A page in a fresh context: nothing is kept from before."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=address)
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.add_init_script(_WATCH)
    yield page
    context.close()


def _wait(page: Page, ready: str) -> None:
    """Wait until an expression is true; the page's policy forbids that its own loop does it."""
    while not page.evaluate(ready):
        page.wait_for_timeout(50)


def paints(address: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Seconds to the first paint and to what is useful: of the overview, and of the empty page.

    Useful are the heading and the table of the domains, painted; on the empty page, that all files
    are loaded and have run.
    """
    found: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    with opened() as browser:
        for _ in range(FRESH):
            for path, times in zip(("/", "/empty"), found, strict=True):
                with _visited(browser, address) as page:
                    page.goto(path)
                    if path == "/":
                        page.wait_for_selector(_TABLE)
                    ready = "window.useful" if path == "/" else _LOADED
                    _wait(page, ready)
                    times.append((page.evaluate(_PAINTED) / 1000, page.evaluate(ready) / 1000))
    ours, empty = (tuple(map(min, zip(*times, strict=True))) for times in found)
    return ours, empty


def weight(address: str, visits: Iterable[Visit]) -> int:
    """Bytes that come over the line for all files of the page, each once."""
    sizes: dict[str, int] = {}
    answers: list[Response] = []

    def keep(answer: Response) -> None:
        answers.append(answer)

    with opened() as browser, _visited(browser, address) as page:
        page.on("response", keep)
        for path, act in visits:
            page.goto(path)
            settle(page)
            act(page)
            settle(page)
            for answer in answers:
                name = answer.url.partition("?")[0]
                if "/api/" not in name:  # a file that the browser has kept is of 0 bytes
                    size = answer.request.sizes()["responseBodySize"]
                    sizes[name] = max(size, sizes.get(name, 0))
            answers.clear()
    return sum(size for name, size in sizes.items() if "/page/" in name) + sizes[f"{address}/"]


def longest_task(address: str, visit: Visit) -> float:
    """Seconds of the longest task while a view is loaded and something is done there.

    The best of some visits: whatever else the machine does makes a task longer, nothing shorter.
    """
    path, act = visit
    found = []
    with opened() as browser:
        for _ in range(VISITS):
            with _visited(browser, address) as page:
                page.goto(path)
                settle(page)
                act(page)
                settle(page)
                found.append(max(page.evaluate("tasks"), default=0) / 1000)
    return max(min(found), SHORTEST)


def draw_domains(page: Page) -> None:
    """Draw the domains by what else they share."""
    page.get_by_role("button", name="entities they share").click()
    page.wait_for_timeout(500)


def choose_recommendation(page: Page) -> None:
    """Choose one, and open the user further in the graph of its reasons."""
    page.locator(".list li button").first.click()
    page.wait_for_selector(".sentence")
    if page.locator(".graph").count():  # else nothing in the graph ties it to the past
        open_node(page)


def open_node(page: Page) -> None:
    """Open the first node of a picture further."""
    page.wait_for_selector(".graph .canvas[data-nodes]")
    page.locator(".graph select").first.select_option(index=1)
    page.get_by_role("button", name="Open further").click()
    page.get_by_text(" more").first.wait_for()
    page.wait_for_timeout(500)  # it moves there


def run_query(page: Page) -> None:
    """Run the query whose parameters stand in the address."""
    page.get_by_role("button", name="Run").click()
    page.wait_for_selector(".graph .canvas[data-nodes]")


def draw_map(page: Page) -> None:
    """Draw the map of a run's items."""
    page.get_by_role("button", name="Draw the map").click()
    page.locator("figcaption", has_text="items").last.wait_for()
    page.wait_for_timeout(500)


VIEWS: dict[str, Visit] = {
    "overview": ("/", draw_domains),
    "user": ("/user", choose_recommendation),
    "item": ("/item", open_node),
    "cypher": ("/cypher", run_query),
}
"""Each view, and what is done there."""

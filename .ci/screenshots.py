"""Takes the pictures of the explore page that README and docs show.

    make screenshots        (after `make demo`; needs Chromium)

The page is served here, over the demo's graph and run, as `linkspan explore` serves it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from chromium import opened, served, settle  # noqa: E402

from linkspan.exploring.app import create_app  # noqa: E402
from linkspan.exploring.sources import Sources  # noqa: E402
from linkspan.graph.asking.async_client import AsyncClient  # noqa: E402
from linkspan.graph.connecting.async_connection import AsyncDatabase  # noqa: E402
from linkspan.settings import demo_settings  # noqa: E402

READER, COMIC = "16836", "comics/1199"
SHELF = "%5B%22science-fiction%22%5D"
SHOTS = {
    "overview": "/",
    "reason": f"/user?key={READER}&domain=comics&item={COMIC}",
    "what-if": f"/user?key={READER}&domain=comics&item={COMIC}&without_domains={SHELF}",
    "item": f"/item?key={COMIC}",
    "model": "/model",
    "cypher": "/cypher?name=bridges_as_graph&domain=fantasy&other=childrens&run=1",
}


def rest(page: Page) -> None:
    """Wait until nothing is asked any more, and what moves has come to rest."""
    settle(page)
    page.get_by_text("Placing the nodes").wait_for(state="hidden")
    page.wait_for_timeout(800)


def main(home: Path) -> None:
    """Take all pictures of the demo in a folder."""
    settings = demo_settings(home)

    def connect() -> AsyncClient:
        return AsyncClient(AsyncDatabase(**vars(settings.login())))

    with served(create_app(Sources(settings, connect))) as address, opened() as browser:
        for theme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": 1280, "height": 1200},
                base_url=address,
                color_scheme=theme,
            )
            page = context.new_page()
            page.set_default_timeout(300_000)
            for name, path in SHOTS.items():
                if theme == "dark" and name != "reason":
                    continue
                page.goto(path)
                rest(page)
                if name == "model":
                    page.get_by_role("button", name="Draw the map").click()
                    page.locator("figcaption", has_text="items").first.wait_for()
                    rest(page)
                file = ROOT / "docs" / f"explore-{name}{'-dark' if theme == 'dark' else ''}.png"
                if name == "what-if":
                    page.get_by_role("region", name="What if").first.screenshot(path=file)
                else:
                    page.screenshot(path=file, full_page=name not in ("reason",))
                picture = Image.open(file).convert("RGB")
                # Median cut, the usual way, spends its colours on the greys of letters.
                small = picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
                small.save(file, optimize=True)
                print(file.relative_to(ROOT))
            context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path())

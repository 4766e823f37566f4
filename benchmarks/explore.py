"""The page of `linkspan explore` at two sizes of the graph, beside an empty page and a bare driver.

Usage: ``python benchmarks/explore.py [--engine arcadedb|neo4j] [--items 10000 100000]``, or, in the
folder of a run, ``--config linkspan.toml`` (``demo`` after ``make demo``)

Generated items in four domains, as many users, ten events an item, an author for each five items,
a list of ten a user, ten similar items and two vectors an item. Client and driver take turns, one
question after the other. Growth and ratio are of rates, so that above 1 is faster: 1.3 times as
long is 0.77.

- paint: milliseconds until the overview shows its heading and the table of the domains (best of 5
  fresh contexts of Chromium); beside an empty page of the same server, until it has loaded and run
  the same files (0.67 or more wanted). First paint: of anything.
- p50, p95: of 200 requests by HTTP for what a panel shows (300 ms wanted at most), beside the bare
  driver that asks the same Cypher at the same times (`_panels`; 0.77 or more wanted). *Nothing* is
  a request that asks the graph nothing: what HTTP costs.
- longest task: milliseconds for which a view does not answer the mouse, while it is loaded and used
  (best of 3; 50 where none is as long as that, 100 wanted at most).
- kB: the page's files as they are sent, all views (1,000 wanted at most).

With ``--config`` an existing workspace is measured: the longest tasks, those of the model's view
too, and "what if": 50 requests for the lists of a user without one event of the past, by the model,
which is loaded by then (1 s wanted).

Needs an idle machine, Chromium, and the extra ``serve``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import neo4j
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from _generated import DOMAINS, generate
from _growth import Rates, RunningServer, arguments_of, compare, empty
from _pages import VIEWS, Visit, add_empty, draw_map, longest_task, paints, weight
from _panels import OPTIONS, HttpClient, KeepingDatabase, Steps, ask_bare
from chromium import served
from publishing import random_vectors, record, similar_items, write_lists
from rich.console import Console

from linkspan.console import table
from linkspan.exploring import graphs, items, overview, users
from linkspan.exploring.app import create_app
from linkspan.exploring.sources import Sources
from linkspan.graph.asking.async_client import AsyncClient
from linkspan.graph.connecting.async_connection import AsyncDatabase
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.publish import publish
from linkspan.graph.snapshot.outline import outline
from linkspan.graph.snapshot.reading import read_snapshot
from linkspan.ingest import ingest
from linkspan.ingest.roles import find_roles
from linkspan.settings import Settings, load_settings
from linkspan.workspace import Workspace

EVENTS, SHARED, STEP, ASKED, SUPPOSED = 10, 5, 28, 200, 50
Key = dict[str, Any]


@dataclass(frozen=True)
class Filled:
    """A graph: its settings, who is recommended what, and the user and item of most events."""

    settings: Settings
    pairs: pd.DataFrame
    busiest: tuple[str, str]


@dataclass(frozen=True)
class Panel:
    """A panel: its address under ``/api/``, what answers it, and what is asked of it."""

    path: str
    answer: Callable[..., Awaitable[Any]]
    keys: list[Key]


def fill(server: RunningServer, folder: Path, count: int) -> Filled:
    """A published graph of so many items."""
    generate(folder, count, users=count, events=EVENTS * count, authors=count // SHARED | 1)
    settings, lists = load_settings(folder / "linkspan.toml"), folder / "lists.parquet"
    mapping = settings.mapping()
    empty(server)
    login = (server.uri, server.user, server.password)
    with Database(*login, http_url=server.http_url) as database:
        ingest(database, mapping)
        snapshot = read_snapshot(database, find_roles(mapping))
        names = snapshot.users["key"].tolist()
        things = [f"{DOMAINS[row % len(DOMAINS)]}/B{row:07d}" for row in range(count)]
        write_lists(lists, names, things, 0, STEP)  # so far apart are items of one domain
        about = replace(record(0), outline=outline(snapshot))
        vectors = random_vectors(things)
        publish(database, about, names, lists, similar_items(things), vectors=vectors)
    events = pd.read_csv(folder / "events.csv", usecols=["user", "item"])
    busy = events["user"].mode()[0], things[int(events["item"].mode()[0][1:])]
    return Filled(settings, pq.read_table(lists, columns=["user", "item"]).to_pandas(), busy)


def panels_of(pairs: pd.DataFrame, entities: int) -> dict[str, Panel]:
    """The panels, asked for users and items that are drawn."""
    rows = pairs.sample(ASKED, random_state=0)
    drawn = np.random.default_rng(0).integers(0, entities, ASKED)
    user, item = ([{"key": key} for key in rows[name]] for name in ("user", "item"))
    entity = [{"key": f"author/Author {number}"} for number in drawn]
    kinds = {"user": user, "item": item, "entity": entity}
    nodes = [{"kind": kind, **key} for kind, keys in kinds.items() for key in keys]
    none: list[Key] = [{}] * ASKED
    return {
        "about": Panel("about", overview.show_about, none),
        "map": Panel("map", overview.show_map, none),
        "ingest": Panel("ingest", overview.show_ingest, none),
        "user": Panel("user", users.show_user, user),
        "why": Panel("why", users.explain, rows.to_dict("records")),
        "item": Panel("item", items.show_item, item),
        "around": Panel("around", graphs.show_around, nodes[:: len(kinds)]),
    }


@contextmanager
def page_of(settings: Settings, connect: Callable[[], AsyncDatabase]) -> Iterator[str]:
    """The address of the page, which an empty one is beside."""
    app = create_app(Sources(settings, lambda: AsyncClient(connect())))
    add_empty(app)
    with served(app) as address:
        HttpClient(address).ask("about", {})  # it connects
        yield address


async def latencies(
    server: RunningServer, settings: Settings, address: str, panels: dict[str, Panel]
) -> tuple[Rates, Rates]:
    """Requests a second, at the median and the slowest in twenty, of the page and of the driver."""
    login, page = (server.user, server.password), HttpClient(address)
    keeping = KeepingDatabase(server.uri, *login, options=OPTIONS)
    sources = Sources(settings, lambda: AsyncClient(keeping))
    options = OPTIONS.of_driver()
    nothing = [page.seconds("signed-in", {}) for _ in range(ASKED)]
    ours, theirs = at_percentiles("nothing", nothing), Rates()
    async with neo4j.AsyncGraphDatabase.driver(server.uri, auth=login, **options) as driver:
        for name, panel in panels.items():
            await panel.answer(sources, **panel.keys[0])  # what is asked once
            asked = [
                (key, await keeping.steps_of(panel.answer(sources, **key))) for key in panel.keys
            ]
            mine, bare = await in_turns(page, panel.path, driver, asked)
            ours |= at_percentiles(name, mine)
            theirs |= at_percentiles(name, bare)
    await sources.close()
    return ours, theirs


async def in_turns(
    page: HttpClient, path: str, driver: neo4j.AsyncDriver, asked: list[tuple[Key, Steps]]
) -> tuple[list[float], list[float]]:
    """Seconds of each request, and of the same questions by the driver."""
    mine, bare = [], []
    await ask_bare(driver, asked[0][1])  # it connects
    page.connect()
    for turn, (key, steps) in enumerate(asked):
        for is_page in (True, False) if turn % 2 else (False, True):
            if is_page:
                mine.append(page.seconds(path, key))
            else:
                began = perf_counter()
                await ask_bare(driver, steps)
                bare.append(perf_counter() - began)
    return mine, bare


def at_percentiles(name: str, seconds: list[float]) -> Rates:
    """Rates a second at the median, and at the time that all but a twentieth take."""
    return {f"{name} p{part} ms": 1 / float(np.percentile(seconds, part)) for part in (50, 95)}


def visits_of(user: str, item: str) -> dict[str, Visit]:
    """The views, of a user and of an item."""
    values = {"user": f"?key={user}", "item": f"?key={item}"}
    values["cypher"] = f"?name=as_graph&user={user}"
    return {name: (f"{path}{values.get(name, '')}", act) for name, (path, act) in VIEWS.items()}


def measure(server: RunningServer, count: int) -> tuple[Rates, Rates]:
    """Rates of the page and of the other side in a graph of so many items."""
    login = (server.uri, server.user, server.password)
    with TemporaryDirectory() as place:
        filled = fill(server, Path(place), count)
        settings, panels = filled.settings, panels_of(filled.pairs, count // SHARED)
        with page_of(settings, lambda: AsyncDatabase(*login, options=OPTIONS)) as address:
            ours, theirs = asyncio.run(latencies(server, settings, address, panels))
            for side, times in zip((ours, theirs), paints(address), strict=True):
                side |= {"first paint ms": 1 / times[0], "paint ms": 1 / times[1]}
            visits = visits_of(*filled.busiest)
            for name, visit in visits.items():
                ours[f"task, {name}, ms"] = 1 / longest_task(address, visit)
            ours["kB"] = weight(address, visits.values()) / 1000
    return ours, theirs


def measure_workspace(settings: Settings) -> None:
    """Measure what needs the model of a run that is published, and print a table."""
    workspace = Workspace(settings.folder)
    snapshot = workspace.load_snapshot(workspace.run().read("run")["fingerprint"])
    met = pd.concat([frame["user"] for frame in snapshot.interactions.values()]).value_counts()
    known = snapshot.users["key"].to_numpy()[np.sort(met.index[met >= 2])]
    random = np.random.default_rng(0)
    drawn = random.choice(known, SUPPOSED, replace=False).tolist()
    shown = table("what", ">ms", title=f"{settings.folder}, {len(known):,} users")

    def connect() -> AsyncDatabase:
        return AsyncDatabase(**vars(settings.login()), options=OPTIONS)

    with page_of(settings, connect) as address:
        page, seconds = HttpClient(address), []
        for user in drawn:
            found = json.loads(page.ask("user", {"key": user}))
            taken = random.choice([row["item"] for row in found["past"]])
            body = {"user": user, "items": [str(taken)]}
            if not seconds:
                page.ask("without", {}, body)  # loads the model
            seconds.append(page.seconds("without", {}, body))
        for part in (50, 95):
            shown.add_row(f"what if p{part}", f"{1000 * np.percentile(seconds, part):,.0f}")
        visits = visits_of(drawn[0], found["lists"][0]["item"])
        for name, visit in {**visits, "model": ("/model", draw_map)}.items():
            shown.add_row(f"longest task, {name}", f"{1000 * longest_task(address, visit):,.0f}")
    Console().print(shown)


def main() -> None:
    """Measure the servers named on the command line, both by default, or a workspace."""
    parser = arguments_of(__doc__, "items", (10_000, 100_000))
    parser.add_argument("--config", type=Path, help="of a workspace with a published run")
    arguments = parser.parse_args()
    if arguments.config:
        return measure_workspace(load_settings(arguments.config))
    return compare(arguments, "items", measure)


if __name__ == "__main__":
    main()

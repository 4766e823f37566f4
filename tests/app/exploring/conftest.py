"""A run over a small planted graph, and a published graph behind a page: each is trained once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from chromium import opened, served
from playwright.sync_api import Browser, Page, expect

from linkspan import gnn
from linkspan.exploring.app import create_app
from linkspan.exploring.sources import Sources
from linkspan.gnn.models.weights import MixtureWeights, SignalWeights
from linkspan.gnn.scores.hybrid import with_linear
from linkspan.gnn.scores.signals import HYBRID, build_signals
from linkspan.graph.asking.async_client import AsyncClient
from linkspan.graph.connecting.async_connection import AsyncDatabase
from linkspan.graph.connecting.connection import Database
from linkspan.graph.connecting.driving import Options
from linkspan.graph.roles import InteractionRole, Roles
from linkspan.graph.snapshot import Snapshot
from linkspan.loading import LoadedRun
from linkspan.opening import open_model
from linkspan.pipeline import Pipeline
from linkspan.settings import Settings, load_settings
from linkspan.workspace import RunFolder, Workspace
from servers import Cable, RunningServer, empty

from .hostile import write_files

TASTES = ("space", "garden", "crime")
USERS, ITEMS = 60, 24
REST = "http://127.0.0.1:8000"
on_one_server = pytest.mark.parametrize("server", ["arcadedb"], indirect=True)
"""For what is seen of the page, whose words and layout come from the same rows on both."""


@dataclass
class Planted:
    """The workspace, the run in it, and the run loaded."""

    workspace: Workspace
    run: RunFolder
    snapshot: Snapshot
    loaded: LoadedRun


def plant() -> Snapshot:
    """Books, films and games of three tastes, which users keep to; they met no game.

    ``book/000`` and ``film/two`` are one, as are ``u00`` and ``zoe``; each user disliked two books,
    and every second one has friends.
    """
    random = np.random.default_rng(0)
    items = pd.DataFrame(
        [
            {"id": f"{n:03}", "domain": domain, "title": f"{domain} {n}", "text": text}
            for domain in ("book", "film", "game")
            for n in range(ITEMS if domain != "game" else 4)
            for text in [f"{TASTES[n % 3]} {TASTES[n % 3]}s {domain} {n}"]
        ]
    )
    items.insert(0, "key", items["domain"] + "/" + items["id"])
    events = []
    for user in range(USERS):
        liked = [n for n in range(2 * ITEMS) if n % 3 == user % 3]
        for at, item in enumerate(random.permutation(liked)[:7]):
            events.append((user, item, at + 1, 1))
        for item in random.permutation([n for n in range(ITEMS) if n % 3 != user % 3])[:2]:
            events.append((user, item, 1, -1))
    frame = pd.DataFrame(events, columns=["user", "item", "at", "sign"])
    frame = frame.astype({"user": np.int32, "item": np.int32, "at": np.int64, "sign": np.int8})
    frame.insert(3, "weight", np.float32(1))
    even = np.arange(0, USERS, 2)
    friends = pd.DataFrame({"source": even[:-1], "target": even[1:]})
    keys = [f"u{user:02}" for user in range(USERS)]
    return Snapshot(
        roles=Roles(
            domains={name: name.title() for name in ("book", "film", "game")},
            interactions=(InteractionRole(type="SAVED"),),
        ),
        users=pd.DataFrame({"key": keys, "id": keys}),
        items=items,
        entities={},
        interactions={"SAVED": frame.sort_values(["user", "item"], ignore_index=True)},
        relations={
            ("user", "FRIEND", "user"): friends.astype(np.int32).assign(weight=np.float32(1))
        },
        aliases={
            "item": pd.DataFrame(
                {"row": np.zeros(1, np.int32), "key": ["film/two"], "domain": ["film"]}
            ),
            "user": pd.DataFrame({"row": np.zeros(1, np.int32), "key": ["zoe"]}),
        },
    )


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """The lists of films come from a model of their events only, as the guard makes one."""
    workspace, snapshot = Workspace(tmp_path_factory.mktemp("explored")), plant()
    settings = gnn.TrainSettings.of(
        encoder="hash", embedding_size=16, adapter_size=2, negatives=20, batch_size=128,
        learning_rate=0.01, linear_regularization=5.0, device="cpu",
    )  # fmt: skip
    text = gnn.embed_snapshot_text(snapshot, gnn.HashEncoder())
    fitted = with_linear(gnn.train_all(snapshot, text, settings, 4))
    names = [signal.name for signal in build_signals(fitted)[HYBRID]]
    weights = MixtureWeights(
        SignalWeights(dict.fromkeys(names, 0.1), {}),
        SignalWeights({name: 0.1 * (n % 3 + 1) for n, name in enumerate(names)}, {}),
        SignalWeights({"gnn": 0.2, **{n: 0.4 for n in names if n.startswith("text")}}, {}),
    )
    fitted = replace(fitted, weights={HYBRID: weights})
    alone = fitted.learned.on(fitted.view.within("film"))
    fitted = replace(fitted, alone={"film": alone})
    workspace.save_snapshot(snapshot)
    run = workspace.new_run(
        version="0",
        fingerprint=snapshot.fingerprint(),
        settings=settings.model_dump(mode="json"),
        encoders=gnn.encoder_names(settings.encoding),
    )
    gnn.save_vectors(text, run.embedded)
    gnn.save(fitted.learned, run.final)
    loaded = LoadedRun(run, open_model(run, snapshot), gnn.Choice())
    return Planted(workspace, run, snapshot, loaded)


@dataclass
class Shown:
    """A published graph, behind a cable, and the page that shows it."""

    address: str
    cable: Cable
    database: Database
    settings: Settings


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's files, and the run that the first server trains for all."""
    folder = tmp_path_factory.mktemp("explored-project")
    write_files(folder)
    return folder


@pytest.fixture(scope="module")
def shown(server: RunningServer, hostile: Path) -> Iterator[Shown]:
    empty(server)
    settings = load_settings(hostile / "linkspan.toml")
    pipeline = Pipeline(settings)
    login = (server.user, server.password)
    with Database(server.uri, *login, http_url=server.http_url) as database:
        pipeline.ingest(database)
        snapshot = pipeline.snapshot(database)
        if not pipeline.workspace.runs():
            run = pipeline.train(snapshot, pipeline.embed(snapshot))
            pipeline.evaluate(snapshot, run)
            shutil.copytree(run.folder, run.folder.with_name("20260101-000000-1"))
        pipeline.publish(database, snapshot, pipeline.workspace.run())
        cable = Cable(server.uri)

        def connect() -> AsyncClient:
            return AsyncClient(AsyncDatabase(cable.uri, *login, options=Options(2.0, 20.0)))

        with served(create_app(Sources(settings, connect, write=True, rest=REST))) as address:
            yield Shown(address, cable, database, settings)
        cable.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened() as found:
        yield found


@contextmanager
def looked_at(browser: Browser, address: str) -> Iterator[Page]:
    """A page; at its end no script of the graph has run, and no script of ours has failed."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=address)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.on("dialog", lambda dialog: failed.append(dialog.message))
    page.on("console", lambda told: "Content Security" in told.text and failed.append(told.text))
    yield page
    assert page.evaluate("window.hacked") is None
    context.close()
    assert failed == []


@pytest.fixture
def page(browser: Browser, shown: Shown) -> Iterator[Page]:
    """A page of the published graph."""
    with looked_at(browser, shown.address) as found:
        yield found

"""Recommending by a history: Python, REST and the command line say what a user would be told."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest
from fastapi.testclient import TestClient

import linkspan as package
from linkspan import gnn, opening, run_lists
from linkspan.errors import ArgumentError, ConfigError, ModelError, PublishError
from linkspan.graph.asking.async_client import AsyncClient
from linkspan.graph.asking.client import Client
from linkspan.graph.asking.results import Recommendation
from linkspan.graph.connecting.async_connection import AsyncDatabase
from linkspan.graph.connecting.connection import Database
from linkspan.graph.snapshot import Snapshot
from linkspan.loading import LoadedRun
from linkspan.opening import open_model
from linkspan.serving.app import create_app
from linkspan.settings import PublishSettings, load_settings
from linkspan.visiting import VisitorModel, open_visitors
from linkspan.workspace import Workspace
from pages import blocks
from servers import RunningServer

pytestmark = pytest.mark.usefixtures("trained_once")


def rounded(rows: list[Recommendation]) -> list[dict[str, Any]]:
    """Rows whose numbers are compared to 1e-5."""
    return [
        {
            name: pytest.approx(value, abs=1e-5) if isinstance(value, float) else value
            for name, value in asdict(row).items()
        }
        for row in rows
    ]


def test_a_visitor_is_told_what_a_user_of_that_history_is(
    linkspan: Any,
    project: Path,
    on_server: Database,
    server: RunningServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    toml = project / "linkspan.toml"
    toml.write_text(toml.read_text() + "exclude = [\"title = 'The space 4'\"]\n")
    assert linkspan("run").code == 0
    run = Workspace(project / ".linkspan").run()
    with package.connect(model=True) as client, package.connect(model=run.folder) as same:
        for user in ("7", "10"):
            keys = [row.item for row in client.history(user, k=99)][::-1]
            assert len(keys) == 8
            for domain in ("books", "films", None):
                k = 3 if domain else 6
                stored = client.recommend(user, domain, k)
                found = client.recommend(history=keys, domain=domain, k=k)
                assert [asdict(row) for row in stored] == rounded(found) and len(found) == k
                assert {row.run for row in found} == {run.id}
                assert same.recommend(history=keys, domain=domain, k=k) == found
        pairs = [tuple(key.split("/")) for key in keys]
        assert client.recommend(history=pairs, domain=domain, k=k) == found
        everything = client.recommend(history=keys, domain="books", k=99)
        assert len(everything) == 30 - sum(key.startswith("books/") for key in keys) - 1
        assert "The space 4" not in {row.title for row in everything}
        popular = client.recommend(history=[], k=4)
        assert [row.rank for row in popular] == [1, 1, 2, 2]
        assert {row.because for row in popular} == {None}
        assert [row.score for row in popular] == pytest.approx([row.popularity for row in popular])

    async def ask() -> list[Recommendation]:
        async with package.connect_async(model=True) as client:
            return await client.recommend(history=keys, domain="films", k=3)

    films = asyncio.run(ask())
    told = linkspan("recommend", *(word for key in keys for word in ("--history", key)),
                    "-d", "films", "-k", "3", "--json")  # fmt: skip
    assert told.code == 0 and json.loads(told.out) == [asdict(row) for row in films]
    assert films[0].title in linkspan("recommend", "--history", keys[0]).out  # type: ignore[operator]
    answer = linkspan("recommend", "--history", "books/x", "--history", "films/y")
    assert answer.code == 2 and "has no item 'books/x', 'films/y'. The key" in answer.err
    answer = linkspan("recommend")
    assert answer.code == 2 and "there is no user. Name one, or give --history" in answer.err

    visitors = open_visitors(on_server, load_settings())

    def connect() -> AsyncClient:
        return AsyncClient(AsyncDatabase(server.uri, server.user, server.password), model=visitors)

    with TestClient(create_app(connect)) as http:
        body = {"history": keys, "domain": "films", "k": 3}
        answer = http.post("/recommend", json=body)
        assert answer.json() == {"results": [asdict(row) for row in films]}
        assert http.post("/recommend", json={**body, "history": pairs}).json() == answer.json()
        assert len(http.post("/recommend", json={"history": []}).json()["results"]) == 10
        assert http.get("/recommend/7").status_code == 200
        for wrong, detail in (
            ({"history": ["books/x", keys[0], "films/y"]}, "no item 'books/x', 'films/y'. The key"),
            ({"domain": "games"}, "no domain 'games'. It has books, films."),
            ({"k": 0}, "k: Input should be greater than or equal to 1"),
            ({"k": 1001}, "k: Input should be less than or equal to 1000"),
            ({"history": "books/1"}, "history: Input should be a valid list"),
            ({"history": [7]}, "history.0."),
            ({"user": "7"}, "user: Extra inputs are not permitted"),
        ):
            answer = http.post("/recommend", json=body | wrong)
            assert answer.status_code == 422 and detail in answer.json()["detail"], answer.text

    (page,) = (block for block in blocks("client.md", "python") if "model=" in block)
    capsys.readouterr()
    exec(compile(page.replace("books/1", "books/2").replace("films/2", "films/1"), "client.md",
                 "exec"), {})  # fmt: skip
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown] == list("12345") and shown[0].endswith(run.id)

    on_server.write("MATCH (r:Run) SET r.id = 'elsewhere'")
    with pytest.raises(ModelError, match="the active run elsewhere is not in"):
        package.connect(model=True)
    answer = linkspan("recommend", "--history", keys[0])
    assert answer.code == 5 and "elsewhere" in answer.err
    on_server.write("MATCH (r:Run) SET r.state = 'failed'")
    with pytest.raises(PublishError, match="no run is active"):
        package.connect_async(model=True)


def test_without_a_model_the_server_says_how_to_get_one(
    on_server: Database, server: RunningServer
) -> None:
    def connect() -> AsyncClient:
        return AsyncClient(AsyncDatabase(server.uri, server.user, server.password))

    with TestClient(create_app(connect, "a-token-of-24-characters")) as http:
        assert http.post("/recommend", json={"history": []}).status_code == 401
        http.headers["Authorization"] = "Bearer a-token-of-24-characters"
        answer = http.post("/recommend", json={"history": ["books/1"]})
        assert answer.status_code == 503 and "linkspan serve --model" in answer.json()["detail"]
        post = http.get("/openapi.json").json()["paths"]["/recommend"]["post"]
        assert {"200", "401", "422", "503"} <= set(post["responses"])
        assert post["security"] == [{"HTTPBearer": []}]


@pytest.fixture
def trained(linkspan: Any, project: Path, taken: Snapshot) -> Workspace:
    """A workspace with one run; no server."""
    answer = linkspan("train")
    assert answer.code == 0, answer.err
    return Workspace(project / ".linkspan")


def test_wrong_questions_say_what_is_wrong(trained: Workspace, taken: Snapshot) -> None:
    model = VisitorModel(LoadedRun(trained.run(), open_model(trained.run(), taken), gnn.Choice()))
    client = Client(cast(Database, None), model=model)
    many = [f"books/x{n}" for n in range(7)]
    for arguments, told in (
        ({}, "neither a user nor a history"),
        ({"user": "7", "history": []}, "both a user and a history"),
        ({"history": "books/2"}, "Give a list of keys, the oldest first"),
        ({"history": 7}, "history is 7"),
        ({"history": [7]}, r"history holds 7. An item is a key, domain/id, or \(domain, id\)"),
        ({"history": [("books", 7)]}, "history holds"),
        ({"history": many}, r"'books/x0', 'books/x1', .*'books/x4' and 2 others. The key"),
        ({"history": ["books/2"], "domain": "games"}, "no domain 'games'. It has books, films"),
        ({"history": ["books/2"], "k": 0}, "k is 0"),
        ({"history": ["books/2"], "k": "3"}, "k is '3'"),
    ):
        with pytest.raises(ArgumentError, match=told):
            client.recommend(**arguments)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"needs a model.*connect\(model=True\)"):
        Client(cast(Database, None)).recommend(history=["books/2"])
    once = client.recommend(history=["books/2"], k=3)
    assert [row.because_item for row in once] == ["books/2"] * 3


def test_an_item_of_two_domains_is_known_and_told_by_the_key_of_each(
    trained: Workspace, taken: Snapshot
) -> None:
    row = int((taken.items["key"] == "books/2").argmax())
    twin = pd.DataFrame({"row": [row], "key": ["films/two"], "domain": ["films"]})
    joined = replace(taken, aliases={"item": twin.astype({"row": "int32"})})
    view = gnn.View.whole(joined, gnn.load_vectors(trained.run().embedded))
    fitted = gnn.load(trained.run().final).on(view)
    model = VisitorModel(LoadedRun(trained.run(), fitted, gnn.Choice()))
    found = {
        domain: [row.item for row in model.recommend(["books/6"], domain, 99)]
        for domain in ("books", "films")
    }
    assert "books/2" in found["books"] and "films/two" in found["films"]
    for key in ("books/2", "films/two"):
        for domain in ("books", "films"):
            left = {row.item for row in model.recommend([key], domain, 99)}
            assert not left & {"books/2", "films/two"}


def test_a_run_that_is_gone_or_of_another_snapshot_is_refused(
    trained: Workspace, taken: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, settings, nothing = trained.run(), load_settings(), cast(Database, None)
    known = {key: [] for key in taken.items["key"] if key != "books/2"}
    monkeypatch.setattr(run_lists, "read_properties", lambda *_: known)
    model = open_visitors(nothing, settings, run.folder)
    found = model.recommend([], "books", 99)
    assert len(found) == 29 and "books/2" not in {row.item for row in found}  # gone from the graph
    only = settings.model_copy(update={"publish": PublishSettings(domains=("films",))})
    assert {row.domain for row in open_visitors(nothing, only, run.folder).recommend([], None, 9)} \
        == {"films"}  # fmt: skip
    wrong = settings.model_copy(update={"publish": PublishSettings(domains=("games",))})
    with pytest.raises(ConfigError, match="names the domain 'games'"):
        open_visitors(nothing, wrong, run.folder)
    with pytest.raises(ModelError, match=r"there is no run in .*/gone"):
        open_visitors(nothing, settings, run.folder.parent / "gone")
    about = run.read("run")
    run.write("run", {**about, "fingerprint": "f" * 64})
    with pytest.raises(ModelError, match="snapshot"):
        open_visitors(nothing, settings, run.folder)
    run.write("run", about)
    shutil.rmtree(run.final)
    with pytest.raises(ModelError, match="was broken off"):
        open_visitors(nothing, settings, run.folder)


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare:
        def __getattr__(self, name: str) -> Any:
            raise ImportError(f"no {name}", name="torch")

    monkeypatch.setattr(opening, "gnn", Bare())
    with pytest.raises(
        ModelError, match=r"not installed \(torch\).*pip install 'linkspan\[train\]'"
    ):
        open_visitors(cast(Database, None), load_settings())

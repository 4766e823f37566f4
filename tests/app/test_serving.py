"""The REST server: what each endpoint answers, on both servers, and what it refuses."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import metadata
from urllib.parse import quote

import httpx
import pytest
from fastapi.testclient import TestClient

from linkspan.cypher import Names, NodeNames
from linkspan.errors import ConfigError
from linkspan.graph.asking.async_client import AsyncClient
from linkspan.graph.asking.client import Client
from linkspan.graph.connecting.async_connection import AsyncDatabase
from linkspan.graph.connecting.connection import Database
from linkspan.graph.connecting.driving import Options
from linkspan.graph.users.feedback import FeedbackRules
from linkspan.serving.app import create_app
from linkspan.serving.guarding import check_host, token_from_environment
from pages import blocks, commands, exported
from servers import Cable, RunningServer

TOKEN = "a-token-of-24-characters"
PROBLEM = "application/problem+json"


@pytest.fixture
def shop(prepared: Database) -> Database:
    """Two domains; Ann, one whose key holds a slash and one with all kinds of characters."""
    db = prepared
    db.write(
        "UNWIND range(1, 9) AS n CREATE (:Item {key: 'books/' + toString(n), domain: 'books', "
        "title: 'Book ' + toString(n)}), (:Item {key: 'films/a/' + toString(n), domain: 'films', "
        "title: 'Film ' + toString(n)})"
    )
    db.write("CREATE (:Run {id: 'r1', state: 'active', created: '2026', model: 'm', metrics: '{}', "
             "interactions: ['SAVED']})")  # fmt: skip
    db.write("UNWIND $users AS key CREATE (:User {key: key, run: 'r1'})", users=USERS)
    db.write(
        "MATCH (u:User), (i:Item) CREATE (u)-[:RECOMMENDED {run: 'r1', domain: i.domain, "
        "rank: toInteger(right(i.key, 1)), score: 1.0 / toInteger(right(i.key, 1)), gnn: 1.0, "
        "linear: 0.0, transitions: 0.0, text: 0.0, popularity: 0.0, because: 'books/1'}]->(i)"
    )
    db.write(
        "MATCH (a:Item {key: 'books/1'}), (b:Item {key: 'films/a/2'}) "
        "CREATE (a)-[:SIMILAR {run: 'r1', rank: 1, score: 0.5}]->(b), (b)-[:MADE_FROM]->(a), "
        "(a)-[:SIMILAR {run: 'r1', kind: 'relations', rank: 1, score: 0.25, how: 'MADE_FROM', "
        "by: 'MADE_FROM'}]->(b)"
    )
    db.write("MATCH (u:User), (i:Item {key: 'books/1'}) CREATE (u)-[:SAVED {at: 1}]->(i)")
    return db


JSON = {"Content-Type": "application/json"}
USERS = ["ann", "books/ben", "ü %2F?#&+'\"}"]


@pytest.fixture
def cable(server: RunningServer) -> Iterator[Cable]:
    made = Cable(server.uri)
    yield made
    made.close()


@pytest.fixture
def http(shop: Database, server: RunningServer, cable: Cable) -> Iterator[TestClient]:
    """A client of the application, with the token; the database is behind a cable."""

    def connect() -> AsyncClient:
        database = AsyncDatabase(cable.uri, server.user, server.password, options=Options(1.0))
        return AsyncClient(database)

    with TestClient(
        create_app(connect, TOKEN), headers={"Authorization": f"Bearer {TOKEN}"}
    ) as client:
        yield client


def test_endpoints_answer_what_the_client_answers(http: TestClient, shop: Database) -> None:
    client = Client(shop)

    def rows(answer: httpx.Response) -> list[dict[str, object]]:
        assert answer.status_code == 200, answer.text
        found: list[dict[str, object]] = answer.json()["results"]
        return found

    for user in USERS:
        expected = [asdict(row) for row in client.recommend(user, "films", 3)]
        assert len(expected) == 3
        path = f"/recommend/{quote(user, safe='')}"
        assert rows(http.get(path, params={"domain": "films", "k": 3})) == expected
        answer = http.get(f"/explain/{quote(user, safe='')}/films/a/2")
        assert answer.json() == asdict(client.explain(user, "films/a/2"))
        assert answer.json()["user"] == user and answer.json()["paths"]
    # Slashes may also stand as they are where nothing follows the key.
    assert http.get("/recommend/books/ben").json()["user"] == "books/ben"
    (similar,) = rows(http.get("/similar/books/1"))
    assert similar["item"] == "films/a/2"
    assert rows(http.get("/similar/books%2F1")) == [similar]
    assert rows(http.get("/similar/books/1?kind=states")) == [similar]
    (related,) = rows(http.get("/similar/books/1?kind=relations"))
    assert related == {**similar, "score": 0.25, "how": "MADE_FROM", "by": "MADE_FROM"}
    assert [row["item"] for row in rows(http.get("/search?text=FILM%203"))] == ["films/a/3"]
    assert rows(http.get("/recommend/nobody")) == []
    popular = rows(http.get("/recommend/nobody?fallback=popular"))
    assert [(row["item"], row["score"], row["run"]) for row in popular] == [("books/1", 3.0, None)]
    assert http.get("/health").json() | {"version": ""} == {
        "status": "ok", "version": "", "run": "r1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/recommend/ann?domain=games", 422, "no domain 'games'. It has books, films."),
        ("/recommend/ann?k=0", 422, "k: Input should be greater than or equal to 1"),
        ("/recommend/ann?k=1000000", 422, "k: Input should be less than or equal to 1000"),
        ("/recommend/ann?k=x", 422, "k: Input should be a valid integer"),
        ("/recommend/ann?fallback=luck", 422, "fallback: Input should be 'popular'"),
        ("/similar/books/1?kind=text", 422, "kind: Input should be 'states' or 'relations'"),
        ("/recommend/%FF", 422, "user: "),
        ("/search?text=%20", 422, "the text to search for is empty"),
        ("/search", 422, "text: Field required"),
        ("/explain/nobody/books/1", 422, "the graph has no user 'nobody'"),
        ("/explain/ann/books/0", 422, "no item 'books/0'. The key of an item is domain/id"),
        ("/explain/ann/books/1?k=0", 422, "k: Input should be greater than or equal to 1"),
        ("/nowhere", 404, "Not Found"),
    ],
)
def test_a_wrong_request_is_a_problem(
    http: TestClient, path: str, status: int, detail: str
) -> None:
    answer = http.get(path)
    assert answer.status_code == status and answer.headers["content-type"] == PROBLEM
    problem = answer.json()
    assert problem["status"] == status and detail in problem["detail"], problem
    assert "\n" not in problem["detail"]


def test_feedback_takes_an_item_out_of_the_list(http: TestClient, shop: Database) -> None:
    said = {"user": "ann", "item": "films/a/2", "kind": "dislike", "at": 1_700_000_000_000}
    for new in (True, False):
        answer = http.post("/feedback", json=said)
        assert (answer.status_code, answer.json()) == (200, {"new": new})
    items = [row["item"] for row in http.get("/recommend/ann?k=100").json()["results"]]
    assert "films/a/2" not in items and len(items) == 16  # books/1 was met
    for wrong, told in (
        ({"user": "nobody"}, "no user 'nobody'"),
        ({"item": "films/x"}, "no item 'films/x'"),
        ({"kind": "adore"}, "no kind of feedback 'adore'"),
        ({"rank": 1}, "rank: Extra inputs are not permitted"),
        ({"at": -1}, "at: Input should be greater"),
    ):
        answer = http.post("/feedback", json={**said, **wrong})
        assert answer.status_code == 422 and told in answer.json()["detail"], answer.text
    answer = http.post("/feedback", json=said, headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401


def test_feedback_in_an_adopted_graph_refuses_what_the_caller_is_to_mend(
    prepared: Database, server: RunningServer
) -> None:
    films = NodeNames(label="Film", key="no", title="name")
    names = Names(users=NodeNames(label="Person", key="pid"), items={"films": films}, at=("on",))
    prepared.write("CREATE (:Person {pid: 'ann'})-[:RATED {on: datetime()}]->(:Film {no: 'a'})")
    prepared.write("CREATE (:Film {no: 'b'})")
    prepared.write(
        "CREATE (:Run {id: 'r1', state: 'active', created: '2026', model: 'm', metrics: '{}', "
        "interactions: ['RATED'], names: $names, feedback: $rules})",
        names=names.model_dump_json(),
        rules=FeedbackRules(type="RATED", at="on").model_dump_json(),
    )

    def connect() -> AsyncClient:
        return AsyncClient(AsyncDatabase(server.uri, server.user, server.password))

    with TestClient(create_app(connect)) as http:
        said = {"user": "ann", "item": "films/b"}
        for wrong, told in (
            ({"user": "nobody"}, "no user 'nobody'"),
            ({"user": "nobody", "create": True}, "users of an adopted graph are not"),
            ({"item": "films/x"}, "no item 'films/x'"),
            ({"item": "games/x"}, "no item 'games/x'"),
            ({"at": 2**62}, "dates end with the year 9999"),
            ({"user": "\ud800"}, "cannot be sent"),
        ):
            answer = http.post("/feedback", content=json.dumps(said | wrong), headers=JSON)
            assert answer.status_code == 422 and told in answer.json()["detail"], answer.text
        assert http.post("/feedback", json=said).json() == {"new": True}


def test_without_the_token_only_health_is_answered(http: TestClient) -> None:
    for given in ("", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ü"):
        header = {"Authorization": given.encode("latin-1")}
        for path in ("/recommend/ann", "/similar/books/1", "/explain/ann/books/1", "/search?text=a",
                     "/metrics"):  # fmt: skip
            answer = http.get(path, headers=header)
            assert answer.status_code == 401, (path, given)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.headers["content-type"] == PROBLEM
        assert http.get("/health", headers=header).status_code == 200


def test_a_database_that_is_away_is_503_until_it_is_back(
    http: TestClient, cable: Cable, caplog: pytest.LogCaptureFixture
) -> None:
    assert http.get("/recommend/ann").status_code == 200
    cable.cut()
    with caplog.at_level(logging.WARNING):
        for path in ("/recommend/ann", "/health"):
            answer = http.get(path)
            assert answer.status_code == 503 and answer.headers["content-type"] == PROBLEM
            assert answer.headers["retry-after"] == "5"
            assert "bolt://" not in answer.text  # an address is for the log only
    assert cable.uri in caplog.text
    cable.mend()
    assert http.get("/recommend/ann").status_code == http.get("/health").status_code == 200


def test_metrics_count_by_route_and_name_nobody(http: TestClient) -> None:
    http.get("/recommend/ann")
    http.get("/recommend/books/ben")
    http.get("/recommend/ann?k=0")
    http.get("/nowhere")
    text = http.get("/metrics").text
    assert 'linkspan_requests_total{route="/recommend/{user}",status="200"} 2.0' in text
    assert 'linkspan_requests_total{route="/recommend/{user}",status="422"} 1.0' in text
    assert 'linkspan_requests_total{route="none",status="404"} 1.0' in text
    assert 'linkspan_request_seconds_count{route="/recommend/{user}"} 3.0' in text
    assert "ann" not in text.replace("scanned", "") and "ben" not in text


def test_the_page_of_all_calls_needs_nothing_from_elsewhere(http: TestClient) -> None:
    page = http.get("/docs")
    links = re.findall(r"""(?:src|href)=["']([^"']+)""", page.text)
    assert page.status_code == 200 and len(links) >= 2
    assert all(http.get(link).status_code == 200 for link in links if link.startswith("/"))
    assert not [link for link in links if not link.startswith("/")]


def test_openapi_describes_every_answer(http: TestClient) -> None:
    described = http.get("/openapi.json").json()
    for path in ("/recommend/{user}", "/similar/{item}", "/explain/{user}/{item}", "/search"):
        get = described["paths"][path]["get"]
        assert {"200", "401", "422", "503"} <= set(get["responses"])
        assert "$ref" in get["responses"]["200"]["content"]["application/json"]["schema"]
        assert get["security"] == [{"HTTPBearer": []}]
        assert set(get["responses"]["422"]["content"]) == {PROBLEM}
    fields = described["components"]["schemas"]["Recommendation"]["properties"]
    assert {"item", "title", "rank", "score", "because", "run"} <= set(fields)


def test_other_machines_need_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"):
        check_host(host, None)
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.com", ""):
        check_host(host, TOKEN)
        with pytest.raises(ConfigError, match=r"listens to this machine alone.*LINKSPAN_TOKEN"):
            check_host(host, None)
    monkeypatch.delenv("LINKSPAN_TOKEN", raising=False)
    assert token_from_environment() is None
    monkeypatch.setenv("LINKSPAN_TOKEN", f"{TOKEN}\n")
    assert token_from_environment() == TOKEN
    for bad in ("", "short", "sixteen characters", "sixteen-char-ü-cters"):
        monkeypatch.setenv("LINKSPAN_TOKEN", bad)
        with pytest.raises(ConfigError, match="needs 16 or more"):
            token_from_environment()


def docs_commands(url: str) -> list[str]:
    """The calls of the page about the server, each as it stands there, sent to another port."""
    (block,) = blocks("serving.md", "bash")
    calls: list[str] = re.findall(r"^curl (?:.*\\\n)*.*$", block, re.M)
    assert len(calls) == 8
    return [call.replace("http://127.0.0.1:8000", url) for call in calls]


def test_the_python_of_the_page_about_the_client_runs(
    shop: Database,
    server: RunningServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NEO4J_URI", server.uri)
    monkeypatch.setenv("NEO4J_USERNAME", server.user)
    monkeypatch.setenv("NEO4J_PASSWORD", server.password)
    shop.write("CREATE (:User {key: 'ben', run: 'r1'})")
    code = blocks("client.md", "python")
    assert len(code) == 5
    for block in (each for each in code if "model=" not in each):  # that one: test_visitors.py
        exec(compile(block, "client.md", "exec"), {})
    printed = capsys.readouterr().out
    assert printed.startswith("1 films/a/1 Film 1 Book 1\n2 films/a/2 Film 2 Book 1\n")
    assert "\nbecause you saved Book 1 (books) {" in printed
    assert "films/a/3" in printed and "['books/1']" in printed and printed.endswith("10 0\n")


def test_the_command_serves_and_stops_when_told(shop: Database, server: RunningServer) -> None:
    install, export, serve = commands("serving.md")
    assert install == "pip install 'linkspan[serve]'"
    assert "serve" in (metadata("linkspan").get_all("Provides-Extra") or ())
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        **os.environ, "NEO4J_URI": server.uri, "NEO4J_USERNAME": server.user,
        "NEO4J_PASSWORD": server.password, **exported(export),
    }  # fmt: skip
    words = serve.replace("8000", str(port)).split()[1:]
    command = [sys.executable, "-m", "linkspan.cli", *words]
    child = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + 60
        while time.monotonic() < until:
            try:
                assert httpx.get(f"{url}/health").status_code == 200
                break
            except httpx.ConnectError:
                assert child.poll() is None
                time.sleep(0.1)
        assert httpx.get(f"{url}/recommend/ann").status_code == 401
        header = {"Authorization": f"Bearer {environment['LINKSPAN_TOKEN']}"}
        answer = httpx.get(f"{url}/explain/books%2Fben/films/a/2", headers=header)
        assert answer.status_code == 200 and answer.json()["user"] == "books/ben"
        assert answer.json()["words"] and answer.json()["paths"]
        for page in docs_commands(url):
            told = subprocess.run(
                ["bash", "-c", page], env=environment, capture_output=True, text=True, check=False
            )
            assert told.returncode == 0 and told.stdout, (page, told.stderr)
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
        assert "Traceback" not in child.stderr.read()  # type: ignore[union-attr]
    finally:
        child.kill()
        child.wait()

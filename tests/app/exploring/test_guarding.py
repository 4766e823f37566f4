"""Who the explore page answers: nobody through another site, and elsewhere only with the token."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from linkspan.errors import ConfigError
from linkspan.exploring.app import VIEWS, create_app
from linkspan.exploring.sources import Sources
from linkspan.graph.asking.async_client import AsyncClient
from linkspan.settings import demo_settings

TOKEN = "a-token-of-24-characters"
OPEN = "/api/signed-in"
HERE = "http://127.0.0.1:8765"


def no_database() -> AsyncClient:
    raise ConfigError("there is no graph database in db", hint="Load one with 'linkspan demo'")


def client_of(folder: Path, token: str | None = None, base: str = HERE, **names: str) -> TestClient:
    app = create_app(Sources(demo_settings(folder), no_database), token, names.values())
    return TestClient(app, base_url=base, raise_server_exceptions=False)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[TestClient]:
    with client_of(tmp_path) as client:
        yield client


def calls(client: TestClient) -> list[tuple[str, str]]:
    """Method and path of every call under ``/api/`` that needs the token."""
    assert isinstance(client.app, FastAPI)
    found = [
        (method.upper(), path)
        for path, methods in client.app.openapi()["paths"].items()
        for method in methods
        if path.startswith("/api/") and path != OPEN
    ]
    assert len(found) > 12
    return found


def test_the_page_is_there_without_a_database_and_says_what_is_missing(page: TestClient) -> None:
    for view in VIEWS:
        answer = page.get(f"/{view}")
        assert answer.status_code == 200 and '<div id="page">' in answer.text
    assert page.get("/page/main.js").headers["content-type"].startswith("text/javascript")
    for path in ("/page/%2e%2e/app.py", "/page/..%2f..%2fsettings.py", "/page/%2e%2e%2fapp.py"):
        assert page.get(path).status_code == 404, path
    for path, kind in {"/nowhere": "text/html", "/api/nowhere": "application/problem+json"}.items():
        answer = page.get(path)
        assert answer.status_code == 404 and answer.headers["content-type"].startswith(kind)
    answer = page.get("/api/about")
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("there is no graph database in db. Load one with")


def test_every_answer_forbids_scripts_from_elsewhere(page: TestClient) -> None:
    for path in ("/", "/page/main.js", "/api/about", "/nowhere"):
        headers = page.get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'" and policy["form-action"] == "'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
    assert page.get("/api/about").headers["cache-control"] == "no-store"
    index = page.get("/").text
    assert "<script>" not in index and "onload" not in index and "http" not in index


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "localhost.evil.example", "127.0.0.1.evil.example",
     "192.168.0.7:8765", "[::ffff:192.168.0.7]", "", "[", "127.0.0.1@evil.example"],
)  # fmt: skip
def test_a_foreign_host_is_refused_everywhere(page: TestClient, host: str) -> None:
    for path in ("/", "/page/main.js", "/api/about", OPEN):
        answer = page.get(path, headers={"Host": host})
        assert answer.status_code == 421, (path, host)
        assert "graph" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8765", "127.0.0.1", "[::1]:8765"])
def test_this_machine_is_known_by_its_addresses(page: TestClient, host: str) -> None:
    assert page.get(OPEN, headers={"Host": host}).status_code == 200


def test_a_name_that_was_told_is_known(tmp_path: Path) -> None:
    with client_of(tmp_path, name="Graphs.Example") as client:
        assert client.get(OPEN, headers={"Host": "graphs.example:8765"}).status_code == 200
        assert client.get(OPEN, headers={"Host": "other.example"}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:9999"},
     {"Origin": "https://127.0.0.1"}, {"Sec-Fetch-Site": "cross-site"},
     {"Sec-Fetch-Site": "same-site"}],
)  # fmt: skip
def test_a_page_elsewhere_may_ask_nothing(page: TestClient, headers: dict[str, str]) -> None:
    for method, path in [*calls(page), ("GET", OPEN), ("POST", OPEN)]:
        assert page.request(method, path, headers=headers).status_code == 403, (method, path)
    assert page.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200  # a link
    own = {"Origin": HERE, "Sec-Fetch-Site": "same-origin"}
    assert page.get("/api/queries", headers=own).status_code == 200


def test_a_form_of_another_site_cannot_write(page: TestClient) -> None:
    """A form sends no JSON; an old browser may tell neither Origin nor Sec-Fetch-Site."""
    said = '{"user": "1", "item": "books/1", "kind": "accept"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = page.post("/api/feedback", content=said, headers={"Content-Type": kind})
        assert answer.status_code == 422


def test_nothing_is_answered_without_the_token(tmp_path: Path) -> None:
    with client_of(tmp_path, TOKEN, base="http://192.168.0.7:8765") as client:
        for method, path in calls(client):
            answer = client.request(method, path)
            assert answer.status_code == 401, (method, path)
            assert answer.json()["detail"] == "give the token first"
        assert client.get(OPEN).json() == {"signed_in": False}
        assert client.get("/").status_code == 200  # where the token is given
        for wrong in ("", "x", TOKEN[:-1], TOKEN + "x", "ü" * 24):
            assert client.post(OPEN, json={"token": wrong}).status_code == 401
            assert client.get("/api/queries").status_code == 401
        for bearer in (f"Bearer {TOKEN}x", TOKEN[:-1], "Bearer"):
            headers = {"Authorization": bearer}
            assert client.get("/api/queries", headers=headers).status_code == 401
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert client.get("/api/queries", headers=headers).status_code == 200


def test_a_question_may_not_be_large(tmp_path: Path) -> None:
    with client_of(tmp_path, TOKEN) as client:
        assert client.post(OPEN, content=b"x" * 1_000_001).status_code == 413
        chunks = (b"x" * 1000 for _ in range(3))  # of no length that is told
        assert client.post(OPEN, content=chunks).status_code == 411


def test_the_token_is_given_once(tmp_path: Path) -> None:
    with client_of(tmp_path, TOKEN) as client:
        answer = client.post(OPEN, json={"token": f" {TOKEN} "})
        assert answer.status_code == 200
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie
        assert TOKEN not in cookie
        assert client.get("/api/queries").status_code == 200
        assert client.get(OPEN).json() == {"signed_in": True}
        signed = client.cookies["linkspan-explore-8765"]
    with client_of(tmp_path, TOKEN) as other:  # signed by another process
        other.cookies.set("linkspan-explore-8765", signed)
        assert other.get("/api/queries").status_code == 401
    with client_of(tmp_path, TOKEN) as forged:
        forged.cookies.set("linkspan-explore-8765", "eyJzaWduZWQiOiB0cnVlfQ==.aaaaaa.bbbb")
        assert forged.get("/api/queries").status_code == 401


def test_feedback_needs_to_be_allowed(page: TestClient) -> None:
    answer: httpx.Response = page.post(
        "/api/feedback", json={"user": "1", "item": "books/1", "kind": "accept"}
    )
    assert answer.status_code == 503
    assert "Start it with 'linkspan explore --write'" in answer.json()["detail"]


def test_a_lost_database_is_asked_for_again(tmp_path: Path) -> None:
    tries = []

    def connect() -> AsyncClient:
        tries.append(1)
        return no_database()

    sources = Sources(demo_settings(tmp_path), connect)
    for _ in range(2):
        with pytest.raises(ConfigError):
            asyncio.run(sources.client())
    assert len(tries) == 2

"""The command of the page on exploring, as a process of its own."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from linkspan.graph.connecting.connection import Database
from pages import commands, exported
from servers import RunningServer, free_ports


def run_until_stopped(line: str, environment: dict[str, str], folder: Path, token: str) -> None:
    """Start a line of the page on a free port, ask it as a browser does, and stop it."""
    [port] = free_ports(1)
    words = [*shlex.split(line)[1:], "--no-open", "--port", str(port)]
    child = subprocess.Popen(
        [sys.executable, "-m", "linkspan.cli", *words],
        env=environment, cwd=folder, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + 60
        while time.monotonic() < until:
            try:
                assert httpx.get(url).status_code == 200
                break
            except httpx.ConnectError:
                assert child.poll() is None
                time.sleep(0.1)
        if token:
            assert httpx.get(f"{url}/api/about").status_code == 401
            named = {"Host": "graphs.example.org"}
            assert httpx.get(url, headers=named).status_code == 200
            assert httpx.get(url, headers={"Host": "other.example.org"}).status_code == 421
        client = httpx.Client(base_url=url, timeout=60)
        assert client.post("/api/signed-in", json={"token": token}).status_code == 200
        about = client.get("/api/about").json()
        assert about["domains"] == ["books"] and about["run"] is None and not about["write"]
        assert about["model"] == {"there": False, "why": "no run is active"}
        shown = client.get("/api/map").json()
        assert shown["domains"] == [{"domain": "books", "items": 1, "users": 1, "events": 1}]
        assert shown["of"] is None and shown["pairs"] == []
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
        told = child.stderr.read()  # type: ignore[union-attr]
        assert f":{port}/ shows the graph" in told and "Traceback" not in told
    finally:
        child.kill()
        child.wait()


def test_the_commands_of_the_page_serve_and_stop_when_told(
    prepared: Database, server: RunningServer, tmp_path: Path
) -> None:
    """The graph has no run yet."""
    prepared.write(
        "CREATE (:User {key: 'ann'})-[:SAVED]->"
        "(:Item {key: 'books/1', domain: 'books', title: 'One'})"
    )
    here, export, elsewhere = commands("explore.md")
    environment = {
        **os.environ, "NEO4J_URI": server.uri, "NEO4J_USERNAME": server.user,
        "NEO4J_PASSWORD": server.password,
    }  # fmt: skip
    environment.pop("LINKSPAN_TOKEN", None)
    run_until_stopped(here, environment, tmp_path, "")
    environment |= exported(export)
    run_until_stopped(elsewhere, environment, tmp_path, environment["LINKSPAN_TOKEN"])


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "linkspan.cli", "explore", "--port", port]
        told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert f"cannot listen on 127.0.0.1, port {port}" in told.stderr
    assert "--port" in told.stderr and "Traceback" not in told.stderr

"""The life of the embedded server: started, joined, left, kept, and killed users forgotten."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkspan.errors import ConfigError, DatabaseError
from linkspan.graph.connecting.connection import Database, open_database
from linkspan.graph.connecting.driving import Options
from linkspan.graph.connecting.embedded import (
    EmbeddedServer,
    is_running,
    release,
    usual_heap,
    wait_for_end,
)

USER = """
import sys, time
from pathlib import Path
from linkspan.graph.connecting.embedded import EmbeddedServer
server = EmbeddedServer.ensure(Path(sys.argv[1]))
print(server.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "db"
    if (tmp_path / "db").exists():
        assert release(tmp_path / "db"), "a test left a server running"


def test_it_starts_is_joined_keeps_data_and_ends_with_its_last_user(folder: Path) -> None:
    first = EmbeddedServer.ensure(folder)
    second = EmbeddedServer.ensure(folder)
    assert first.pid == second.pid != os.getpid()
    assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
    assert first.password not in repr(first)
    with Database(first.uri, first.user, first.password) as database:
        database.write("CREATE (:User {key: 'kept'})")
    first.stop()
    assert is_running(folder)
    second.stop()
    assert not is_running(folder)
    with open_database(f"embedded:{folder}") as database:
        assert database.read("MATCH (u:User) RETURN u.key AS key") == [{"key": "kept"}]
        assert database.uri == first.uri  # the address stays
    assert wait_for_end(folder)


def test_a_killed_user_does_not_keep_it_running(folder: Path) -> None:
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert user.stdout is not None
    assert int(user.stdout.readline()) != user.pid
    user.send_signal(signal.SIGKILL)
    user.wait()
    user.stdout.close()
    assert wait_for_end(folder)


def test_a_killed_server_is_started_again_with_its_data(folder: Path) -> None:
    server = EmbeddedServer.ensure(folder)
    with Database(server.uri, server.user, server.password) as database:
        database.write("CREATE (:User {key: 'kept'})")
    os.kill(server.pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while is_running(folder) and time.monotonic() < until:
        time.sleep(0.05)
    again = EmbeddedServer.ensure(folder)
    assert again.pid != server.pid
    with Database(again.uri, again.user, again.password) as database:
        assert database.read("MATCH (u:User) RETURN u.key AS key") == [{"key": "kept"}]
    server.leave()
    again.stop()


def test_a_kept_server_stays_until_it_is_released(folder: Path) -> None:
    server = EmbeddedServer.ensure(folder)
    server.keep()
    server.stop()
    time.sleep(1.5)  # three looks of the server at who is there
    assert is_running(folder)
    assert release(folder)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot hold a database"):
        EmbeddedServer.ensure(tmp_path / "file" / "db")


def test_a_server_that_does_not_start_says_why(folder: Path) -> None:
    with pytest.raises(DatabaseError, match=r"did not start: .*Its log is .*server.log"):
        EmbeddedServer.ensure(folder, heap="nonsense")


def test_a_server_without_memory_ends_and_says_so(folder: Path) -> None:
    """Else its threads die one by one, and those that wait for their places never answer."""
    server = EmbeddedServer.ensure(folder, heap="96m")
    large = "RETURN size(reduce(text = 'x', n IN range(1, 40) | text + text)) AS size"
    with (
        open_database(f"embedded:{folder}", options=Options(timeout=1)) as database,
        pytest.raises(DatabaseError, match="ran out of memory: let it have more, ARCADEDB_JVM_ARG"),
    ):
        database.read(large)
    assert not is_running(folder)
    server.leave()


@pytest.mark.parametrize(
    ("gigabytes", "asked", "heap"),
    [(0.5, "", "1024m"), (8, "", "2048m"), (64, "", "4096m"), (8, "-Xmx1g -Xmx7g -Xmn1g", "7g")],
)
def test_the_heap_is_a_quarter_of_the_memory_unless_asked(
    monkeypatch: pytest.MonkeyPatch, gigabytes: float, asked: str, heap: str
) -> None:
    monkeypatch.setenv("ARCADEDB_JVM_ARGS", asked)
    monkeypatch.setattr(os, "sysconf", lambda name: gigabytes * 2**30 if "PHYS" in name else 1)
    monkeypatch.setattr(Path, "read_text", lambda _: "max\n")
    assert usual_heap() == heap


def test_no_database_is_made_where_none_should_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no graph database in"):
        open_database(f"embedded:{tmp_path / 'none'}", create=False)
    assert not (tmp_path / "none").exists()

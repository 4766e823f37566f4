"""The real Neo4j 5.26 as a child process, for tests."""

from __future__ import annotations

import ctypes
import hashlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from neo4j import GraphDatabase

from servers.neo4j_jars import cache_folder, fetch_jars, find_java, one_at_a_time
from servers.ports import free_ports
from servers.running import RunningServer

USER = "neo4j"
_START_SECONDS = 120.0
_STOP_SECONDS = 60.0
OPENED = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")
# Without the last line it waits twice 5 s for idle threads when it stops.
_SETTINGS = """\
server.default_listen_address=127.0.0.1
server.default_advertised_address=127.0.0.1
server.bolt.listen_address=:{bolt}
server.bolt.advertised_address=:{bolt}
server.http.listen_address=:{http}
server.http.advertised_address=:{http}
server.memory.heap.initial_size=256m
server.memory.pagecache.size=256m
dbms.usage_report.enabled=false
internal.server.bolt.thread_pool_shutdown_wait_time=100ms
"""
_USED = (
    "CREATE CONSTRAINT a IF NOT EXISTS FOR (n:A) REQUIRE n.k IS UNIQUE",
    "UNWIND range(0, 9) AS k MERGE (n:A {k: k}) ON CREATE SET n.x = toString(k)",
    "UNWIND range(0, 8) AS k MATCH (a:A {k: k}), (b:A {k: k + 1}) MERGE (a)-[r:R]->(b) SET r.x = k",
    "CREATE VECTOR INDEX v IF NOT EXISTS FOR (n:A) ON (n.v)",
    "MATCH (n:A)-[r:R*1..2]-() WITH n, count(r) AS c ORDER BY c DESC LIMIT 3 RETURN n.k, c",
    "MATCH (n:A) DETACH DELETE n",
)
"""Statements that make the server load the classes that tests will need."""


def prepare_neo4j() -> None:
    """Fetch the jars and make the file of classes where the cache lacks them.

    Raises:
        Unavailable: Java or Maven is missing, or the jars cannot be fetched.
    """
    class_archive(find_java(), fetch_jars())


def start_neo4j(home: Path) -> RunningServer:
    """Start a Neo4j whose data is in ``home``; about 10 s once the jars are in the cache.

    Raises:
        Unavailable: Java or Maven is missing, or the jars cannot be fetched.
        RuntimeError: The server did not come up; the message holds the end of its log.
    """
    java, jars = find_java(), fetch_jars()
    return _start(home, java, jars, class_archive(java, jars))


def class_archive(java: str, jars: Path) -> list[str]:
    """Options for Java to map a file of loaded classes, which is made at the first call.

    With it a start takes 7 s in place of 12 (2026-11-30, one core).
    """
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=True).stderr
    digest = hashlib.sha256(told.encode()).hexdigest()[:8]
    file = cache_folder().with_name(f"{cache_folder().name}-{digest}.jsa")
    with one_at_a_time():
        if not file.exists():
            with tempfile.TemporaryDirectory(dir=file.parent) as folder:
                part = Path(folder) / "classes.jsa"
                server = _start(Path(folder), java, jars, [f"-XX:ArchiveClassesAtExit={part}"])
                login = (server.user, server.password)
                with (
                    GraphDatabase.driver(server.uri, auth=login) as driver,
                    driver.session() as session,
                ):
                    for statement in _USED:
                        session.run(statement).consume()
                server.stop()
                part.touch()  # a Java that made none goes on without
                part.replace(file)
    return [f"-XX:SharedArchiveFile={file}"]


def _start(home: Path, java: str, jars: Path, options: Sequence[str]) -> RunningServer:
    """The same with options for Java."""
    command = command_line(java, jars, home, options)
    bolt, http = free_ports(2)
    settings = home / "conf" / "neo4j.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text(_SETTINGS.format(bolt=bolt, http=http))
    log = home / "console.log"
    child = _launch(command, home, log)

    def stop() -> None:
        child.terminate()
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def launch() -> None:
        nonlocal child
        child = _launch(command, home, log)
        _wait_for_start(child, log)

    def restart() -> None:
        child.kill()
        child.wait()
        launch()

    def offline(work: Callable[[], None]) -> None:
        stop()
        work()
        launch()

    uri, password = f"bolt://127.0.0.1:{bolt}", secrets.token_urlsafe(16)
    try:
        _wait_for_start(child, log)
        _set_password(uri, password)
    except BaseException:
        stop()
        raise
    return RunningServer(
        engine="neo4j",
        uri=uri,
        user=USER,
        password=password,
        http_url=f"http://127.0.0.1:{http}/browser/",
        home=home,
        log=log,
        stop=stop,
        restart=restart,
        offline=offline,
    )


def _launch(command: Sequence[str], home: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the server's process."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads run while it starts
        )


def command_line(java: str, jars: Path, home: Path, options: Sequence[str]) -> list[str]:
    """The command line of the server, with options for Java."""
    return [
        java,
        *options,
        "-Xmx1g",
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED),
        "-Dio.netty.tryReflectionSetAccessible=true",
        f"-Djava.io.tmpdir={home}",
        "-cp",
        f"{jars}/*",
        "org.neo4j.server.CommunityEntryPoint",
        f"--home-dir={home}",
        f"--config-dir={home / 'conf'}",
        "--console-mode",
    ]


def _wait_for_start(child: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for the log's line ``Started.``."""
    until = time.monotonic() + _START_SECONDS
    while "Started." not in (text := log.read_text(errors="replace")):
        if child.poll() is not None or time.monotonic() > until:
            ending = "\n".join(text.splitlines()[-30:])
            raise RuntimeError(f"Neo4j did not start; the end of its log:\n{ending}")
        time.sleep(0.1)


def _set_password(uri: str, password: str) -> None:
    """Change the password of a new server; until then it takes no other statement."""
    with (
        GraphDatabase.driver(uri, auth=(USER, "neo4j")) as driver,
        driver.session(database="system") as session,
    ):
        statement = "ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO $password"
        session.run(statement, password=password).consume()


def _die_with_parent() -> None:
    """On Linux, let the kernel end the server if the test run itself is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if os.getppid() == 1:
            os._exit(1)

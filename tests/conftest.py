"""Fixtures that all tests share: the two servers, an empty database, and the real data.

``server`` and ``db`` run a test once on each engine, whose name stands in the test's name. Servers
start at first use and last until the end of the run, `db` is empty at the start of every test.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import hypothesis
import pytest

from linkspan.graph.connecting.connection import Database
from linkspan.graph.writing.constraints import prepare
from servers import QUICK, START, RunningServer, Unavailable, empty

# The models of tests are tiny, and the servers need the other cores; set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Of every embedded server, and of every 'java': Neo4j and its programs. Benchmarks do without.
for name in ("ARCADEDB_JVM_ARGS", "JDK_JAVA_OPTIONS"):
    os.environ.setdefault(name, " ".join(QUICK))

hypothesis.settings.register_profile("untimed", deadline=None)  # no test fails for its time
hypothesis.settings.load_profile("untimed")

HERE = Path(__file__).parent
ENGINES = tuple(START)
LOGS = HERE.parent / "build" / "test-logs"
LONGEST = (
    # Without Neo4j, which a new machine fetches meanwhile.
    "gnn/test_cluster.py", "app/test_federate.py", "app/test_measure.py",
    "gnn/training/transfer/test_terms.py", "gnn/parts/test_relations.py", "app/test_transfer.py",
    "ingest/test_bulk.py", "app/exploring/test_page.py", "ingest/test_kills.py",
    "app/exploring/test_views.py", "app/test_adopt.py", "contract/test_queries.py",
    "app/exploring/test_other_graphs.py", "contract/test_publish_soak.py",
    "app/test_doc_commands.py", "app/test_commands.py", "app/test_forget.py",
    "app/test_refresh.py", "contract/test_publishing.py", "contract/test_vectors.py",
    "app/test_positive.py", "contract/test_async_client.py", "app/test_init.py",
    "ingest/test_corpus.py", "graph/connecting/test_embedded.py", "app/test_publish.py",
)  # fmt: skip
"""Files of half a minute of CPU or more. That one stands here or does not changes no result."""
_FAILED = pytest.StashKey[set[str]]()
_KEPT = pytest.StashKey[list[Path]]()
_FETCHING = pytest.StashKey[subprocess.Popen[bytes]]()


@pytest.fixture(scope="session")
def arcadedb_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """The embedded server."""
    yield from _serve(START["arcadedb"](tmp_path_factory.mktemp("arcadedb")), request.config)


@pytest.fixture(scope="session")
def neo4j_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """The real Neo4j; without Java and Maven its tests are skipped, or fail where required."""
    try:
        server = START["neo4j"](tmp_path_factory.mktemp("neo4j"))
    except Unavailable as reason:
        if os.environ.get("LINKSPAN_REQUIRE_NEO4J") == "1":
            pytest.fail(f"LINKSPAN_REQUIRE_NEO4J=1, but Neo4j cannot run: {reason}", pytrace=False)
        pytest.skip(f"Neo4j cannot run here: {reason}")
    yield from _serve(server, request.config)


@pytest.fixture(scope="session", params=ENGINES)
def server(request: pytest.FixtureRequest) -> RunningServer:
    """Each server in turn: a test that asks for it runs on both."""
    running: RunningServer = request.getfixturevalue(f"{request.param}_server")
    return running


@pytest.fixture
def db(server: RunningServer) -> Iterator[Database]:
    """An empty database on each server in turn: no nodes, no constraints, no indexes."""
    empty(server)
    with _open(server) as database:
        yield database


@pytest.fixture
def own_schema(server: RunningServer) -> frozenset[str]:
    """Names of Linkspan's own constraints and indexes, for `empty` to keep."""
    return _own_schema(server)


@pytest.fixture
def prepared(server: RunningServer, own_schema: frozenset[str]) -> Iterator[Database]:
    """A database without a node, and with Linkspan's own constraints and indexes, on each server.

    Neo4j keeps them from one test to the next: its plans go with every change of the schema, and to
    make them anew takes it longer than all else that most tests do.
    """
    empty(server, own_schema)
    with _open(server) as database:
        prepare(database)
        yield database


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder with the real data sets; where there is none, the test is skipped."""
    folder = Path(os.environ.get("LINKSPAN_DATA") or HERE.parent.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder} (say where it is with LINKSPAN_DATA)")
    return folder


def pytest_configure(config: pytest.Config) -> None:
    """Make room for what the hooks below note; let Neo4j be fetched while workers collect."""
    config.stash[_FAILED] = set()
    config.stash[_KEPT] = []
    if config.getoption("numprocesses", None):  # who waits for it is told why it cannot be
        config.stash[_FETCHING] = subprocess.Popen(
            [sys.executable, "-c", "from servers.neo4j import prepare_neo4j; prepare_neo4j()"],
            cwd=HERE,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop fetching Neo4j if nobody has waited for it."""
    if fetching := config.stash.get(_FETCHING, None):
        fetching.send_signal(signal.SIGINT)  # upon which it tidies up
        fetching.wait()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that read real data, and skip those of `make soak` without it."""
    for item in items:
        if item.get_closest_marker("soak") and os.environ.get("LINKSPAN_SOAK") != "1":
            item.add_marker(pytest.mark.skip("takes minutes: run it with 'make soak'"))
        if "realdata" in getattr(item, "fixturenames", ()):
            item.add_marker("realdata")


@pytest.hookimpl(specname="pytest_collection_modifyitems", trylast=True)
def pytest_longest_first(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let workers begin with the files that take longest, so that none is left alone with one."""
    if hasattr(config, "workerinput"):
        place = {name: number for number, name in enumerate(LONGEST)}
        items.sort(key=lambda item: place.get(_name(item.path), len(LONGEST)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Iterator[None]:
    """Note on which engines a test failed."""
    report = yield
    if report.failed:
        item.config.stash[_FAILED] |= _engines_of(item)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where the logs of the servers are on which tests failed."""
    for path in terminalreporter.config.stash[_KEPT]:
        terminalreporter.write_line(f"The log of the server on which tests failed: {path}")


def _name(path: Path) -> str:
    """A file of tests, as it is called in `LONGEST`."""
    return path.relative_to(HERE).as_posix()


def _open(server: RunningServer) -> Database:
    login = (server.user, server.password)
    return Database(server.uri, *login, database="neo4j", http_url=server.http_url)


@cache
def _own_schema(server: RunningServer) -> frozenset[str]:
    """Names of the constraints and indexes that `prepare` makes in an empty database."""
    empty(server)
    with _open(server) as database:
        prepare(database)
        rows = [*database.run("SHOW CONSTRAINTS"), *database.run("SHOW INDEXES")]
    return frozenset(row["name"] for row in rows)


def _engines_of(item: pytest.Item) -> set[str]:
    """The engines whose server a test uses."""
    names = getattr(item, "fixturenames", ())
    engines = {engine for engine in ENGINES if f"{engine}_server" in names}
    if "server" in names and hasattr(item, "callspec"):
        engines.add(item.callspec.params["server"])
    return engines


def _serve(server: RunningServer, config: pytest.Config) -> Iterator[RunningServer]:
    """Lend a server to the tests, then stop it, and keep its log if a test on it failed."""
    try:
        yield server
    finally:
        server.stop()
        if server.engine in config.stash[_FAILED]:
            config.stash[_KEPT].append(server.keep_log(LOGS))

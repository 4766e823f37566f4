"""The client with a database user who may read and nothing else."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from urllib.request import Request, urlopen

import pytest

from linkspan.errors import DatabaseError
from linkspan.graph.asking.client import Client
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.publish import PublishReport
from servers import RunningServer

NAME, PASSWORD = "reader", "reads-and-no-more"
READS = {"access": [], "types": {"*": {"access": ["readRecord"]}}}


@pytest.fixture
def reader(
    graph: Database, publish_run: Callable[..., PublishReport], server: RunningServer
) -> Iterator[Client]:
    """A client of such a user; ArcadeDB reads its file of groups anew every few seconds."""
    if server.engine != "arcadedb":
        pytest.skip("Neo4j's Community Edition has no roles")
    publish_run("a", 0)
    groups = server.home / "data" / "config" / "server-groups.json"
    known = json.loads(groups.read_text())
    if "reads" not in known["databases"]["*"]["groups"]:
        limits = {"resultSetLimit": -1, "readTimeout": -1}
        known["databases"]["*"]["groups"]["reads"] = {**limits, **READS}
        groups.write_text(json.dumps(known))
        user = {"name": NAME, "password": PASSWORD, "databases": {"neo4j": ["reads"]}}
        login = b64encode(f"{server.user}:{server.password}".encode()).decode()
        request = Request(
            f"{server.http_url}api/v1/server",
            json.dumps({"command": f"create user {json.dumps(user)}"}).encode(),
            {"Authorization": f"Basic {login}", "Content-Type": "application/json"},
        )
        urlopen(request, timeout=10).close()
    with Client(Database(server.uri, NAME, PASSWORD)) as client:
        end = time.monotonic() + 30
        while not _may_read(client):
            assert time.monotonic() < end, "the new group is not known"
            time.sleep(0.5)
        yield client


def _may_read(client: Client) -> bool:
    try:
        return client.has_user("7")
    except DatabaseError as error:
        assert "not allowed to read" in str(error)
        return False


def test_all_that_reads_works_without_a_right_to_write(graph: Database, reader: Client) -> None:
    ours = Client(graph)
    found = reader.recommend("7")
    assert len(found) == 10 and found == ours.recommend("7")
    assert reader.recommend_many(["7", "3"]) == ours.recommend_many(["7", "3"])
    assert reader.explain("7", found[0].item) == ours.explain("7", found[0].item)
    assert reader.similar("comics/1") and reader.history("7") and reader.search("Book 1")
    assert [run.run for run in reader.runs()] == ["a"] and len(reader.domains()) == 2


def test_what_writes_is_refused_and_leaves_nothing(graph: Database, reader: Client) -> None:
    before = graph.read("MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN count(n) AS n, count(r) AS r")
    shown = reader.recommend("7")[0].item
    with pytest.raises(DatabaseError, match="not allowed"):
        reader.feedback("7", shown)
    with pytest.raises(DatabaseError, match="refused"):
        reader.forget("7")
    after = graph.read("MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN count(n) AS n, count(r) AS r")
    assert after == before and reader.recommend("7")[0].item == shown

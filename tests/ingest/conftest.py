"""A small shop with two domains, in four files, that each test may damage."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpus.shop import Shop, open_shop
from linkspan.errors import DatabaseError, LinkspanError
from linkspan.graph.connecting.connection import Counters, Database
from linkspan.ingest import Bulk, IngestReport, Mapping, ingest
from servers import RunningServer
from servers.neo4j_admin import import_by_hand

BulkIngest = Callable[[Mapping], IngestReport]


@pytest.fixture
def db(prepared: Database) -> Database:
    """As a load finds it that is not the first one."""
    return prepared


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """The undamaged shop."""
    return open_shop(tmp_path)


class Recorder:
    """A database that is empty and notes what it is told to do."""

    def __init__(self) -> None:
        self.writes: list[str] = []
        self._token: str | None = None

    def read(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        if ":Lease " in query:
            return [{"token": self._token}]
        return [{"found": 0}] if "AS found" in query else []

    def write(self, query: str, **parameters: Any) -> Counters:
        self.writes.append(query)
        self._token = parameters.get("token", self._token)
        return Counters()

    def write_once(self, query: str, **parameters: Any) -> bool:
        self.writes.append(query)
        return True

    def run(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        self.writes.append(query)
        return []


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def refusal(shop: Shop, recorder: Recorder) -> Callable[[type[LinkspanError]], str]:
    """Ingests the shop, sees that it fails before anything is written, and gives the line; in it
    DIR stands for the shop's folder."""

    def refused(error: type[LinkspanError]) -> str:
        with pytest.raises(LinkspanError) as raised:
            ingest(recorder, shop.mapping())  # type: ignore[arg-type]
        assert type(raised.value) is error
        assert recorder.writes == []
        return str(raised.value).replace(str(shop.folder), "DIR")

    return refused


Graph = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def read_graph() -> Callable[[Any], Graph]:
    """Reads every node and relationship, in an order of its own, by plain Cypher."""

    def plain(properties: dict[str, Any]) -> str:
        return repr(sorted(properties.items()))

    def read(db: Any) -> Graph:
        nodes = db.read("MATCH (n) RETURN labels(n) AS l, properties(n) AS p")
        links = db.read(
            "MATCH (a)-[r]->(b) RETURN a.key AS a, type(r) AS t, b.key AS b, properties(r) AS p"
        )
        return {
            "nodes": sorted(
                (",".join(sorted(row["l"])), plain(row["p"]))
                for row in nodes
                if not {"LoadedFile", "Lease"} & set(row["l"])
            ),
            "links": sorted((row["a"], row["t"], row["b"], plain(row["p"])) for row in links),
        }

    return read


@pytest.fixture
def places(tmp_path: Path) -> Bulk:
    return Bulk(tmp_path / "with space" / "bulk")


@pytest.fixture
def bulk_ingest(server: RunningServer, db: Database, places: Bulk) -> BulkIngest:
    """Loads in bulk; on Neo4j does by hand what the report asks for."""

    def load(mapping: Mapping) -> IngestReport:
        report = ingest(db, mapping, bulk=places)
        if server.engine == "neo4j":
            files = sorted(places.folder.iterdir())
            told = ingest(db, mapping, bulk=places)  # told again, and nothing is written again
            assert told.next_step == report.next_step and sorted(places.folder.iterdir()) == files
            import_by_hand(server, _command(report))
            db.reopen()
            with pytest.raises(DatabaseError, match=r"is not finished.*ingest --bulk' again"):
                ingest(db, mapping)
            ingest(db, mapping, bulk=places)
        assert not places.folder.exists()
        return report

    return load


def _command(report: IngestReport) -> str:
    (line,) = re.findall(r"^cd .*", report.next_step or "", re.MULTILINE)
    return str(line)

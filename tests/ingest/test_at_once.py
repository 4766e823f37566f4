"""Two ingests at once: one writes, the other waits, and nothing is lost or doubled."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from corpus.shop import open_shop
from linkspan.graph.connecting.connection import Database
from linkspan.graph.writing.lease import Lease
from linkspan.ingest import IngestReport, ingest
from linkspan.ingest.load import _Loader
from servers import RunningServer, empty

MORE = "person,thing,when,amount,rating\nann,2,1700000000,2,5\ndan,3,1700000100,1,3\n"


@pytest.mark.parametrize("other", [False, True], ids=["the same files", "other files"])
@pytest.mark.parametrize("force", [False, True])
def test_two_ingests_into_an_empty_graph(
    db: Database,
    server: RunningServer,
    tmp_path: Path,
    read_graph: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    other: bool,
    force: bool,
) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    shops = []
    for folder in folders:
        folder.mkdir()
        shops.append(open_shop(folder))
    if other:
        shops[1].write("more.csv", MORE)
        shops[1].remap('"bought.csv"', '"more.csv"')
    for shop in shops:
        ingest(db, shop.mapping())
    graph = read_graph(db)
    empty(server)

    plan, barrier = _Loader._plan, threading.Barrier(2)
    planned = threading.local()

    def together(self: _Loader, forced: bool) -> Any:
        made = plan(self, forced)
        if not getattr(planned, "once", False):
            planned.once = True
            barrier.wait()  # both have seen an empty graph
        return made

    monkeypatch.setattr(_Loader, "_plan", together)

    def load(shop: Any) -> IngestReport:
        with Database(server.uri, server.user, server.password) as own:
            return ingest(own, shop.mapping(), force=force)

    with ThreadPoolExecutor(2) as threads:
        reports = list(threads.map(load, shops))
    assert read_graph(db) == graph
    if not other:
        assert min(report.written for report in reports) == 0


def test_who_waits_is_told_for_whom_and_a_killed_one_is_not_waited_for_long(
    db: Database, shop: Any, caplog: pytest.LogCaptureFixture
) -> None:
    dead = Lease(db, "another ingest", 1.5, name="ingest")
    with Lease(db, "publish of run x"):  # which keeps no ingest out
        pass
    with dead:
        dead._done.set()  # renewed no more: as after SIGKILL
        began = time.monotonic()
        with caplog.at_level(logging.WARNING), Lease(db, "publish of run x"):
            report = ingest(db, shop.mapping())
        assert report.written == 17 and time.monotonic() - began < 30
    assert "another ingest is going on (process" in caplog.text
    assert caplog.text.count("waiting for it to end") == 1

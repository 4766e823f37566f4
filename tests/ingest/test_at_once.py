"""Two ingests at once: one writes, the other waits, and nothing is lost or doubled."""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from corpus.shop import open_shop
from linkspan.errors import DataError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.writing.lease import Lease
from linkspan.ingest import IngestReport, find_gone, ingest, prune
from linkspan.ingest.loader import Loader
from servers import RunningServer, empty

pruner = importlib.import_module("linkspan.ingest.prune")  # the package has a function of the name
MORE = "person,thing,when,amount,rating\nann,2,1700000000,2,5\ndan,3,1700000100,1,3\n"


@pytest.mark.parametrize("other", [False, True], ids=["the same files", "other files"])
@pytest.mark.parametrize("force", [False, True])
def test_two_ingests_into_an_empty_graph(
    db: Database,
    server: RunningServer,
    own_schema: frozenset[str],
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
    empty(server, own_schema if force else ())

    plan, barrier = Loader._plan, threading.Barrier(2)
    planned = threading.local()

    def together(self: Loader, forced: bool) -> Any:
        made = plan(self, forced)
        if not getattr(planned, "once", False):
            planned.once = True
            barrier.wait()  # both have seen an empty graph
        return made

    monkeypatch.setattr(Loader, "_plan", together)

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


def test_an_ingest_and_a_prune_wait_for_a_prune(
    db: Database,
    server: RunningServer,
    shop: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ingest(db, shop.mapping())
    shop.replace("bought.csv", "ann,3,1700000100,1,3\n", "")
    ingest(db, shop.mapping())
    pruning = find_gone(db, shop.mapping())
    write_rows, removing, go_on = pruner.write_rows, threading.Event(), threading.Event()

    def slowly(*given: Any, **named: Any) -> Any:
        removing.set()
        assert go_on.wait(60)
        return write_rows(*given, **named)

    monkeypatch.setattr(pruner, "write_rows", slowly)

    def beside(work: Callable[[Database], Any]) -> Any:
        with Database(server.uri, server.user, server.password) as own:
            return work(own)

    with ThreadPoolExecutor(3) as threads, caplog.at_level(logging.WARNING):
        first = threads.submit(beside, lambda own: prune(own, pruning))
        assert removing.wait(60)
        others = [
            threads.submit(beside, lambda own: ingest(own, shop.mapping(), force=True)),
            threads.submit(beside, lambda own: prune(own, pruning)),
        ]
        try:
            began = time.monotonic()
            while caplog.text.count("another prune is going on (process") < 2:
                assert time.monotonic() - began < 60
                time.sleep(0.05)
            assert not any(other.done() for other in others)
        finally:
            go_on.set()
        first.result()
        others[0].result()
        try:
            others[1].result()
        except DataError as error:  # the ingest was before it
            assert "loaded while" in str(error)
    assert find_gone(db, shop.mapping()).gone == []


def test_what_was_loaded_since_it_was_compared_is_not_pruned(
    db: Database, shop: Any, read_graph: Callable[..., Any]
) -> None:
    row = "ann,3,1700000100,1,3\n"
    ingest(db, shop.mapping())
    graph = read_graph(db)
    shop.replace("bought.csv", row, "")
    ingest(db, shop.mapping())
    pruning = find_gone(db, shop.mapping())
    shop.replace("bought.csv", "ann,1,", row + "ann,1,")
    ingest(db, shop.mapping())
    with pytest.raises(DataError, match="loaded while the graph was compared"):
        prune(db, pruning)
    assert read_graph(db) == graph and find_gone(db, shop.mapping()).gone == []

"""Connections that are lost in the middle of a load."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from loads import balanced, lines

from linkspan.graph.connecting.connection import Database
from linkspan.ingest import ingest
from servers import RunningServer, empty


@pytest.mark.parametrize("repeat", [False, True], ids=["once", "repeat"])
def test_a_connection_lost_while_interactions_are_sent_neither_loses_nor_doubles_them(
    db: Database,
    server: RunningServer,
    own_schema: frozenset[str],
    shop: Any,
    read_graph: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    repeat: bool,
) -> None:
    """Of a batch nobody knows then whether it was written: here the first was, the second not."""
    if repeat:
        shop.remap('positive = "rating >= 4"', 'positive = "rating >= 4"\nrepeat = true')
    mapping = shop.mapping()
    monkeypatch.setattr("linkspan.ingest.graph_writer.BATCH_ROWS", 2)
    send, sent = Database.write_once, []

    def lost(self: Database, query: str, **parameters: Any) -> bool:
        if ":BOUGHT" not in query:
            return send(self, query, **parameters)
        sent.append(query)
        if len(sent) == 1:
            assert send(self, query, **parameters)
        return False

    monkeypatch.setattr(Database, "write_once", lost)
    report = balanced(ingest(db, mapping))
    assert len(sent) == 2
    assert lines(report)["bought.csv BOUGHT"] == (4, 4, 0, 0)
    found = read_graph(db)
    empty(server, own_schema)
    monkeypatch.setattr(Database, "write_once", send)
    ingest(db, mapping)
    assert found == read_graph(db)
    assert Counter(link[1] for link in found["links"])["BOUGHT"] == 4


@pytest.mark.parametrize("written", [0, 1, 2], ids=["none", "every other", "all"])
def test_a_connection_lost_while_nodes_are_sent_neither_loses_nor_doubles_them(
    db: Database,
    server: RunningServer,
    own_schema: frozenset[str],
    shop: Any,
    read_graph: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    written: int,
) -> None:
    monkeypatch.setattr("linkspan.ingest.graph_writer.BATCH_ROWS", 2)
    send, sent = Database.write_once, []

    def lost(self: Database, query: str, **parameters: Any) -> bool:
        sent.append(query)
        if written == 2 or (written and len(sent) % 2):
            assert send(self, query, **parameters)
        return False

    monkeypatch.setattr(Database, "write_once", lost)
    report = balanced(ingest(db, shop.mapping()))
    assert {"(n:Item:Food", "(n:Entity:Maker", "(n:User"} <= {
        query.split("CREATE ")[1].split(" {")[0] for query in sent
    }
    assert lines(report)["things.csv Item"] == (3, 3, 0, 0)
    found = read_graph(db)
    empty(server, own_schema)
    monkeypatch.setattr(Database, "write_once", send)
    ingest(db, shop.mapping())
    assert found == read_graph(db)

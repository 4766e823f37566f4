"""Item vectors: two slots, an index each, and never vectors of two runs in one index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from contract_fixtures import Lists, PublishRun, Record

from linkspan.errors import ArgumentError, ConfigError, PublishError
from linkspan.graph.asking.client import Client
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.publish import publish, rollback
from linkspan.graph.publishing.vectors import ItemVectors, text_hash
from linkspan.graph.snapshot import Snapshot
from linkspan.precision import Precision, rounded
from pages import blocks

ASK = (
    "MATCH (run:Run {state: 'active'}) UNWIND run.vector_parts AS part "
    "CALL db.index.vector.queryNodes($index + run.vectors + part, $k, $vector) "
    "YIELD node, score RETURN node.key AS key, score ORDER BY score DESC"
)


def make_vectors(snapshot: Snapshot, seed: int, width: int = 8) -> ItemVectors:
    """Random states, and random vectors of the same texts whatever the seed; one text is empty."""
    keys = snapshot.items["key"].tolist()
    states = np.random.default_rng(seed).standard_normal((len(keys), width)).astype(np.float32)
    texts = np.random.default_rng(99).standard_normal((len(keys), 12)).astype(np.float32)
    texts[3] = 0
    hashes = [text_hash("test", text) for text in snapshot.items["text"]]
    return ItemVectors("test", keys, states, texts, hashes)


def check_index(graph: Database, vectors: ItemVectors) -> None:
    """The active run's indexes find the item itself, and score others by this run's vectors.

    Both servers give ``(1 + cosine) / 2``; Neo4j from rounded vectors.
    """
    place = {key: number for number, key in enumerate(vectors.keys)}
    for index, matrix in (("item_vector_", vectors.states), ("item_text_", vectors.texts)):
        unit = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
        for row in (0, 17):
            found = graph.read(ASK, index=index, k=5, vector=matrix[row].tolist())
            assert len(found) == 5 and found[0]["key"] == vectors.keys[row]
            cosines = unit[[place[each["key"]] for each in found]] @ unit[row]
            scores = [each["score"] for each in found]
            assert scores == pytest.approx(((1 + cosines) / 2).tolist(), abs=5e-3)


class _Known:
    """An encoder of one text: the vector that an item's text has."""

    def __init__(self, vectors: ItemVectors, row: int) -> None:
        self.name, self._vector = vectors.encoder, vectors.texts[row]

    def encode(self, texts: Sequence[str]) -> Any:
        return np.tile(self._vector, (len(texts), 1))


def check_search(client: Client, vectors: ItemVectors, domain: str, run: str) -> None:
    """Items are found by what their text means."""
    found = client.search("what it is about", k=3)
    assert found[0].item == vectors.keys[17] and len(found) == 3
    assert found[0].score == pytest.approx(1.0, abs=5e-3) and found[0].run == run
    inside = client.search("what it is about", domain=domain, k=5)
    assert {row.domain for row in inside} == {domain} and len(inside) == 5


def check_near(client: Client, vectors: ItemVectors, domain: str, run: str) -> None:
    """Items near an item are those that its text finds."""
    item = vectors.keys[17]
    for asked in (None, domain):
        found = client.near(item, asked, k=4)
        searched = [row for row in client.search("it", asked, k=5) if row.item != item][:4]
        assert [(row.item, row.rank) for row in found] == [
            (row.item, rank) for rank, row in enumerate(searched, 1)
        ]
        assert [row.score for row in found] == pytest.approx([row.score for row in searched])
        assert {row.run for row in found} == {run}
    assert client.near(vectors.keys[3]) == []  # its text is empty
    assert client.near("nothing") == []
    with pytest.raises(ArgumentError, match="no domain 'none'"):
        client.near(item, "none")


def test_the_client_finds_by_meaning_in_each_slot(
    graph: Database, snapshot: Snapshot, make_record: Record, lists: Lists, similar: pd.DataFrame
) -> None:
    users, vectors = snapshot.users["key"].tolist(), make_vectors(snapshot, 0)
    for number in (1, 2):  # the text vectors of the second are in the other slot
        record = replace(make_record(f"run{number}"), encoder=vectors.encoder)
        publish(graph, record, users, lists(number), similar, vectors=vectors)
        client = Client(graph, encoder=_Known(vectors, 17))
        for check in (check_search, check_near):
            check(client, vectors, snapshot.items["domain"][20], record.id)
    assert Client(graph).near(vectors.keys[17], k=4) == client.near(vectors.keys[17], k=4)
    told: list[str] = []

    def like(run: str) -> _Known:
        told.append(run)
        return _Known(vectors, 17)

    assert Client(graph, encoder=like).search("what it is about", k=3)[0].item == vectors.keys[17]
    assert told == [vectors.encoder]
    publish(graph, make_record("run3"), users, lists(3), similar)
    with pytest.raises(ConfigError, match="no text vectors of an active run"):
        Client(graph, encoder=_Known(vectors, 17)).search("what it is about")


def test_each_run_has_a_slot_and_rollback_brings_the_old_one_back(
    graph: Database, snapshot: Snapshot, publish_run: PublishRun
) -> None:
    runs = {name: make_vectors(snapshot, seed) for seed, name in enumerate("abc")}
    slots = []
    for name, vectors in runs.items():
        publish_run(name, 0, vectors)
        slots.append(graph.read("MATCH (r:Run {state: 'active'}) RETURN r.vectors AS s")[0]["s"])
        check_index(graph, vectors)
    assert slots == ["a", "b", "a"]
    rollback(graph)
    check_index(graph, runs["b"])
    publish_run("d", 0, runs["a"])
    check_index(graph, runs["a"])
    rollback(graph)
    check_index(graph, runs["b"])


def test_the_query_of_the_page_on_publishing_runs(
    graph: Database, snapshot: Snapshot, publish_run: PublishRun
) -> None:
    (query,) = blocks("publishing.md", "cypher")
    vectors = make_vectors(snapshot, 0)
    publish_run("a", 0, vectors)
    for k in (3, 3.0):  # a graph browser sends floats
        found = graph.read(query, k=k, vector=vectors.states[4].tolist())
        assert len(found) == 3 and found[0]["title"] == snapshot.items["title"][4]


def test_vectors_of_another_width_or_none_follow(
    graph: Database, snapshot: Snapshot, publish_run: PublishRun
) -> None:
    publish_run("a", 0, make_vectors(snapshot, 0))
    publish_run("b", 0)
    assert graph.read(ASK, index="item_text_", k=3, vector=[1.0] * 12) == []
    wide = make_vectors(snapshot, 1, width=16)
    publish_run("c", 0, wide)
    check_index(graph, wide)


def test_only_texts_that_changed_are_written(
    graph: Database, snapshot: Snapshot, publish_run: PublishRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_run("a", 0, make_vectors(snapshot, 0))
    publish_run("b", 0, make_vectors(snapshot, 1))
    third = make_vectors(snapshot, 2)
    hashes = ["changed" if place == 5 else digest for place, digest in enumerate(third.hashes)]
    texts = third.texts.copy()
    texts[5] = -texts[5]
    third = replace(third, hashes=hashes, texts=texts)
    sent: list[dict[str, Any]] = []
    write = graph.write

    def noting(query: str, **parameters: Any) -> Any:
        if "i += row.properties" in query:
            sent.extend(parameters["rows"])
        return write(query, **parameters)

    monkeypatch.setattr(graph, "write", noting)
    publish_run("c", 0, third)
    assert len(sent) == len(third.keys)
    changed = [row["item"] for row in sent if row["vectors"].get("text_vector_a")]
    assert changed == [third.keys[5]]
    check_index(graph, third)


def test_items_that_are_no_longer_in_a_run_leave_its_slot(
    graph: Database, snapshot: Snapshot, publish_run: PublishRun
) -> None:
    publish_run("a", 0, make_vectors(snapshot, 0))
    publish_run("b", 0, make_vectors(snapshot, 1))
    whole = make_vectors(snapshot, 2)
    fewer = ItemVectors(
        "test", whole.keys[:40], whole.states[:40], whole.texts[:40], whole.hashes[:40]
    )
    publish_run("c", 0, fewer)
    check_index(graph, fewer)
    found = graph.read("MATCH (i:Item) RETURN count(i.vector_a) AS a, count(i.vector_b) AS b")[0]
    assert found == {"a": 40, "b": len(whole.keys)}


def test_a_publish_that_goes_on_does_not_write_vectors_twice(
    graph: Database, snapshot: Snapshot, publish_run: PublishRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = make_vectors(snapshot, 0)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("linkspan.graph.publishing.publish.await_indexes", _interrupted)
        publish_run("a", 0, vectors)
    with monkeypatch.context() as patch:
        patch.setattr("linkspan.graph.publishing.publish.write_vectors", _interrupted)
        publish_run("a", 0, vectors)
    check_index(graph, vectors)


def test_the_active_run_gets_the_vectors_that_it_lacks(
    graph: Database, snapshot: Snapshot, make_record: Record, lists: Lists, similar: pd.DataFrame
) -> None:
    users, first = snapshot.users["key"].tolist(), make_vectors(snapshot, 0)
    publish(graph, make_record("a"), users, lists(0), similar, vectors=first)
    publish(graph, make_record("b"), users, lists(1), similar)
    vectors = make_vectors(snapshot, 1)
    named = replace(make_record("b"), encoder=vectors.encoder)
    for record, given in ((named, vectors), (named, vectors), (make_record("b"), None)):
        publish(graph, record, users, lists(1), similar, vectors=given)
        check_index(graph, vectors)
        client = Client(graph, encoder=_Known(vectors, 17))  # the encoder's name stays as well
        assert client.search("what it is about", k=1)[0].run == "b"
    assert rollback(graph) == ("b", "a")
    check_index(graph, first)


def test_a_publisher_that_slept_does_not_write_into_the_slot_of_another(
    graph: Database, snapshot: Snapshot, publish_run: PublishRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkspan.graph.publishing.vectors._BATCH", 20)
    publish_run("a", 0, make_vectors(snapshot, 0))
    sleeper, other = make_vectors(snapshot, 1), make_vectors(snapshot, 2)
    write, batches = graph.write, []

    def asleep(query: str, **parameters: Any) -> Any:
        if "i += row.properties" in query and parameters["run"] == "b":
            batches.append(1)
            if len(batches) == 2:  # meanwhile its lease expires, and another publishes
                write("MATCH (l:Lease) SET l.until = 0")
                publish_run("c", 2, other)
        return write(query, **parameters)

    monkeypatch.setattr(graph, "write", asleep)
    with pytest.raises(PublishError, match="lease for the publish"):
        publish_run("b", 1, sleeper)
    check_index(graph, other)
    states = {
        row["r"]: row["s"] for row in graph.read("MATCH (r:Run) RETURN r.id AS r, r.state AS s")
    }
    assert states == {"a": "superseded", "b": "failed", "c": "active"}
    rollback(graph)
    check_index(graph, make_vectors(snapshot, 0))


def _interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


def test_saved_vectors_are_read_again(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    states, texts = (random.random((3, width), np.float32) for width in (4, 2))
    vectors = ItemVectors("e", ["x", "y", "z"], states, texts, ["1", "2", "3"])
    vectors.save(tmp_path / "v.parquet")
    loaded = ItemVectors.load(tmp_path / "v.parquet")
    assert (loaded.encoder, loaded.keys, loaded.hashes) == ("e", vectors.keys, vectors.hashes)
    assert (loaded.states == states).all() and (loaded.texts == texts).all()


def kept_in(vectors: ItemVectors, precision: Precision, folder: Path) -> ItemVectors:
    """Vectors as a run of a precision publishes them: rounded, written and read again."""
    own = replace(
        vectors,
        states=rounded(vectors.states, precision),
        texts=rounded(vectors.texts, precision),
        hashes=[f"{digest} {precision}" for digest in vectors.hashes],
        precision=precision,
    )
    file = folder / f"{precision}.parquet"
    own.save(file)
    loaded = ItemVectors.load(file)
    assert loaded.precision == precision and loaded.hashes == own.hashes
    np.testing.assert_array_equal(loaded.states, own.states)
    np.testing.assert_array_equal(loaded.texts, own.texts)
    return loaded


def test_vectors_of_fewer_bytes_are_found_all_the_same(
    graph: Database,
    snapshot: Snapshot,
    make_record: Record,
    lists: Lists,
    similar: pd.DataFrame,
    tmp_path: Path,
) -> None:
    users, whole = snapshot.users["key"].tolist(), make_vectors(snapshot, 0, width=16)
    precisions: tuple[Precision, ...] = ("int8", "half", "single")
    for number, precision in enumerate(precisions):  # two after the other take the same slot
        vectors = kept_in(whole, precision, tmp_path)
        record = replace(make_record(precision), encoder=vectors.encoder)
        publish(graph, record, users, lists(number), similar, vectors=vectors)
        slot = "ab"[number % 2]
        check_index(graph, whole)
        check_search(
            Client(graph, encoder=_Known(whole, 17)), whole, snapshot.items["domain"][20], precision
        )
        rows = graph.read(
            f"MATCH (i:Item) RETURN i.key AS key, i.vector_{slot} AS state, "
            f"i.text_vector_{slot} AS text ORDER BY key"
        )
        place = {key: row for row, key in enumerate(vectors.keys)}
        for row in rows:
            state = np.asarray(row["state"], np.float32)
            np.testing.assert_array_equal(state, vectors.states[place[row["key"]]])
            if row["text"] is not None:
                text = np.asarray(row["text"], np.float32)
                np.testing.assert_array_equal(text, vectors.texts[place[row["key"]]])
        assert sum(row["text"] is not None for row in rows) == len(rows) - 1
    rollback(graph)
    check_index(graph, whole)
    sizes = [(tmp_path / f"{precision}.parquet").stat().st_size for precision in precisions]
    assert sizes == sorted(sizes)

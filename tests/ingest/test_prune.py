"""Pruning: what has gone from the files goes from the graph, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from linkspan.errors import DataError
from linkspan.graph.connecting.connection import Database
from linkspan.ingest import find_gone, ingest, prune
from linkspan.ingest.prune import _Keys
from linkspan.ingest.shaping.targets import LinkTarget, Table


def found(db: Database, shop: Any) -> dict[str, tuple[int, int]]:
    pruning = find_gone(db, shop.mapping())
    return {each.target.shown: (len(each.rows), each.kept) for each in pruning.gone}


@pytest.mark.parametrize("repeat", [False, True])
def test_the_graph_becomes_that_of_the_files(
    db: Database, shop: Any, read_graph: Callable[..., Any], repeat: bool
) -> None:
    if repeat:
        shop.remap('positive = "rating >= 4"', 'positive = "rating >= 4"\nrepeat = true')
    shop.replace("bought.csv", "ann,3,", "bob,2,1700000001,1,1\nann,3,")
    if not repeat:
        shop.replace("bought.csv", "bob,2,1700000001,1,1\n", "")
    ingest(db, shop.mapping())
    shop.replace("bought.csv", "ann,3,1700000100,1,3\n", "")
    shop.replace("bought.csv", "cid,2,1700000050,0.5,4\n", "")
    shop.replace("bought.csv", "bob,2,1700000001,1,1\n", "") if repeat else None
    shop.replace("things.csv", '2,food,"Rice, black",Thai Co,,no\n', "9,food,Rice,,,no\n")
    shop.replace("bought.csv", "bob,2,", "bob,9,")
    shop.replace("with.csv", "2,3,", "9,3,")
    shop.replace("things.csv", "Mae Ploy|Thai Co", "Mae Ploy")
    ingest(db, shop.mapping())
    with_old = read_graph(db)
    assert found(db, shop) == {
        "BOUGHT": (4 if repeat else 3, 2),
        "MADE_BY": (2, 1),
        "BOUGHT_WITH": (1, 2),
        "Item": (1, 3),
        "User": (1, 2),
        "Maker": (1, 1),
    }
    assert read_graph(db) == with_old
    prune(db, find_gone(db, shop.mapping()))
    pruned = read_graph(db)
    assert found(db, shop) == {}
    db.write("MATCH (n) DETACH DELETE n")
    ingest(db, shop.mapping())
    assert pruned == read_graph(db)


def test_what_the_mapping_does_not_make_stays(db: Database, shop: Any) -> None:
    ingest(db, shop.mapping())
    db.write("MATCH (u:User {key: 'ann'}) CREATE (u)-[:LIKES]->(:Entity:Shop {key: 'shop/1'})")
    assert found(db, shop) == {}


def test_a_file_that_the_mapping_no_longer_names(db: Database, shop: Any) -> None:
    ingest(db, shop.mapping())
    shop.toml = (
        shop.toml[: shop.toml.index("[[users.files]]")] + shop.toml[shop.toml.index("[[items]]") :]
    )
    pruning = find_gone(db, shop.mapping())
    assert list(pruning.files.values()) == ["people.csv"]
    assert pruning.gone == []  # both people have bought something
    prune(db, pruning)
    assert find_gone(db, shop.mapping()).files == {}


def test_rejected_rows_forbid_it(db: Database, shop: Any) -> None:
    shop.toml += '\n[ingest]\nmalformed = "skip"\n'
    ingest(db, shop.mapping())
    shop.replace("bought.csv", "ann,1,1700000000", "ann,1,yesterday")
    ingest(db, shop.mapping())
    with pytest.raises(DataError, match=r"bought\.csv: 1 of its rows are rejected.*Mend"):
        find_gone(db, shop.mapping())


KINDS = """
[[items]]
file = "films.csv"
id = "id"
domain = "films"
properties = { title = "title" }

[[items.relations]]
type = "CREATED_BY"
column = "author"
entity = "Author"

[[items.relations]]
type = "CREATED_BY"
column = "studio"
entity = "Studio"

[[relations]]
file = "pairs.csv"
type = { column = "how" }
source = { item = "one", domain = "films" }
target = { item = "two", domain = "films" }
"""


def test_relations_of_one_type_to_several_kinds(
    db: Database, shop: Any, read_graph: Callable[..., Any]
) -> None:
    shop.toml += KINDS
    shop.write("films.csv", "id,title,author,studio\nf1,One,Ann,Acme\nf2,Two,Bob,Acme\n")
    shop.write("pairs.csv", "one,how,two\nf1,CREATED_BY,f2\nf2,CREATED_BY,f1\n")
    ingest(db, shop.mapping())
    assert sum(link[1] == "CREATED_BY" for link in read_graph(db)["links"]) == 6
    assert find_gone(db, shop.mapping()).as_dict() == {"gone": {}, "files": []}
    shop.write("films.csv", "id,title,author,studio\nf1,One,Ann,Acme\nf2,Two,Ann,\n")
    shop.write("pairs.csv", "one,how,two\nf1,CREATED_BY,f2\n")
    ingest(db, shop.mapping())
    pruning = find_gone(db, shop.mapping())
    # To Bob and to Acme, and from an item to another.
    assert pruning.as_dict()["gone"] == {"CREATED_BY": 3, "Author": 1}
    prune(db, pruning)
    pruned = read_graph(db)
    db.write("MATCH (n) DETACH DELETE n")
    ingest(db, shop.mapping())
    assert pruned == read_graph(db)


@pytest.mark.parametrize("repeat", [False, True])
def test_the_keys_of_the_files_are_put_in_order_once(
    monkeypatch: pytest.MonkeyPatch, repeat: bool
) -> None:
    """However many batches the graph is read in."""
    target = LinkTarget("SEEN", "user", "item", repeat)
    keys, joins = _Keys(), []
    join = np.concatenate
    monkeypatch.setattr(np, "concatenate", lambda parts: joins.append(1) or join(parts))
    for number in range(3):
        ends = {"source": pa.array([f"u{number}"] * 2), "target": pa.array(["a", "b"])}
        at = {"at": pa.array([number, 9], pa.int64())} if repeat else {}
        keys.add(Table(target, ends | at, {}))
    for number in range(5):
        rows = [[f"u{number}", "a", number], [f"u{number}", "b", 8], ["u0", "c", 0]]
        known = number < 3
        assert keys.has(rows).tolist() == [known, known and not repeat, False]
    assert len(joins) <= 2
    none = _Keys()  # a column may name none any more
    none.add(Table(target, {name: column[:0] for name, column in (ends | at).items()}, {}))
    assert not none.has(rows).any()

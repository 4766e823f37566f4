"""Loading into both servers: what comes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from loads import balanced, lines

from linkspan.errors import DataError
from linkspan.graph.connecting.connection import Database
from linkspan.ingest import ingest


def test_the_shop_as_a_graph(db: Database, shop: Any, read_graph: Callable[..., Any]) -> None:
    report = balanced(ingest(db, shop.mapping()))
    assert lines(report) == {
        "things.csv Item": (3, 3, 0, 0),
        "things.csv Maker": (2, 2, 0, 0),
        "things.csv MADE_BY": (3, 3, 0, 0),
        "people.csv User": (2, 2, 0, 0),
        "bought.csv BOUGHT": (4, 4, 0, 0),
        "bought.csv User": (1, 1, 0, 0),
        "with.csv BOUGHT_WITH": (2, 2, 0, 0),
    }
    assert read_graph(db) == {
        "nodes": [
            ("Entity,Maker", "[('key', 'maker/Mae Ploy'), ('name', 'Mae Ploy')]"),
            ("Entity,Maker", "[('key', 'maker/Thai Co'), ('name', 'Thai Co')]"),
            (
                "Food,Item",
                "[('domain', 'food'), ('fresh', False), ('id', '2'), ('key', 'food/2'), "
                "('makers', ['Thai Co']), ('title', 'Rice, black')]",
            ),
            (
                "Food,Item",
                "[('domain', 'food'), ('fresh', True), ('id', '1'), ('key', 'food/1'), "
                "('makers', ['Mae Ploy', 'Thai Co']), ('price', 3.5), ('title', 'Green Curry')]",
            ),
            (
                "Item,KitchenWare",
                "[('domain', 'kitchen-ware'), ('id', '3'), ('key', 'kitchen-ware/3'), "
                "('price', 25.0), ('title', 'Wok')]",
            ),
            ("User", "[('age', 31), ('id', 'ann'), ('key', 'ann')]"),
            ("User", "[('id', 'bob'), ('key', 'bob')]"),
            ("User", "[('id', 'cid'), ('key', 'cid')]"),
        ],
        "links": [
            ("ann", "BOUGHT", "food/1", "[('at', 1700000000000), ('rating', 5), ('weight', 2.0)]"),
            (
                "ann",
                "BOUGHT",
                "kitchen-ware/3",
                "[('at', 1700000100000), ('rating', 3), ('weight', 1.0)]",
            ),
            ("bob", "BOUGHT", "food/2", "[('at', 1700000000000)]"),
            ("cid", "BOUGHT", "food/2", "[('at', 1700000050000), ('rating', 4), ('weight', 0.5)]"),
            ("food/1", "BOUGHT_WITH", "kitchen-ware/3", "[('weight', 7.0)]"),
            ("food/1", "MADE_BY", "maker/Mae Ploy", "[]"),
            ("food/1", "MADE_BY", "maker/Thai Co", "[]"),
            ("food/2", "BOUGHT_WITH", "kitchen-ware/3", "[]"),
            ("food/2", "MADE_BY", "maker/Thai Co", "[]"),
        ],
    }


def test_the_same_graph_in_any_order_of_rows(
    db: Database, shop: Any, read_graph: Callable[..., Any]
) -> None:
    ingest(db, shop.mapping())
    graph = read_graph(db)
    db.write("MATCH (n) DETACH DELETE n")
    for name in ("people.csv", "things.csv", "bought.csv", "with.csv"):
        header, *rows = shop.text(name).splitlines(keepends=True)
        shop.write(name, header + "".join(reversed(rows)))
    ingest(db, shop.mapping())
    assert read_graph(db) == graph


def test_a_bad_row_leaves_the_graph_as_it_was(
    db: Database, shop: Any, read_graph: Callable[..., Any]
) -> None:
    ingest(db, shop.mapping())
    graph = read_graph(db)
    shop.replace("with.csv", "1,3,7", "1,3,seven")
    shop.replace("things.csv", "Wok", "Large Wok")
    with pytest.raises(DataError, match=r"with\.csv, line 2, column 'times': .*'seven'"):
        ingest(db, shop.mapping())
    assert read_graph(db) == graph


def test_unshared_users_are_one_in_each_domain(db: Database, shop: Any) -> None:
    shop.toml = shop.toml.replace("shared = true", "", 1)
    start, end = shop.toml.index("[[users.files]]"), shop.toml.index("[[items]]")
    shop.toml = shop.toml[:start] + shop.toml[end:]
    ingest(db, shop.mapping())
    found = db.read("MATCH (u:User) RETURN u.key AS key, u.id AS id, u.domain AS domain")
    assert sorted(tuple(row.values()) for row in found) == [
        ("food/ann", "ann", "food"),
        ("food/bob", "bob", "food"),
        ("food/cid", "cid", "food"),
        ("kitchen-ware/ann", "ann", "kitchen-ware"),
    ]


def test_repeated_events_are_kept_apart_by_time(db: Database, shop: Any) -> None:
    shop.remap('positive = "rating >= 4"', 'positive = "rating >= 4"\nrepeat = true')
    shop.write(
        "bought.csv", shop.text("bought.csv") + "ann,1,1700009000,3,5\nann,1,1700009000,3,5\n"
    )
    report = balanced(ingest(db, shop.mapping()))
    assert lines(report)["bought.csv BOUGHT"] == (6, 5, 1, 0)
    again = balanced(ingest(db, shop.mapping(), force=True))
    assert lines(again)["bought.csv BOUGHT"] == (6, 0, 6, 0)
    found = db.read(
        "MATCH (:User {key: 'ann'})-[r:BOUGHT]->(:Item {key: 'food/1'}) RETURN r.at AS at"
    )
    assert sorted(row["at"] for row in found) == [1700000000000, 1700009000000]


def test_strange_ids_and_values_arrive_as_they_are(db: Database, shop: Any) -> None:
    strange = ["`x`", "'; MATCH (n) DELETE n //", "a/b/c", "🍜", "مرحبا", '"', "\\", "{x}", "$rows"]
    quoted = ['"' + value.replace('"', '""') + '"' for value in strange]
    shop.write(
        "things.csv",
        shop.text("things.csv") + "".join(f"{cell},food,{cell},{cell},1,\n" for cell in quoted),
    )
    ingest(db, shop.mapping())
    found = db.read("MATCH (i:Item) WHERE i.id = i.title RETURN i.key AS key, i.makers AS makers")
    assert sorted(row["key"] for row in found) == sorted(f"food/{value}" for value in strange)
    assert sorted(row["makers"][0] for row in found) == sorted(strange)


def test_entities_from_a_file_keep_their_names(db: Database, shop: Any) -> None:
    shop.write("makers.csv", "no,name,land\nMae Ploy,Mae Ploy Ltd,TH\nThai Co,,TH\n")
    shop.toml += (
        '\n[[entities]]\nfile = "makers.csv"\nkind = "Maker"\nid = "no"\nname = "name"\n'
        'properties = { land = "land" }\n'
    )
    for _ in range(2):
        ingest(db, shop.mapping(), force=True)
        found = db.read("MATCH (m:Entity:Maker) RETURN m.key AS key, m.name AS name, m.land AS l")
        assert sorted(tuple(row.values()) for row in found) == [
            ("maker/Mae Ploy", "Mae Ploy Ltd", "TH"),
            ("maker/Thai Co", "Thai Co", "TH"),
        ]


RATINGS = ("ann,1,1700000000,1,5", "ann,1,1500000000,1,1", "ann,1,1700000000,1,4")
LATEST = "MATCH ()-[r:BOUGHT]->(:Item {id: '1'}) RETURN r.at AS at, r.rating AS rating"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("files", [1, 3])
def test_the_later_event_wins_in_any_order(
    db: Database, shop: Any, order: tuple[int, ...], files: int
) -> None:
    rows = [RATINGS[number] for number in order]
    parts = [rows] if files == 1 else [[row] for row in rows]
    (shop.folder / "bought.csv").unlink()
    for number, part in enumerate(parts):
        text = "\n".join(["person,thing,when,amount,rating", *part]) + "\n"
        shop.write(f"bought{number}.csv", text)
    shop.remap('file = "bought.csv"', 'file = "bought*.csv"')
    shop.toml += '\n[ingest]\nduplicates = "update"\n'
    report = balanced(ingest(db, shop.mapping()))
    last = next(row for row in reversed(rows) if "1700000000" in row)  # of two at one time
    expected = [{"at": 1_700_000_000_000, "rating": int(last[-1])}]
    assert db.read(LATEST) == expected
    assert ingest(db, shop.mapping(), force=True).written == 0
    assert db.read(LATEST) == expected
    assert sum(line.written for line in report.lines if line.target == "BOUGHT") == 1


def test_an_older_export_does_not_take_the_place_of_later_events(
    db: Database, shop: Any, caplog: pytest.LogCaptureFixture
) -> None:
    shop.toml += '\n[ingest]\nduplicates = "update"\n'
    ingest(db, shop.mapping())
    older = "person,thing,when,amount,rating\nann,1,1500000000,2,1\nbob,1,1600000000,1,4\n"
    shop.write("bought.csv", older)
    report = balanced(ingest(db, shop.mapping()))
    assert lines(report)["bought.csv BOUGHT"] == (2, 1, 1, 0)  # bob's is new
    later = {"at": 1_700_000_000_000, "rating": 5}
    assert later in db.read(LATEST)
    assert "1 event(s) are older than what the graph has" in caplog.text
    assert "--force" in caplog.text
    ingest(db, shop.mapping(), force=True)
    assert {"at": 1_500_000_000_000, "rating": 1} in db.read(LATEST)
    assert later not in db.read(LATEST)

"""Loading into both servers: what comes in, once and again, changed, and broken off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from linkspan.errors import DatabaseError, DataError
from linkspan.graph.connecting.connection import Counters, Database
from linkspan.ingest import IngestReport, ingest
from servers import RunningServer, empty


def balanced(report: IngestReport) -> IngestReport:
    for line in report.lines:
        assert line.read == line.written + line.unchanged + line.rejected, line
    return report


def lines(report: IngestReport) -> dict[str, tuple[int, int, int, int]]:
    return {
        f"{line.file} {line.target}": (line.read, line.written, line.unchanged, line.rejected)
        for line in report.lines
    }


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


class Watched:
    """A database that counts what is written to it, and may break off before a write."""

    def __init__(self, database: Database, last: int | None = None) -> None:
        self._database = database
        self._last = last
        self.changed = Counters()
        self.rows = 0
        self.writes = 0
        self.looked_at: Counter[str] = Counter()

    def _count(self) -> None:
        self.writes += 1
        if self._last is not None and self.writes > self._last:
            raise KeyboardInterrupt

    def write_once(self, query: str, **parameters: Any) -> bool:
        self._count()
        self.rows += len(parameters["rows"])
        return self._database.write_once(query, **parameters)

    def write(self, query: str, **parameters: Any) -> Counters:
        self._count()
        counters = self._database.write(query, **parameters)
        if "LoadedFile" not in query:
            self.changed += counters
            self.rows += len(parameters["rows"])
        return counters

    def read_rows(self, query: str, parameters: dict[str, Any]) -> list[list[Any]]:
        self.looked_at["BOUGHT" if ":BOUGHT]" in query else "other"] += len(parameters["rows"])
        return self._database.read_rows(query, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


@pytest.mark.parametrize("force", [False, True])
def test_again_changes_nothing(
    db: Database, shop: Any, read_graph: Callable[..., Any], force: bool
) -> None:
    first = ingest(db, shop.mapping())
    graph, watched = read_graph(db), Watched(db)
    second = balanced(ingest(watched, shop.mapping(), force=force))  # type: ignore[arg-type]
    assert watched.rows == 0
    assert vars(watched.changed) == vars(Counters())
    assert read_graph(db) == graph
    assert second.written == 0
    assert all(line.skipped is not force for line in second.lines)
    assert second.unchanged == (first.read if force else 11)  # skipped: what files hold, 3+2+4+2


def test_only_what_changed_is_written(db: Database, shop: Any) -> None:
    ingest(db, shop.mapping())
    shop.replace("bought.csv", "cid,2,1700000050,0.5,4", "cid,2,1700000050,0.5,1")
    shop.replace("bought.csv", "\nbob,", "\neve,3,1700000060,1,1\nbob,")
    watched = Watched(db)
    report = balanced(ingest(watched, shop.mapping()))  # type: ignore[arg-type]
    assert lines(report)["bought.csv BOUGHT"] == (5, 2, 3, 0)
    assert lines(report)["bought.csv User"] == (4, 1, 3, 0)
    assert watched.rows == 3
    assert [line.file for line in report.lines if line.skipped] == [
        "things.csv",
        "people.csv",
        "with.csv",
    ]
    found = db.read("MATCH (:User {key: 'cid'})-[r:BOUGHT]->() RETURN r.rating AS rating")
    assert found == [{"rating": 1}]


def test_a_value_that_is_gone_from_the_file_is_gone_from_the_graph(db: Database, shop: Any) -> None:
    ingest(db, shop.mapping())
    shop.replace("things.csv", "Green Curry,Mae Ploy|Thai Co,3.5", "Green Curry,Mae Ploy|Thai Co,")
    ingest(db, shop.mapping())
    found = db.read("MATCH (i:Item {key: 'food/1'}) RETURN keys(i) AS keys")
    assert "price" not in found[0]["keys"]


def test_a_changed_mapping_loads_again(db: Database, shop: Any) -> None:
    ingest(db, shop.mapping())
    shop.remap('price = { column = "price", type = "number" }', 'cost = "price"')
    report = balanced(ingest(db, shop.mapping()))
    assert lines(report)["things.csv Item"] == (3, 2, 1, 0)
    assert not next(line for line in report.lines if line.file == "things.csv").skipped
    assert db.read("MATCH (i:Item {key: 'food/1'}) RETURN i.cost AS cost") == [{"cost": "3.5"}]


def test_broken_off_at_every_write_and_started_again(
    db: Database, shop: Any, read_graph: Callable[..., Any]
) -> None:
    graph: Any = None
    last = 0
    while True:
        db.write("MATCH (n) DETACH DELETE n")
        watched = Watched(db, last)
        try:
            ingest(watched, shop.mapping())  # type: ignore[arg-type]
        except KeyboardInterrupt:
            balanced(ingest(db, shop.mapping()))
            broken = read_graph(db)
        else:
            break
        last += 1
        assert graph in (None, broken)
        graph = broken
    assert read_graph(db) == graph
    assert last > 12


def test_a_load_goes_on_where_it_broke_off(
    db: Database, shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkspan.ingest.readers.csv_reader.BATCH_ROWS", 10)
    more = "".join(f"u{n},{1 + n % 3},1700000000,1,5\n" for n in range(100))
    shop.write("bought.csv", shop.text("bought.csv") + more + "cid,2,soon,1,1\n")
    shop.toml += '\n[ingest]\nmalformed = "skip"\n'
    with pytest.raises(KeyboardInterrupt):
        ingest(Watched(db, 25), shop.mapping())  # type: ignore[arg-type]
    entry = "MATCH (f:LoadedFile {file: 'bought.csv'}) RETURN f.loaded AS loaded, f.rows AS rows"
    loaded = db.read(entry)[0]["loaded"]
    assert 20 < loaded < 100
    watched = Watched(db)
    report = balanced(ingest(watched, shop.mapping()))  # type: ignore[arg-type]
    # What was loaded is not even compared: all rows that are looked at come after.
    assert lines(report)["bought.csv BOUGHT"][0] == 105
    assert watched.looked_at["BOUGHT"] <= 105 - loaded
    assert db.read("MATCH (:User)-[r:BOUGHT]->() RETURN count(r) AS c") == [{"c": 104}]
    assert db.read(entry) == [{"loaded": 105, "rows": 105}]
    assert (shop.folder / "rejects" / "bought.csv.interactions-1.csv").read_text().count(
        "soon"
    ) == 2


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


@pytest.mark.parametrize("repeat", [False, True], ids=["once", "repeat"])
def test_a_connection_lost_while_interactions_are_sent_neither_loses_nor_doubles_them(
    db: Database,
    server: RunningServer,
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
    empty(server)
    monkeypatch.setattr(Database, "write_once", send)
    ingest(db, mapping)
    assert found == read_graph(db)
    assert Counter(link[1] for link in found["links"])["BOUGHT"] == 4


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


@pytest.mark.parametrize("written", [0, 1, 2], ids=["none", "every other", "all"])
def test_a_connection_lost_while_nodes_are_sent_neither_loses_nor_doubles_them(
    db: Database,
    server: RunningServer,
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
    empty(server)
    monkeypatch.setattr(Database, "write_once", send)
    ingest(db, shop.mapping())
    assert found == read_graph(db)


def test_of_a_batch_the_new_nodes_are_made_and_the_changed_ones_set(
    db: Database, server: RunningServer, shop: Any, read_graph: Callable[..., Any]
) -> None:
    """One file with all three: an item as it was, one with another title, and one of each domain
    that is new, with an entity that is new too; and an item that moves to the other domain."""
    ingest(db, shop.mapping())
    text = (shop.folder / "things.csv").read_text()
    first, rest = text.splitlines()[0], text.splitlines()[1:]
    columns = len(first.split(","))
    more = [
        f"{n},{domain},New {n},Maker {n}" + "," * (columns - 4)
        for n, domain in ((8, "food"), (9, "kitchen-ware"))
    ]
    changed = [rest[0].replace(rest[0].split(",")[2], "Other title"), *rest[1:], *more]
    shop.write("things.csv", "\n".join([first, *changed]) + "\n")
    report = balanced(ingest(db, shop.mapping()))
    assert lines(report)["things.csv Item"] == (5, 3, 2, 0)
    found = read_graph(db)
    empty(server)
    ingest(db, shop.mapping())
    assert found == read_graph(db)


def test_a_kind_that_is_written_otherwise_is_not_silently_the_old_one(
    db: Database, shop: Any
) -> None:
    """The keys are the same, the label is not; ArcadeDB does not give a node another label."""
    ingest(db, shop.mapping())
    shop.toml = shop.toml.replace("Maker", "MAKER")
    with pytest.raises(DatabaseError):
        ingest(db, shop.mapping(), force=True)

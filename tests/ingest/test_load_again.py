"""Loading again: the same files, changed ones, and those of a load that was broken off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from loads import balanced, lines

from linkspan.errors import DatabaseError
from linkspan.graph.connecting.connection import Counters, Database
from linkspan.ingest import ingest
from servers import RunningServer, empty


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
        if "Lease " in query:
            return self._database.write(query, **parameters)
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


def test_of_a_batch_the_new_nodes_are_made_and_the_changed_ones_set(
    db: Database,
    server: RunningServer,
    own_schema: frozenset[str],
    shop: Any,
    read_graph: Callable[..., Any],
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
    empty(server, own_schema)
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


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("kind", ["boolean", "number"])
def test_a_value_of_another_type_is_another_value(
    db: Database, shop: Any, force: bool, kind: str
) -> None:
    """Also where Python takes the two for equal, as 1, 1.0 and true."""
    shop.replace("things.csv", "3.5", "0")
    shop.replace("things.csv", "25", "1")
    shop.replace("bought.csv", ",2,5", ",2,1")
    shop.replace("bought.csv", ",1,3", ",1,0")
    shop.replace("bought.csv", ",0.5,4", ",0.5,0")
    shop.remap('positive = "rating >= 4"', "")
    shop.remap('column = "price", type = "number"', 'column = "price", type = "integer"')
    ingest(db, shop.mapping())
    shop.remap('column = "price", type = "integer"', f'column = "price", type = "{kind}"')
    shop.remap('column = "rating", type = "integer"', f'column = "rating", type = "{kind}"')
    ingest(db, shop.mapping(), force=force)
    items = db.read("MATCH (n:Item) RETURN n.price AS value, n.key AS key ORDER BY key")
    events = db.read("MATCH ()-[r:BOUGHT]->() WHERE r.rating IS NOT NULL RETURN r.rating AS value")
    found = [repr(row["value"]) for row in items], sorted(repr(row["value"]) for row in events)
    no, yes = ("False", "True") if kind == "boolean" else ("0.0", "1.0")
    assert found == ([no, "None", yes], [no, no, yes])
    assert ingest(db, shop.mapping(), force=True).written == 0


@pytest.mark.parametrize("policy", ["update", "keep"])
@pytest.mark.parametrize("dated", [True, False])
def test_events_that_repeat_no_longer_are_one(
    db: Database, shop: Any, read_graph: Callable[..., Any], policy: str, dated: bool
) -> None:
    more = "ann,1,1700000300,3,4\nann,1,1700000200,2,5\nbob,2,1700000300,,\n"
    shop.write("bought.csv", shop.text("bought.csv") + more)
    shop.toml += f'\n[ingest]\nduplicates = "{policy}"\n'
    shop.remap('positive = "rating >= 4"', 'positive = "rating >= 4"\nrepeat = true')
    ingest(db, shop.mapping())
    db.write(
        "MATCH (u:User {key: 'cid'}) MATCH (i:Item {key: 'food/2'}) "
        "CREATE (u)-[:BOUGHT {at: 1600000000000}]->(i)"  # as feedback does
    )
    shop.remap("repeat = true", "")
    if not dated:
        shop.remap('at = { column = "when", unit = "s" }', "")
        db.write("MATCH (:User {key: 'cid'})-[r:BOUGHT]->() SET r.at = NULL")  # whose, none knows
    ingest(db, shop.mapping())
    found = db.read(
        "MATCH (u:User)-[r:BOUGHT]->(i) RETURN u.key AS user, i.key AS item, r.at AS at, "
        "r.weight AS weight, r.rating AS rating ORDER BY user, item"
    )
    pairs = [(row["user"], row["item"]) for row in found]
    once = [("ann", "food/1"), ("ann", "kitchen-ware/3"), ("bob", "food/2"), ("cid", "food/2")]
    assert pairs == [*once, *once[3:] * (not dated)]
    assert ingest(db, shop.mapping(), force=True).written == 0
    if dated:
        graph = read_graph(db)
        db.write("MATCH (n) DETACH DELETE n")
        ingest(db, shop.mapping())
        assert read_graph(db) == graph

"""Policies: what is done with bad rows, and how they come back once they are mended."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any

import pytest

from linkspan.errors import ConfigError, DataError
from linkspan.graph.connecting.connection import Database
from linkspan.ingest import IngestReport, ingest

LENIENT = '\n[ingest]\nduplicates = "keep"\ndangling = "skip"\nmalformed = "skip"\n'


@pytest.fixture
def dirty(shop: Any) -> Any:
    """A shop with one bad row of each sort, and policies that pass over them."""
    shop.replace(
        "bought.csv",
        "cid,2",
        "dan,1,soon,1,1\n"  # line 5: malformed
        "dan,99,1700000000,1,1\n"  # line 6: dangling
        "ann,1,1700000001,2,5\n"  # line 7: another time than in line 2
        "ann,3,1700000100,1,3\n"  # line 8: the same as line 3
        "dan,1\n"  # line 9: too short
        "cid,2",
    )
    shop.toml += LENIENT
    return shop


def line(report: IngestReport, target: str) -> tuple[int, int, int, int]:
    found = next(line for line in report.lines if line.target == target)
    assert found.read == found.written + found.unchanged + found.rejected
    return found.read, found.written, found.unchanged, found.rejected


def rejected(report: IngestReport) -> list[dict[str, str]]:
    path = next(line.rejects for line in report.lines if line.rejects)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_bad_rows_are_left_out_and_told(
    db: Database, dirty: Any, shop: Any, read_graph: Callable[..., Any]
) -> None:
    report = ingest(db, dirty.mapping())
    assert line(report, "BOUGHT") == (9, 4, 1, 4)
    rows = rejected(report)
    assert [(row["rejected_line"], row["person"], row["rejected_reason"]) for row in rows] == [
        ("5", "dan", "this is not a number. Check 'unit' in the mapping."),
        (
            "6",
            "dan",
            "no items file has this item. Add it to an items file, or remove this row.",
        ),
        (
            "7",
            "ann",
            "line 2 says something else of the same user and item. Keep one of the two rows, "
            "or say 'repeat = true' in the mapping where both are events.",
        ),
        (
            "9",
            "",
            "2 columns where the header has 5. "
            "Write every value; an empty one still needs its delimiter.",
        ),
    ]
    assert rows[0]["rejected_column"] == "when"
    assert rows[3]["rejected_value"] == "dan,1"
    users = db.read("MATCH (u:User) RETURN u.key AS key")
    assert sorted(row["key"] for row in users) == ["ann", "bob", "cid"]
    again = ingest(db, dirty.mapping())
    assert line(again, "BOUGHT") == (9, 0, 5, 4)
    forced = ingest(db, dirty.mapping(), force=True)
    assert line(forced, "BOUGHT") == (9, 0, 5, 4)
    graph = read_graph(db)
    db.write("MATCH (n) DETACH DELETE n")
    shop.write(
        "bought.csv",
        "".join(
            row + "\n"
            for number, row in enumerate(dirty.text("bought.csv").splitlines(), 1)
            if number not in (5, 6, 7, 8, 9)
        ),
    )
    ingest(db, shop.mapping())
    assert read_graph(db) == graph


def test_mended_rejects_are_loaded(db: Database, dirty: Any) -> None:
    path = next(line.rejects for line in ingest(db, dirty.mapping()).lines if line.rejects)
    rows = path.read_text().replace("soon", "1700000009").replace("dan,99", "dan,2")
    path.write_text("".join(rows.splitlines(keepends=True)[:3]))
    dirty.remap('file = "bought.csv"', f'file = "{path.relative_to(dirty.folder)}"')
    report = ingest(db, dirty.mapping())
    assert line(report, "BOUGHT") == (2, 2, 0, 0)
    found = db.read("MATCH (:User {key: 'dan'})-[r:BOUGHT]->(i) RETURN i.key AS key, r.at AS at")
    assert sorted((row["key"], row["at"]) for row in found) == [
        ("food/1", 1700000009000),
        ("food/2", 1700000000000),
    ]


def test_the_last_of_two_rows_counts_with_update(db: Database, dirty: Any) -> None:
    dirty.remap('duplicates = "keep"', 'duplicates = "update"')
    assert line(ingest(db, dirty.mapping()), "BOUGHT") == (9, 4, 2, 3)
    found = db.read(
        "MATCH (:User {key: 'ann'})-[r:BOUGHT]->(:Item {key: 'food/1'}) RETURN r.at AS at"
    )
    assert found == [{"at": 1700000001000}]


def test_a_dry_run_tells_the_same_counts_and_writes_nothing(dirty: Any, recorder: Any) -> None:
    report = ingest(recorder, dirty.mapping(), dry_run=True)
    assert line(report, "BOUGHT") == (9, 4, 1, 4)
    assert recorder.writes == []
    assert not (dirty.folder / "rejects").exists()


@pytest.mark.parametrize(
    ("limit", "passes"),
    [("4", True), ("3", False), ('"45%"', True), ('"44%"', False), ("0", False), ('"0%"', False)],
)
def test_a_limit_on_rejects(dirty: Any, recorder: Any, limit: str, passes: bool) -> None:
    dirty.toml += f"max_rejects = {limit}\n"
    if passes:
        assert ingest(recorder, dirty.mapping(), dry_run=True).rejected == 4
        return
    with pytest.raises(DataError, match=r"bought\.csv: [34] of 9 rows cannot be taken, more than"):
        ingest(recorder, dirty.mapping())
    assert recorder.writes == []


@pytest.mark.parametrize("policy", ["duplicates", "dangling", "malformed"])
def test_each_policy_stands_for_itself(dirty: Any, recorder: Any, policy: str) -> None:
    start = dirty.toml.index(policy)
    dirty.toml = dirty.toml[:start] + dirty.toml[dirty.toml.index("\n", start) :]
    number = {"duplicates": 7, "dangling": 6, "malformed": 5}[policy]
    with pytest.raises(DataError, match=rf"bought\.csv, line {number}\b"):
        ingest(recorder, dirty.mapping())
    assert recorder.writes == []


def test_an_item_that_no_file_has_is_inserted_once(
    db: Database, shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where rows of several batches name it, in a graph that was empty."""
    monkeypatch.setattr("linkspan.ingest.readers.csv_reader.BATCH_ROWS", 1)
    shop.remap('item = "thing"\n', 'item = "thing"\ndomain = "food"\n')
    shop.toml += '\n[ingest]\ndangling = "insert"\n'
    shop.write("bought.csv", "person,thing,when,amount,rating\nann,9,1,1,1\nbob,9,1,1,1\n")
    ingest(db, shop.mapping())
    assert db.read("MATCH (i:Item {key: 'food/9'})<-[r:BOUGHT]-() RETURN count(r) AS c") == [
        {"c": 2}
    ]


def test_items_that_no_file_has_are_inserted_where_their_domain_is_known(
    db: Database, dirty: Any
) -> None:
    dirty.remap('dangling = "skip"', 'dangling = "insert"')
    with pytest.raises(ConfigError, match=r"\[\[interactions\]\] 1 needs 'domain', as \[ingest\]"):
        dirty.mapping()
    dirty.remap('item = "thing"\n', 'item = "thing"\ndomain = { column = "shelf" }\n')
    dirty.write(
        "bought.csv",
        "person,thing,shelf,when,amount,rating\n"
        "ann,1,food,1700000000,2,5\n"
        "dan,99,food,1700000000,1,1\n"
        "dan,98,garden,1700000000,1,1\n",
    )
    with pytest.raises(DataError, match=r"line 4, column 'shelf': no items file has this domain"):
        ingest(db, dirty.mapping())
    dirty.replace("bought.csv", "garden", "kitchen-ware")
    report = ingest(db, dirty.mapping())
    assert line(report, "BOUGHT") == (3, 3, 0, 0)
    assert [(row.read, row.written) for row in report.lines if row.target == "Item"] == [
        (3, 3),
        (2, 2),
    ]
    found = db.read("MATCH (i:Item) WHERE i.title IS NULL RETURN i.key AS k, labels(i) AS l")
    assert sorted((row["k"], sorted(row["l"])) for row in found) == [
        ("food/99", ["Food", "Item"]),
        ("kitchen-ware/98", ["Item", "KitchenWare"]),
    ]
    dirty.write("things.csv", dirty.text("things.csv") + "99,food,Tea,,1,\n")
    assert line(ingest(db, dirty.mapping()), "Item") == (4, 1, 3, 0)
    assert ingest(db, dirty.mapping(), force=True).written == 0


def test_rejected_rows_come_in_when_their_item_does(db: Database, dirty: Any) -> None:
    ingest(db, dirty.mapping())
    dirty.write("things.csv", dirty.text("things.csv") + "99,food,Tea,,1,\n")
    assert line(ingest(db, dirty.mapping()), "BOUGHT") == (9, 1, 5, 3)


def test_a_limit_of_another_form_is_refused(shop: Any) -> None:
    shop.toml += '\n[ingest]\nmax_rejects = "a few"\n'
    with pytest.raises(ConfigError, match=r"\[ingest\], max_rejects: .* such as '1%'"):
        shop.mapping()

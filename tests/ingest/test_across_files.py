"""What a row becomes where rows of other files have a say in it, loaded at once or bit by bit."""

from __future__ import annotations

from typing import Any

import pytest

from linkspan.graph.connecting.connection import Database
from linkspan.ingest import ingest

SCALED = '{ column = "times", normalise = "minmax" }'
WEIGHTS = """
MATCH (a:Item)-[r:BOUGHT_WITH|LIKES]->(b:Item)
RETURN a.id + type(r) + b.id AS pair, r.weight AS weight
"""


def weights(db: Database) -> dict[str, float]:
    return {row["pair"]: row["weight"] for row in db.read(WEIGHTS)}


@pytest.fixture
def scaled(shop: Any) -> Any:
    """Two files of one relation, scaled together."""
    shop.remap('weight = "times"', f"weight = {SCALED}")
    second = shop.toml[shop.toml.index("[[relations]]") :]
    shop.toml += "\n" + second.replace("with.csv", "more.csv")
    shop.write("with.csv", "one,other,times\n1,3,0\n1,4,100\n")
    shop.write("more.csv", "one,other,times\n2,3,40\n2,4,60\n")
    shop.write("things.csv", shop.text("things.csv") + "4,kitchen-ware,Pan,,,\n")
    return shop


TOGETHER = {
    "1BOUGHT_WITH3": 0.0,
    "1BOUGHT_WITH4": 1.0,
    "2BOUGHT_WITH3": 0.4,
    "2BOUGHT_WITH4": 0.6,
}


def test_each_type_of_relations_has_a_scale_of_its_own(db: Database, scaled: Any) -> None:
    before, _, after = scaled.toml.rpartition('type = "BOUGHT_WITH"')
    scaled.toml = before + 'type = "LIKES"' + after
    ingest(db, scaled.mapping())
    assert weights(db) == {
        "1BOUGHT_WITH3": 0.0,
        "1BOUGHT_WITH4": 1.0,
        "2LIKES3": 0.0,
        "2LIKES4": 1.0,
    }


def test_so_has_each_that_a_column_names(db: Database, scaled: Any) -> None:
    scaled.toml = scaled.toml[: scaled.toml.rindex("[[relations]]")].replace(
        'type = "BOUGHT_WITH"',
        'type = { column = "how" }',
    )
    scaled.write(
        "with.csv",
        "one,other,times,how\n1,3,0,BOUGHT_WITH\n1,4,100,BOUGHT_WITH\n2,3,4,LIKES\n2,4,6,LIKES\n",
    )
    ingest(db, scaled.mapping())
    assert weights(db) == {
        "1BOUGHT_WITH3": 0.0,
        "1BOUGHT_WITH4": 1.0,
        "2LIKES3": 0.0,
        "2LIKES4": 1.0,
    }


def test_a_load_that_goes_on_scales_by_the_files_before(db: Database, scaled: Any) -> None:
    ingest(db, scaled.mapping())
    assert weights(db) == pytest.approx(TOGETHER)
    # As if it had been killed between the files.
    db.write("MATCH (f:LoadedFile {file: 'more.csv'}) DELETE f")
    db.write("MATCH (:Item {id: '2'})-[r:BOUGHT_WITH]->() DELETE r")
    ingest(db, scaled.mapping())
    assert weights(db) == pytest.approx(TOGETHER)


def test_another_mapping_of_one_file_scales_by_all(db: Database, scaled: Any) -> None:
    ingest(db, scaled.mapping())
    scaled.toml += '[relations.properties]\nnote = "times"\n'  # of the second file
    ingest(db, scaled.mapping())
    assert weights(db) == pytest.approx(TOGETHER)


def test_rows_come_in_with_the_entity_that_they_lacked(db: Database, shop: Any) -> None:
    entity = '[[entities]]\nkind = "Maker"\nfile = "makers.csv"\nid = "id"\n'
    shop.toml = shop.toml.replace("[[items]]", entity + "\n[[items]]", 1)
    shop.toml += '\n[ingest]\ndangling = "skip"\n'
    shop.write("makers.csv", "id\nThai Co\n")  # not yet Mae Ploy, who makes thing 1
    read = "MATCH (:User)-[r:BOUGHT]->(i:Item) RETURN i.id AS item, count(r) AS users"
    ingest(db, shop.mapping())
    assert {row["item"] for row in db.read(read)} == {"2", "3"}
    shop.write("makers.csv", "id\nThai Co\nMae Ploy\n")
    ingest(db, shop.mapping())
    shop.write("bought.csv", shop.text("bought.csv") + "dan,1,1700000200,1,4\n")
    ingest(db, shop.mapping())
    bit_by_bit = sorted((row["item"], row["users"]) for row in db.read(read))
    db.write("MATCH (n) DETACH DELETE n")
    ingest(db, shop.mapping())
    assert sorted((row["item"], row["users"]) for row in db.read(read)) == bit_by_bit
    assert dict(bit_by_bit)["1"] == 2

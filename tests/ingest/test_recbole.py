"""RecBole's atomic files: a mapping from their headers alone."""

from __future__ import annotations

import gzip
import tomllib
from pathlib import Path
from typing import Any

import pytest

from linkspan.errors import ConfigError, DataError
from linkspan.graph.connecting.connection import Database
from linkspan.ingest import Mapping, ingest, mapping_from_tables
from linkspan.ingest.roles import find_roles

FILES = {
    "inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\tweight:float\n"
    "7\t1\t5\t881250949\t1\n8\t2\t3\t881250950\t1\n",
    "item": "item_id:token\tmovie_title:token_seq\tclass:token_seq\tvector:float_seq\tname:token\n"
    "1\tToy Story\tAnimation Comedy\t0.5 -1\tx\n2\tHeat\t\t\ty\n",
    "user": "user_id:token\tage:float\tdomain:token\n7\t24\tleft\n",
    "kg": "head_id:token\trelation_id:token\ttail_id:token\nm.1\tfilm.actor\tm.9\n",
    "link": "item_id:token\tentity_id:token\n1\tm.1\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Atomic files, one of them compressed."""
    (tmp_path / "small").mkdir()
    for suffix, text in FILES.items():
        (tmp_path / "small" / f"small.{suffix}").write_text(text)
    (tmp_path / "small" / "small.kg").unlink()
    (tmp_path / "small" / "small.kg.gz").write_bytes(gzip.compress(FILES["kg"].encode()))
    return tmp_path


def mapping(folder: Path, more: str = "", head: str = "[recbole]") -> Mapping:
    toml = f'{head}\npath = "small"\ndomain = "films"\n{more}'
    return mapping_from_tables(tomllib.loads(toml), folder)


def test_the_graph_of_atomic_files(db: Database, folder: Path) -> None:
    ingest(db, mapping(folder, 'positive = "rating >= 4"\n[users]\nshared = true\n'))
    items = db.read("MATCH (i:Item:Films) RETURN properties(i) AS p ORDER BY i.id")
    assert [row["p"] for row in items] == [
        {
            "key": "films/1", "id": "1", "domain": "films", "title": "Toy Story",
            "class": ["Animation", "Comedy"], "vector": [0.5, -1.0], "item_name": "x",
            "entity": "m.1",
        },
        {"key": "films/2", "id": "2", "domain": "films", "title": "Heat", "item_name": "y"},
    ]  # fmt: skip
    users = db.read("MATCH (u:User) RETURN properties(u) AS p ORDER BY u.id")
    assert [row["p"] for row in users] == [
        {"key": "7", "id": "7", "age": 24.0, "user_domain": "left"},
        {"key": "8", "id": "8"},
    ]
    events = db.read(
        "MATCH (u:User)-[r:INTERACTED]->(i:Item) RETURN u.id AS u, i.id AS i, properties(r) AS p "
        "ORDER BY u"
    )
    assert [tuple(row.values()) for row in events] == [
        ("7", "1", {"at": 881250949000, "rating": 5.0, "inter_weight": 1.0}),
        ("8", "2", {"at": 881250950000, "rating": 3.0, "inter_weight": 1.0}),
    ]
    found = db.read("MATCH (i:Item)-[:FILM_ACTOR]->(c:Concept) RETURN i.key AS i, c.key AS c")
    assert found == [{"i": "films/1", "c": "concept/m.9"}]
    assert ingest(db, mapping(folder, "[users]\nshared = true\n"), force=True).written == 0


def test_choices(folder: Path) -> None:
    made = mapping(
        folder,
        'type = "RATED"\ntitle = "name"\ntext = ["class", "movie_title", "name"]\nkind = "Thing"\n'
        'relations = ["film.actor"]\nunit = "position"\nrepeat = true\notherwise = "ignored"\n',
    )
    (items,), (events,), (triples,) = made.items, made.interactions, made.relations
    assert items.text == ("class", "movie_title", "title")
    assert items.properties["title"].column == "name:token"
    assert (events.type, events.repeat, events.otherwise) == ("RATED", True, "ignored")
    assert events.at is not None and events.at.unit == "position"
    assert triples.type.types == ("FILM_ACTOR",)
    assert made.kinds == ("Thing",)
    assert made.users.files[0].domain is not None  # users are not shared unless it is said


def test_interactions_alone_are_enough(folder: Path, recorder: Any) -> None:
    for suffix in ("item", "user", "kg.gz", "link"):
        (folder / "small" / f"small.{suffix}").unlink()
    made = mapping(folder)
    report = ingest(recorder, made, dry_run=True)
    assert [(line.target, line.written) for line in report.lines] == [
        ("Item", 2),
        ("INTERACTED", 2),
    ]
    assert find_roles(made).text == ()


def test_several_data_sets_beside_other_tables(folder: Path) -> None:
    (folder / "books").mkdir()
    (folder / "books" / "b.inter").write_text("reader:token\titem_id:token\n7\t1\n")
    made = mapping(
        folder,
        '[[recbole]]\npath = "books"\ndomain = "books"\nuser = "reader"\ntype = "READ"\n'
        '[[items]]\nfile = "x.csv"\nid = "id"\ndomain = "games"\n',
        head="[[recbole]]",
    )
    assert made.domain_names == ("books", "films", "games")
    assert [table.at is None for table in made.interactions] == [False, True]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('pth = "x"', r"\[\[recbole\]\] 1: there is no key 'pth'. Perhaps 'path' is meant"),
        ('title = "titel"', r"small\.item has no field 'titel'. It has item_id, movie_title"),
        ('text = ["clas"]', r"small\.item has no field 'clas'"),
        ('time = "when"', r"small\.inter has no field 'when'"),
        ('name = "large"', r"has no file large\.inter. Choose one with 'name': small"),
        (
            'positive = "stars > 3"',
            r"\[\[interactions\]\] 1: positive compares 'stars' with a number",
        ),
    ],
)
def test_a_wrong_choice_is_named(folder: Path, more: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        mapping(folder, more)


def test_wrong_folders_and_headers(folder: Path) -> None:
    small = folder / "small"
    (small / "other.inter").write_text(FILES["inter"])
    with pytest.raises(ConfigError, match=r"several data sets. Choose .*'name': other, small"):
        mapping(folder)
    (small / "other.inter").unlink()
    (small / "small.user").write_text("user_id:token\tage:int\n7\t24\n")
    with pytest.raises(DataError, match=r"small\.user, line 1: the header is not .*'age:int'"):
        mapping(folder)
    (small / "small.inter").unlink()
    with pytest.raises(ConfigError, match=r"small has no file NAME\.inter. Check 'path'"):
        mapping(folder)
    small.rename(folder / "large")
    with pytest.raises(ConfigError, match=r"there is no folder .*small"):
        mapping(folder)

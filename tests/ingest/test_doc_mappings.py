"""The mappings of the page on the mapping, loaded as they stand there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from linkspan.graph.connecting.connection import Database
from linkspan.ingest import ingest
from linkspan.settings import load_settings
from pages import blocks, commands

ATOMIC, VECTORS, SCHEMA, IDENTITIES = blocks("mapping.md", "toml")
CATALOGUE = """
[[items]]
file = "books.csv"
id = "isbn"
domain = "books"

[[items]]
file = "films.csv"
id = "film"
domain = "films"

[[interactions]]
file = "events.csv"
type = "SAVED"
user = "user"
item = "item"
domain = { column = "domain" }
"""


def load(db: Database, folder: Path, text: str, files: dict[str, str]) -> None:
    """Ingest a mapping and its files; no row may be rejected."""
    folder.mkdir(exist_ok=True)
    for name, rows in files.items():
        (folder / name).write_text(rows)
    (folder / "linkspan.toml").write_text(text)
    assert ingest(db, load_settings(folder / "linkspan.toml").mapping()).rejected == 0


def test_atomic_files(db: Database, tmp_path: Path) -> None:
    (tmp_path / "ml-100k").mkdir()
    for name, header, row in (
        ("item", "item_id:token\tmovie_title:token_seq", "1\tToy Story"),
        ("inter", "user_id:token\titem_id:token\ttimestamp:float", "7\t1\t881250949"),
    ):
        (tmp_path / "ml-100k" / f"ml-100k.{name}").write_text(f"{header}\n{row}\n")
    load(db, tmp_path / "project", ATOMIC, {})
    found = "MATCH (u:User)-[r:INTERACTED]->(i:Item) RETURN u.id AS u, i.key AS i, i.title AS t, "
    assert db.read(found + "r.at AS at") == [
        {"u": "7", "i": "films/1", "t": "Toy Story", "at": 881250949000}
    ]


def test_vectors_and_features(db: Database, tmp_path: Path) -> None:
    np.save(tmp_path / "posters.npy", np.array([[0.5, -1], [2, 3]], np.float32))
    sound = pa.table({"film": ["1"], "vector": [[0.25, 4.0, 1.0]]})
    pq.write_table(sound, tmp_path / "sound.parquet")
    files = {
        "films.csv": "film,title,country,budget,date\n1,<b>Dune</b>,,99,2021-09-15\n"
        "2,Emma,GB,NA,2020-02-14\n",
        "posters.txt": "2\n1\n",
        "seen.csv": "person,film\nann,1\n",
    }
    load(db, tmp_path, VECTORS, files)
    rows = db.read("MATCH (i:Films) RETURN properties(i) AS p ORDER BY i.id")
    common: dict[str, Any] = {"domain": "films"}
    assert [row["p"] for row in rows] == [
        common | {
            "key": "films/1", "id": "1", "title": "Dune", "country": "unknown",
            "budget": np.log1p(99), "released": "2021-09-15", "image": [2.0, 3.0],
            "sound": [0.25, 4.0, 1.0],
        },
        common | {
            "key": "films/2", "id": "2", "title": "Emma", "country": "GB",
            "released": "2020-02-14", "image": [0.5, -1.0],
        },
    ]  # fmt: skip
    assert db.read("MATCH (:User)-[r:SAW]->(:Films) RETURN count(r) AS n") == [{"n": 1}]


def test_identities(db: Database, tmp_path: Path) -> None:
    files = {
        "books.csv": "isbn\nx1\nx2\n",
        "films.csv": "film\n1\n2\n",
        "events.csv": "user,domain,item\nann,books,x1\nanna,films,1\n",
        "accounts.csv": "book_account,film_account\nann,anna\n",
        "editions.csv": "isbn,film\nx2,1\n",
    }
    load(db, tmp_path, CATALOGUE + IDENTITIES, files)
    rows = db.read("MATCH (a)-[:SAME_AS]->(b) RETURN a.key AS a, b.key AS b ORDER BY a")
    assert rows == [{"a": "books/ann", "b": "films/anna"}, {"a": "books/x2", "b": "films/1"}]


def test_the_schema_that_the_first_line_names_is_the_one_that_is_written(tmp_path: Path) -> None:
    written = commands("mapping.md")[0].removeprefix("linkspan schema > ")
    assert f"#:schema ./{written}\n" == SCHEMA
    (tmp_path / "linkspan.toml").write_text(SCHEMA + CATALOGUE)
    assert load_settings(tmp_path / "linkspan.toml").mapping().domain_names == ("books", "films")

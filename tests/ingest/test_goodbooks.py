"""The bundled data: what is in the graph equals what pandas counts in the files.

``make soak`` loads all of it; otherwise it is a tenth of the readers, with the books they saved.
"""

from __future__ import annotations

import os
import tomllib
from collections import Counter
from importlib.resources import as_file, files
from pathlib import Path

import pandas as pd
import pytest

from linkspan.graph.connecting.connection import Database
from linkspan.ingest import TABLES, ingest, mapping_from_tables
from linkspan.ingest.roles import find_roles

SOAK = os.environ.get("LINKSPAN_SOAK") == "1"
pytestmark = [pytest.mark.soak] if SOAK else []  # then make soak runs it, else every run does


def test_counts_equal_those_of_pandas(db: Database, tmp_path: Path) -> None:
    with as_file(files("linkspan") / "data" / "goodbooks") as folder:
        books = pd.read_csv(folder / "books.csv.gz", dtype=str)
        saved = pd.read_csv(folder / "to_read.csv.gz", dtype=str)
        tables = tomllib.loads((folder / "linkspan.toml").read_text())
    if not SOAK:
        saved = saved[saved["user_id"].str.endswith("0")]
        books = books[books["book_id"].isin(saved["book_id"])]
    books.to_csv(tmp_path / "books.csv.gz", index=False)
    saved.to_csv(tmp_path / "to_read.csv.gz", index=False)
    mapping = mapping_from_tables({k: v for k, v in tables.items() if k in TABLES}, tmp_path)
    assert set(find_roles(mapping).domains) == set(books["domain"])
    report = ingest(db, mapping)
    again = ingest(db, mapping, force=True)
    assert len(saved) > 9_000
    links = {
        name: books[["book_id", column]]
        .assign(**{column: books[column].str.split("|")})
        .explode(column)
        .dropna()
        .drop_duplicates()
        for name, column in [("WRITTEN_BY", "authors"), ("TAGGED", "tags")]
    }
    links["IN_SERIES"] = books[["book_id", "series"]].dropna()
    kinds = {"Author": "WRITTEN_BY", "Tag": "TAGGED", "Series": "IN_SERIES"}
    entities = {kind: links[name].iloc[:, 1].nunique() for kind, name in kinds.items()}
    labels = Counter(
        "".join(word.title() for word in domain.split("-")) for domain in books["domain"]
    )
    assert {
        row["l"]: row["c"]
        for row in db.read("MATCH (n) UNWIND labels(n) AS l RETURN l, count(*) AS c")
        if row["l"] not in ("LoadedFile", "Lease")
    } == {
        "User": saved["user_id"].nunique(),
        "Item": len(books),
        "Entity": sum(entities.values()),
        **entities,
        **labels,
    }
    assert {
        row["t"]: row["c"] for row in db.read("MATCH ()-[r]->() RETURN type(r) AS t, count(*) AS c")
    } == {"SAVED": len(saved), **{name: len(frame) for name, frame in links.items()}}
    degrees = db.read(
        "MATCH (u:User)-[r:SAVED]->() RETURN u.id AS id, count(*) AS c, max(r.at) AS last"
    )
    expected = saved.assign(position=saved["position"].astype(int)).groupby("user_id")["position"]
    assert {row["id"]: (row["c"], row["last"]) for row in degrees} == {
        user: (len(positions), positions.max()) for user, positions in expected
    }
    assert report.written == report.read == again.unchanged == again.read

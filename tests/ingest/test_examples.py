"""The mappings in ``examples/`` on the real data: counts equal those of a few lines of pandas."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from linkspan.graph.connecting.connection import Database
from linkspan.ingest import IngestReport, Mapping, ingest, mapping_from_tables
from linkspan.ingest.check import check, open_sources
from linkspan.ingest.shaping.shapes import shape
from linkspan.ingest.shaping.targets import NodeTarget
from servers import RunningServer, empty

EXAMPLES = Path(__file__).parents[2] / "examples"
Counts = dict[str, int]


@pytest.fixture
def example(realdata: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Reads a mapping by its name."""
    monkeypatch.setenv("LINKSPAN_DATA", str(realdata))

    def read(name: str) -> Mapping:
        file = EXAMPLES / name / "linkspan.toml"
        return mapping_from_tables(tomllib.loads(file.read_text()), file.parent)

    return read


@pytest.fixture(scope="module")
def graphs() -> dict[str, str]:
    """Example to the digest of its graph, on whichever server it was loaded first."""
    return {}


def counted(mapping: Mapping) -> Counts:
    """Nodes by second label and relationships by type, as they would be written, by their keys.

    Each key counts once, as it would in the graph.
    """
    sources, keys = open_sources(mapping), set()
    catalogue = check(mapping, sources).catalogue
    for source in sources:
        for batch in source.batches():
            shaped = shape(source.spec, batch, catalogue, mapping.users.shared)
            for table in shaped.tables(catalogue, mapping.users.shared):
                target = table.target
                name = (
                    target.kind or target.label if isinstance(target, NodeTarget) else target.type
                )
                columns = [values.to_pylist() for values in table.keys.values()]
                keys |= {(name, *row) for row in zip(*columns, strict=True)}
    return dict(Counter(name for name, *_ in keys))


def in_graph(db: Database) -> Counts:
    """The same of what is in the graph."""
    nodes = db.read("MATCH (n) UNWIND labels(n) AS l RETURN l AS name, count(*) AS c")
    links = db.read("MATCH ()-[r]->() RETURN type(r) AS name, count(*) AS c")
    both = {row["name"]: row["c"] for row in [*nodes, *links]}
    return {name: c for name, c in both.items() if name not in NOT_COUNTED}


NOT_COUNTED = ("LoadedFile", "Lease", "Item", "Entity")


def listed(frame: pd.DataFrame, key: str, column: str) -> pd.DataFrame:
    """Pairs of a key and one of the values that stand in a cell, with ``|`` between."""
    pairs = frame.assign(**{column: frame[column].str.split("|")}).explode(column)
    return pairs[[key, column]].dropna().drop_duplicates()


def goodbooks(realdata: Path) -> Counts:
    books = pd.read_csv(realdata / "goodbooks/books.csv.gz", dtype=str)
    saved = pd.read_csv(realdata / "goodbooks/to_read.csv.gz", dtype=str)
    expected = Counter(domain.title().replace("-", "") for domain in books["domain"])
    for kind, column, name in [
        ("Author", "authors", "WRITTEN_BY"),
        ("Series", "series", "IN_SERIES"),
        ("Tag", "tags", "TAGGED"),
    ]:
        pairs = listed(books, "book_id", column)
        expected |= {kind: pairs[column].nunique(), name: len(pairs)}
    return expected | {"User": saved["user_id"].nunique(), "SAVED": len(saved)}


def amazon_food_kitchen(realdata: Path) -> Counts:
    folder = realdata / "amazon_food_kitchen"
    domains = ["food", "kitchen", "beauty"]
    files = {name: pd.read_csv(folder / f"{name}.items.csv.gz", dtype=str) for name in domains}
    files["external"] = pd.read_csv(folder / "external.items.csv.gz", dtype=str)
    events = pd.concat(
        pd.read_csv(folder / f"{name}.interactions.csv.gz", dtype=str) for name in domains
    )
    relations = pd.read_csv(folder / "relations.csv.gz", dtype=str)
    described = pd.concat([files["beauty"], files["external"]])
    made, category = (listed(described, "item_id", name) for name in ("brand", "categories"))
    assert len(made) == described["brand"].count()
    return {
        **{name.title(): len(frame) for name, frame in files.items()},
        "User": events["user_id"].nunique(),
        "BOUGHT": len(events),
        **{"Brand": described["brand"].nunique(), "MADE_BY": described["brand"].count()},
        **{"Category": category["categories"].nunique(), "IN_CATEGORY": len(category)},
        **relations["relation"].str.upper().value_counts(),
    }


def abxi_food_kitchen(realdata: Path) -> Counts:
    events = pd.read_csv(realdata / "abxi_food_kitchen/events.csv.gz", dtype=str)
    other = amazon_food_kitchen(realdata)
    return {**other, "User": events["user"].nunique(), "BOUGHT": len(events)}


def disencdr(realdata: Path) -> Counts:
    names = ["user", "item", "count"]
    sport, phone = (
        pd.read_csv(realdata / f"disencdr/{pair}/train.tsv.gz", sep="\t", names=names)
        for pair in ("sport_phone", "phone_sport")
    )
    return {
        "Sport": sport["item"].nunique(),
        "Phone": phone["item"].nunique(),
        "User": pd.concat([sport, phone])["user"].nunique(),
        "BOUGHT": len(sport) + len(phone),
    }


def ml100k_freebase(realdata: Path) -> Counts:
    inter, user, item, triples, link = (
        pd.read_csv(realdata / f"ml100k_freebase/ml-100k.{suffix}.gz", sep="\t", dtype=str).rename(
            columns=lambda name: name.split(":")[0]
        )
        for suffix in ("inter", "user", "item", "kg", "link")
    )
    films = dict(link[["entity_id", "item_id"]].to_numpy())
    ends = pd.concat([triples["head_id"], triples["tail_id"]])
    return {
        **{"Films": len(item), "User": len(user), "RATED": len(inter)},
        "Concept": ends[~ends.isin(films)].nunique(),
        **triples["relation_id"].str.upper().str.replace(".", "_").value_counts(),
    }


ALL = [goodbooks, amazon_food_kitchen, abxi_food_kitchen, disencdr, ml100k_freebase]


@pytest.mark.parametrize("by_pandas", ALL)
def test_counts_equal_those_of_pandas(example: Any, realdata: Path, by_pandas: Any) -> None:
    assert counted(example(by_pandas.__name__)) == by_pandas(realdata)


@pytest.mark.soak
@pytest.mark.parametrize("by_pandas", ALL)
def test_the_graph_is_the_same_in_any_order_of_files(
    example: Any, realdata: Path, db: Database, by_pandas: Any
) -> None:
    mapping, expected = example(by_pandas.__name__), by_pandas(realdata)
    assert ingest(db, mapping).rejected == 0
    assert in_graph(db) == expected
    turned = {name: getattr(mapping, name)[::-1] for name in ("items", "interactions", "relations")}
    assert ingest(db, mapping.model_copy(update=turned), force=True).written == 0
    assert in_graph(db) == expected


@pytest.mark.soak
@pytest.mark.parametrize("by_pandas", ALL)
def test_in_bulk_it_is_the_same_graph(
    example: Any,
    server: RunningServer,
    db: Database,
    bulk_ingest: Callable[[Mapping], IngestReport],
    read_graph: Callable[[Any], Any],
    graphs: dict[str, str],
    by_pandas: Any,
) -> None:
    """As by an ordinary ingest, on both servers, to the last property."""
    name = by_pandas.__name__
    mapping = example(name)
    ingest(db, mapping)
    graph = read_graph(db)
    digest = hashlib.sha256(repr(graph).encode()).hexdigest()
    nodes, links = len(graph["nodes"]), len(graph["links"])
    print(f"{name} on {server.engine}: {nodes:,} nodes, {links:,} relationships, {digest[:16]}")
    assert graphs.setdefault(name, digest) == digest
    empty(server)
    bulk_ingest(mapping)
    assert read_graph(db) == graph
    assert ingest(db, mapping, force=True).written == 0

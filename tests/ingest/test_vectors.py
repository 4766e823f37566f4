"""Ready-made vectors of items: matrices, Parquet, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkspan.errors import ConfigError, DataError, SchemaError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.reading import read_snapshot
from linkspan.ingest import IngestReport, find_gone, ingest
from linkspan.ingest.check import open_sources
from linkspan.ingest.roles import find_roles

MATRIX = np.array([[0.1, -2], [1e-30, 3], [16777217, 0]], np.float32)  # of items 1, 2 and 3


def name_vectors(shop: Any, options: str, name: str = "image") -> None:
    shop.remap("[[items.relations]]", f"[items.vectors]\n{name} = {{ {options} }}\n\n"
               "[[items.relations]]")  # fmt: skip


def save_matrix(shop: Any, matrix: Any = MATRIX, ids: str | None = "1\n2\n3\n") -> None:
    np.save(shop.folder / "image.npy", matrix)
    if ids is not None:
        shop.write("ids.txt", ids)
    name_vectors(shop, 'file = "image.npy"' + (', ids = "ids.txt"' if ids is not None else ""))


def save_parquet(shop: Any, vectors: Any, ids: Any = (1, 2, 3)) -> None:
    pq.write_table(pa.table({"no": ids, "v": vectors}), shop.folder / "image.parquet")
    name_vectors(shop, 'file = "image.parquet", id = "no", column = "v"')


def images(db: Database) -> dict[str, list[float]]:
    found = db.read("MATCH (i:Item) WHERE i.image IS NOT NULL RETURN i.key AS key, i.image AS v")
    return {row["key"]: row["v"] for row in found}


def line(report: IngestReport) -> tuple[int, int, int, int]:
    found = next(line for line in report.lines if line.target == "Item.image")
    assert found.read == found.written + found.unchanged + found.rejected
    return found.read, found.written, found.unchanged, found.rejected


# Of the snapshot with features below; one value for both servers.
FINGERPRINT = "1efe32bbc9845df0230a2b895e08d1c6911c9442c5ce6bea9960cfb684f0974d"
EXPECTED = dict(zip(["food/1", "food/2", "kitchen-ware/3"], MATRIX.tolist(), strict=True))


@pytest.mark.parametrize(
    "save",
    [
        save_matrix,
        lambda shop: save_matrix(shop, ids=None),
        lambda shop: save_parquet(shop, pa.array(MATRIX.tolist(), pa.list_(pa.float64()))),
        lambda shop: save_parquet(shop, pa.array(MATRIX.tolist(), pa.list_(pa.float32(), 2))),
    ],
    ids=["ids file", "row order", "lists", "fixed lists"],
)
def test_vectors_become_properties(
    db: Database, shop: Any, save: Any, read_graph: Callable[..., Any]
) -> None:
    save(shop)
    assert line(ingest(db, shop.mapping())) == (3, 3, 0, 0)
    assert images(db) == EXPECTED  # exactly: a float64 holds every float32
    graph = read_graph(db)
    assert line(ingest(db, shop.mapping(), force=True)) == (3, 0, 3, 0)
    assert read_graph(db) == graph
    assert all(line.skipped for line in ingest(db, shop.mapping()).lines)


def test_pruning_leaves_items_with_and_without_vectors(db: Database, shop: Any) -> None:
    save_matrix(shop, MATRIX[:1], ids="1\n")
    ingest(db, shop.mapping())
    assert find_gone(db, shop.mapping()).gone == []


def test_only_changed_vectors_are_written(db: Database, shop: Any) -> None:
    save_matrix(shop)
    ingest(db, shop.mapping())
    shop.write("ids.txt", "3\n2\n1\n")  # the matrix stays
    assert line(ingest(db, shop.mapping())) == (3, 2, 1, 0)
    assert images(db)["food/1"] == MATRIX[2].tolist()


def test_in_row_order_another_order_of_items_moves_vectors(db: Database, shop: Any) -> None:
    save_matrix(shop, ids=None)
    ingest(db, shop.mapping())
    header, first, *others = shop.text("things.csv").splitlines()
    shop.write("things.csv", "\n".join([header, *others, first]) + "\n")
    assert line(ingest(db, shop.mapping())) == (3, 3, 0, 0)
    assert images(db)["food/1"] == MATRIX[2].tolist()


def test_row_order_goes_through_all_files_of_a_pattern(shop: Any) -> None:
    header, *rows = shop.text("things.csv").splitlines(keepends=True)
    for number, row in enumerate(rows):
        shop.write(f"things-{number}.csv", header + row)
    shop.remap('"things.csv"', '"things-*.csv"')
    save_matrix(shop, ids=None)
    (source,) = (s for s in open_sources(shop.mapping()) if s.path.name == "image.npy")
    (batch,) = source.batches()
    assert batch.columns["thing"].to_pylist() == ["1", "2", "3"]
    assert batch.columns["vector"].to_pylist() == MATRIX.tolist()


def test_row_order_counts_rows_that_are_rejected(db: Database, shop: Any) -> None:
    shop.replace("things.csv", "\n1,food", "\nbroken\n0,food,X,,dear,\n1,food")
    shop.toml += '\n[ingest]\nmalformed = "skip"\ndangling = "skip"\n'
    save_matrix(shop, np.vstack([np.ones((2, 2)), MATRIX]), ids=None)
    assert line(ingest(db, shop.mapping())) == (5, 3, 0, 2)
    assert images(db) == EXPECTED


def test_unknown_items_follow_the_policy(db: Database, shop: Any) -> None:
    save_matrix(shop, ids="1\n9\n3\n")
    message = r"image\.npy, row 2, column 'id': no items file has this item \(found '9'\)"
    with pytest.raises(DataError, match=message):
        ingest(db, shop.mapping())
    shop.toml += '\n[ingest]\ndangling = "skip"\n'
    report = ingest(db, shop.mapping())
    assert line(report) == (3, 2, 0, 1)
    path = next(line.rejects for line in report.lines if line.rejects)
    assert path.read_text().splitlines()[1].startswith('9,2,id,9,"no items file')
    assert set(images(db)) == {"food/1", "kitchen-ware/3"}


def test_unknown_items_can_be_inserted(db: Database, shop: Any) -> None:
    shop.remap('domain = { column = "shelf", values = ["food", "kitchen-ware"] }',
               'domain = "food"')  # fmt: skip
    shop.remap('domain = "kitchen-ware"', 'domain = "food"')
    shop.remap('item = "thing"', 'item = "thing"\ndomain = "food"')
    shop.toml += '\n[ingest]\ndangling = "insert"\n'
    save_matrix(shop, ids="1\n9\n3\n")
    ingest(db, shop.mapping())
    assert images(db)["food/9"] == MATRIX[1].tolist()
    assert db.read("MATCH (i:Food {id: '9'}) RETURN i.domain AS domain") == [{"domain": "food"}]


WRONG: list[tuple[str, Callable[[Any], None], type[Exception], str]] = [
    (
        "no file",
        lambda shop: name_vectors(shop, 'file = "image.npy"'),
        ConfigError,
        "[[items]] 1, vectors.image: there is no file DIR/image.npy. Paths are relative to the "
        "mapping.",
    ),
    (
        "no matrix",
        lambda shop: (save_matrix(shop), shop.write("image.npy", "1,2\n"))[0],
        DataError,
        "DIR/image.npy: this is not an array that numpy can read (",
    ),
    (
        "objects",
        lambda shop: save_matrix(shop, np.array([[{}]])),
        DataError,
        "DIR/image.npy: this is not an array that numpy can read (",
    ),
    (
        "one dimension",
        lambda shop: save_matrix(shop, np.ones(3)),
        DataError,
        "DIR/image.npy: an array of shape (3,) and type float64. It should be a matrix of "
        "numbers, one item a row.",
    ),
    (
        "an id too few",
        lambda shop: save_matrix(shop, ids="1\n2"),
        DataError,
        "DIR/image.npy: 3 rows, where ids.txt has 2. Both should have one row for each item, in "
        "the same order.",
    ),
    (
        "a row too few",
        lambda shop: save_matrix(shop, MATRIX[:2], ids=None),
        DataError,
        "DIR/image.npy: 2 rows, where things.csv has 3. Both should have one row for each item, "
        "in the same order.",
    ),
    (
        "an empty id",
        lambda shop: save_matrix(shop, ids="1\n\n3\n"),
        DataError,
        "DIR/image.npy, row 2, column 'id': the id is empty (found ''). Every row needs one.",
    ),
    (
        "not finite",
        lambda shop: save_matrix(shop, np.array([[1, 2], [1, np.nan], [1e39, 0]])),
        DataError,
        "DIR/image.npy, row 2, column 'id': a vector has a number that is not finite as float32 "
        "(found '2'). All vectors of a property have as many numbers, and no gaps.",
    ),
    (
        "too large for float32",
        lambda shop: save_matrix(shop, np.array([[1, 2], [1, 1e39], [1, 0]])),
        DataError,
        "DIR/image.npy, row 2, column 'id': a vector has a number that is not finite",
    ),
    (
        "two of one item",
        lambda shop: save_matrix(shop, ids="1\n2\n1\n"),
        DataError,
        "DIR/image.npy, row 3: row 1 says something else of the same item (found 'food/1'). "
        "Keep one of the two rows.",
    ),
    (
        "another length",
        lambda shop: save_parquet(shop, [[1.0, 2.0], [1.0], [1.0, 2.0]]),
        DataError,
        "DIR/image.parquet, row 2, column 'no': a vector of 1 numbers where the first has 2 "
        "(found '2')",
    ),
    (
        "no vector in a row",
        lambda shop: save_parquet(shop, pa.array([[1.0], [2.0], None], pa.list_(pa.float32(), 1))),
        DataError,
        "DIR/image.parquet, row 3, column 'no': a vector of 0 numbers where the first has 1",
    ),
    (
        "a gap in a vector",
        lambda shop: save_parquet(shop, [[1.0, 2.0], [1.0, None], [1.0, 2.0]]),
        DataError,
        "DIR/image.parquet, row 2, column 'no': a vector has a number that is not finite",
    ),
    (
        "texts",
        lambda shop: save_parquet(shop, ["a", "b", "c"]),
        DataError,
        "DIR/image.parquet: column 'v' is of type string. It should be a list of numbers.",
    ),
    (
        "no vectors",
        lambda shop: save_parquet(shop, pa.array([None] * 3, pa.list_(pa.float32()))),
        DataError,
        "DIR/image.parquet: no row has a vector. Leave the file out of the mapping.",
    ),
    (
        "no such column",
        lambda shop: (save_parquet(shop, MATRIX.tolist()), shop.remap('id = "no"', 'id = "nr"'))[0],
        ConfigError,
        "[[items]] 1, vectors.image, id: DIR/image.parquet has no column 'nr'. It has no, v.",
    ),
    (
        "no Parquet",
        lambda shop: (save_parquet(shop, MATRIX.tolist()), shop.write("image.parquet", "x"))[0],
        DataError,
        "DIR/image.parquet: it cannot be read as Parquet (",
    ),
    (
        "columns of a matrix",
        lambda shop: name_vectors(shop, 'file = "image.npy", id = "no"'),
        ConfigError,
        "[[items]] 1, vectors.image: a .npy file has no columns; 'ids' names a file with one id a "
        "line",
    ),
    (
        "Parquet without columns",
        lambda shop: name_vectors(shop, 'file = "image.parquet"'),
        ConfigError,
        "[[items]] 1, vectors.image: vectors in a .parquet file need 'id' and 'column', and no "
        "'ids'",
    ),
    (
        "another format",
        lambda shop: name_vectors(shop, 'file = "image.csv"'),
        ConfigError,
        "[[items]] 1, vectors.image: vectors stand in a .npy or .parquet file, not in 'image.csv'",
    ),
    (
        "the name of a column",
        lambda shop: name_vectors(shop, 'file = "image.npy"', "price"),
        ConfigError,
        "the mapping: property 'price' would stand for a column and vectors",
    ),
]


@pytest.mark.parametrize(("damage", "error", "message"), [w[1:] for w in WRONG],
                         ids=[w[0] for w in WRONG])  # fmt: skip
def test_one_clear_line_and_nothing_written(
    shop: Any, recorder: Any, damage: Any, error: type[Exception], message: str
) -> None:
    damage(shop)
    with pytest.raises(error) as raised:
        ingest(recorder, shop.mapping())
    assert str(raised.value).replace(str(shop.folder), "DIR").startswith(message)
    assert recorder.writes == []


def test_two_files_have_vectors_of_one_length(shop: Any, recorder: Any) -> None:
    save_matrix(shop)
    second = shop.toml[shop.toml.index("[[items]]") : shop.toml.index("[[interactions]]")]
    shop.toml += second.replace("things.csv", "more.csv").replace("image.npy", "more.npy")
    shop.write("more.csv", shop.text("things.csv").splitlines()[0] + "\n4,food,A,,,\n")
    np.save(shop.folder / "more.npy", np.ones((3, 5)))
    with pytest.raises(DataError, match=r"more\.npy: its vectors have 5 numbers, those of .* 2"):
        ingest(recorder, shop.mapping())


def test_features_are_read_into_the_snapshot(db: Database, shop: Any, tmp_path: Any) -> None:
    save_matrix(shop, MATRIX[:2], ids="1\n3\n")
    for name, options in {
        "price": 'column = "price", type = "number", feature = true',
        "fresh": 'column = "fresh", type = "boolean", feature = true',
    }.items():
        start = shop.toml.index(f"{name} = {{")
        shop.remap(shop.toml[start : shop.toml.index("}", start) + 1], f"{name} = {{ {options} }}")
    shop.remap("[items.properties]", '[items.properties]\nsort = { column = "title", '
               'type = "category", feature = true }')  # fmt: skip
    ingest(db, shop.mapping())
    snapshot = read_snapshot(db, find_roles(shop.mapping()))
    assert snapshot.items["key"].tolist() == ["food/1", "food/2", "kitchen-ware/3"]
    assert snapshot.features["price"]["value"].tolist() == pytest.approx(
        [3.5, np.nan, 25], nan_ok=True
    )
    assert snapshot.features["fresh"]["value"].tolist() == pytest.approx(
        [1, 0, np.nan], nan_ok=True
    )
    assert snapshot.features["sort"]["value"].tolist() == ["Green Curry", "Rice, black", "Wok"]
    image = snapshot.features["image"].to_numpy()
    assert image.dtype == np.float32
    assert np.array_equal(image, [MATRIX[0], [np.nan] * 2, MATRIX[1]], equal_nan=True)
    assert snapshot.fingerprint() == FINGERPRINT
    snapshot.save(tmp_path / "snapshot")
    loaded = Snapshot.load(tmp_path / "snapshot")
    assert loaded.features["image"].equals(snapshot.features["image"])
    without = find_roles(shop.mapping()).model_copy(update={"features": ()})
    assert read_snapshot(db, without).features == {}
    seen = {snapshot.fingerprint()}
    for change in (
        "MATCH (i:Item {key: 'food/1'}) SET i.image = [0.1, 2.0]",
        "MATCH (i:Item {key: 'food/1'}) SET i.price = 3.25",
        "MATCH (i:Item {key: 'food/1'}) SET i.sort = 'Curry'",
    ):
        db.write(change)
        seen.add(read_snapshot(db, snapshot.roles).fingerprint())
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("SET i.image = 'cat.jpg'", "property 'image' of item 'food/1' is 'cat.jpg', not a list"),
        ("SET i.image = ['a', 'b']", "is \"['a', 'b']\", not a list of finite numbers"),
        ("SET i.image = [1.0, 1e39]", "property 'image' of item 'food/1' is .* of finite numbers"),
        ("SET i.image = [1.0, 2.0, 3.0]", "those before have"),
    ],
)
def test_a_graph_that_has_no_such_feature_is_refused(
    db: Database, shop: Any, change: str, message: str
) -> None:
    save_matrix(shop)
    ingest(db, shop.mapping())
    db.write(f"MATCH (i:Item {{key: 'food/1'}}) {change}")
    with pytest.raises(SchemaError, match=message.replace("[", r"\[")):
        read_snapshot(db, find_roles(shop.mapping()))

"""JSONL, Parquet, files without a header, and patterns: other ways to hand in the same rows."""

from __future__ import annotations

import csv
import gc
import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from linkspan.errors import ConfigError, DataError
from linkspan.graph.connecting.connection import Database
from linkspan.ingest import ingest
from linkspan.ingest.mapping.columns import Column
from linkspan.ingest.mapping.tables import AnyTable, UsersFile
from linkspan.ingest.readers.opening import open_source
from linkspan.ingest.readers.source import Batch
from linkspan.ingest.shaping.convert import Rows

NUMBERS = {"age", "when", "amount", "rating", "price", "times"}


def read(path: Path, **options: Any) -> list[Batch]:
    """A file with columns a and b."""
    spec = UsersFile(file=path.name, id="a", properties={"b": "b"}, **options)  # type: ignore[dict-item]
    return list(open_source("[[users.files]] 1", spec, path.parent).batches())


def cells(batches: list[Batch]) -> list[dict[str, str | None]]:
    return [batch.cells(row) for batch in batches for row in range(len(batch))]


def typed(name: str, text: str) -> Any:
    """What a program would write in place of a text: numbers, booleans, lists, nothing."""
    if not text:
        return None
    if name in NUMBERS:
        return float(text) if "." in text else int(text)
    if name == "fresh":
        return text == "yes"
    return text.split("|") if name == "makers" else text


def rewrite(shop: Any, name: str, kind: str) -> None:
    """Put a file of another format in place of a CSV, and into the mapping."""
    header, *rows = csv.reader(io.StringIO(shop.text(f"{name}.csv")))
    values = [[typed(key, text) for key, text in zip(header, row, strict=True)] for row in rows]
    path = shop.folder / f"{name}.{kind}"
    if kind == "parquet":
        columns = {
            key: list(column) for key, column in zip(header, zip(*values, strict=True), strict=True)
        }
        pq.write_table(pa.table(columns), path)
    else:
        objects = [
            {k: v for k, v in zip(header, row, strict=True) if v is not None} for row in values
        ]
        data = "".join(json.dumps(each) + "\n" for each in objects).encode()
        path.write_bytes(gzip.compress(data) if kind.endswith("gz") else data)
    shop.remap(f'"{name}.csv"', f'"{path.name}"')
    if name == "things":  # a list needs no separator
        shop.remap('"makers", split = "|" }', '"makers", type = "list" }')
        shop.remap('column = "makers"\nsplit = "|"\n', 'column = "makers"\n')


@pytest.mark.parametrize("kind", ["jsonl.gz", "parquet"])
def test_typed_rows_make_the_graph_that_text_makes(
    db: Database, shop: Any, read_graph: Callable[..., Any], kind: str
) -> None:
    ingest(db, shop.mapping())
    graph = read_graph(db)
    for name in ("people", "things", "bought", "with"):
        rewrite(shop, name, kind)
    assert ingest(db, shop.mapping()).written == 0
    db.write("MATCH (n) DETACH DELETE n")
    ingest(db, shop.mapping())
    assert read_graph(db) == graph


def test_json_values_become_text_as_they_are_written(tmp_path: Path) -> None:
    lines = [
        '{"a": 1, "b": 1.50}\r',
        "",
        '{"b": true, "a": "x", "more": {}}',
        '{"a": 1e3}',
        '{"a": 12345678901234567890, "b": null}',
        '{"a": "é", "b": ["p", 2, null, "q"]}',
    ]
    (tmp_path / "t.jsonl").write_bytes(b"\xef\xbb\xbf" + "\n".join(lines).encode())
    batches = read(tmp_path / "t.jsonl")
    assert [line for batch in batches for line in batch.lines] == [1, 3, 4, 5, 6]
    assert cells(batches) == [
        {"a": "1", "b": "1.50"},
        {"a": "x", "b": "true"},
        {"a": "1e3", "b": None},
        {"a": "12345678901234567890", "b": None},
        {"a": "é", "b": '["p", "2", "q"]'},
    ]


def test_parquet_values_become_the_text_of_a_csv(tmp_path: Path) -> None:
    east = timezone(timedelta(hours=2))
    values: dict[str, tuple[Any, str]] = {
        "whole": (7, "7"), "number": (0.1, "0.1"), "boolean": (True, "true"),
        "decimal": (Decimal("1.50"), "1.50"), "day": (date(2024, 5, 31), "2024-05-31"),
        "plain": (datetime(2024, 5, 31, 18, 30), "2024-05-31 18:30:00"),
        "zoned": (datetime(2024, 5, 31, 18, 30, tzinfo=east), "2024-05-31 16:30:00Z"),
        "fine": (datetime(2024, 5, 31, 18, 30, 1, 500, UTC), "2024-05-31 18:30:01.000500Z"),
        "text": ("é", "é"), "bytes": ("é".encode(), "é"), "list": (["p", "q"], '["p", "q"]'),
    }  # fmt: skip
    for value, text in values.values():
        column = pa.array([value, None])
        if isinstance(value, str):
            column = column.dictionary_encode()
        pq.write_table(pa.table({"a": ["1", "2"], "b": column}), tmp_path / "t.parquet")
        batches = read(tmp_path / "t.parquet")
        assert [row["b"] for row in cells(batches)] == [text, None]
        assert batches[0].lines.tolist() == [1, 2]


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_an_id_that_is_no_number_is_no_text_either(tmp_path: Path, kind: str) -> None:
    column = pa.array(np.array([1.5, np.nan], kind))
    texts = ["nan", "NaN"]
    for named, ids in (("plain", texts), ("dictionary", pa.array(texts).dictionary_encode())):
        values = (
            column.dictionary_encode() if named == "dictionary" and kind != "float16" else column
        )
        pq.write_table(pa.table({"a": values, "b": ids}), tmp_path / "t.parquet")
        expected = [{"a": "1.5", "b": "nan"}, {"a": None, "b": "NaN"}]  # text is as it is written
        assert cells(read(tmp_path / "t.parquet")) == expected
        pq.write_table(pa.table({"a": ids, "b": ids}), tmp_path / "t.parquet")
        assert cells(read(tmp_path / "t.parquet")) == [{"a": text, "b": text} for text in texts]
    lines = '{"a": 1.5, "b": "nan"}\n{"a": NaN, "b": NaN}\n{"a": "NaN", "b": [NaN, 2]}\n'
    (tmp_path / "t.jsonl").write_text(lines)
    last = {"a": "NaN", "b": '["NaN", "2"]'}
    assert cells(read(tmp_path / "t.jsonl")) == [*expected, last]


@pytest.mark.parametrize("name", ["bought.jsonl", "bought.parquet"])
def test_an_id_that_is_no_number_is_empty(shop: Any, recorder: Any, name: str) -> None:
    if name.endswith("parquet"):
        people, things = np.array([1.0, np.nan]), ["1", "3"]
        columns = {"when": [1, 2], "amount": [1, 1], "rating": [5, 5]}
        data = _parquet(person=people, thing=things, **columns)
    else:
        rest = '"when": 1, "amount": 1, "rating": 5'
        data = f'{{"person": 1, "thing": 1, {rest}}}\n{{"person": NaN, "thing": 3, {rest}}}\n'
    shop.write(name, data)
    shop.remap('"bought.csv"', f'"{name}"')
    with pytest.raises(DataError, match=r"2, column 'person': the id is empty"):
        ingest(recorder, shop.mapping())


def test_many_rows_come_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"a": str(n), "b": "x" * (n % 900)} for n in range(5_000)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet", row_group_size=700)
    (tmp_path / "t.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr("linkspan.ingest.readers.parquet_reader.BATCH_ROWS", 300)
    monkeypatch.setattr("linkspan.ingest.readers.jsonl_reader.BATCH_ROWS", 300)
    monkeypatch.setattr("linkspan.ingest.readers.jsonl_reader._READ_BYTES", 1_000)
    for name in ("t.parquet", "t.ndjson"):
        batches = read(tmp_path / name)
        assert cells(batches) == rows
        assert max(map(len, batches)) == 300
        assert [line for batch in batches for line in batch.lines] == list(range(1, 5_001))


def test_lists_and_text_in_one_column(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(
        '{"a": 1, "b": ["x", " y|z "]}\n{"a": 2, "b": "p | q"}\n{"a": 3}\n{"a": 4, "b": [""]}\n'
    )
    (batch,) = read(tmp_path / "t.jsonl")
    assert Rows(batch).values(Column(column="b", split="|")).to_pylist() == [
        ["x", "y|z"], ["p", "q"], None, None,
    ]  # fmt: skip
    assert Rows(batch).values(Column(column="b", type="list")).to_pylist() == [
        ["x", "y|z"], ["p | q"], None, None,
    ]  # fmt: skip
    rows = Rows(batch)
    rows.values(Column(column="b"))
    assert [(p.line, p.value, p.reason) for p in rows.problems] == [
        (1, '["x", " y|z "]', "a list where one value is needed"),
        (4, '[""]', "a list where one value is needed"),
    ]


def test_lists_of_numbers(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,1 -2.5\n2,\n3,1 x\n")
    (batch,) = read(tmp_path / "t.csv")
    rows = Rows(batch)
    values = rows.values(Column(column="b", type="number", split=" "))
    assert values.to_pylist()[:2] == [[1.0, -2.5], None]
    assert [(p.line, p.value) for p in rows.problems] == [(4, "1 x")]


def test_bad_lines_of_json_are_problems_with_their_line(tmp_path: Path) -> None:
    needed = "where a value or a list of values is needed"
    bad = [
        (b'{"a": 1, "b": ', None, "this is not JSON (Expecting value, character 15)"),
        (b"[1, 2]", None, "this is JSON, but no object"),
        (b"[" * 100_000, None, "this is JSON nested too deeply"),
        (b'{"a": "\xff"}', None, "not UTF-8 text"),
        (b'{"a": 1, "b": {"c": 2}}', "b", f"an object, {needed}"),
        (b'{"a": [[1]]}', "a", f"a list of lists or objects, {needed}"),
        (b'{"a": "x\\u0000"}', "a", "a NUL byte in the text"),
        (b'{"a": "\\ud800"}', "a", "half of a character that UTF-16 writes as two"),
    ]  # fmt: skip
    good = b'{"a": 1, "b": 2}'
    (tmp_path / "t.jsonl").write_bytes(b"\n".join([good, *(line for line, *_ in bad), good]))
    (batch,) = read(tmp_path / "t.jsonl")
    assert batch.lines.tolist() == [1, len(bad) + 2]
    assert [(p.line, p.column, p.reason) for p in batch.problems] == [
        (line, column, reason) for line, (_, column, reason) in enumerate(bad, 2)
    ]


def _parquet(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


WHOLE = _parquet(a=list(range(10_000)), b=[str(n) for n in range(10_000)])
DAMAGED = [
    ("t.jsonl", b"", DataError, "the file is empty. Put rows into it, one object a line"),
    ("t.json", b'[{"a": 1}]', DataError, "line 1: this is one JSON array, not one object a line"),
    ("t.json", b'{\n"a": 1}\n', DataError, "line 1: this is not JSON .* one object a line"),
    ("t.jsonl", b'{"a": 1}', ConfigError, "properties.b: .* has no column 'b'. It has a"),
    ("t.jsonl.gz", gzip.compress(b'{"a":1,"b":2}\n' * 90_000)[:-99], DataError, "cut short"),
    ("t.jsonl", b'{"a": 1, "b": 2}\n' + b"x" * 5_000, DataError, "line 2: a line is longer than"),
    ("t.parquet", b"", DataError, "t.parquet: this is no Parquet file, or it is cut short"),
    ("t.parquet", WHOLE[:-9], DataError, "t.parquet: this is no Parquet file, or it is cut short"),
    ("t.parquet", WHOLE[:900] + b"\xab" * 900 + WHOLE[1_800:], DataError, "damaged"),
    ("t.parquet", _parquet(a=[1]), ConfigError, "has no column 'b'. It has a"),
    ("t.parquet", _parquet(a=[1], b=[{"c": 1}]), DataError, "column 'b': the column holds struct"),
    ("t.parquet", _parquet(a=[1], b=[[1]]), DataError, r"column 'b': the column holds list<"),
    ("t.parquet.gz", gzip.compress(WHOLE), ConfigError, "compressed Parquet"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "error", "message"), DAMAGED)
def test_a_damaged_file_is_one_clear_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    data: bytes,
    error: Any,
    message: str,
) -> None:
    monkeypatch.setattr("linkspan.ingest.readers.jsonl_reader.LONG_LINE_BYTES", 1_000)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(error, match=message):
        read(tmp_path / name)


def test_parquet_says_row_and_rejects_text_that_is_none(shop: Any, recorder: Any) -> None:
    rows = _parquet(person=["ann", "bob"], age=["31", "old"])
    shop.write("people.parquet", rows)
    shop.remap('"people.csv"', '"people.parquet"')
    with pytest.raises(DataError, match=r"people\.parquet, row 2, column 'age': .*'old'"):
        ingest(recorder, shop.mapping())
    shop.write("people.parquet", _parquet(person=["ann", "ann"], age=["31", "32"]))
    with pytest.raises(DataError, match=r"people\.parquet, row 2: row 1 says something else"):
        ingest(recorder, shop.mapping())
    shop.write("people.parquet", _parquet(person=[b"ann", b"b\xffb"], age=["31", "3"]))
    with pytest.raises(DataError, match=r"row 2, column 'person': not UTF-8 text"):
        ingest(recorder, shop.mapping())
    assert recorder.writes == []


def test_columns_name_what_has_no_header(tmp_path: Path) -> None:
    (tmp_path / "t.tsv.gz").write_bytes(gzip.compress(b"1\tx\ty\n2\tz\n\n3\t\tv\n"))
    (batch, problems) = read(tmp_path / "t.tsv.gz", columns=["a", "-", "b"])
    assert batch.lines.tolist() == [1, 4]
    assert cells([batch]) == [{"a": "1", "b": "y"}, {"a": "3", "b": "v"}]
    assert [(p.line, p.reason) for p in problems.problems] == [
        (2, "2 columns where 'columns' has 3")
    ]


@pytest.mark.parametrize(
    ("name", "columns", "error", "message"),
    [
        ("t.csv", ["a"], DataError, "line 1: 2 columns where 'columns' in the mapping names 1"),
        ("t.csv", ["a", "c"], ConfigError, "has no column 'b'"),
        ("t.jsonl", ["a", "b"], ConfigError, "columns: .* is jsonl, which names its columns"),
    ],
)
def test_columns_that_do_not_fit(
    tmp_path: Path, name: str, columns: list[str], error: Any, message: str
) -> None:
    (tmp_path / name).write_text("1,2\n")
    with pytest.raises(error, match=message):
        read(tmp_path / name, columns=columns)


def test_a_pattern_is_all_files_that_match(db: Database, shop: Any, read_graph: Any) -> None:
    ingest(db, shop.mapping())
    graph = read_graph(db)
    db.write("MATCH (n) DETACH DELETE n")
    header, *rows = shop.text("bought.csv").splitlines(keepends=True)
    for number, row in enumerate(rows):
        (shop.folder / "events" / f"{number % 2}").mkdir(parents=True, exist_ok=True)
        shop.write(f"events/{number % 2}/{9 - number}.csv", header + row)
    shop.remap('"bought.csv"', '"events/*/*.csv"')
    report = ingest(db, shop.mapping())
    names = ["events/0/7.csv", "events/0/9.csv", "events/1/6.csv", "events/1/8.csv"]
    assert [line.file for line in report.lines if line.target == "BOUGHT"] == names
    assert read_graph(db) == graph
    shop.write("events/1/10.csv", header + "eve,3,1700000060,1,1\n")
    again = ingest(db, shop.mapping())
    assert {line.file for line in again.lines if not line.skipped} == {"events/1/10.csv"}


def test_a_pattern_that_matches_nothing(shop: Any, recorder: Any) -> None:
    shop.remap('"bought.csv"', '"events/*.csv"')
    (shop.folder / "events" / "folder.csv").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"\[\[interactions\]\] 1: no file matches .*\*\.csv\. "):
        ingest(recorder, shop.mapping())


def test_rejected_rows_of_two_folders_do_not_meet(shop: Any, recorder: Any) -> None:
    header, *rows = shop.text("bought.csv").splitlines(keepends=True)
    for name in ("a", "b"):
        (shop.folder / name).mkdir()
        shop.write(f"{name}/x.csv", f"{header}{rows[0]}{name},99,1,1,1\n")
    shop.remap('"bought.csv"', '"[ab]/x.csv"')
    shop.toml += '\n[ingest]\ndangling = "skip"\n'
    report = ingest(recorder, shop.mapping())
    files = [line.rejects for line in report.lines if line.rejects]
    assert ["a,99" in files[0].read_text(), "b,99" in files[1].read_text()] == [True, True]


def test_base_is_a_folder_that_the_environment_may_name(
    shop: Any, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.toml = 'base = "$SHOP_DATA/here"\n' + shop.toml
    with pytest.raises(ConfigError, match=r"base: a variable in '\$SHOP_DATA/here' is not set"):
        shop.mapping()
    (shop.folder / "here").mkdir()
    for file in shop.folder.glob("*.csv"):
        file.rename(shop.folder / "here" / file.name)
    monkeypatch.setenv("SHOP_DATA", str(shop.folder))
    assert ingest(recorder, shop.mapping(), dry_run=True).read == 11
    monkeypatch.setenv("SHOP_DATA", ".")  # seen from the folder of the mapping
    assert ingest(recorder, shop.mapping(), dry_run=True).read == 11


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "jsonl", "parquet"])
def test_no_file_stays_open(tmp_path: Path, ending: str) -> None:
    """However it is read: its header alone, whole, or in part."""
    frame = pd.DataFrame({"id": ["1", "2"], "title": ["Dune", "Emma"]})
    path = tmp_path / f"items.{ending}"
    if ending == "parquet":
        frame.to_parquet(path)
    elif ending == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False)
    table = AnyTable(file=path.name, names=("id", "title"))
    for _ in range(3):
        source = open_source("t", table, tmp_path)
        assert source.header() and list(source.batches())
        next(iter(source.batches()))
    gc.collect()
    held = [file.path for file in psutil.Process().open_files() if file.path == str(path)]
    assert held == []

"""Reading CSV: every value as it was written, every row with its true line."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linkspan.errors import DataError
from linkspan.ingest.mapping.tables import UsersFile
from linkspan.ingest.readers.csv_reader import read_header
from linkspan.ingest.readers.dialect import Dialect
from linkspan.ingest.readers.opening import open_source
from linkspan.ingest.readers.problems import Problem

CELL = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufeff"), max_size=8
)
MARKS = st.text("ab N\\'\"^n,;:|~¦\t\r\n\x1f\ufdd5\ufdef", max_size=6)
FILES = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(path: Path, **options: Any) -> tuple[list[int], list[tuple[str, ...]], list[Problem]]:
    """Lines, rows and problems of a file with columns a and b."""
    spec = UsersFile(file=path.name, id="a", properties={"b": "b"}, **options)  # type: ignore[dict-item]
    lines: list[int] = []
    rows: list[tuple[str, ...]] = []
    problems: list[Problem] = []
    for batch in open_source("[[users.files]] 1", spec, path.parent).batches():
        assert all(len(values) == len(batch) for values in batch.columns.values())
        lines += batch.lines.tolist()
        rows += zip(batch.columns["a"].to_pylist(), batch.columns["b"].to_pylist(), strict=True)
        problems += batch.problems
    return lines, rows, problems


@settings(FILES, max_examples=60)
@given(
    rows=st.lists(st.tuples(CELL, CELL), max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
    last_end=st.booleans(),
    packed=st.booleans(),
)
def test_any_text_comes_back_with_its_line(
    tmp_path: Path,
    rows: list[tuple[str, str]],
    end: str,
    bom: bool,
    last_end: bool,
    packed: bool,
) -> None:
    text, expected_lines, line = "a,b" + end, [], 2
    for row in rows:
        cells = io.StringIO()
        csv.writer(cells, quoting=csv.QUOTE_ALL, lineterminator=end).writerow(row)
        if any(row):
            expected_lines.append(line)
        text += cells.getvalue()
        line += 1 + sum(_line_ends(cell) for cell in row)
    if not last_end:
        text = text.removesuffix(end)
    data = (b"\xef\xbb\xbf" if bom else b"") + text.encode()
    path = tmp_path / ("t.csv.gz" if packed else "t.csv")
    path.write_bytes(gzip.compress(data) if packed else data)
    lines, found, problems = read(path, quote='"')
    assert found == [row for row in rows if any(row)]
    assert lines == expected_lines
    assert problems == []


def _line_ends(text: str) -> int:
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n")


@settings(FILES, max_examples=60)
@given(st.lists(st.sampled_from(["1,2", "3", "4,5,6", "", '"7\n8",9', '"a\nb"', ","]), max_size=15))
def test_ragged_and_blank_rows_between_good_ones(tmp_path: Path, rows: list[str]) -> None:
    good, ragged, line = [], [], 2
    for row in rows:
        width = len(next(csv.reader(io.StringIO(row)), []))
        if width == 2 and row != ",":
            good.append(line)
        elif width not in (0, 2):
            ragged.append((line, f"{width} column{'s' * (width > 1)} where the header has 2"))
        line += 1 + row.count("\n")
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(row + "\n" for row in rows))
    lines, _, problems = read(path)
    assert lines == good
    assert [(problem.line, problem.reason) for problem in problems] == ragged


@pytest.mark.parametrize("long_row", [None, 0, 7, 1_500, 2_999])
def test_lines_far_into_a_file_of_several_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long_row: int | None
) -> None:
    monkeypatch.setattr("linkspan.ingest.readers.csv_reader.BLOCK_BYTES", 1 << 12)
    monkeypatch.setattr("linkspan.ingest.readers.csv_reader.BATCH_ROWS", 100)
    rng = np.random.default_rng(1)
    text, line, good, bad = "a,b\n", 2, [], []
    for number in range(3_000):
        kind = rng.integers(4)
        row = [f"{number},x", f'{number},"y\ny"', f"{number}", "\n"][kind]
        if number == long_row:  # has the file read again from there, in larger blocks
            kind, row = 0, f"{number},{'z' * 20_000}"
        if kind < 2:
            good.append((line, str(number)))
        elif kind == 2:
            bad.append(line)
        text += row.rstrip("\n") + "\n"
        line += 1 + (kind == 1)
    path = tmp_path / "t.csv"
    path.write_text(text)
    lines, rows, problems = read(path)
    assert list(zip(lines, [row[0] for row in rows], strict=True)) == good
    assert [problem.line for problem in problems] == bad


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("t.csv.gz", gzip.compress),
        ("t.csv.bz2", bz2.compress),
        ("t.csv.zst", lambda data: pa.Codec("zstd").compress(data, asbytes=True)),
        ("t.csv.gz", lambda data: gzip.compress(data[:5]) + gzip.compress(data[5:])),
    ],
)
def test_compressed_files(tmp_path: Path, name: str, pack: Any) -> None:
    (tmp_path / name).write_bytes(pack(b"a,b\n1,2\n3,4"))
    assert read(tmp_path / name)[:2] == ([2, 3], [("1", "2"), ("3", "4")])


@pytest.mark.parametrize(
    ("data", "options"),
    [
        ("b\ta\n4\té\n".encode(), {"format": "tsv"}),
        ("b;a\n4;é\n".encode("cp1252"), {"delimiter": ";", "encoding": "cp1252"}),
        ("b,a\n4,é".encode("utf-16"), {"encoding": "utf-16"}),
        ("more,b , a\n,4,é\n".encode(), {}),
        (b"b,a\r4,\xc3\xa9\r", {}),
    ],
)
def test_other_ways_to_write_the_same(tmp_path: Path, data: bytes, options: dict[str, Any]) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    assert read(tmp_path / "t.csv", **options)[1] == [("é", "4")]


DIALECTS = [
    (delimiter, quote, escape)
    for delimiter in (",", ";", "\t", "|", "::", "||", "~|~", "¦", "\x1f")
    for quote in ('"', "'", "")
    for escape in (None, "\\", "^")
]


@settings(FILES, max_examples=400)
@given(
    rows=st.lists(st.tuples(CELL | MARKS, CELL | MARKS), max_size=8),
    dialect=st.sampled_from(DIALECTS),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig", "latin-1"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_table_comes_back_in_any_dialect(
    tmp_path: Path,
    rows: list[tuple[str, str]],
    dialect: tuple[str, str, str | None],
    encoding: str,
    end: str,
) -> None:
    delimiter, quote, escape = dialect
    special = {*delimiter, *quote, *(escape or ""), "\r", "\n"}
    if not quote and escape is None:  # nothing can be said of these characters then
        rows = [tuple("".join(c for c in cell if c not in special) for cell in r) for r in rows]
    elif not quote:  # "\\\r" and the line end "\n" are one line end
        rows = [tuple(cell.rstrip("\r") for cell in row) for row in rows]
    rows = [tuple(c.encode(encoding, "replace").decode(encoding) for c in row) for row in rows]
    text = f"a{delimiter}b{end}"
    for row in rows:
        cells = []
        for cell in row:
            escaped = "".join(escape + c if c in special else c for c in cell) if escape else cell
            doubled = cell.replace(quote, quote * 2) if quote and not escape else escaped
            cells.append(f"{quote}{doubled}{quote}")
        text += delimiter.join(cells) + end
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    options = {"delimiter": delimiter, "quote": quote, "escape": escape, "encoding": encoding}
    _, found, problems = read(tmp_path / "t.csv", **options)
    assert problems == []
    assert found == [row for row in rows if any(row)]


def test_a_header_without_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,b")
    assert read(tmp_path / "t.csv") == ([], [], [])


class SlowStream(io.BytesIO):
    """A file on a slow disk that notes what would go wrong with a number given to another."""

    reading = False
    faults = 0

    def read(self, size: int | None = -1) -> bytes:
        if self.closed:
            self.faults += 1
            return b""
        self.reading = True
        time.sleep(0.02)
        self.reading = False
        return super().read(size)

    def close(self) -> None:
        self.faults += self.reading
        super().close()


def test_a_file_is_not_closed_while_the_parser_reads_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\n")
    source = open_source("[[users.files]] 1", UsersFile(file="a.csv", id="a"), tmp_path)
    stream = SlowStream(b"a,b\n" + b"1,2\n" * 4_000_000)
    monkeypatch.setattr("linkspan.ingest.readers.csv_reader.open_text", lambda source: stream)
    assert read_header(source) == ["a", "b"]
    time.sleep(0.2)  # the parser goes on until it meets the end
    assert stream.closed
    assert stream.faults == 0


def test_a_very_long_value(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,b\n1," + b"x" * 10_000_000 + b"\n2,y\n")
    lines, rows, _ = read(tmp_path / "t.csv")
    assert lines == [2, 3]
    assert [len(row[1]) for row in rows] == [10_000_000, 1]


def test_a_row_longer_than_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkspan.ingest.readers.csv_reader.LONG_BLOCK_BYTES", 1 << 12)
    monkeypatch.setattr("linkspan.ingest.readers.csv_reader.BLOCK_BYTES", 1 << 11)
    (tmp_path / "t.csv").write_bytes(b"a,b\n1,2\n1," + b"x" * 20_000 + b"\n")
    with pytest.raises(DataError, match=r"t\.csv, line \d: a row is longer than .* line end"):
        read(tmp_path / "t.csv")


ROWS = "".join(f"{number},x\n" for number in range(50_000))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('1,"x', "is never closed"),
        ('1,"x" y', "text stands behind"),
        ('"1 x", "y"z', None),
        ('1,"x\n2,y\n3,z"', "the lines between look like rows"),
    ],
)
@pytest.mark.parametrize("place", [0, 30_000, 50_000])
def test_a_wrong_quote_costs_its_row_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str, reason: str | None, place: int
) -> None:
    monkeypatch.setattr("linkspan.ingest.readers.csv_reader.BLOCK_BYTES", 1 << 12)
    monkeypatch.setattr("linkspan.ingest.readers.tap.LONG_VALUE_BYTES", 1 << 16)
    before, behind = ROWS.splitlines()[:place], ROWS.splitlines()[place:]
    text = "\n".join(["a,b", *before, bad, *behind, ""])
    (tmp_path / "t.csv").write_text(text)
    lines, rows, problems = read(tmp_path / "t.csv")
    wrong = [(problem.line, problem.reason) for problem in problems]
    swallowed = bad.count("\n")
    assert len(rows) == 50_000 + swallowed + (reason is None)
    left_out = sorted(set(range(2, 50_003 + swallowed)) - set(lines))
    assert left_out == [line for line, _ in wrong]
    assert [line for line, _ in wrong] == ([place + 2] if reason else [])
    assert all(reason in told for _, told in wrong)


def test_a_quote_in_a_file_without_a_header_and_with_wide_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('x,"one" two\ny,"a\nb"\n')
    lines, rows, problems = read(tmp_path / "t.csv", columns=("a", "b"))
    assert (lines, rows) == ([2], [("y", "a\nb")])
    assert [problem.line for problem in problems] == [1]


@pytest.mark.parametrize(
    ("data", "encoding", "says"),
    [
        ("a,b\n1,é\n".encode(), "ascii", r"line 2: this is not ascii text \(byte 0xC3"),
        (b"a,b\n1,x\n2,\x81\n", "cp1252", r"line 3: this is not cp1252 text \(byte 0x81"),
        (b"a,b\n" * 500_000 + b"\xff\n", "ascii", r"line 500001: .* \(byte 0xFF"),
    ],
)
def test_another_encoding_than_declared(
    tmp_path: Path, data: bytes, encoding: str, says: str
) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(DataError, match=says + ".*Say what it is with 'encoding = ...'"):
        read(tmp_path / "t.csv", encoding=encoding)


@settings(FILES, max_examples=200)
@given(
    row=st.lists(CELL | MARKS, min_size=2, max_size=2).filter(any),
    dialect=st.sampled_from([each for each in DIALECTS if each[1] or each[2]]),
)
def test_a_row_that_a_dialect_writes_is_read_again(
    tmp_path: Path, row: list[str], dialect: tuple[str, str, str | None]
) -> None:
    delimiter, quote, escape = dialect
    made = Dialect(delimiter, quote, escape or "")
    text = made.row(["a", "b"]) + "\r\n" + made.row(row) + "\r\n"
    (tmp_path / "t.csv").write_bytes(text.encode())
    options = {"delimiter": delimiter, "quote": quote, "escape": escape}
    assert read(tmp_path / "t.csv", **options)[1:] == ([tuple(row)], [])

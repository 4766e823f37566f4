"""Damaged files: each gives one clear line, and nothing is written."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linkspan.errors import ConfigError, DataError, LinkspanError
from linkspan.graph.connection import Database
from linkspan.ingest import ingest

NUMBER = "Use digits and a decimal point, or leave it empty."
QUOTE = "Quote values that have the delimiter or a line end in them."
CLOSE = "Close it, or double it if it belongs to the text."
ENCODING = "Save the file as UTF-8, or say what it is with 'encoding = ...'."
COPY = "Copy or download it again."
NAMES = "It should name the columns."


def put(name: str, data: str | bytes) -> Callable[[Any], object]:
    return lambda shop: shop.write(name, data)


def encode(name: str, old: str, new: str, encoding: str) -> Callable[[Any], object]:
    """Write a file in another encoding, with something in it that is not ASCII."""
    return lambda shop: shop.write(name, shop.text(name).replace(old, new).encode(encoding))


def _missing(shop: Any) -> None:
    (shop.folder / "bought.csv").rename(shop.folder / "bougth.csv")


def _folder(shop: Any) -> None:
    (shop.folder / "with.csv").unlink()
    (shop.folder / "with.csv").mkdir()


def _cut_short(shop: Any) -> None:
    shop.remap('file = "bought.csv"', 'file = "bought.csv.gz"')
    rows = "".join(f"ann,1,{1_700_000_000 + i},1,{i % 5}\n" for i in range(5_000))
    data = gzip.compress(b"person,thing,when,amount,rating\n" + rows.encode())
    shop.write("bought.csv.gz", data[: len(data) // 2])


def _not_gzip(shop: Any) -> None:
    shop.remap('file = "with.csv"', 'file = "with.csv.gz"')
    shop.write("with.csv.gz", shop.text("with.csv"))


def _no_format(shop: Any) -> None:
    shop.remap('file = "with.csv"', 'file = "with.xls"')
    shop.write("with.xls", shop.text("with.csv"))


# name, damage, what must be said after the folder, how to mend it
FILES: list[tuple[str, Callable[[Any], object], str, str]] = [
    ("an empty file", put("with.csv", ""),
     "with.csv: the file is empty", "Its first line should name the columns."),
    ("only a byte order mark", put("with.csv", b"\xef\xbb\xbf"),
     "with.csv, line 1: the first line is empty", NAMES),
    ("an empty first line", put("with.csv", "\none,other,times\n1,3,7\n"),
     "with.csv, line 1: the first line is empty", NAMES),
    ("a gzip file cut short", _cut_short,
     "bought.csv.gz: the file is cut short or damaged (Truncated compressed stream)", COPY),
    ("a gzip file that is none", _not_gzip,
     "with.csv.gz: the file is cut short or damaged (zlib inflate failed: incorrect header check)",
     COPY),
    ("a spreadsheet", put("with.csv", b"PK\x03\x04\x14\x00\x06\x00\x08\x00"),
     "with.csv, line 1: the first line is not utf-8 text", ENCODING),
    ("UTF-16 without saying so", encode("with.csv", "", "", "utf-16"),
     "with.csv, line 1: the first line is not utf-8 text (found "
     "'\\\\xff\\\\xfeo\\x00n\\x00e\\x00')", ENCODING),
    ("Latin-1 in a value", encode("things.csv", "Wok", "Wök", "latin-1"),
     "things.csv, line 4, column 'title': not UTF-8 text (found 'W\\\\xf6k')", ENCODING),
    ("Latin-1 in the header", encode("with.csv", "times", "times,größe", "latin-1"),
     "with.csv, line 1: the first line is not utf-8 text (found 'gr\\\\xf6\\\\xdfe')", ENCODING),
]  # fmt: skip

# name, file, what stands there, what is put in its place, what must be said, how to mend it
ROWS = [
    ("a NUL byte", "things.csv", "Wok", "W\x00k",
     "line 4, column 'title': a NUL byte in the text (found 'W\\x00k')", ENCODING),
    ("a column twice", "with.csv", "one,other,times", "one,other,times,times",
     "line 1: the header has column 'times' 2 times", "Give each column a name of its own."),
    ("a row that is too short", "bought.csv", "bob,2,1700000000,,", "bob,2,1700000000",
     "line 4: 3 columns where the header has 5 (found 'bob,2,1700000000')",
     "Write every value; an empty one still needs its delimiter."),
    ("a row that is too long", "with.csv", "1,3,7", "1,3,7,8",
     "line 2: 4 columns where the header has 3 (found '1,3,7,8')", QUOTE),
    ("a comma without quotes", "things.csv", '"Rice, black"', "Rice, black",
     "line 3: 7 columns where the header has 6 (found '2,food,Rice, black,Thai Co,,no')", QUOTE),
    ("a quote that is never closed", "things.csv", '"Rice, black"', '"Rice, black',
     "line 3: a quote opens in this row and is never closed", CLOSE),
    ("a quote that is never closed in the last column", "bought.csv", "1,3\n", '1,"3\n',
     "line 3: a quote opens in this row and is never closed", CLOSE),
    ("the right line after line ends in quotes", "things.csv",
     '"Rice, black",Thai Co,,no\n3,kitchen-ware,Wok,,25',
     '"Rice,\nblack\r\n",Thai Co,,no\n\n3,kitchen-ware,Wok,,x',
     "line 7, column 'price': this is not a number (found 'x')", NUMBER),
]  # fmt: skip

# name, damage, the whole line
CONFIG: list[tuple[str, Callable[[Any], object], str]] = [
    ("a file that is not there", _missing,
     "[[interactions]] 1: there is no file DIR/bought.csv. Perhaps 'bougth.csv' is meant."),
    ("a folder in place of a file", _folder,
     "[[relations]] 1: DIR/with.csv is a folder. Name one file in it, or all of them "
     "with a pattern such as 'with.csv/*.csv'."),
    ("a name that tells no format", _no_format,
     "[[relations]] 1: the name of DIR/with.xls does not say how it is written. Add 'format = "
     "...' (csv, tsv, jsonl, parquet), or end it in .csv, .tsv, .tab, .jsonl, .ndjson, .json, "
     ".parquet, .pq."),
    ("an encoding that does not exist",
     lambda shop: shop.remap('file = "with.csv"', 'file = "with.csv"\nencoding = "utf-7.5"'),
     "[[relations]] 1, encoding: 'utf-7.5' is not known. Try 'utf-8' or 'cp1252'."),
    ("a column that is not there", lambda shop: shop.replace("bought.csv", "person,", "persons,"),
     "[[interactions]] 1, user: DIR/bought.csv has no column 'person'. Perhaps 'persons' is "
     "meant; it has persons, thing, when, amount, rating."),
    ("another delimiter",
     lambda shop: shop.write("with.csv", shop.text("with.csv").replace(",", ";")),
     "[[relations]] 1, weight: DIR/with.csv has no column 'times'. It has one;other;times."),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "message", "hint"), [case[1:] for case in FILES],
                         ids=[case[0] for case in FILES])  # fmt: skip
def test_a_file(
    shop: Any, refusal: Any, damage: Callable[[Any], object], message: str, hint: str
) -> None:
    damage(shop)
    assert refusal(DataError) == f"DIR/{message}. {hint}"


@pytest.mark.parametrize(("file", "old", "new", "message", "hint"), [case[1:] for case in ROWS],
                         ids=[case[0] for case in ROWS])  # fmt: skip
def test_a_row(
    shop: Any, refusal: Any, file: str, old: str, new: str, message: str, hint: str
) -> None:
    shop.replace(file, old, new)
    assert refusal(DataError) == f"DIR/{file}, {message}. {hint}"


@pytest.mark.parametrize(("damage", "message"), [case[1:] for case in CONFIG],
                         ids=[case[0] for case in CONFIG])  # fmt: skip
def test_a_mapping_that_does_not_fit(
    shop: Any, refusal: Any, damage: Callable[[Any], object], message: str
) -> None:
    damage(shop)
    assert refusal(ConfigError) == message


def test_the_cases_damage_a_shop_that_is_sound(shop: Any, recorder: Any) -> None:
    report = ingest(recorder, shop.mapping(), dry_run=True)
    assert {line.target: line.read for line in report.lines} == {
        "Item": 3,
        "User": 2,
        "BOUGHT": 4,
        "BOUGHT_WITH": 2,
    }
    assert recorder.writes == []


@pytest.mark.parametrize("damage", [_missing, encode("things.csv", "Wok", "Wök", "latin-1")])
def test_the_database_stays_empty(shop: Any, db: Database, damage: Callable[[Any], object]) -> None:
    damage(shop)
    with pytest.raises(LinkspanError):
        ingest(db, shop.mapping())
    assert db.read("MATCH (n) RETURN count(n) AS nodes") == [{"nodes": 0}]


def test_a_file_that_may_not_be_read(
    shop: Any, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa

    def refuse(path: str, **options: Any) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(pa, "input_stream", refuse)
    with pytest.raises(DataError, match=r"things\.csv: it may not be read\. Check its permissions"):
        ingest(recorder, shop.mapping())
    assert recorder.writes == []


def test_a_file_that_grows_between_check_and_load(shop: Any, recorder: Any, db: Database) -> None:
    class Growing:
        """Adds a row just before the first write."""

        def __getattr__(self, name: str) -> Any:
            if name == "write":
                bought: Path = shop.folder / "bought.csv"
                if "zoe" not in bought.read_text():
                    bought.write_text(bought.read_text() + "zoe,1,1700000000,1,1\n")
            return getattr(db, name)

    with pytest.raises(DataError, match=r"bought\.csv: the file changed while it was read"):
        ingest(Growing(), shop.mapping())  # type: ignore[arg-type]

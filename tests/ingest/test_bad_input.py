"""Damaged files: each gives one clear line, and nothing is written."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from linkspan.errors import ConfigError, DataError, LinkspanError
from linkspan.graph.connection import Database
from linkspan.ingest import ingest


class Case(NamedTuple):
    """How a shop is damaged, and what must be said; DIR stands for its folder."""

    name: str
    damage: Callable[[Any], object]
    error: type[LinkspanError]
    message: str


def swap(file: str, old: str, new: str) -> Callable[[Any], object]:
    return lambda shop: shop.replace(file, old, new)


def put(file: str, data: str | bytes) -> Callable[[Any], object]:
    return lambda shop: shop.write(file, data)


def remap(old: str, new: str) -> Callable[[Any], object]:
    return lambda shop: shop.remap(old, new)


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


def _two_domains(shop: Any) -> None:
    shop.replace("things.csv", "3,kitchen-ware,", "2,kitchen-ware,Pan,,1,\n3,kitchen-ware,")


CASES = [
    Case(
        "a file that is not there",
        _missing,
        ConfigError,
        "[[interactions]] 1: there is no file DIR/bought.csv. Perhaps 'bougth.csv' is meant.",
    ),
    Case(
        "a folder in place of a file",
        _folder,
        ConfigError,
        "[[relations]] 1: DIR/with.csv is a folder. Name one file in it, or all of them "
        "with a pattern such as 'with.csv/*.csv'.",
    ),
    Case(
        "an empty file",
        put("with.csv", ""),
        DataError,
        "DIR/with.csv: the file is empty. Its first line should name the columns.",
    ),
    Case(
        "only a byte order mark",
        put("with.csv", b"\xef\xbb\xbf"),
        DataError,
        "DIR/with.csv, line 1: the first line is empty. It should name the columns.",
    ),
    Case(
        "an empty first line",
        put("with.csv", "\none,other,times\n1,3,7\n"),
        DataError,
        "DIR/with.csv, line 1: the first line is empty. It should name the columns.",
    ),
    Case(
        "a gzip file cut short",
        _cut_short,
        DataError,
        "DIR/bought.csv.gz: the file is cut short or damaged (Truncated compressed stream). "
        "Copy or download it again.",
    ),
    Case(
        "a gzip file that is none",
        _not_gzip,
        DataError,
        "DIR/with.csv.gz: the file is cut short or damaged (zlib inflate failed: incorrect "
        "header check). Copy or download it again.",
    ),
    Case(
        "a spreadsheet",
        put("with.csv", b"PK\x03\x04\x14\x00\x06\x00\x08\x00"),
        DataError,
        "DIR/with.csv, line 1: the first line is not utf-8 text. Save the file as UTF-8, or "
        "say what it is with 'encoding = ...'.",
    ),
    Case(
        "a name that tells no format",
        _no_format,
        ConfigError,
        "[[relations]] 1: the name of DIR/with.xls does not say how it is written. Add 'format "
        "= ...' (csv, tsv, jsonl, parquet), or end it in .csv, .tsv, .tab, .jsonl, .ndjson, .json, "
        ".parquet, .pq.",
    ),
    Case(
        "UTF-16 without saying so",
        lambda shop: shop.write("with.csv", shop.text("with.csv").encode("utf-16")),
        DataError,
        "DIR/with.csv, line 1: the first line is not utf-8 text (found "
        "'\\\\xff\\\\xfeo\\x00n\\x00e\\x00'). Save the file as UTF-8, or say what it is with "
        "'encoding = ...'.",
    ),
    Case(
        "an encoding that does not exist",
        remap('file = "with.csv"', 'file = "with.csv"\nencoding = "utf-7.5"'),
        ConfigError,
        "[[relations]] 1, encoding: 'utf-7.5' is not known. Try 'utf-8' or 'cp1252'.",
    ),
    Case(
        "Latin-1 in a value",
        lambda shop: shop.write(
            "things.csv", shop.text("things.csv").replace("Wok", "Wök").encode("latin-1")
        ),
        DataError,
        "DIR/things.csv, line 4, column 'title': not UTF-8 text (found 'W\\\\xf6k'). Save the "
        "file as UTF-8, or say what it is with 'encoding = ...'.",
    ),
    Case(
        "Latin-1 in the header",
        lambda shop: shop.write("with.csv", "one,other,times,größe\n1,3,7,2\n".encode("latin-1")),
        DataError,
        "DIR/with.csv, line 1: the first line is not utf-8 text (found 'gr\\\\xf6\\\\xdfe'). "
        "Save the file as UTF-8, or say what it is with 'encoding = ...'.",
    ),
    Case(
        "a NUL byte",
        swap("things.csv", "Wok", "W\x00k"),
        DataError,
        "DIR/things.csv, line 4, column 'title': a NUL byte in the text (found 'W\\x00k'). "
        "Save the file as UTF-8, or say what it is with 'encoding = ...'.",
    ),
    Case(
        "a column that is not there",
        swap("bought.csv", "person,", "persons,"),
        ConfigError,
        "[[interactions]] 1, user: DIR/bought.csv has no column 'person'. Perhaps 'persons' is "
        "meant; it has persons, thing, when, amount, rating.",
    ),
    Case(
        "another delimiter",
        lambda shop: shop.write("with.csv", shop.text("with.csv").replace(",", ";")),
        ConfigError,
        "[[relations]] 1, weight: DIR/with.csv has no column 'times'. It has one;other;times.",
    ),
    Case(
        "a column twice",
        swap("with.csv", "one,other,times", "one,other,times,times"),
        DataError,
        "DIR/with.csv, line 1: the header has column 'times' 2 times. Give each column a name "
        "of its own.",
    ),
    Case(
        "a row that is too short",
        swap("bought.csv", "bob,2,1700000000,,", "bob,2,1700000000"),
        DataError,
        "DIR/bought.csv, line 4: 3 columns where the header has 5 (found 'bob,2,1700000000'). "
        "Quote values that have the delimiter or a line end in them.",
    ),
    Case(
        "a row that is too long",
        swap("with.csv", "1,3,7", "1,3,7,8"),
        DataError,
        "DIR/with.csv, line 2: 4 columns where the header has 3 (found '1,3,7,8'). Quote "
        "values that have the delimiter or a line end in them.",
    ),
    Case(
        "a comma without quotes",
        swap("things.csv", '"Rice, black"', "Rice, black"),
        DataError,
        "DIR/things.csv, line 3: 7 columns where the header has 6 (found '2,food,Rice, "
        "black,Thai Co,,no'). Quote values that have the delimiter or a line end in them.",
    ),
    Case(
        "a quote that is never closed",
        swap("things.csv", '"Rice, black"', '"Rice, black'),
        DataError,
        "DIR/things.csv, line 3: a quote opens in this row and is never closed. Close it, or "
        "double it if it belongs to the text.",
    ),
    Case(
        "a quote that is never closed in the last column",
        swap("bought.csv", "1,3\n", '1,"3\n'),
        DataError,
        "DIR/bought.csv, line 3: a quote opens in this row and is never closed. Close it, or "
        "double it if it belongs to the text.",
    ),
    Case(
        "an empty item id",
        swap("things.csv", "2,food", ",food"),
        DataError,
        "DIR/things.csv, line 3, column 'thing': the id is empty (found ''). Every row needs one.",
    ),
    Case(
        "an item id of spaces",
        swap("things.csv", "2,food", "  ,food"),
        DataError,
        "DIR/things.csv, line 3, column 'thing': the id is empty (found '  '). Every row needs "
        "one.",
    ),
    Case(
        "an empty user id",
        swap("bought.csv", "bob,2", ",2"),
        DataError,
        "DIR/bought.csv, line 4, column 'person': the id is empty (found ''). Every row needs one.",
    ),
    Case(
        "an item in no domain",
        swap("things.csv", "2,food", "2,"),
        DataError,
        "DIR/things.csv, line 3, column 'shelf': the item is in no domain (found ''). Give the "
        "item one of the domains: food, kitchen-ware.",
    ),
    Case(
        "a domain with a typo",
        swap("things.csv", "kitchen-ware", "kitchenware"),
        DataError,
        "DIR/things.csv, line 4, column 'shelf': there is no such domain, perhaps "
        "'kitchen-ware' is meant (found 'kitchenware'). Mend it, or list it in the 'values' of "
        "'domain' in the mapping.",
    ),
    Case(
        "a domain that is not listed",
        swap("things.csv", "kitchen-ware", "garden"),
        DataError,
        "DIR/things.csv, line 4, column 'shelf': there is no such domain (found 'garden'). "
        "Mend it, or list it in the 'values' of 'domain' in the mapping.",
    ),
    Case(
        "a number that is none",
        swap("things.csv", ",25,", ",cheap,"),
        DataError,
        "DIR/things.csv, line 4, column 'price': this is not a number (found 'cheap'). Use "
        "digits and a decimal point, or leave it empty.",
    ),
    Case(
        "a decimal comma",
        swap("things.csv", ",25,", ',"25,5",'),
        DataError,
        "DIR/things.csv, line 4, column 'price': this is not a number (found '25,5'). Use "
        "digits and a decimal point, or leave it empty.",
    ),
    Case(
        "not a number",
        swap("things.csv", ",25,", ",NaN,"),
        DataError,
        "DIR/things.csv, line 4, column 'price': this is not a number (found 'NaN'). Use "
        "digits and a decimal point, or leave it empty.",
    ),
    Case(
        "infinity",
        swap("things.csv", ",25,", ",-inf,"),
        DataError,
        "DIR/things.csv, line 4, column 'price': this is not a number (found '-inf'). Use "
        "digits and a decimal point, or leave it empty.",
    ),
    Case(
        "a number beyond all bounds",
        swap("things.csv", ",25,", ",1e999,"),
        DataError,
        "DIR/things.csv, line 4, column 'price': this number is too large (found '1e999'). Use "
        "digits and a decimal point, or leave it empty.",
    ),
    Case(
        "an integer that is none",
        swap("people.csv", "31", "31.5"),
        DataError,
        "DIR/people.csv, line 2, column 'age': this is not an integer (found '31.5'). Mend it, "
        "or set another 'type'.",
    ),
    Case(
        "an integer beyond all bounds",
        swap("people.csv", "31", "9223372036854775808"),
        DataError,
        "DIR/people.csv, line 2, column 'age': this is not an integer (found "
        "'9223372036854775808'). Mend it, or set another 'type'.",
    ),
    Case(
        "neither true nor false",
        swap("things.csv", ",yes", ",perhaps"),
        DataError,
        "DIR/things.csv, line 2, column 'fresh': this is neither true nor false (found "
        "'perhaps'). Use true or false.",
    ),
    Case(
        "a time that is none",
        swap("bought.csv", "1700000100", "yesterday"),
        DataError,
        "DIR/bought.csv, line 3, column 'when': this is not an integer (found 'yesterday'). "
        "Check 'unit' in the mapping.",
    ),
    Case(
        "a time with a fraction",
        swap("bought.csv", "1700000100", "1700000100.5"),
        DataError,
        "DIR/bought.csv, line 3, column 'when': this is not an integer (found '1700000100.5'). "
        "Check 'unit' in the mapping.",
    ),
    Case(
        "an empty time",
        swap("bought.csv", "1700000100", ""),
        DataError,
        "DIR/bought.csv, line 3, column 'when': the time is empty (found ''). Every event "
        "needs one.",
    ),
    Case(
        "milliseconds for seconds",
        swap("bought.csv", "1700000100", "1700000100000"),
        DataError,
        "DIR/bought.csv, line 3, column 'when': the time is after the year 9999 (found "
        "'1700000100000'). Check 'unit' in the mapping: it looks like milliseconds.",
    ),
    Case(
        "the 32nd of January",
        lambda shop: (
            shop.remap('unit = "s"', 'unit = "iso"'),
            shop.write(
                "bought.csv",
                "person,thing,when,amount,rating\nann,1,2024-01-31,1,1\nann,3,2024-01-32,1,1\n",
            ),
        ),
        DataError,
        "DIR/bought.csv, line 3, column 'when': this is not an ISO 8601 time (found "
        "'2024-01-32'). Write it as 2024-05-31 or 2024-05-31T18:30:00Z.",
    ),
    Case(
        "the year 10000",
        lambda shop: (
            shop.remap('unit = "s"', 'unit = "iso"'),
            shop.write("bought.csv", "person,thing,when,amount,rating\nann,1,10000-01-31,1,1\n"),
        ),
        DataError,
        "DIR/bought.csv, line 2, column 'when': this is not an ISO 8601 time (found "
        "'10000-01-31'). Write it as 2024-05-31 or 2024-05-31T18:30:00Z.",
    ),
    Case(
        "an event with an unknown item",
        swap("bought.csv", "bob,2", "bob,22"),
        DataError,
        "DIR/bought.csv, line 4, column 'thing': no items file has this item (found '22'). Add "
        "it to an items file, or remove this row.",
    ),
    Case(
        "a relation from an unknown item",
        swap("with.csv", "2,3,", "9,3,"),
        DataError,
        "DIR/with.csv, line 3, column 'one': no items file has this item (found '9'). Add it "
        "to an items file, or remove this row.",
    ),
    Case(
        "a relation into the wrong domain",
        swap("with.csv", "2,3,", "2,1,"),
        DataError,
        "DIR/with.csv, line 3, column 'other': no items file has this item (found '1'). Add it "
        "to an items file, or remove this row.",
    ),
    Case(
        "an item id in two domains",
        _two_domains,
        DataError,
        "DIR/bought.csv, line 4, column 'thing': this item stands in several domains (found "
        "'2'). Say which with 'domain' in the mapping.",
    ),
    Case(
        "an item twice with other values",
        swap("things.csv", "3,kitchen-ware", "1,food,Red Curry,,,\n3,kitchen-ware"),
        DataError,
        "DIR/things.csv, line 4: line 2 says something else of the same item (found 'food/1'). "
        "Keep one of the two rows.",
    ),
    Case(
        "a user twice with other values",
        swap("people.csv", "bob,", "bob,\nann,32"),
        DataError,
        "DIR/people.csv, line 4: line 2 says something else of the same user (found 'ann'). "
        "Keep one of the two rows.",
    ),
    Case(
        "an event twice with other values",
        swap("bought.csv", "cid,2", "ann,1,1700000000,2,4\ncid,2"),
        DataError,
        "DIR/bought.csv, line 5: line 2 says something else of the same user and item (found "
        "'ann and food/1'). Keep one of the two rows.",
    ),
    Case(
        "a relation twice with other values",
        put("with.csv", "one,other,times\n1,3,7\n1,3,8\n"),
        DataError,
        "DIR/with.csv, line 3: line 2 says something else of the same item and item (found "
        "'food/1 and kitchen-ware/3'). Keep one of the two rows.",
    ),
    Case(
        "the right line after line ends in quotes",
        swap(
            "things.csv",
            '"Rice, black",Thai Co,,no\n3,kitchen-ware,Wok,,25',
            '"Rice,\nblack\r\n",Thai Co,,no\n\n3,kitchen-ware,Wok,,x',
        ),
        DataError,
        "DIR/things.csv, line 7, column 'price': this is not a number (found 'x'). Use digits "
        "and a decimal point, or leave it empty.",
    ),
    Case(
        "a domain that is no label",
        lambda shop: (
            shop.remap(', values = ["food", "kitchen-ware"]', ""),
            shop.replace("things.csv", "2,food", "2,fo/od"),
        ),
        DataError,
        "DIR/things.csv, line 3, column 'shelf': the name of a domain has no '/' in it, not "
        "'fo/od' (found 'fo/od'). Mend it, or list it in the 'values' of 'domain' in the "
        "mapping.",
    ),
    Case(
        "a domain with a reserved label",
        lambda shop: (
            shop.remap(', values = ["food", "kitchen-ware"]', ""),
            shop.replace("things.csv", "2,food", "2,user"),
        ),
        DataError,
        "DIR/things.csv, line 3, column 'shelf': domain 'user' would have the label 'User', "
        "which is reserved (found 'user'). Mend it, or list it in the 'values' of 'domain' in "
        "the mapping.",
    ),
    Case(
        "two domains with one label",
        lambda shop: (
            shop.remap(', values = ["food", "kitchen-ware"]', ""),
            shop.replace("things.csv", "2,food", "2,Food"),
        ),
        DataError,
        "DIR/things.csv, line 3, column 'shelf': label 'Food' would stand for domain food and "
        "domain Food (found 'Food'). Rename one of them.",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_clear_line_and_nothing_written(case: Case, shop: Any, recorder: Any) -> None:
    case.damage(shop)
    with pytest.raises(LinkspanError) as raised:
        ingest(recorder, shop.mapping())
    assert type(raised.value) is case.error
    assert str(raised.value).replace(str(shop.folder), "DIR") == case.message
    assert recorder.writes == []


def test_the_cases_damage_a_shop_that_is_sound(shop: Any, recorder: Any) -> None:
    report = ingest(recorder, shop.mapping(), dry_run=True)
    assert {line.target: line.read for line in report.lines} == {
        "Item": 3,
        "User": 2,
        "BOUGHT": 4,
        "BOUGHT_WITH": 2,
    }
    assert recorder.writes == []


@pytest.mark.parametrize("case", [CASES[0], CASES[11], CASES[28]], ids=lambda case: case.name)
def test_the_database_stays_empty(case: Case, shop: Any, db: Database) -> None:
    case.damage(shop)
    with pytest.raises(case.error):
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

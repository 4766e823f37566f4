"""What a column's values become: types, gaps, scales, cleaned text."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.errors import ConfigError, DataError
from linkspan.graph.connecting.connection import Counters, Database
from linkspan.graph.roles import FeatureRole
from linkspan.ingest import IngestReport, find_gone, ingest
from linkspan.ingest.roles import find_roles
from linkspan.ingest.shaping.statistics import summarise
from linkspan.ingest.shaping.text import cleaned

PRICE = 'price = { column = "price", type = "number" }'


class Sink:
    """A database that is empty and keeps the rows that it is sent."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, dict[str, Any]]] = []
        self._token: str | None = None

    def read(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        if ":Lease " in query:
            return [{"token": self._token}]
        return [{"found": 0}] if "AS found" in query else []

    def write(self, query: str, rows: Any = (), **parameters: Any) -> Any:
        self.rows += [(query, row) for row in rows]
        self._token = parameters.get("token", self._token)
        return Counters()

    def write_once(self, query: str, rows: Any = (), **parameters: Any) -> bool:
        self.write(query, rows)
        return True

    def run(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        return []


def prices_sent(shop: Any) -> list[Any]:
    """What the items' price becomes, in the order of their keys, absent as None."""
    sink = Sink()
    ingest(sink, shop.mapping())  # type: ignore[arg-type]
    found = []
    for query, row in sink.rows:
        if ".price = row." in query:
            place = query.split(".price = row.")[1].split(",")[0].strip()
            found.append((row["key"], row[place]))
    return [price for _, price in sorted(found)]


def column(shop: Any, cells: list[str], options: str) -> Any:
    """Make the items' prices these cells, read with these options."""
    rows = [f'{n},food,Dish,A,"{cell}",' for n, cell in enumerate(cells, 1)]
    rows += [f"{n},kitchen-ware,Pot,,," for n in range(len(cells) + 1, 4)]
    shop.write("things.csv", "thing,shelf,title,makers,price,fresh\n" + "\n".join(rows) + "\n")
    shop.write("with.csv", "one,other,times\n")
    shop.write("bought.csv", "person,thing,when,amount,rating\nann,1,1700000000,2,5\n")
    shop.remap(PRICE, f'price = {{ column = "price", {options} }}')
    return shop


@pytest.mark.parametrize(
    ("cells", "options", "expected"),
    [
        (["1", "", "NA"], 'type = "number", absent = ["NA"]', [1.0, None, None]),
        (["1", "-", "3"], 'type = "number", absent = ["-"], default = 7.5', [1.0, 7.5, 3.0]),
        (["1", "", "4"], 'type = "number", missing = "mean"', [1.0, 2.5, 4.0]),
        (["", "", ""], 'type = "number", missing = "mean"', [None, None, None]),
        (["red", "", "red"], 'type = "category", missing = "unknown"', ["red", "unknown", "red"]),
        (["red", "", "null"], 'default = "grey", absent = ["null"]', ["red", "grey", "grey"]),
        (["a|b", "", "c"], 'split = "|", missing = "unknown"', [["a", "b"], ["unknown"], ["c"]]),
        (["yes", "", "no"], 'type = "boolean", default = true', [True, True, False]),
        (["7", "", "9"], 'type = "integer", default = 0', [7, 0, 9]),
        (["2", "", "6"], 'type = "number", normalise = "minmax"', [0.0, None, 1.0]),
        (["2", "4", "6"], 'type = "number", normalise = "minmax"', [0.0, 0.5, 1.0]),
        (["2", "", "6"], 'type = "number", normalise = "zscore"', [-1.0, None, 1.0]),
        (["2", "", "6"], 'type = "number", normalise = "zscore", missing = "mean"', [-1, 0, 1]),
        (["2", "", "6"], 'type = "number", normalise = "minmax", default = 10', [0.0, 1.0, 0.5]),
        (["3", "3", ""], 'type = "number", normalise = "minmax"', [0.0, 0.0, None]),
        (["3", "3", ""], 'type = "number", normalise = "zscore"', [0.0, 0.0, None]),
        (["0", "", "1"], 'type = "number", normalise = "log"', [0.0, None, float(np.log(2))]),
        (["2024-05-31", "", "0999-12-01"], 'type = "date"', ["2024-05-31", None, "0999-12-01"]),
        (["", "2024-02-29", ""], 'type = "date", default = 2000-01-01',
         ["2000-01-01", "2024-02-29", "2000-01-01"]),
        (["0", "1700000000", ""], 'type = "time", unit = "s"', [0, 1700000000000, None]),
        (["-1", "1700000000123", ""], 'type = "time", unit = "ms"', [-1, 1700000000123, None]),
        (["1970-01-02", "", "1970-01-01T01:00+01:00"], 'type = "time"', [86400000, None, 0]),
        (["<b>Hot</b> &amp; sour<br>soup", "<p></p>", " x\t\ty "],
         'clean = true, default = "none"', ["Hot & sour soup", "none", "x y"]),
    ],
)  # fmt: skip
def test_cells_become(shop: Any, cells: list[str], options: str, expected: list[Any]) -> None:
    assert prices_sent(column(shop, cells, options)) == expected


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        (["1", "-0.5"], 'type = "number", normalise = "log"',
         "line 3, column 'price': this number is negative (found '-0.5'). A logarithm needs "
         "numbers from 0 on; mend it, or use 'minmax' or 'zscore'."),
        (["2024-05-31", "2023-02-29"], 'type = "date"',
         "line 3, column 'price': this is not an ISO 8601 date (found '2023-02-29'). Write it as "
         "2024-05-31."),
        (["2024-05-31T10:00", ""], 'type = "date"',
         "line 2, column 'price': this is not an ISO 8601 date (found '2024-05-31T10:00'). Write "
         "it as 2024-05-31."),
        (["1700000000123", ""], 'type = "time", unit = "s"',
         "line 2, column 'price': the time is after the year 9999 (found '1700000000123'). Check "
         "'unit' in the mapping: it looks like milliseconds."),
        (["NA", "na"], 'type = "number", absent = ["NA"]',
         "line 3, column 'price': this is not a number (found 'na'). Use digits and a decimal "
         "point, or leave it empty."),
    ],
)  # fmt: skip
def test_cells_that_cannot_be_taken(
    shop: Any, recorder: Any, cells: list[str], options: str, message: str
) -> None:
    with pytest.raises(DataError) as raised:
        ingest(recorder, column(shop, cells, options).mapping())
    assert str(raised.value) == f"{shop.folder}/things.csv, {message}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ('missing = "mean"', "missing = 'mean' needs type 'number', not 'text'"),
        ('type = "integer", normalise = "zscore"',
         "normalise = 'zscore' needs type 'number', not 'integer'"),
        ('type = "number", missing = "unknown"',
         "missing = 'unknown' needs type 'text' or 'category', not 'number'"),
        ('type = "number", clean = true',
         "clean = true needs type 'text' or 'category', not 'number'"),
        ('type = "number", unit = "s"', "unit needs type 'time', not 'number'"),
        ('missing = "drop", default = "x"',
         "'missing' and 'default' both say what an empty cell is; keep one"),
        ('type = "number", default = "cheap"',
         "default = 'cheap': this is not a number. Use digits and a decimal point, or leave it "
         "empty"),
        ('type = "date", default = "soon"',
         "default = 'soon': this is not an ISO 8601 date. Write it as 2024-05-31"),
        ('type = "number", normalise = "log", default = -1',
         "default = '-1': a logarithm needs numbers from 0 on"),
        ('default = " "', "default = '': it is empty. Leave it out instead"),
        ('split = "|", feature = true',
         "a feature is one value, not a list: make lists relations"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(shop: Any, options: str, message: str) -> None:
    shop.remap(PRICE, f'price = {{ column = "price", {options} }}')
    with pytest.raises(ConfigError) as raised:
        shop.mapping()
    assert str(raised.value) == f"[[items]] 1, properties.price: {message}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('weight = "amount"', 'weight = { column = "amount", type = "text" }',
         "[[interactions]] 1, weight: a weight is of type 'number' or 'integer', not 'text'"),
        ('weight = "amount"', 'weight = { column = "amount", normalise = "zscore" }',
         "[[interactions]] 1, weight: a weight is not negative, so use 'minmax' or 'log', not "
         "'zscore'"),
        ('type = "integer" } }\npositive', 'type = "number", normalise = "minmax" } }\npositive',
         "[[interactions]] 1: positive asks for 'rating' as it stands in the file, and property "
         "'rating' is normalised; keep both under two names"),
        ('age = { column = "age",', 'age = { column = "age", feature = true,',
         "the mapping: [[users.files]] 1, properties.age: only properties of items are features"),
    ],
)  # fmt: skip
def test_options_in_the_wrong_place(shop: Any, old: str, new: str, message: str) -> None:
    shop.remap(old, new)
    with pytest.raises(ConfigError) as raised:
        shop.mapping()
    assert str(raised.value) == message


def test_two_files_of_one_property_agree(shop: Any) -> None:
    second = shop.toml[shop.toml.index("[[items]]") : shop.toml.index("[[interactions]]")]
    shop.toml += second.replace(PRICE, PRICE.replace("number", "integer"))
    shop.mapping()
    shop.remap(PRICE, PRICE[:-1] + ', normalise = "log" }')
    with pytest.raises(ConfigError, match="property 'price' of Item differs between files"):
        shop.mapping()


def line(report: IngestReport, target: str) -> tuple[int, int, int, int]:
    found = next(line for line in report.lines if line.target == target)
    return found.read, found.written, found.unchanged, found.rejected


def test_dropped_rows_are_counted_and_stop_nothing(db: Database, shop: Any) -> None:
    shop.remap('weight = "amount"', 'weight = { column = "amount", missing = "drop" }')
    report = ingest(db, shop.mapping())
    assert line(report, "BOUGHT") == (4, 3, 0, 1)
    assert find_gone(db, shop.mapping()).gone == []  # the mapping wants it so
    path = next(line.rejects for line in report.lines if line.rejects)
    assert "bob,2,1700000000,,,4,amount,,nothing stands here" in path.read_text().replace('"', "")
    shop.toml += "\n[ingest]\nmax_rejects = 0\n"
    with pytest.raises(DataError, match=r"1 of 4 rows cannot be taken, more than max_rejects"):
        ingest(db, shop.mapping(), force=True)


def prices(db: Database) -> dict[str, float]:
    found = db.read("MATCH (i:Item) WHERE i.price IS NOT NULL RETURN i.key AS key, i.price AS p")
    return {row["key"]: row["p"] for row in found}


def test_statistics_are_those_of_what_the_graph_gets(db: Database, shop: Any) -> None:
    """Of two files; without rejected rows; a row said twice counts once; in any order."""
    shop.remap(PRICE, PRICE[:-1] + ', normalise = "zscore", missing = "mean" }')
    second = shop.toml[shop.toml.index("[[items]]") : shop.toml.index("[[interactions]]")]
    shop.toml += second.replace("things.csv", "more.csv")
    shop.toml += '\n[ingest]\nduplicates = "keep"\nmalformed = "skip"\n'
    header = shop.text("things.csv").splitlines()[0] + "\n"
    rows = [
        "4,food,A,,0.1,",
        "5,food,B,,0.2,",
        "4,food,A,,0.1,",
        "4,food,A,,99,",
        "6,food,C,,0.3,x",
    ]
    shop.write("more.csv", header + "\n".join(rows) + "\n")
    ingest(db, shop.mapping())
    numbers = np.array([3.5, 25, 0.1, 0.2])
    mean, deviation = numbers.mean(), numbers.std()
    expected = {
        "food/1": (3.5 - mean) / deviation,
        "food/2": 0.0,  # absent: the mean
        "kitchen-ware/3": (25 - mean) / deviation,
        "food/4": (0.1 - mean) / deviation,
        "food/5": (0.2 - mean) / deviation,
    }
    first = prices(db)
    assert first == pytest.approx(expected)
    db.write("MATCH (n) DETACH DELETE n")
    shop.write("more.csv", header + "\n".join([*rows[2:3], rows[1], *rows[3:]]) + "\n")
    ingest(db, shop.mapping())
    assert prices(db) == first  # to the last bit


def test_sums_are_the_same_in_any_order() -> None:
    numbers = np.random.default_rng(0).lognormal(0, 9, 1_000)
    assert summarise(numbers) == summarise(np.sort(numbers)) == summarise(numbers[::-1])
    assert summarise(numbers).mean == pytest.approx(numbers.mean())
    assert summarise(numbers).deviation == pytest.approx(numbers.std())


def test_other_files_move_the_weights_of_a_type(db: Database, shop: Any) -> None:
    shop.remap('weight = "times"', 'weight = { column = "times", normalise = "minmax" }')
    second = shop.toml[shop.toml.index("[[relations]]") :]
    shop.toml += "\n" + second.replace("with.csv", "more.csv")
    shop.toml += '\n[ingest]\ndangling = "skip"\n'
    shop.write("with.csv", "one,other,times\n1,3,14\n")
    shop.write("more.csv", "one,other,times\n2,3,7\n9,3,21\n")
    weight = "MATCH (:Item {key: 'food/1'})-[r:BOUGHT_WITH]->() RETURN r.weight AS weight"
    ingest(db, shop.mapping())
    assert db.read(weight) == [{"weight": 1.0}]
    shop.replace("more.csv", "2,3,7", "2,3,28")
    ingest(db, shop.mapping())
    assert db.read(weight) == [{"weight": 0.0}]
    shop.replace("more.csv", "2,3,28", "2,3,7")
    ingest(db, shop.mapping())
    shop.write("things.csv", shop.text("things.csv") + "9,food,Rice,,,\n")
    ingest(db, shop.mapping())
    assert db.read(weight) == [{"weight": 0.5}]


def test_an_appended_row_moves_all_files_of_the_property(db: Database, shop: Any) -> None:
    shop.remap(PRICE, PRICE[:-1] + ', normalise = "minmax" }')
    second = shop.toml[shop.toml.index("[[items]]") : shop.toml.index("[[interactions]]")]
    shop.toml += second.replace("things.csv", "more.csv")
    header = shop.text("things.csv").splitlines()[0] + "\n"
    shop.write("more.csv", header + "4,food,A,,14.25,\n")
    ingest(db, shop.mapping())
    assert prices(db) == {"food/1": 0.0, "food/4": 0.5, "kitchen-ware/3": 1.0}
    shop.write("more.csv", shop.text("more.csv") + "5,food,B,,46.5,\n")
    report = ingest(db, shop.mapping())
    assert prices(db) == {"food/1": 0.0, "food/4": 0.25, "kitchen-ware/3": 0.5, "food/5": 1.0}
    skipped = {line.file for line in report.lines if line.skipped}
    assert skipped == {"people.csv", "with.csv"}  # the items of BOUGHT are looked up
    assert all(line.skipped for line in ingest(db, shop.mapping()).lines)
    shop.toml = shop.toml.replace(second.replace("things.csv", "more.csv"), "")  # a file less
    ingest(db, shop.mapping())
    assert prices(db)["kitchen-ware/3"] == 1.0


def test_ids_are_one_in_any_unicode_form(db: Database, shop: Any) -> None:
    composed, apart = unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "café")
    assert composed != apart
    shop.write("things.csv", shop.text("things.csv").replace("\n1,food", f"\n{apart},food"))
    for name in ("bought.csv", "with.csv"):
        shop.write(name, shop.text(name).replace("ann,1,", f"ann,{composed},"))
        shop.write(name, shop.text(name).replace("\n1,3", f"\n{composed},3"))
    ingest(db, shop.mapping())
    found = db.read(
        "MATCH (:User {key: 'ann'})-[:BOUGHT]->(i:Food) RETURN i.key AS key, i.id AS id"
    )
    assert found == [{"key": f"food/{composed}", "id": composed}]


def test_roles_name_the_features(shop: Any) -> None:
    assert find_roles(shop.mapping()).features == ()
    shop.remap(PRICE, PRICE[:-1] + ", feature = true }")
    shop.remap("[items.properties]", '[items.properties]\nkind = { column = "shelf", '
               'type = "category", feature = true }\nsince = { column = "title", type = "date", '
               "feature = true }\nblurb = { column = \"title\", feature = true }\n"
               'cover = { column = "title", type = "image", feature = true }')  # fmt: skip
    shop.remap("[[items.relations]]", '[items.vectors]\nimage = { file = "a.npy" }\n'
               'sound = { file = "b.npy", feature = false }\n\n[[items.relations]]')  # fmt: skip
    assert find_roles(shop.mapping()).features == (
        FeatureRole(property="kind", kind="category"),
        FeatureRole(property="since", kind="date"),
        FeatureRole(property="blurb", kind="text"),
        FeatureRole(property="cover", kind="image"),
        FeatureRole(property="price", kind="number"),
        FeatureRole(property="image", kind="vector"),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>One</p><p>two</p>", "One two"),
        ("H<sub>2</sub>O", "H2O"),
        ('<a href="x?a>b" title=\'>\'>link</a>', "link"),
        ("<style>p { color: red }</style>a<script>if (1 < 2) f()</script>b", "a b"),
        ("a<!-- b > c -->d<!DOCTYPE html>", "a d"),
        ("1 < 2 and 3 > 2, <3", "1 < 2 and 3 > 2, <3"),
        ("&lt;b&gt; &eacute; &#128512; &nbsp;&amp;amp;", "<b> é 😀 &amp;"),
        ("a\u00a0\u2003\r\n b\u0085c", "a b c"),
        ("a\u0007\u001bb\u007f", "ab"),
        ("a \u001b\rb\u000b\u0007\u001cc", "a b c"),
        ("e\u0301 \u1112\u1161\u11ab", "é 한"),
        ("👩\u200d🍳", "👩\u200d🍳"),
        (" <br/> &nbsp; ", None),
        (None, None),
    ],
)  # fmt: skip
def test_text_is_cleaned(text: str | None, expected: str | None) -> None:
    assert cleaned(pa.array([text], pa.string())).to_pylist() == [expected]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_cleaned_text_is_plain(text: str) -> None:
    (found,) = cleaned(pa.array([text], pa.string())).to_pylist()
    if found is not None:
        assert unicodedata.is_normalized("NFC", found)
        assert found == " ".join(found.split())
        assert not any(unicodedata.category(sign) == "Cc" for sign in found)

"""Damaged values: each gives one clear line with its place, and nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from linkspan.errors import DataError
from linkspan.graph.connection import Database
from linkspan.ingest import ingest

EVERY_ROW = "Every row needs one."
NUMBER = "Use digits and a decimal point, or leave it empty."
TYPE = "Mend it, or set another 'type'."
UNIT = "Check 'unit' in the mapping."
DOMAIN = "Mend it, or list it in the 'values' of 'domain' in the mapping."
ITEM = "Add it to an items file, or remove this row."
KEEP_ONE = "Keep one of the two rows."

# name, file, what stands there, what is put in its place, what must be said, how to mend it
CASES = [
    ("an empty item id", "things.csv", "2,food", ",food",
     "line 3, column 'thing': the id is empty (found '')", EVERY_ROW),
    ("an item id of spaces", "things.csv", "2,food", "  ,food",
     "line 3, column 'thing': the id is empty (found '  ')", EVERY_ROW),
    ("an empty user id", "bought.csv", "bob,2", ",2",
     "line 4, column 'person': the id is empty (found '')", EVERY_ROW),
    ("an item in no domain", "things.csv", "2,food", "2,",
     "line 3, column 'shelf': the item is in no domain (found '')",
     "Give the item one of the domains: food, kitchen-ware."),
    ("a domain with a typo", "things.csv", "kitchen-ware", "kitchenware",
     "line 4, column 'shelf': there is no such domain, perhaps 'kitchen-ware' is "
     "meant (found 'kitchenware')", DOMAIN),
    ("a domain that is not listed", "things.csv", "kitchen-ware", "garden",
     "line 4, column 'shelf': there is no such domain (found 'garden')", DOMAIN),
    ("a negative weight", "bought.csv", "1700000000,2,5", "1700000000,-2,5",
     "line 2, column 'amount': a weight is not negative (found '-2')",
     "Write 0 or more, and say with 'positive' what is disliked."),
    ("a number that is none", "things.csv", ",25,", ",cheap,",
     "line 4, column 'price': this is not a number (found 'cheap')", NUMBER),
    ("a decimal comma", "things.csv", ",25,", ',"25,5",',
     "line 4, column 'price': this is not a number (found '25,5')", NUMBER),
    ("not a number", "things.csv", ",25,", ",NaN,",
     "line 4, column 'price': this is not a number (found 'NaN')", NUMBER),
    ("infinity", "things.csv", ",25,", ",-inf,",
     "line 4, column 'price': this is not a number (found '-inf')", NUMBER),
    ("a number beyond all bounds", "things.csv", ",25,", ",1e999,",
     "line 4, column 'price': this number is too large (found '1e999')", NUMBER),
    ("an integer that is none", "people.csv", "31", "31.5",
     "line 2, column 'age': this is not an integer (found '31.5')", TYPE),
    ("an integer beyond all bounds", "people.csv", "31", "9223372036854775808",
     "line 2, column 'age': this is not an integer (found '9223372036854775808')", TYPE),
    ("neither true nor false", "things.csv", ",yes", ",perhaps",
     "line 2, column 'fresh': this is neither true nor false (found 'perhaps')",
     "Use true or false."),
    ("a time that is none", "bought.csv", "1700000100", "yesterday",
     "line 3, column 'when': this is not an integer (found 'yesterday')", UNIT),
    ("a time with a fraction", "bought.csv", "1700000100", "1700000100.5",
     "line 3, column 'when': this is not an integer (found '1700000100.5')", UNIT),
    ("an empty time", "bought.csv", "1700000100", "",
     "line 3, column 'when': the time is empty (found '')", "Every event needs one."),
    ("milliseconds for seconds", "bought.csv", "1700000100", "1700000100000",
     "line 3, column 'when': the time is after the year 9999 (found '1700000100000')",
     "Check 'unit' in the mapping: it looks like milliseconds."),
    ("an event with an unknown item", "bought.csv", "bob,2", "bob,22",
     "line 4, column 'thing': no items file has this item (found '22')", ITEM),
    ("a relation from an unknown item", "with.csv", "2,3,", "9,3,",
     "line 3, column 'one': no items file has this item (found '9')", ITEM),
    ("a relation into the wrong domain", "with.csv", "2,3,", "2,1,",
     "line 3, column 'other': no items file has this item (found '1')", ITEM),
    ("an item twice with other values", "things.csv", "3,kitchen-ware",
     "1,food,Red Curry,,,\n3,kitchen-ware",
     "line 4: line 2 says something else of the same item (found 'food/1')", KEEP_ONE),
    ("a user twice with other values", "people.csv", "bob,", "bob,\nann,32",
     "line 4: line 2 says something else of the same user (found 'ann')", KEEP_ONE),
    ("an event twice with other values", "bought.csv", "cid,2", "ann,1,1700000000,2,4\ncid,2",
     "line 5: line 2 says something else of the same user and item (found 'ann and "
     "food/1')", "Keep one of the two rows, or say 'repeat = true' in the mapping where both are "
     "events."),
    ("a relation twice with other values", "with.csv", "2,3,", "1,3,8",
     "line 3: line 2 says something else of the same item and item (found 'food/1 and "
     "kitchen-ware/3')", KEEP_ONE),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "message", "hint"), [case[1:] for case in CASES],
                         ids=[case[0] for case in CASES])  # fmt: skip
def test_a_value(
    shop: Any, refusal: Any, file: str, old: str, new: str, message: str, hint: str
) -> None:
    shop.replace(file, old, new)
    assert refusal(DataError) == f"DIR/{file}, {message}. {hint}"


@pytest.mark.parametrize("time", ["2024-01-32", "10000-01-31"])
def test_a_time_that_is_none(shop: Any, refusal: Any, time: str) -> None:
    shop.remap('unit = "s"', 'unit = "iso"')
    rows = ["person,thing,when,amount,rating", "ann,1,2024-01-31,1,1", f"ann,3,{time},1,1"]
    shop.write("bought.csv", "\n".join(rows) + "\n")
    assert refusal(DataError) == (
        f"DIR/bought.csv, line 3, column 'when': this is not an ISO 8601 time (found '{time}'). "
        "Write it as 2024-05-31 or 2024-05-31T18:30:00Z."
    )


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("fo/od", "the name of a domain has no '/' in it, not 'fo/od'", DOMAIN),
        ("user", "domain 'user' would have the label 'User', which is reserved", DOMAIN),
        ("Food", "label 'Food' would stand for domain food and domain Food", "Rename one of them."),
    ],
)
def test_a_domain_where_none_are_listed(
    shop: Any, refusal: Any, name: str, message: str, hint: str
) -> None:
    shop.remap(', values = ["food", "kitchen-ware"]', "")
    shop.replace("things.csv", "2,food", f"2,{name}")
    where = "DIR/things.csv, line 3, column 'shelf'"
    assert refusal(DataError) == f"{where}: {message} (found '{name}'). {hint}"


def test_an_item_id_in_two_domains(shop: Any, refusal: Any) -> None:
    shop.replace("things.csv", "3,kitchen-ware,", "2,kitchen-ware,Pan,,1,\n3,kitchen-ware,")
    assert refusal(DataError) == (
        "DIR/bought.csv, line 4, column 'thing': this item stands in several domains (found '2'). "
        "Say which with 'domain' in the mapping."
    )


def test_the_database_stays_empty(shop: Any, db: Database) -> None:
    shop.replace("things.csv", ",25,", ",cheap,")
    with pytest.raises(DataError):
        ingest(db, shop.mapping())
    assert db.read("MATCH (n) RETURN count(n) AS nodes") == [{"nodes": 0}]

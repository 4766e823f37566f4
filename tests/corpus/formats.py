"""JSON lines, Parquet, RecBole, vectors and identities."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.case import (
    Case,
    Damage,
    add,
    as_jsonl,
    as_parquet,
    each,
    put,
    rejected,
    remap,
    rename,
    stops,
    swap,
    swap_bytes,
    taken,
)
from corpus.shop import Shop

LINE = '{"person": "bob", "thing": "2", "when": "1700000000", "amount": "", "rating": ""}'
SAME = '\n[[identities]]\nfile = "same.csv"\nleft = { user = "a" }\nright = { user = "b" }\n'
TYPED = """
[[relations]]
file = "triples.csv"
type = { column = "how" }
source = { item = "one", domain = "food" }
target = { entity = "to", kind = "Concept" }
"""


def _json(name: str, line: str, says: str, **reads: int) -> Case:
    """One line of JSON is another."""
    damage = each(as_jsonl("bought.csv"), swap("bought.jsonl", LINE, line))
    return rejected(f"JSON: {name}", damage, says, **reads)


def _json_file(name: str, data: bytes, says: str) -> Case:
    return stops(f"JSON: {name}", each(as_jsonl("bought.csv"), put("bought.jsonl", data)), says)


def _parquet(name: str, says: str, **columns: Any) -> Case:
    return rejected(f"Parquet: {name}", as_parquet("bought.csv", **columns), says)


def _vectors(array: Any, ids: str = "1\n2\n3\n") -> Damage:
    sink = io.BytesIO()
    np.save(sink, array, allow_pickle=array.dtype == object)
    return each(
        put("image.npy", sink.getvalue()),
        put("ids.txt", ids),
        remap(
            "[[items.relations]]",
            '[items.vectors]\nimage = { file = "image.npy", ids = "ids.txt" }\n\n'
            "[[items.relations]]",
        ),
    )


def _cut(name: str, part: float) -> Damage:
    def damage(shop: Shop) -> None:
        data = (shop.folder / name).read_bytes()
        shop.write(name, data[: int(len(data) * part)])

    return damage


def _identities(*rows: str) -> Damage:
    return each(add(SAME), put("same.csv", "a,b\n" + "".join(f"{row}\n" for row in rows)))


def _typed(*rows: str) -> Damage:
    return each(add(TYPED), put("triples.csv", "one,how,to\n" + "".join(f"{r}\n" for r in rows)))


MATRIX = np.arange(6, dtype=np.float32).reshape(3, 2)

CASES: list[Case] = [
    # JSON lines
    taken("JSON: the shop", as_jsonl("bought.csv")),
    taken("JSON: line ends of Windows, and empty lines", each(as_jsonl("bought.csv"),
          swap("bought.jsonl", LINE, "\r\n" + LINE + "\r"))),
    taken("JSON: a byte order mark", each(as_jsonl("bought.csv"),
          swap_bytes("bought.jsonl", b"{", b"\xef\xbb\xbf{"))),
    taken("JSON: numbers as numbers", each(as_jsonl("bought.csv"),
          swap("bought.jsonl", '"1700000100"', "1700000100"))),
    _json("half a line", LINE[:40],
          "DIR/bought.jsonl, line 3: this is not JSON (Expecting value, character 41) (found "
          '\'{"person": "bob", "thing": "2", "when": \'). Write one object a line, such as '
          '{"id": "1"}.'),
    _json("a comma too many", LINE.replace('""}', '"",}'),
          "DIR/bought.jsonl, line 3: this is not JSON (Expecting property name enclosed in "
          'double quotes, character 82) (found \'{"person": "bob", "thing": "2", "when": '
          '"1700000000", "am...\'). Write one object a line, such as {"id": "1"}.'),
    _json("single quotes", LINE.replace('"', "'"),
          "DIR/bought.jsonl, line 3: this is not JSON (Expecting property name enclosed in "
          'double quotes, character 2) (found "{\'person\': \'bob\', \'thing\': \'2\', '
          '\'when\': \'1700000000\', \'am..."). Write one object a line, such as {"id": "1"}.'),
    _json("a comment", "// by hand\n" + LINE,
          "DIR/bought.jsonl, line 3: this is not JSON (Expecting value, character 1) (found "
          '\'// by hand\'). Write one object a line, such as {"id": "1"}.', BOUGHT=5),
    _json("a list for an object", '["bob", "2"]',
          'DIR/bought.jsonl, line 3: this is JSON, but no object (found \'["bob", "2"]\'). '
          'Write one object a line, such as {"id": "1"}.'),
    _json("a number for an object", "7",
          "DIR/bought.jsonl, line 3: this is JSON, but no object (found '7'). Write one "
          'object a line, such as {"id": "1"}.'),
    _json("an object in a value", LINE.replace('"bob"', '{"name": "bob"}'),
          "DIR/bought.jsonl, line 3, column 'person': an object, where a value or a list of "
          'values is needed (found \'{"name": "bob"}\'). Give each value a key of its own.'),
    _json("a list in a value", LINE.replace('"bob"', '["bob"]'),
          "DIR/bought.jsonl, line 3, column 'person': a list where one value is needed "
          '(found \'["bob"]\'). Say \'type = "list"\' where it is a property, or write one '
          "value."),
    _json("NaN", LINE.replace('"amount": ""', '"amount": NaN'),
          "DIR/bought.jsonl, line 3, column 'amount': this is not a number (found 'NaN'). "
          "Use digits and a decimal point, or leave it empty."),
    _json("null for an id", LINE.replace('"bob"', "null"),
          "DIR/bought.jsonl, line 3, column 'person': the id is empty. Every row needs one."),
    _json("a truth value for a number", LINE.replace('"amount": ""', '"amount": true'),
          "DIR/bought.jsonl, line 3, column 'amount': this is not a number (found 'true'). "
          "Use digits and a decimal point, or leave it empty."),
    _json("a key that is not there", LINE.replace('"person": "bob", ', ""),
          "DIR/bought.jsonl, line 3, column 'person': the id is empty. Every row needs one."),
    taken("JSON: a key twice, of which the last counts", each(as_jsonl("bought.csv"),
          swap("bought.jsonl", '"bob"', '"bob", "person": "dan"')),
          "MATCH (u:User {id: 'dan'})-[r:BOUGHT]->() RETURN count(r) AS found", 1),
    _json("two objects in a line", LINE + LINE,
          "DIR/bought.jsonl, line 3: this is not JSON (Extra data, character 82) (found "
          '\'{"person": "bob", "thing": "2", "when": "1700000000", "am...\'). Write one '
          'object a line, such as {"id": "1"}.'),
    _json("bytes that are not UTF-8", LINE.replace("bob", "b\\ud800b"),
          "DIR/bought.jsonl, line 3, column 'person': half of a character that UTF-16 writes "
          "as two (found 'b\\ud800b'). Write the character itself."),
    _json_file("an empty file", b"",
          "DIR/bought.jsonl: the file is empty. Put rows into it, one object a line."),
    _json_file("one array", b"[" + LINE.encode() + b"]",
          "DIR/bought.jsonl, line 1: this is one JSON array, not one object a line. Write "
          "one object a line, as 'jq -c .[]' does."),
    _json_file("written over several lines", LINE.replace(", ", ",\n").encode(),
          "DIR/bought.jsonl, line 1: this is not JSON (Expecting property name enclosed in "
          'double quotes, character 18) (found \'{"person": "bob",\'). Write one object a '
          'line, such as {"id": "1"}.'),
    _json_file("other keys", b'{"user": "bob"}\n',
          "[[interactions]] 1, properties.rating: DIR/bought.jsonl has no column 'rating'. "
          "It has user."),
    # Parquet
    taken("Parquet: the shop", as_parquet("bought.csv")),
    taken("Parquet: types of its own", as_parquet("bought.csv",
          when=pa.array([1700000000, 1700000100, 1700000000, 1700000050], pa.int64()),
          amount=pa.array([2.0, 1.0, None, 0.5]), rating=pa.array([5, 3, None, 4], pa.int8()),
          person=pa.array(["ann", "ann", "bob", "cid"]).dictionary_encode())),
    stops("Parquet: cut short", each(as_parquet("bought.csv"), _cut("bought.parquet", 0.5)),
          "DIR/bought.parquet: this is no Parquet file, or it is cut short or damaged "
          "(Parquet magic bytes not found in footer. Either the file is corrupted or this is "
          "not a parquet file.). Copy or write it again."),
    stops("Parquet: empty", each(as_parquet("bought.csv"), put("bought.parquet", b"")),
          "DIR/bought.parquet: this is no Parquet file, or it is cut short or damaged "
          "(Parquet file size is 0 bytes). Copy or write it again."),
    stops("Parquet: text", rename("bought.csv", "bought.parquet"),
          "DIR/bought.parquet: this is no Parquet file, or it is cut short or damaged "
          "(Parquet magic bytes not found in footer. Either the file is corrupted or this is "
          "not a parquet file.). Copy or write it again."),
    stops("Parquet: objects in a column", as_parquet("bought.csv", person=[{"id": "ann"}] * 4),
          "DIR/bought.parquet, column 'person': the column holds struct<id: string>, where a "
          "value or a list of text is needed. Give each value a column of its own."),
    rejected("Parquet: lists in a column", as_parquet("bought.csv", person=[["ann"]] * 4),
          "DIR/bought.parquet, row 1, column 'person': a list where one value is needed "
          '(found \'["ann"]\'). Say \'type = "list"\' where it is a property, or write one '
          "value.",
             also={"bought.parquet": {1, 2, 3, 4}}),
    stops("Parquet: no such column", each(as_parquet("bought.csv"),
          remap('user = "person"', 'user = "customer"')),
          "[[interactions]] 1, user: DIR/bought.parquet has no column 'customer'. It has "
          "person, thing, when, amount, rating."),
    _parquet("null for an id",
          "DIR/bought.parquet, row 3, column 'person': the id is empty. Every row needs one.",
          person=["ann", "ann", None, "cid"]),
    rejected("Parquet: a column of nothing", as_parquet("bought.csv", person=pa.nulls(4)),
          "DIR/bought.parquet, row 1, column 'person': the id is empty. Every row needs one.",
             also={"bought.parquet": {1, 2, 3, 4}}),
    _parquet("NaN",
          "DIR/bought.parquet, row 3, column 'amount': this is not a number (found 'nan'). "
          "Use digits and a decimal point, or leave it empty.",
          amount=[2.0, 1.0, float("nan"), 0.5]),
    _parquet("infinity",
          "DIR/bought.parquet, row 3, column 'amount': this is not a number (found 'inf'). "
          "Use digits and a decimal point, or leave it empty.",
          amount=[2.0, 1.0, float("inf"), 0.5]),
    taken("Parquet: ids as pandas makes them of numbers with gaps",
          as_parquet("bought.csv", thing=[1.0, 3.0, 2.0, 2.0])),
    _parquet("bytes that are not UTF-8",
          "DIR/bought.parquet, row 3, column 'person': not UTF-8 text (found 'b\\xff'). "
          "Save the file as UTF-8, or say what it is with 'encoding = ...'.",
          person=[b"ann", b"ann", b"b\xff", b"cid"]),
    _parquet("text for a time",
          "DIR/bought.parquet, row 2, column 'when': this is not a number (found 'soon'). "
          "Check 'unit' in the mapping.", when=["1700000000", "soon", "1700000000", "1700000050"]),
    # vectors
    taken("vectors: as they should be", _vectors(MATRIX)),
    stops("vectors: numbers in one row", _vectors(np.arange(3.0)),
          "DIR/image.npy: an array of shape (3,) and type float64. It should be a matrix of "
          "numbers, one item a row."),
    stops("vectors: text", _vectors(np.array([["a"], ["b"], ["c"]])),
          "DIR/image.npy: an array of shape (3, 1) and type <U1. It should be a matrix of "
          "numbers, one item a row."),
    stops("vectors: objects", _vectors(np.array([[{}], [{}], [{}]])),
          "DIR/image.npy: this is not an array that numpy can read (Array can't be "
          "memory-mapped: Python objects in dtype.). Write it with numpy.save."),
    stops("vectors: more rows than ids", _vectors(MATRIX, "1\n2\n"),
          "DIR/image.npy: 3 rows, where ids.txt has 2. Both should have one row for each "
          "item, in the same order."),
    stops("vectors: cut short", each(_vectors(MATRIX), _cut("image.npy", 0.9)),
          "DIR/image.npy: this is not an array that numpy can read (mmap length is greater "
          "than file size). Write it with numpy.save."),
    stops("vectors: none", each(_vectors(MATRIX), put("image.npy", b"")),
          "DIR/image.npy: this is not an array that numpy can read (No data left in file). "
          "Write it with numpy.save."),
    rejected("vectors: NaN", _vectors(np.where(MATRIX == 3, np.nan, MATRIX)),
          "DIR/image.npy, row 2, column 'id': a vector has a number that is not finite as "
          "float32 (found '2'). All vectors of a property have as many numbers, and no gaps."),
    rejected("vectors: infinity", _vectors(np.where(MATRIX == 3, np.inf, MATRIX)),
          "DIR/image.npy, row 2, column 'id': a vector has a number that is not finite as "
          "float32 (found '2'). All vectors of a property have as many numbers, and no gaps."),
    rejected("vectors: of an unknown item", _vectors(MATRIX, "1\n9\n3\n"),
          "DIR/image.npy, row 2, column 'id': no items file has this item (found '9'). Add "
          "it to an items file, or remove this row."),
    rejected("vectors: an item twice", _vectors(MATRIX, "1\n1\n3\n"),
          "DIR/image.npy, row 2: row 1 says something else of the same item (found "
          "'food/1'). Keep one of the two rows."),
    # identities
    taken("identities: in a circle", _identities("ann,bob", "bob,cid", "cid,ann"), SAME_AS=3),
    rejected("identities: with itself", _identities("ann,bob", "bob,bob"),
          "DIR/same.csv, line 3, column 'b': this is the same user as on the left (found "
          "'bob'). Name another one, or remove the row.", SAME_AS=2),
    rejected("identities: with nobody", _identities("ann,bob", "bob,"),
          "DIR/same.csv, line 3, column 'b': the id is empty (found ''). Every row needs one.",
          SAME_AS=2),
    # types of relations
    taken("a type that is Cypher", _typed("1,part_of,x", "1,`]->() DETACH DELETE (n),x"),
          "MATCH (:Item)-[r:DETACH_DELETE_N]->(:Concept) RETURN count(r) AS found", 1),
    rejected("no type", _typed("1,part_of,x", "2,,x"),
          "DIR/triples.csv, line 3, column 'how': the relation has no type (found ''). Every "
          "row needs one."),
    rejected("a type of signs only", _typed("1,part_of,x", "2,!!!,x"),
          "DIR/triples.csv, line 3, column 'how': a relationship type begins with a letter "
          "and has letters, digits and '_' only, not '' (found '!!!'). Mend it, or leave it "
          "out with 'values' of 'type' in the mapping."),
    rejected("a type that an interaction has", _typed("1,part_of,x", "2,bought,x"),
          "DIR/triples.csv, line 3, column 'how': type 'BOUGHT' would stand for an "
          "interaction and bought (found 'bought'). Mend it, or leave it out with 'values' "
          "of 'type' in the mapping."),
]  # fmt: skip

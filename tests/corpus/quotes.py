"""Quotes, escapes and delimiters: what they swallow, and the keys that say what they mean."""

from __future__ import annotations

from corpus.case import (
    WITHOUT_1,
    WITHOUT_2,
    WITHOUT_3,
    Case,
    Damage,
    each,
    put,
    rejected,
    remap,
    stops,
    swap,
    taken,
)
from corpus.shop import THINGS

RICE = "MATCH (i:Item {id: '2'}) RETURN i.title AS found"
CURRY = "MATCH (i:Item {id: '1'}) RETURN i.title AS found"
DOUBLE = "ouble it if it belongs to the text, or say 'quote = \"\"' if quotes mean nothing."
ESCAPE = "Say 'escape = \"\\\\\"' if a backslash stands before quotes in this file."
SURE = (
    "Double it if it belongs to the text, or say 'quote = \"\"' if quotes mean nothing; say "
    '"quote = \'"\'" if the value has these lines.'
)


def _things(keys: str) -> Damage:
    """Say more of the items file."""
    return remap('file = "things.csv"', f'file = "things.csv"\n{keys}')


def _written(keys: str, delimiter: str, title: str) -> Damage:
    """Write the items with another delimiter, and one title as it stands."""
    rows = THINGS.replace('"Rice, black"', "TITLE").replace(",", delimiter)
    return each(put("things.csv", rows.replace("TITLE", title)), _things(keys))


def _title(written: str) -> Damage:
    return swap("things.csv", '"Rice, black"', written)


def _no_dialect(name: str, keys: str, says: str) -> Case:
    return stops(f"dialect: {name}", _things(keys), f"[[items]] 1: {says}")


CASES: list[Case] = [
    rejected("text behind a closing quote", _title('"Rice" black'),
          "DIR/things.csv, line 3: text stands behind the closing quote of column 'title' "
          "(found '2,food,\"Rice\" black,Thai Co,,no'). D" + DOUBLE, also=WITHOUT_2),
    rejected("whole quotes in a text", _title('"Rice" or "noodles"'),
          "DIR/things.csv, line 3: text stands behind the closing quote of column 'title' "
          "(found '2,food,\"Rice\" or \"noodles\",Thai Co,,no'). D" + DOUBLE, also=WITHOUT_2),
    rejected("a blank behind a closing quote", _title('"Rice, black" '),
          "DIR/things.csv, line 3: text stands behind the closing quote of column 'title' "
          "(found '2,food,\"Rice, black\" ,Thai Co,,no'). D" + DOUBLE, also=WITHOUT_2),
    rejected("a quote that is never closed", _title('"Rice'),
          "DIR/things.csv, line 3: a quote opens in column 'title' and is never closed (found "
          "'2,food,\"Rice,Thai Co,,no'). Close it, d" + DOUBLE, also=WITHOUT_2),
    rejected("a quote that is never closed in the last column", swap("bought.csv", "1,3\n",
             '1,"3\n'),
          "DIR/bought.csv, line 3: a quote opens in column 'rating' and is never closed (found "
          "'ann,3,1700000100,1,\"3'). Close it, d" + DOUBLE),
    rejected("a quote that another row closes", each(swap("things.csv", "Green Curry", '"Green'),
             swap("things.csv", "Wok", 'Wok 14"')),
          "DIR/things.csv, line 2: text stands behind the closing quote of column 'title' (found "
          "'1,food,\"Green,Mae Ploy|Thai Co,3.5,yes'). D" + DOUBLE, also=WITHOUT_1),
    rejected("a quote that another row closes at the end of a value",
          each(swap("things.csv", "Green Curry", '"Green'), _title("Rice"),
               swap("things.csv", "Wok", 'Wok 14"')),
          "DIR/things.csv, line 2: a quote opens in column 'title' and closes in another line; "
          "the lines between look like rows (found '1,food,\"Green,Mae Ploy|Thai Co,3.5,yes'). "
          + SURE, also=WITHOUT_1),
    rejected("quotes escaped in the way of C", _title('"Rice, \\"black\\""'),
          "DIR/things.csv, line 3: text stands behind the closing quote of column 'title' "
          "(found '2,food,\"Rice, \\\"black\\\"\",Thai Co,,no'). " + ESCAPE, also=WITHOUT_2),
    rejected("quotes escaped in the way of C at the end", _title('"The \\"Rice\\""'),
          "DIR/things.csv, line 3: text stands behind the closing quote of column 'title' "
          "(found '2,food,\"The \\\"Rice\\\"\",Thai Co,,no'). " + ESCAPE, also=WITHOUT_2),
    taken("escape: quotes", each(_things('escape = "\\\\"'), _title('"Rice, \\"black\\""')), RICE,
          'Rice, "black"'),
    taken("escape: doubled quotes too", each(_things('escape = "\\\\"'), _title('"Rice ""b"""')),
          RICE, 'Rice "b"'),
    taken("escape: a delimiter without quotes", each(_things('escape = "\\\\"'),
          _title("Rice\\, black")), RICE, "Rice, black"),
    taken("escape: itself, and letters that it means nothing before",
          each(_things('escape = "\\\\"'), _title("AC\\DC \\\\ \\'Rice")), RICE,
          "AC\\DC \\ \\'Rice"),
    taken("escape: what MySQL and Postgres write", each(_things('escape = "\\\\"\nquote = ""'),
          _title("Rice\\nblack\\tlong")), RICE, "Rice\nblack\tlong"),
    taken("escape: a line end, and nothing", each(_things('escape = "\\\\"'),
          swap("things.csv", '"Rice, black",Thai Co,,no', "Rice\\\nblack,Thai Co,\\N,no")),
          "MATCH (i:Item {id: '2'}) WHERE i.price IS NULL RETURN i.title AS found", "Rice\nblack"),
    rejected("escape: the right line after one", each(_things('escape = "\\\\"'),
             swap("things.csv", '"Rice, black"', "Rice\\\nblack"),
             swap("things.csv", "Wok,,25", "Wok,,x")),
          "DIR/things.csv, line 5, column 'price': this is not a number (found 'x'). Use digits "
          "and a decimal point, or leave it empty.", also=WITHOUT_3),
    taken("no quotes: one begins a value", _written('quote = ""\ndelimiter = "\\t"', "\t",
          '"Rice, he says'), RICE, '"Rice, he says'),
    taken("no quotes: whole ones", _written('quote = ""\ndelimiter = "\\t"', "\t",
          '"Rice" or "noodles"'), RICE, '"Rice" or "noodles"'),
    taken("no quotes: all of a value", _written('quote = ""\ndelimiter = "\\t"', "\t", '"Rice"'),
          RICE, '"Rice"'),
    rejected("no quotes: a delimiter in a value", each(_things('quote = ""'), _title("Rice, b")),
          "DIR/things.csv, line 3: 7 columns where the header has 6 (found '2,food,Rice, b,Thai "
          "Co,,no'). No value may have the delimiter in it, unless 'escape' or 'quote' says how.",
             also=WITHOUT_2),
    taken("single quotes", each(_things("quote = \"'\""), _title("'Rice, ''black\" '")), RICE,
          "Rice, 'black\""),
    taken("a delimiter of two characters", _written('delimiter = "::"', "::", "Rice: black"), RICE,
          "Rice: black"),
    taken("a delimiter of two characters in quotes", _written('delimiter = "::"', "::",
          '"Rice::black"'), RICE, "Rice::black"),
    taken("a delimiter of two characters behind an escape", _written(
          'delimiter = "||"\nescape = "^"', "||", "Rice^|^|black"), RICE, "Rice||black"),
    taken("a delimiter that is not ASCII", _written('delimiter = "¦"', "¦", "Rice\x1fblack"), RICE,
          "Rice\x1fblack"),
    rejected("a delimiter of two characters too many", _written('delimiter = "::"', "::", "a::b"),
          "DIR/things.csv, line 3: 7 columns where the header has 6 (found '2::food::a::b::Thai "
          "Co::::no'). Quote values that have the delimiter or a line end in them.",
             also=WITHOUT_2),
    _no_dialect("the quote is the delimiter", 'delimiter = "\'"\nquote = "\'"',
          'the delimiter "\'" has the quote "\'" in it; say \'quote = ""\' if the file has none'),
    _no_dialect("the escape is the quote", "escape = '\"'",
          "quote and escape are both '\"'; a doubled quote is understood without 'escape', so "
          "leave it out"),
    _no_dialect("the escape is the delimiter", 'delimiter = "|"\nescape = "|"',
          "the delimiter '|' has the escape '|' in it"),
    _no_dialect("the delimiter is a line end", 'delimiter = "\\n"',
          "delimiter '\\n' has a line end or NUL in it"),
    _no_dialect("the quote is a letter", 'quote = "q"',
          "quote 'q' is no punctuation mark of ASCII"),
    stops("dialect: of Parquet", each(put("things.parquet", ""), remap('file = "things.csv"',
          'file = "things.parquet"\nescape = "\\\\"')),
          "[[items]] 1, escape: DIR/things.parquet is parquet, which has none. Leave 'escape' "
          "out."),
    taken("a quote in the midst of an unquoted value",
          swap("things.csv", "Green Curry", 'Green 14" Curry'), CURRY, 'Green 14" Curry'),
    taken("a value of several lines", _title('"Rice,\nblack, and\nlong"'), RICE,
          "Rice,\nblack, and\nlong"),
    taken("a value of lines that look like rows", each(_things("quote = '\"'"),
          swap("things.csv", ",25,\n", ',25,\n4,food,x,,,"no\n"\n')), Item=4),
]  # fmt: skip

"""Rows that do not have the form of the others, or look it."""

from __future__ import annotations

from corpus.case import (
    WITHOUT_2,
    WITHOUT_3,
    Case,
    encode,
    put,
    rejected,
    swap,
    swap_bytes,
    taken,
)
from corpus.shop import BOUGHT, WITH

RICE = "MATCH (i:Item {id: '2'}) RETURN i.title AS found"
WOK = "MATCH (i:Item {id: '3'}) RETURN i.title AS found"


def _title(name: str, written: str, title: str) -> Case:
    """A title that comes as it is written."""
    return taken(name, swap("things.csv", "Wok", written), WOK, title)


CASES: list[Case] = [
    rejected("a row that is too short",
          swap("bought.csv", "bob,2,1700000000,,", "bob,2,1700000000"),
          "DIR/bought.csv, line 4: 3 columns where the header has 5 (found "
          "'bob,2,1700000000'). Write every value; an empty one still needs its delimiter."),
    rejected("a row that is too long", swap("with.csv", "1,3,7", "1,3,7,8"),
          "DIR/with.csv, line 2: 4 columns where the header has 3 (found '1,3,7,8'). Quote "
          "values that have the delimiter or a line end in them."),
    rejected("every row too long", put("with.csv", WITH.replace("7\n", "7,\n").replace(
             "3,\n", "3,,\n")),
          "DIR/with.csv, line 2: 4 columns where the header has 3 (found '1,3,7,'). Quote "
          "values that have the delimiter or a line end in them.", also={"with.csv": {2, 3}}),
    rejected("a comma without quotes", swap("things.csv", '"Rice, black"', "Rice, black"),
          "DIR/things.csv, line 3: 7 columns where the header has 6 (found '2,food,Rice, "
          "black,Thai Co,,no'). Quote values that have the delimiter or a line end in them.",
             also=WITHOUT_2),
    rejected("a comma between single quotes", swap("things.csv", '"Rice, black"', "'Rice, black'"),
          'DIR/things.csv, line 3: 7 columns where the header has 6 (found "2,food,\'Rice, '
          'black\',Thai Co,,no"). Quote values that have the delimiter or a line end in them.',
          also=WITHOUT_2),
    rejected("the last line is half there", put("bought.csv", BOUGHT + "dan,1,17"),
          "DIR/bought.csv, line 6: 3 columns where the header has 5 (found 'dan,1,17'). "
          "Write every value; an empty one still needs its delimiter.", BOUGHT=5),
    rejected("a half line, and the next file behind it", put("bought.csv", BOUGHT + "dan,1,17" +
             BOUGHT),
          "DIR/bought.csv, line 6: 7 columns where the header has 5 (found "
          "'dan,1,17person,thing,when,amount,rating'). Quote values that have the delimiter "
          "or a line end in them.", BOUGHT=9),
    rejected("the header once more", swap("bought.csv", "bob,2", "person,thing,when,amount,rating\n"
             "bob,2"),
          "DIR/bought.csv, line 4, column 'thing': no items file has this item (found "
          "'thing'). Add it to an items file, or remove this row.", BOUGHT=5),
    rejected("a comment", swap("bought.csv", "bob,2", "# from here on by hand\nbob,2"),
          "DIR/bought.csv, line 4: 1 column where the header has 5 (found '# from here on by "
          "hand'). Write every value; an empty one still needs its delimiter.",
             BOUGHT=5),
    rejected("what a database says at the end", put("bought.csv", BOUGHT + "(4 rows)\n"),
          "DIR/bought.csv, line 6: 1 column where the header has 5 (found '(4 rows)'). Write "
          "every value; an empty one still needs its delimiter.",
             BOUGHT=5),
    rejected("the end-of-file sign of DOS", put("bought.csv", BOUGHT + "\x1a"),
          "DIR/bought.csv, line 6: 1 column where the header has 5 (found '\\x1a'). Write "
          "every value; an empty one still needs its delimiter.", BOUGHT=5),
    rejected("NUL bytes at the end, as after a crash", put("bought.csv", BOUGHT + "\0" * 5),
          "DIR/bought.csv, line 6: 1 column where the header has 5 (found "
          "'\\x00\\x00\\x00\\x00\\x00'). "
          "Write every value; an empty one still needs its delimiter.",
             BOUGHT=5),
    rejected("a NUL byte", swap("things.csv", "Wok", "W\0k"),
          "DIR/things.csv, line 4, column 'title': a NUL byte in the text (found 'W\\x00k'). "
          "Save the file as UTF-8, or say what it is with 'encoding = ...'.", also=WITHOUT_3),
    rejected("Latin-1 in a value", encode("things.csv", "latin-1", "Wok", "Wök"),
          "DIR/things.csv, line 4, column 'title': not UTF-8 text (found 'W\\xf6k'). Save "
          "the file as UTF-8, or say what it is with 'encoding = ...'.",
             also=WITHOUT_3),
    rejected("half of a letter", swap_bytes("things.csv", b"Wok", b"W\xc3k"),
          "DIR/things.csv, line 4, column 'title': not UTF-8 text (found 'W\\xc3k'). Save "
          "the file as UTF-8, or say what it is with 'encoding = ...'.", also=WITHOUT_3),
    rejected("half of a letter that UTF-16 writes as two",
             swap_bytes("things.csv", b"Wok", b"W\xed\xa0\x80k"),
          "DIR/things.csv, line 4, column 'title': not UTF-8 text (found "
          "'W\\xed\\xa0\\x80k'). Save the file as UTF-8, or say what it is with "
          "'encoding = ...'.", also=WITHOUT_3),
    rejected("a letter written longer than it is",
             swap_bytes("things.csv", b"Wok", b"W\xc0\xafk"),
          "DIR/things.csv, line 4, column 'title': not UTF-8 text (found "
          "'W\\xc0\\xafk'). Save the file as UTF-8, or say what it is with 'encoding = "
          "...'.", also=WITHOUT_3),
    rejected("a lone carriage return in a value", swap("things.csv", "Wok", "W\rk"),
          "DIR/things.csv, line 4: 3 columns where the header has 6 (found "
          "'3,kitchen-ware,W'). Write every value; an empty one still needs its delimiter.",
             also={**WITHOUT_3, "things.csv": {5}}, Item=4),
    rejected("the right line after line ends in quotes", swap("things.csv",
             '"Rice, black",Thai Co,,no\n3,kitchen-ware,Wok,,25',
             '"Rice,\nblack\r\n",Thai Co,,no\n\n3,kitchen-ware,Wok,,x'),
          "DIR/things.csv, line 7, column 'price': this is not a number (found 'x'). Use "
          "digits and a decimal point, or leave it empty.", also=WITHOUT_3),
    taken("a row of nothing but commas", swap("bought.csv", "bob,2", ",,,,\nbob,2")),
    taken("a line of nothing but spaces", swap("bought.csv", "bob,2", "   \nbob,2")),
    taken("a quote in the midst of a value", swap("things.csv", "Wok", 'Wok 14"'), WOK, 'Wok 14"'),
    taken("doubled quotes", swap("things.csv", "Wok", '"The ""Wok"""'), WOK, 'The "Wok"'),
    taken("a line end in quotes", swap("things.csv", "Rice, black", "Rice,\nblack"), RICE,
          "Rice,\nblack"),
    _title("a tab in a value", "Wok\tpan", "Wok\tpan"),
    _title("line ends of Unicode", "Wok\u2028pan\x85", "Wok\u2028pan"),
    _title("a zero-width space", "W\u200bok", "W\u200bok"),
    _title("a control sign", "W\x07ok", "W\x07ok"),
    _title("an emoji of several signs", "👩\u200d🍳 Wok", "👩\u200d🍳 Wok"),
    _title("text from right to left", "مقلاة \u202eWok", "مقلاة \u202eWok"),
    _title("HTML", "<b>Wok</b> &amp; pan", "<b>Wok</b> &amp; pan"),
    _title("the name of nothing", "NULL", "NULL"),
    _title("Cypher", "'}) DETACH DELETE n //", "'}) DETACH DELETE n //"),
    _title("a formula", "=1+1", "=1+1"),
    taken("a value of 10 MB", swap("things.csv", "Wok", "W" * 10_000_000),
          "MATCH (i:Item {id: '3'}) RETURN size(i.title) AS found", 10_000_000),
]  # fmt: skip

"""Values of a wrong type or range, and rows that contradict each other."""

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
    swap,
    taken,
)

PRICE = "MATCH (i:Item {id: '3'}) RETURN i.price AS found"
TIME = "MATCH (:User {id: 'ann'})-[r:BOUGHT]->(:Item {id: '3'}) RETURN r.at AS found"
FRESH = "MATCH (i:Item {id: '1'}) RETURN i.fresh AS found"


TYPE = "Mend it, or set another 'type'."
NUMBER = "Use digits and a decimal point, or leave it empty."
UNIT = "Check 'unit' in the mapping"


def _price(name: str, value: str, reason: str = "this is not a number") -> Case:
    found = value.strip('"')
    says = f"DIR/things.csv, line 4, column 'price': {reason} (found {found!r}). {NUMBER}"
    return rejected(name, swap("things.csv", ",25,", f",{value},"), says, also=WITHOUT_3)


def _good_price(name: str, value: str, price: float) -> Case:
    return taken(name, swap("things.csv", ",25,", f",{value},"), PRICE, price)


def _age(name: str, value: str, reason: str = "this is not an integer") -> Case:
    says = f"DIR/people.csv, line 2, column 'age': {reason} (found '{value}'). {TYPE}"
    return rejected(name, swap("people.csv", "31", value), says)


def _fresh(name: str, value: str) -> Case:
    says = (
        "DIR/things.csv, line 2, column 'fresh': this is neither true nor false "
        f"(found '{value}'). Use true or false."
    )
    return rejected(name, swap("things.csv", ",yes", f",{value}"), says, also=WITHOUT_1)


def _time(name: str, value: str, reason: str = "this is not a number", hint: str = UNIT) -> Case:
    says = f"DIR/bought.csv, line 3, column 'when': {reason} (found '{value}'). {hint}."
    return rejected(name, swap("bought.csv", "1700000100", value), says)


def _second_event(time: str) -> Damage:
    """Events with ISO times; one of two has this one."""
    rows = f"person,thing,when,amount,rating\nann,1,2024-01-31,1,1\nann,3,{time},1,1\n"
    return each(remap('unit = "s"', 'unit = "iso"'), put("bought.csv", rows))


def _iso(name: str, value: str, reason: str = "this is not an ISO 8601 time") -> Case:
    says = (
        f"DIR/bought.csv, line 3, column 'when': {reason} (found '{value}'). "
        "Write it as 2024-05-31 or 2024-05-31T18:30:00Z."
    )
    return rejected(f"ISO: {name}", _second_event(value), says, BOUGHT=2)


def _good_iso(name: str, value: str, time: int) -> Case:
    return taken(f"ISO: {name}", _second_event(value), TIME, time, BOUGHT=2)


def _weight(
    name: str, value: str, reason: str = "this is not a number", hint: str = NUMBER
) -> Case:
    says = f"DIR/bought.csv, line 2, column 'amount': {reason} (found '{value}'). {hint}"
    return rejected(name, swap("bought.csv", "1700000000,2,5", f"1700000000,{value},5"), says)


CASES: list[Case] = [
    _price("a number that is none", "cheap"),
    _price("a decimal comma", '"25,5"'),
    _price("commas between thousands", '"1,000.50"'),
    _price("an underscore between thousands", "1_000"),
    _price("a currency", "$25"),
    _price("a unit", "25 kg"),
    _price("a hexadecimal number", "0x19"),
    _price("a fraction", "1/2"),
    _price("two numbers", "25 30"),
    _price("the error of a spreadsheet", "#DIV/0!"),
    _price("not a number", "NaN"),
    _price("infinity", "-inf"),
    _price("infinity as a sign", "∞"),
    _price("a number beyond all bounds", "1e999", "this number is too large"),
    _price("a minus that is none", "\u221225"),
    _good_price("spaces around a number", "  25 ", 25.0),
    _good_price("a number with a plus", "+25", 25.0),
    _good_price("a number with an exponent", "2.5e1", 25.0),
    _good_price("a number too small to tell from 0", "1e-400", 0.0),
    _age("an integer that is none", "31.5"),
    _age("an integer with an exponent", "3e1"),
    _age("an integer beyond all bounds", "9223372036854775808",
         "this integer has more than 18 digits"),
    taken("an integer of 18 digits", swap("people.csv", "31", "9" * 18),
          "MATCH (u:User {id: 'ann'}) RETURN u.age AS found", int("9" * 18)),
    _fresh("neither true nor false", "perhaps"),
    _fresh("a truth value of 2", "2"),
    taken("true in another way", swap("things.csv", ",yes", ",T"), FRESH, True),
    # weights and times
    _weight("a negative weight", "-2", "a weight is not negative",
            "Write 0 or more, and say with 'positive' what is disliked."),
    _weight("a weight that is not a number", "NaN"),
    _weight("an infinite weight", "inf"),
    _weight("a weight that is text", "much"),
    rejected("a rating that is none", swap("bought.csv", ",2,5", ",2,five"),
          "DIR/bought.csv, line 2, column 'rating': this is not an integer (found 'five'). "
          "Mend it, or set another 'type'."),
    _time("a time that is none", "yesterday"),
    taken("a time with a fraction", swap("bought.csv", "1700000100", "1700000100.5"), TIME,
          1700000100500),
    taken("a time with an exponent", swap("bought.csv", "1700000100", "1.7000001E9"), TIME,
          1700000100000),
    _time("an empty time", "", "the time is empty", "Every event needs one"),
    _time("milliseconds for seconds", "1700000100000", "the time is after the year 9999",
          UNIT + ": it looks like milliseconds"),
    _time("microseconds for seconds", "1700000100000000.5", "the time is after the year 9999",
          UNIT + ": it looks like microseconds"),
    _time("nanoseconds for seconds", "1700000100000000000", "the time is after the year 9999",
          UNIT + ": it looks like nanoseconds"),
    _time("a date for seconds", "2023-11-14"),
    _time("a time beyond all bounds", "99999999999999999999", "the time is after the year 9999"),
    _time("a time that is infinite", "1e999", "this number is too large"),
    _time("a time before the year 1", "-62135596801", "the time is before the year 1"),
    taken("a time before 1970", swap("bought.csv", "1700000100", "-86400"), TIME, -86_400_000),
    taken("the year 9999", swap("bought.csv", "1700000100", "253402300799"), TIME,
          253402300799000),
    _iso("a day that is none", "2024-01-32"),
    _iso("29 February of a common year", "2023-02-29"),
    _iso("a month that is none", "2024-13-01"),
    _iso("year 10000", "10000-01-31"),
    _iso("year 0", "0000-01-01", "the time is before the year 1"),
    _iso("the day first", "31.01.2024"),
    _iso("American", "01/31/2024"),
    _iso("an hour that is none", "2024-01-31T25:00:00"),
    _iso("seconds where ISO is said", "1700000100"),
    _iso("not a time", "NaT"),
    _iso("a zone that is none", "2024-01-31T10:00:00 Mars"),
    _good_iso("with a zone", "2024-01-31T10:00:00+02:00", 1706688000000),
    _good_iso("with a space", "2024-01-31 10:00:00", 1706695200000),
    # what a row refers to
    rejected("an empty item id", swap("things.csv", "2,food", ",food"),
          "DIR/things.csv, line 3, column 'thing': the id is empty (found ''). Every row "
          "needs one.", also=WITHOUT_2),
    rejected("an item id of spaces", swap("things.csv", "2,food", "  ,food"),
          "DIR/things.csv, line 3, column 'thing': the id is empty (found '  '). Every row "
          "needs one.", also=WITHOUT_2),
    rejected("an empty user id", swap("bought.csv", "bob,2", ",2"),
          "DIR/bought.csv, line 4, column 'person': the id is empty (found ''). Every row "
          "needs one."),
    rejected("an empty user id in the file of users", swap("people.csv", "bob,", ",9"),
          "DIR/people.csv, line 3, column 'person': the id is empty (found ''). Every row "
          "needs one."),
    rejected("an event with no item", swap("bought.csv", "bob,2", "bob,"),
          "DIR/bought.csv, line 4, column 'thing': the id is empty (found ''). Every row "
          "needs one."),
    rejected("an item in no domain", swap("things.csv", "2,food", "2,"),
          "DIR/things.csv, line 3, column 'shelf': the item is in no domain (found ''). Give "
          "the item one of the domains: food, kitchen-ware.", also=WITHOUT_2),
    rejected("a domain with a typo", swap("things.csv", "kitchen-ware", "kitchenware"),
          "DIR/things.csv, line 4, column 'shelf': there is no such domain, perhaps "
          "'kitchen-ware' is meant (found 'kitchenware'). Mend it, or list it in the "
          "'values' of 'domain' in the mapping.",
             also=WITHOUT_3),
    rejected("a domain in capitals", swap("things.csv", "kitchen-ware", "KITCHEN-WARE"),
          "DIR/things.csv, line 4, column 'shelf': there is no such domain (found "
          "'KITCHEN-WARE'). Mend it, or list it in the 'values' of 'domain' in the mapping.",
             also=WITHOUT_3),
    rejected("a domain that is not listed", swap("things.csv", "kitchen-ware", "garden"),
          "DIR/things.csv, line 4, column 'shelf': there is no such domain (found 'garden'). "
          "Mend it, or list it in the 'values' of 'domain' in the mapping.",
             also=WITHOUT_3),
    rejected("an event with an unknown item", swap("bought.csv", "bob,2", "bob,22"),
          "DIR/bought.csv, line 4, column 'thing': no items file has this item (found '22'). "
          "Add it to an items file, or remove this row."),
    rejected("an item id as pandas writes it", swap("bought.csv", "bob,2", "bob,2.0"),
          "DIR/bought.csv, line 4, column 'thing': no items file has this item (found "
          "'2.0'). Add it to an items file, or remove this row; if it is 2, name the column in "
          "'integer_ids'."),
    rejected("an item id with zeros before it", swap("bought.csv", "bob,2", "bob,002"),
          "DIR/bought.csv, line 4, column 'thing': no items file has this item (found "
          "'002'). Add it to an items file, or remove this row; if it is 2, name the column in "
          "'integer_ids'."),
    rejected("a relation from an unknown item", swap("with.csv", "2,3,", "9,3,"),
          "DIR/with.csv, line 3, column 'one': no items file has this item (found '9'). Add "
          "it to an items file, or remove this row."),
    rejected("a relation into the wrong domain", swap("with.csv", "2,3,", "2,1,"),
          "DIR/with.csv, line 3, column 'other': no items file has this item (found '1'). "
          "Add it to an items file, or remove this row."),
    rejected("an item id in two domains", swap("things.csv", "3,kitchen-ware,",
             "2,kitchen-ware,Pan,,1,\n3,kitchen-ware,"),
          "DIR/bought.csv, line 4, column 'thing': this item stands in several domains "
          "(found '2'). Say which with 'domain' in the mapping.", also={"bought.csv": {5}}, Item=4),
    taken("empty parts of a split cell", swap("things.csv", "Mae Ploy|", "|Mae Ploy| ||"),
          "MATCH (:Item {id: '1'})-[:MADE_BY]->(e) RETURN count(e) AS found", 2),
    taken("a cell of nothing but separators", swap("things.csv", "Mae Ploy|Thai Co", "|"),
          "MATCH (:Item {id: '1'})-[:MADE_BY]->(e) RETURN count(e) AS found", 0),
    # rows that contradict each other
    rejected("an item twice with other values", swap("things.csv", "3,kitchen-ware",
             "1,food,Red Curry,,,\n3,kitchen-ware"),
          "DIR/things.csv, line 4: line 2 says something else of the same item (found "
          "'food/1'). Keep one of the two rows.", Item=4),
    rejected("a user twice with other values", swap("people.csv", "bob,", "bob,\nann,32"),
          "DIR/people.csv, line 4: line 2 says something else of the same user (found "
          "'ann'). Keep one of the two rows.",
             User=3),
    rejected("an event twice with other values", swap("bought.csv", "cid,2",
             "ann,1,1700000000,2,4\ncid,2"),
          "DIR/bought.csv, line 5: line 2 says something else of the same user and item "
          "(found 'ann and food/1'). Keep one of the two rows, or say 'repeat = true' in the "
          "mapping where both are events.", BOUGHT=5),
    rejected("a relation twice with other values", swap("with.csv", "2,3,", "1,3,8"),
          "DIR/with.csv, line 3: line 2 says something else of the same item and item (found "
          "'food/1 and kitchen-ware/3'). Keep one of the two rows."),
    taken("an item twice", swap("things.csv", "3,kitchen-ware,Wok,,25,",
          "3,kitchen-ware,Wok,,25,\n3,kitchen-ware,Wok,,25.0,"), Item=4),
    taken("an event twice", swap("bought.csv", "cid,2", "ann,1,1700000000,2,5\ncid,2"), BOUGHT=5),
]  # fmt: skip

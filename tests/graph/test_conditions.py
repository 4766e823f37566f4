"""The language of conditions: what is read, what it means, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.errors import ConfigError, DataError
from linkspan.graph.conditions import COMPARE, Condition, parse_condition

READ: list[tuple[str, tuple[str, str, bool | float | str]]] = [
    ("rating >= 4", ("rating", ">=", 4)),
    ("rating>=4", ("rating", ">=", 4)),
    (" year <\t-.5e1 ", ("year", "<", -5)),
    ("year = 1e0002", ("year", "==", 100)),
    ("year == 4.", ("year", "==", 4)),
    ("`given stars` > 3", ("given stars", ">", 3)),
    ("`a-b`!=+2", ("a-b", "!=", 2)),
    ("größe <= 4", ("größe", "<=", 4)),
    ("in_stock = true", ("in_stock", "==", True)),
    ("in_stock == True", ("in_stock", "==", True)),
    ("in_stock != FALSE", ("in_stock", "!=", False)),
    ("language = 'en'", ("language", "==", "en")),
    ('language == "en"', ("language", "==", "en")),
    ("language != en", ("language", "!=", "en")),
    ("kind = 'true'", ("kind", "==", "true")),
    ("kind = '4'", ("kind", "==", "4")),
    ("kind = ''", ("kind", "==", "")),
    ("kind = 'it's'", ("kind", "==", "it's")),
    ("kind = ' a = b '", ("kind", "==", " a = b ")),
    ("released >= '2020-01-01'", ("released", ">=", "2020-01-01")),
    ("kind = 'cafe\u0301'", ("kind", "==", "caf\xe9")),
    ("kind = 1900s", ("kind", "==", "1900s")),
]


@pytest.mark.parametrize(("text", "read"), READ, ids=[text for text, _ in READ])
def test_what_is_read(text: str, read: tuple[str, str, bool | float | str]) -> None:
    condition = parse_condition(text)
    assert (condition.property, condition.operator, condition.value) == read
    assert type(condition.value) is (float if type(read[2]) is int else type(read[2]))
    assert parse_condition(str(condition)) == condition


@pytest.mark.parametrize(
    ("text", "says"),
    [
        *(
            (text, "is no condition on a property. Write it like rating >= 4, ")
            for text in ("in_stock", "a = ", "1a = 2", "a ~ 3", "4 <= rating", "", "`` = 3")
        ),
        ("__import__('os')", "is no condition on a property"),
        ("a = b c", "'a = b c': b c is no value. Put text into quotes."),
        ("a = 'b", "is no value"),
        ("a = '", "is no value"),
        ("rating > = 4", ": = 4 is no value"),
        ("rating >= 4; x", "is no value"),
        ("a >= 1 and b", "is no value"),
        ("price < 1e999", "1e999 is too large"),
        ("in_stock >= true", "neither more nor less than one another. Compare with = or !=."),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_condition(text)
    assert says in str(raised.value) and raised.value.hint


NAMES = st.text(st.characters(exclude_characters="`", exclude_categories=["Cs"]), min_size=1)
VALUES = st.one_of(
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
)


@given(NAMES, st.sampled_from(list(COMPARE)), VALUES, st.text(" \t", max_size=2))
def test_a_condition_is_read_as_it_is_written(
    name: str, operator: Any, value: Any, gap: str
) -> None:
    if isinstance(value, bool) and operator not in ("==", "!="):
        operator = "=="
    condition = Condition(property=name, operator=operator, value=value)
    assert parse_condition(f"{gap}{condition}{gap}") == condition
    stored = Condition.model_validate_json(condition.model_dump_json())
    assert stored == condition and type(stored.value) is type(condition.value)


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        condition = parse_condition(text)
    except ConfigError as error:
        assert error.hint
    else:
        assert parse_condition(str(condition)) == condition


HOLDS: list[tuple[str, Any, bool]] = [
    ("in_stock = true", True, True),
    ("in_stock = true", None, False),
    ("in_stock == true", 1, False),
    ("in_stock != true", False, True),
    *(
        (f"year {sign} 5", absent, False)
        for absent in (None, float("nan"))
        for sign in ("=", "!=", ">=", ">", "<=", "<")
    ),
    ("year != 5", [None, 5], False),
    ("year = 1", True, False),
    ("language = 'en'", "en", True),
    ("language != en", "de", True),
    ("language != en", 3, True),
    ("language = en", ["de", "en"], True),
    ("kind = 'caf\xe9'", "cafe\u0301", True),
    ("year >= 2000", 2000, True),
    ("year < 2000", 2000.5, False),
    ("released >= '2020-01-01'", "2021-05-05", True),
]


@pytest.mark.parametrize(("text", "found", "holds"), HOLDS)
def test_what_holds(text: str, found: Any, holds: bool) -> None:
    assert parse_condition(text).holds(found) is holds


@pytest.mark.parametrize("found", ["old", True])
def test_values_of_two_kinds_have_no_order(found: Any) -> None:
    with pytest.raises(DataError, match=f"year = {found!r} is neither more nor less than 3"):
        parse_condition("year > 3").holds(found)

"""Times in another unit than the mapping says, and what ``init`` makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.errors import DataError
from linkspan.ingest import ingest
from linkspan.ingest.proposing.times import read_times
from linkspan.ingest.shaping.parse import PER_SECOND, Unit, parse_times

SECONDS = (1_252_800_000.25, 1_352_800_000.5, 1_593_878_903.438)


def _bought(shop: Any, whens: list[str], unit: str) -> Any:
    rows = "".join(f"u{n},1,{when},1,5\n" for n, when in enumerate(whens))
    shop.write("bought.csv", "person,thing,when,amount,rating\n" + rows)
    shop.remap('unit = "s"', f'unit = "{unit}"')
    return shop


def _written(unit: str) -> list[str]:
    return [f"{second * PER_SECOND[unit]:.3f}" for second in SECONDS]


@pytest.mark.parametrize("written", PER_SECOND)
@pytest.mark.parametrize("unit", PER_SECOND)
def test_a_unit_that_is_wrong_is_never_silent(shop: Any, unit: str, written: str) -> None:
    _bought(shop, _written(written), unit)
    if unit == written:
        assert ingest(None, shop.mapping(), dry_run=True)  # type: ignore[arg-type]
        return
    with pytest.raises(DataError) as raised:
        ingest(None, shop.mapping(), dry_run=True)  # type: ignore[arg-type]
    names = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
    assert "column 'when'" in str(raised.value)
    assert names[written] in str(raised.value)


@pytest.mark.parametrize(
    ("whens", "unit", "message"),
    [
        (["1252800000", "1352800000"], "ms",
         "column 'when': read as milliseconds, all times lie from 1970-01-15 to 1970-01-16; they "
         "look like seconds. Say 'unit = \"s\"', or 'unit = \"position\"' if they are no times, "
         "only an order."),
        (["20140101", "20151231"], "s", "they look like dates. Say 'unit = \"iso\"'"),
        (["20140101123000"], "ms", "they look like dates with times of day. Write them as 2024"),
        (["41640.5", "41641"], "s", "all times lie on 1970-01-01; they look like a spreadsheet's"),
    ],
)  # fmt: skip
def test_it_says_what_they_look_like(shop: Any, whens: list[str], unit: str, message: str) -> None:
    with pytest.raises(DataError) as raised:
        ingest(None, _bought(shop, whens, unit).mapping(), dry_run=True)  # type: ignore[arg-type]
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("whens", "unit"),
    [
        (["0", "86400", "300000000"], "s"),  # an old data set
        (["-1", "1700000000"], "s"),  # one time that is none
        (["1", "2", "3"], "ms"),  # from the beginning of something
        (["1252800000", "1352800000"], "position"),
        (["4200000000"], "s"),  # after 2100, and nothing else
        (["19990101", "20140101"], "iso"),
    ],
)
def test_times_of_other_ages_are_taken(shop: Any, whens: list[str], unit: str) -> None:
    assert ingest(None, _bought(shop, whens, unit).mapping(), dry_run=True)  # type: ignore[arg-type]


def test_a_property_is_looked_at_too(shop: Any) -> None:
    shop.replace("people.csv", "ann,31", "ann,1700000000")
    shop.remap('{ column = "age", type = "integer" }',
               '{ column = "age", type = "time", unit = "ms" }')  # fmt: skip
    with pytest.raises(DataError, match=r"column 'age': read as milliseconds.*like seconds"):
        ingest(None, shop.mapping(), dry_run=True)  # type: ignore[arg-type]


@given(st.integers(0, 250_000_000_000_000), st.sampled_from(["s", "ms", "us", "ns"]))
def test_a_time_is_exact_to_the_millisecond_in_every_unit(time: int, unit: Unit) -> None:
    import pyarrow as pa

    whole, rest = divmod(time * PER_SECOND[unit], 1_000)
    parsed = parse_times(pa.array([f"{whole}.{rest:03}"]), unit)
    assert parsed.values.to_pylist() == [time]


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        *((_written(unit), unit) for unit in PER_SECOND),
        (["1.593878903438E9", "1593878904"], "s"),
        (["100000001", "200000000"], "s"),
        (["1", "2", "10"], "position"),
        (["20140101", "20140228"], "iso"),
        (["20140101", "20140230"], "position"),
        (["20140101123000"], ""),
        (["41640.5"], ""),
        (["0.1", "0.2"], ""),
        (["2024-05-31", "2024-05-31T10:00:00Z"], "iso"),
        (["soon"], ""),
    ],
)
def test_init_guesses_the_unit(values: list[str], unit: str) -> None:
    assert read_times(pd.Series(values)).unit == unit


def test_recbole_takes_fractions(tmp_path: Path) -> None:
    from linkspan.ingest import mapping_from_tables

    (tmp_path / "k.inter").write_text(
        "user_id:token\titem_id:token\ttimestamp:float\n0\t5\t1593878903.438\n"
    )
    table = {"path": ".", "domain": "video"}
    mapping = mapping_from_tables({"users": {"shared": True}, "recbole": table}, tmp_path)
    assert ingest(None, mapping, dry_run=True)  # type: ignore[arg-type]
    table["unit"] = "us"
    mapping = mapping_from_tables({"users": {"shared": True}, "recbole": table}, tmp_path)
    with pytest.raises(DataError, match=r"look like seconds. Say 'unit = \"s\"'"):
        ingest(None, mapping, dry_run=True)  # type: ignore[arg-type]

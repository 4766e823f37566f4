"""What ``init`` makes of the values of a rating."""

from __future__ import annotations

import pandas as pd
import pytest

from linkspan.graph.conditions import Condition
from linkspan.ingest.proposing.ratings import read_scale, read_verdict

HALVES = [f"{half / 2}" for half in range(1, 11)]
TENS = [str(ten) for ten in range(1, 11)]


@pytest.mark.parametrize(
    ("values", "absent", "least"),
    [
        (["-1", "5", "6", "7", "8", "9", "10"], ("-1",), 8),
        (["-1", *TENS], ("-1",), 7),
        (["-1.0", "-1", *HALVES], ("-1", "-1.0"), 4),
        (["-1", "0", "1", "2", "3", "4", "5"], ("-1",), 4),
        (["0", "5", "6", "7", "8", "9", "10"], ("0",), 8),
        ([*["0"] * 30, *TENS], ("0",), 7),
        (["99.0", "-9.5", "-3.2", "0.1", "5.5", "9.9"], ("99.0",), 4),
        (["99", *TENS], ("99",), 7),
        (["-999", *HALVES], ("-999",), 4),
    ],
)
def test_a_value_that_stands_apart_is_no_rating(
    values: list[str], absent: tuple[str, ...], least: float
) -> None:
    liked = Condition(property="rating", operator=">=", value=least)
    assert read_scale("rating", pd.Series(values)) == (liked, absent)


@pytest.mark.parametrize(
    "values",
    [
        HALVES,
        ["0", *HALVES],
        ["0", "1", "2", "3", "4", "5"],
        ["0", "20", "40", "60", "80", "100"],
        [str(percent) for percent in range(101)],
        [str(percent) for percent in range(20, 100)],
        ["-1", "1"],
        ["-1", "0", "1"],
        ["0", "1"],
        ["-2", "-1", "0", "1", "2"],
        ["-9.9", "-1", "0", "3.5", "9.9"],
        ["1", "2", "30", "400"],
    ],
)
def test_a_scale_without_such_a_value_is_left_alone(values: list[str]) -> None:
    rating = read_scale("rating", pd.Series(values))
    assert rating is not None and rating.absent == ()


def test_true_and_false_say_who_liked_it() -> None:
    liked = read_verdict("liked", pd.Series(["True", "false"]))
    assert liked is not None and str(liked.positive) == "liked = true"
    assert read_verdict("liked", pd.Series(["true", "TRUE"])) is None

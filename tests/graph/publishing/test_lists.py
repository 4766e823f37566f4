"""Lists: read from a file in pieces they are those of the table; equal ones may be a collapse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from linkspan.errors import PublishError
from linkspan.graph.publishing import lists as module
from linkspan.graph.publishing.lists import (
    PARTS,
    check_lists,
    count_kinds,
    list_rows,
    pieces,
    similar_rows,
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_pieces_end_where_lists_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    random = np.random.default_rng(size)
    lengths = random.integers(1, 6, 30)
    users = np.repeat([f"u{number:02}" for number in range(30)], lengths)
    rank = np.concatenate([np.arange(1, length + 1) for length in lengths])
    score = random.random(len(users))
    table = pd.DataFrame(
        {
            "user": users, "item": [f"d/{n}" for n in rank], "domain": "d", "rank": rank,
            "score": score, "gnn": score, **dict.fromkeys(PARTS[1:], 0.0), "because": None,
        }
    )  # fmt: skip
    file = tmp_path / "lists.parquet"
    table.to_parquet(file, index=False)
    monkeypatch.setattr(module, "PIECE", size)
    found = list(pieces(file, "user"))
    assert len(found) > 1 or size > len(table)
    assert sum(piece["user"].nunique() for piece in found) == 30
    pd.testing.assert_frame_equal(pd.concat(found, ignore_index=True), table)
    assert list(list_rows(file)) == list(list_rows(table))
    counts = check_lists(file)
    assert counts == check_lists(table) and (counts.users, counts.rows) == (30, len(table))
    assert counts.digest != check_lists(table.assign(score=score * 2, gnn=score * 2)).digest


def test_similar_items_of_a_run_that_knew_no_kinds_are_by_states(tmp_path: Path) -> None:
    old = pd.DataFrame({"item": ["d/1", "d/2"], "other": ["d/2", "d/1"], "rank": 1, "score": 0.5})
    both = pd.concat([old, old.assign(kind="relations", how="TAGGED", by="x")])
    both = both.fillna({"kind": "states"}).sort_values("item", kind="stable")
    old.to_parquet(tmp_path / "old.parquet")
    both.to_parquet(tmp_path / "both.parquet")
    for source in (old, tmp_path / "old.parquet"):
        assert count_kinds(source) == {"states": 2}
        rows = [row for _, row in similar_rows(source)]
        assert rows[0] == ["d/1", [["d/2", "states", 1, 0.5, None, None]]]
    for source in (both, tmp_path / "both.parquet"):
        assert count_kinds(source) == {"states": 2, "relations": 2}
        counts, rows = zip(*similar_rows(source), strict=True)
        assert counts == (2, 2)
        assert [other[-1] for other in rows[0][1]] == [None, "x"]


def _equal_lists(items: int, **more: Any) -> pd.DataFrame:
    """The same items, in the same order, for each of 200 users with a past."""
    scores = np.linspace(0.9, 0.1, items)
    one = pd.DataFrame(
        {
            "item": [f"c/{n}" for n in range(items)], "domain": "c",
            "rank": range(1, items + 1), "score": scores, "gnn": scores,
            **dict.fromkeys(PARTS[1:], 0.0), "because": "c/99", **more,
        }
    )  # fmt: skip
    return pd.concat([one.assign(user=str(n)) for n in range(200)], ignore_index=True)


@pytest.mark.parametrize(("items", "eligible"), [(8, 8), (2, 2), (1, 1), (10, 12), (10, 20)])
def test_lists_that_hold_most_of_what_was_eligible_are_no_collapse(
    items: int, eligible: int
) -> None:
    assert check_lists(_equal_lists(items, eligible=eligible)).users == 200


@pytest.mark.parametrize("eligible", [21, 1_000])
def test_equal_lists_out_of_many_eligible_items_are_a_collapse(eligible: int) -> None:
    with pytest.raises(PublishError, match="collapsed: 200 users get the same 10 items"):
        check_lists(_equal_lists(10, eligible=eligible))


def test_users_who_have_seen_nearly_everything_hide_no_collapse() -> None:
    """Half of the users get all that was left to them; of the others each gets the same."""
    full = _equal_lists(3, eligible=3).assign(user=lambda frame: "full " + frame["user"])
    check_lists(full)
    with pytest.raises(PublishError, match="collapsed: 200 users"):
        check_lists(pd.concat([full, _equal_lists(10, eligible=100)], ignore_index=True))


def test_lists_of_a_run_of_before_lack_new_parts() -> None:
    table = _equal_lists(20, eligible=20).drop(columns="relations")
    assert check_lists(table).users == 200
    _, row = next(iter(list_rows(table)))
    place = 4 + PARTS.index("relations")  # after item, domain, rank and score
    assert all(item[place] == 0.0 and item[-1] == "c/99" for item in row[1])

"""Lists read from a file in pieces are those of the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from linkspan.graph.publishing import lists as module
from linkspan.graph.publishing.lists import PARTS, check_lists, list_rows, pieces


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

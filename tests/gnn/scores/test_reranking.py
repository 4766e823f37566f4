"""Rules and re-ranking on scores whose right lists are known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from linkspan.gnn.scores.reranking import Choice, Chooser

SCORES = np.array([[0.9, 0.85, 0.8, 0.5, 0.1]], np.float32)
ITEMS = np.arange(5)


def fitted(events: list[tuple[int, int]] | None = None) -> Any:
    """Items 0, 1 and 2 are alike, 3 and 4 are not; item 0 is popular, 4 is rare."""
    states = np.array([[1, 0, 0], [1, 0, 0], [1, 0.01, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    pairs = events or [(u, 0) for u in range(1, 20)] + [(u, 3) for u in range(1, 5)] + [(0, 4)]
    users, items = zip(*pairs, strict=True)
    return SimpleNamespace(
        item_states=states,
        private=None,
        events=pd.DataFrame({"user": users, "item": items}, dtype=np.int64),
        snapshot=SimpleNamespace(
            users=pd.DataFrame({"key": [str(u) for u in range(20)]}),
            items=pd.DataFrame({"key": [f"d/{i}" for i in range(5)], "domain": "d"}),
            domains=["d"],
            aliases={},
        ),
    )


def lists(choice: Choice, scores: Any = SCORES, users: Any = None, k: int = 3) -> list[list[int]]:
    users = np.zeros(len(scores), np.int64) if users is None else np.asarray(users)
    scores = scores.copy()
    choice.hide(scores, users, ITEMS)
    best = Chooser(fitted(), choice).best(scores, users, ITEMS, k)
    kept = np.isfinite(np.take_along_axis(scores, best, 1))
    assert all((np.diff(row.astype(int)) <= 0).all() for row in kept)  # what is barred stands last
    return [row[keep].tolist() for row, keep in zip(best, kept, strict=True)]


def test_without_rules_the_best_items_stand_in_order() -> None:
    assert lists(Choice()) == [[0, 1, 2]]


def test_diversity_passes_over_what_is_like_an_item_above() -> None:
    assert lists(Choice(diversity=0.4)) == [[0, 3, 1]]
    assert lists(Choice(diversity=1e-6)) == [[0, 1, 2]]


def test_calibration_gives_a_reader_of_rare_items_rare_ones() -> None:
    assert lists(Choice(calibration=0.9), users=[0]) == [[1, 2, 4]]  # their past is item 4 alone
    assert lists(Choice(calibration=0.9), users=[19])[0][0] == 0  # theirs is item 0


def test_barred_items_are_in_no_list_even_where_few_are_left() -> None:
    allowed = np.array([False, True, False, False, True])
    for choice in (Choice(allowed), Choice(allowed, diversity=0.5, calibration=0.3)):
        assert sorted(lists(choice)[0]) == [1, 4]
    assert lists(Choice(np.zeros(5, bool), diversity=0.5)) == [[]]
    assert lists(Choice(min_score=0.82)) == [[0, 1]]


def test_items_match_their_user() -> None:
    items = np.array([0, 1, 0, 1, -2])
    choice = Choice(matches=[(np.array([0, 1, -1]), items)])
    scores = np.repeat(SCORES, 3, axis=0)
    assert lists(choice, scores, [0, 1, 2], k=5) == [[0, 2], [1, 3], [0, 1, 2, 3, 4]]

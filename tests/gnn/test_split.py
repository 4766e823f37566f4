from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkspan.errors import ModelError
from linkspan.gnn import Split, last_out
from linkspan.graph.snapshot import Snapshot

Build = Callable[..., Snapshot]
TASTES = {"a": [0] * 8, "b": [0] * 8}


def parts(snapshot: Snapshot, split: Split) -> dict[str, list[tuple[int, int]]]:
    events = snapshot.events()
    return {
        part: list(events.iloc[getattr(split, part)][["user", "item"]].itertuples(index=False))
        for part in ("train", "validation", "test")
    }


def test_the_last_event_is_test_and_the_one_before_it_validation(build: Build) -> None:
    snapshot = build(TASTES, [[3, 9, 1, 12], [5, 6]])
    found = parts(snapshot, last_out(snapshot))
    assert found["test"] == [(0, 12)]
    assert found["validation"] == [(0, 1)]
    assert found["train"] == [(0, 3), (0, 9), (1, 5), (1, 6)]


def test_per_domain_holds_out_in_each_domain(build: Build) -> None:
    snapshot = build(TASTES, [[3, 9, 1, 12, 2, 15, 8]])
    found = parts(snapshot, last_out(snapshot, per_domain=True))
    assert sorted(found["test"]) == [(0, 2), (0, 8)]
    assert sorted(found["validation"]) == [(0, 1), (0, 15)]
    assert sorted(found["train"]) == [(0, 3), (0, 9), (0, 12)]


def test_a_repeated_pair_is_never_held_out_and_never_hides_one(build: Build) -> None:
    snapshot = build(TASTES, [[1, 2, 3, 4, 1, 4]])
    found = parts(snapshot, last_out(snapshot))
    assert found["test"] == [(0, 4)]
    assert found["validation"] == [(0, 3)]
    assert found["train"] == [(0, 1), (0, 2)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 15), max_size=12), min_size=1, max_size=6), st.booleans())
def test_held_out_pairs_are_unseen_and_last(
    build: Build, histories: list[list[int]], per_domain: bool
) -> None:
    snapshot = build(TASTES, histories)
    large = [len(set(history)) >= 3 for history in histories]
    if per_domain:
        large = [
            any(sum(item // 8 == domain for item in set(history)) >= 3 for domain in (0, 1))
            for history in histories
        ]
    if not any(large):
        with pytest.raises(ModelError, match="no user has 3 events"):
            last_out(snapshot, per_domain)
        return
    split = last_out(snapshot, per_domain)
    found = parts(snapshot, split)
    assert len(found["test"]) == len(found["validation"]) >= sum(large)
    assert not set(found["train"]) & set(found["test"] + found["validation"])
    assert not set(found["test"]) & set(found["validation"])
    assert {user for user, _ in found["test"]} == set(np.flatnonzero(large))
    if not per_domain:
        users = snapshot.events()["user"].to_numpy()
        for user in np.flatnonzero(large):
            rows = [getattr(split, part) for part in ("train", "validation", "test")]
            train, validation, test = (part[users[part] == user] for part in rows)
            assert train.max() < validation[0] < test[0]


def test_a_split_is_saved_and_loaded(planted: Snapshot, tmp_path: Path) -> None:
    split = last_out(planted)
    split.save(tmp_path / "split.parquet")
    again = Split.load(tmp_path / "split.parquet")
    assert again.protocol == "last-out" and again.fingerprint == planted.fingerprint()
    for part in ("train", "validation", "test"):
        assert np.array_equal(getattr(again, part), getattr(split, part))
    with pytest.raises(ModelError, match="not a readable split"):
        Split.load(tmp_path / "absent.parquet")

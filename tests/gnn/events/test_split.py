from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from linkspan.errors import ModelError
from linkspan.gnn import Split, SplitSettings, last_out, split_events
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


LONG = [[3, 9, 1, 12, 2, 15, 8], [0, 10, 4, 11], [5, 13, 6]]


def pairs_of(snapshot: Snapshot, rows: np.ndarray) -> set[tuple[int, int]]:
    events = snapshot.events().iloc[rows]
    return set(zip(events["user"], events["item"], strict=True))


@pytest.mark.parametrize(
    "settings",
    [
        SplitSettings(protocol="time", test=0.2, validation=0.2),
        SplitSettings(protocol="random", test=0.2, validation=0.3),
        SplitSettings(protocol="random", test=0.0, validation=0.3),
        SplitSettings(protocol="fold", folds=3, fold=2),
        SplitSettings(protocol="domain-out", domain="b", test=0.3, validation=0.3),
        SplitSettings(protocol="domain-out", test=0.3, validation=0.3),
        SplitSettings(protocol="items-out", test=0.2),
    ],
    ids=lambda settings: f"{settings.protocol} {settings.test}",
)
def test_no_protocol_learns_from_a_pair_that_it_holds_out(
    plant: Callable[..., Snapshot], build: Build, settings: SplitSettings
) -> None:
    random = np.random.default_rng(1)
    histories = [random.integers(0, 16, random.integers(1, 9)).tolist() for _ in range(40)]
    snapshot = build(TASTES, histories)
    split = split_events(snapshot, settings)
    train, validation, test = (
        pairs_of(snapshot, part) for part in (split.train, split.validation, split.test)
    )
    assert train
    assert validation
    assert bool(test) == bool(settings.test)
    assert not train & (validation | test)
    assert not validation & test
    assert len(validation) == len(split.validation)
    again = split_events(snapshot, settings)
    assert np.array_equal(split.test, again.test)
    other = split_events(snapshot, settings.model_copy(update={"seed": 1}))
    drawn = settings.protocol != "time"
    assert np.array_equal(split.validation, other.validation) != drawn


def test_time_divides_at_a_moment(build: Build) -> None:
    snapshot = build(TASTES, LONG)
    found = parts(snapshot, split_events(snapshot, SplitSettings(protocol="time", at=5)))
    assert found["test"] == [(0, 2), (0, 15), (0, 8)]  # at 5, 6 and 7
    assert found["validation"] == [(0, 12), (1, 11)]  # at 4
    assert len(found["train"]) == 9
    with pytest.raises(ModelError, match="no event is at or after 99"):
        split_events(snapshot, SplitSettings(protocol="time", at=99))
    sets = build(TASTES, LONG, timed=False)
    with pytest.raises(ModelError, match="have no times"):
        split_events(sets, SplitSettings(protocol="time"))


def test_every_pair_but_one_of_a_user_is_in_one_fold_for_test(build: Build) -> None:
    snapshot = build(TASTES, LONG)
    settings = [SplitSettings(protocol="fold", folds=4, fold=fold) for fold in range(4)]
    tested = [pairs_of(snapshot, split_events(snapshot, each).test) for each in settings]
    assert sum(map(len, tested)) == len(set.union(*tested)) == 14 - 3
    assert [len(fold) for fold in tested] == [3, 3, 3, 2]


def test_random_holds_out_its_shares_and_leaves_each_user_something(
    plant: Callable[..., Snapshot],
) -> None:
    snapshot = plant()
    split = split_events(snapshot, SplitSettings(protocol="random", test=0.1, validation=0.2))
    free = 240 * 8
    assert (len(split.test), len(split.validation)) == (round(free * 0.1), round(free * 0.2))
    assert snapshot.events().iloc[split.train]["user"].nunique() == 240


def test_a_domain_is_held_out_whole_of_some_users(build: Build) -> None:
    snapshot = build(TASTES, [[user % 8, 8 + user % 7, 9 + user % 7] for user in range(20)])
    settings = SplitSettings(protocol="domain-out", domain="b", test=0.25, validation=0.1)
    found = parts(snapshot, split_events(snapshot, settings))
    tested = {user for user, _ in found["test"]}
    assert len(tested) == 5
    assert all(item >= 8 for _, item in found["test"])
    assert not [pair for pair in found["train"] if pair[0] in tested and pair[1] >= 8]
    assert len({user for user, _ in found["validation"]}) == 2
    with pytest.raises(ModelError, match="no domain 'c' with events"):
        split_events(snapshot, settings.model_copy(update={"domain": "c"}))


def test_stated_parts_are_taken_as_they_are(build: Build) -> None:
    snapshot = build(TASTES, [[1, 2, 3, 2], [4, 5]])
    stated = pd.DataFrame({"user": [0, 1], "item": [2, 4], "part": ["test", "validation"]})
    settings = SplitSettings(protocol="file", file=Path("parts.csv"))
    found = parts(snapshot, split_events(snapshot, settings, parts=stated))
    assert found == {"train": [(0, 1), (0, 3), (1, 5)], "validation": [(1, 4)], "test": [(0, 2)]}


FILE = SplitSettings(protocol="file", file=Path("parts.csv"), validation=0.25)


def test_a_file_without_validation_takes_it_from_what_is_trained_on(
    build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    """The last known event of each user of the test rows, in the domains that these are of."""
    snapshot = build(TASTES, [[1, 2, 3, 9], [4, 5, 6, 4], [7, 0, 2], [1, 5]])
    stated = pd.DataFrame({"user": [0, 1, 3], "item": [3, 5, 1], "part": "test"})
    found = parts(snapshot, split_events(snapshot, FILE, parts=stated))
    assert found["test"] == [(0, 3), (1, 5), (3, 1)]
    assert found["validation"] == [(0, 2), (1, 6)]  # user 3 keeps the one that is left
    assert (0, 9) in found["train"] and (2, 2) in found["train"]
    assert "no validation" in caplog.text and "train on 2 are taken" in caplog.text


def test_a_file_without_validation_takes_it_by_chance_where_there_is_no_order(
    plant: Callable[..., Snapshot],
) -> None:
    snapshot = plant(timed=False)
    events = snapshot.events()
    stated = events.drop_duplicates("user").head(50)[["user", "item"]].assign(part="test")
    split = split_events(snapshot, FILE, parts=stated)
    tested = events.iloc[split.test]
    assert len(tested) == 50
    domains = snapshot.items["domain"].to_numpy()[events["item"]]
    free = np.isin(domains, domains[split.test])
    free[split.test] = False
    size = int(free.sum()) - events["user"][free].nunique()
    assert len(split.validation) == round(0.25 * size)
    assert free[split.validation].all()
    assert len(split.train) == len(events) - 50 - len(split.validation)
    other = split_events(snapshot, FILE.model_copy(update={"seed": 1}), stated)
    assert not np.array_equal(split.validation, other.validation)


def test_histories_that_are_sets_are_split_by_chance(plant: Callable[..., Snapshot]) -> None:
    assert split_events(plant()).protocol == "last-out"
    assert split_events(plant(timed=False)).protocol == "random"


def test_one_time_for_all_events_of_a_user_gives_no_order(
    plant: Callable[..., Snapshot],
) -> None:
    """The date of an export, or of a user's, or times of what was not liked alone."""
    snapshot = plant()
    frame = snapshot.interactions["SAVED"]

    def at(times: object) -> Snapshot:
        return replace(snapshot, interactions={"SAVED": frame.assign(at=times)})

    for times in (1_700_000_000_000, frame["user"].to_numpy(np.int64) + 5):
        assert not at(times).timed
        assert split_events(at(times)).protocol == "random"
    first = frame["at"] == 1
    disliked = frame.assign(sign=np.where(first, 1, -1).astype(np.int8))
    assert not replace(snapshot, interactions={"SAVED": disliked}).timed
    assert at(np.where(first & (frame["user"] == 7), 4, 9)).timed


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"protocol": "file"}, "needs the key 'file'"),
        ({"protocol": "items-out", "test": 0.0}, "needs a 'test' above 0"),
        ({"protocol": "time", "test": 0.0}, "needs a 'test' above 0"),
        ({"protocol": "fold", "folds": 3, "fold": 3}, "counts from 0"),
        ({"protocol": "best"}, "Input should be"),
    ],
)
def test_settings_of_a_split_that_cannot_be_are_refused(
    wrong: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        SplitSettings(**wrong)  # type: ignore[arg-type]


def test_nothing_to_learn_from_is_said(build: Build) -> None:
    snapshot = build(TASTES, [[1, 2]])
    settings = SplitSettings(protocol="time", at=2, validation=0.4)
    with pytest.raises(ModelError, match="leaves no event to learn from"):
        split_events(snapshot, settings)
    with pytest.raises(ModelError, match="no user has 2 events"):
        split_events(build(TASTES, [[1], [2]]), SplitSettings(protocol="random"))


def test_a_domain_that_shares_no_users_cannot_be_held_out(build: Build) -> None:
    settings = SplitSettings(protocol="domain-out", domain="a", test=0.3, validation=0.3)
    with pytest.raises(ModelError, match="0 know another"):
        split_events(build({"a": [0] * 4}, [[0, 1], [1, 2, 3]]), settings)


def test_domain_out_of_all_takes_one_domain_of_each_user_drawn(build: Build) -> None:
    random = np.random.default_rng(0)
    histories = [random.choice(16, 6, replace=False).tolist() for _ in range(60)]
    snapshot = build(TASTES, [*histories, [1, 2, 3]])
    split = split_events(snapshot, SplitSettings(protocol="domain-out", test=0.4, validation=0.3))
    events = snapshot.events()
    events["domain"] = (events["item"] >= 8).astype(int)
    held_out = events.iloc[np.r_[split.validation, split.test]]
    assert set(held_out["domain"]) == {0, 1}
    assert (held_out.groupby("user")["domain"].nunique() == 1).all()
    known = pd.MultiIndex.from_frame(events.iloc[split.train][["user", "domain"]])
    assert not pd.MultiIndex.from_frame(held_out[["user", "domain"]]).isin(known).any()
    assert held_out["user"].isin(events.iloc[split.train]["user"]).all()
    assert 60 not in set(held_out["user"])  # who knows one domain only keeps it


def test_items_out_learns_nothing_of_the_items_it_holds_out(build: Build) -> None:
    random = np.random.default_rng(0)
    histories = [random.choice(16, 6, replace=False).tolist() for _ in range(60)]
    snapshot = build(TASTES, histories)
    split = split_events(snapshot, SplitSettings(protocol="items-out", test=0.25))
    events = snapshot.events()
    new = set(events.iloc[split.test]["item"])
    assert len({item for item in new if item < 8}) == len({item for item in new if item >= 8}) == 2
    assert not new & set(events.iloc[split.history]["item"])
    for _, own in events.iloc[split.test].groupby("user"):
        met = events[(events["user"] == own["user"].iloc[0]) & events["item"].isin(new)]
        assert own["item"].tolist() == [met["item"].iloc[-1]]  # the last that the user met
    assert len(split.validation) and not set(split.validation) & set(split.train)


def test_items_out_needs_users_who_keep_an_item(build: Build) -> None:
    settings = SplitSettings(protocol="items-out", test=0.2)
    with pytest.raises(ModelError, match="no user met an item that was drawn as new"):
        split_events(build(TASTES, [[0], [8], [9]]), settings)

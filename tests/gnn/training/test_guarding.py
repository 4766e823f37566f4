"""A domain that joint learning hurts is served by a model of its own events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from linkspan.gnn import (
    FittedModel,
    HashEncoder,
    Split,
    TrainSettings,
    View,
    embed_snapshot_text,
    evaluate,
    fit_hybrid,
    guard_domains,
    last_out,
    load,
    rank_tests,
    refit_alone,
    save,
    score_top,
    train,
    train_all,
    with_weights,
)
from linkspan.gnn.evaluation.transfer import Cell, leave_out
from linkspan.gnn.metrics import ndcg
from linkspan.gnn.models.erasing import erase_from_model
from linkspan.gnn.models.weights import MixtureWeights, SignalWeights
from linkspan.gnn.scores.hybrid import published
from linkspan.gnn.scores.signals import HYBRID
from linkspan.gnn.training.guarding import OWN_PAST
from linkspan.graph.snapshot import Snapshot
from linkspan.progress import Progress, Task

TASTES, KINDS = 6, 40


class Guarded(NamedTuple):
    """A joint model, the same made worse, and what the guard made of both."""

    split: Split
    joint: FittedModel
    spoilt: FittedModel
    rows: dict[str, dict[str, dict[str, object]]]


class Told(Progress):
    """Progress that keeps the names of its tasks."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def task(self, name: str, total: int | None = None, unit: str = "rows") -> Task:
        self.names.append(name)
        return Task()


def chance_and_taste(build: Callable[..., Snapshot], users: int = 120) -> Snapshot:
    """Art is met by chance, books by taste: in turn, so that either is known of everyone."""
    random, tastes = np.random.default_rng(0), np.arange(60) % TASTES
    histories = []
    for user in range(users):
        art = random.permutation(60)[:6]
        books = random.permutation(np.flatnonzero(tastes == user % TASTES))[:6] + 60
        histories.append(np.stack([art, books], axis=1).ravel().tolist())
    snapshot = build({name: tastes.tolist() for name in ("art", "books")}, histories)
    return replace(snapshot, items=snapshot.items.assign(text=""))


def told_by_texts(build: Callable[..., Snapshot], users: int = 240) -> Snapshot:
    """Books of one kind each, which texts tell and too few events do, after art of any kind.

    A text counts over the whole history: so books are read from what was met by chance.
    """
    random, kinds = np.random.default_rng(0), np.arange(240) % KINDS
    histories = []
    for user in range(users):
        books = random.choice(np.flatnonzero(kinds == user % KINDS), 4, replace=False) + 240
        art = random.choice(240, 8, replace=False)
        histories.append(np.concatenate([books[:-2], art, books[-2:]]).tolist())
    snapshot = build({name: kinds.tolist() for name in ("art", "books")}, histories)
    texts = [f"word{kind}" for kind in np.tile(kinds, 2)]
    return replace(snapshot, items=snapshot.items.assign(text=texts))


def told_by_others(build: Callable[..., Snapshot], books: int = 3, users: int = 240) -> Snapshot:
    """Art of one taste each, then books of it, the last two held out; few users met one more."""
    random, tastes = np.random.default_rng(0), np.arange(60) % TASTES
    histories = []
    for user in range(users):
        liked = random.permutation(np.flatnonzero(tastes == user % TASTES))
        more = liked[::-1][: books + (user % 10 == 0)] + 60
        histories.append(np.concatenate([liked[:6], more]).tolist())
    snapshot = build({name: tastes.tolist() for name in ("art", "books")}, histories)
    return replace(snapshot, items=snapshot.items.assign(text=""))


@pytest.fixture(scope="module")
def guarded(build: Callable[..., Snapshot], settings: TrainSettings) -> Guarded:
    snapshot = chance_and_taste(build)
    split = last_out(snapshot, per_domain=True)
    joint = fit_hybrid(train(snapshot, split, {}, settings), split)
    only = MixtureWeights(SignalWeights({"popularity": 1.0}, {}))
    worse = replace(joint, weights={**joint.weights, HYBRID: only})
    kept, rows = guard_domains(joint, split)
    spoilt, found = guard_domains(worse, split)
    told = {"joint": rows, "spoilt": found}
    return Guarded(
        split, kept, spoilt, {name: {r["domain"]: r for r in each} for name, each in told.items()}
    )


def test_a_joint_model_that_is_as_good_is_kept(guarded: Guarded) -> None:
    assert not guarded.joint.alone
    assert not any(row["hurt"] for row in guarded.rows["joint"].values())


def test_only_the_domain_that_is_hurt_gets_its_own_model(guarded: Guarded) -> None:
    row = guarded.rows["spoilt"]["books"]
    assert row["hurt"] and row["high"] < -0.1, row
    assert set(guarded.spoilt.alone) == {"books"}  # nothing is better than popularity for art
    alone = guarded.spoilt.alone["books"]
    assert (alone.events["item"] >= 60).all()
    users, items = np.arange(50), np.tile(np.arange(60, 70), (50, 1))
    scorer, own = published(guarded.spoilt), published(alone)
    assert np.array_equal(scorer.score(users, "books"), own.score(users, "books"))
    assert np.array_equal(scorer.at(users, "books", items), own.at(users, "books", items))
    joint = published(replace(guarded.spoilt, alone={}))
    assert np.array_equal(scorer.score(users, "art"), joint.score(users, "art"))
    other = scorer.over(guarded.spoilt.events[["user", "item"]], np.arange(120))
    assert other.score(users, "books") == pytest.approx(own.score(users, "books"), abs=1e-5)
    because = score_top(guarded.spoilt, 5, ["books"])["because"].to_numpy()
    assert (because >= 60).any() and not ((because >= 0) & (because < 60)).any()


def test_lists_of_the_domain_are_as_good_as_those_learned_alone(guarded: Guarded) -> None:
    ranks = evaluate(guarded.spoilt, guarded.split).ranks
    _, own = leave_out(guarded.spoilt.snapshot, guarded.split, Cell(("books",)))
    alone = rank_tests(guarded.spoilt.alone["books"], own)
    assert ranks.loc[ranks["domain"] == "books", HYBRID].tolist() == alone["rank"].tolist()


def test_a_guarded_model_is_saved_refitted_and_forgets(guarded: Guarded, tmp_path: Path) -> None:
    spoilt, snapshot = guarded.spoilt, guarded.spoilt.snapshot
    final = train_all(snapshot, {}, spoilt.settings, spoilt.best_epoch)
    final = refit_alone(with_weights(final, spoilt.weights), spoilt.alone)
    events = snapshot.events()
    assert len(final.alone["books"].events) == (events["item"] >= 60).sum()
    save(final.learned, tmp_path / "model")
    opened = load(tmp_path / "model").on(View.whole(snapshot, {}))
    assert score_top(opened, k=5).equals(score_top(final, k=5))
    before = opened.alone["books"].linear
    gone = replace(
        snapshot,
        interactions={"SAVED": snapshot.interactions["SAVED"].query("user != 3")},
    )
    place = np.where(events["user"] == 3, -1, np.cumsum(events["user"] != 3) - 1)
    erase_from_model(tmp_path / "model", gone, place)
    after = load(tmp_path / "model").alone["books"].linear
    assert abs(before - after).max() > 0
    save(replace(final, alone={}).learned, tmp_path / "model")
    assert not load(tmp_path / "model").alone


def test_a_domain_far_above_simple_baselines_is_guarded_where_others_mislead(
    build: Callable[..., Snapshot], settings: TrainSettings
) -> None:
    snapshot = told_by_texts(build)
    split = last_out(snapshot, per_domain=True)
    text = embed_snapshot_text(snapshot, HashEncoder(64))
    joint, told = fit_hybrid(train(snapshot, split, text, settings), split), Told()
    guarded, rows = guard_domains(joint, split, told)
    assert {"art alone (1 of 2): train", "books alone (2 of 2): train"} <= set(told.names)
    found = {row["domain"]: row for row in rows}["books"]
    assert found["not_above"] == [OWN_PAST]  # popularity and EASE raise no doubt
    assert found["hurt"] and found["high"] < -0.02, found
    assert set(guarded.alone) == {"books"}
    better, worse = (
        ndcg(evaluate(each, split).ranks.query("domain == 'books'")[HYBRID].to_numpy(), 10)
        for each in (guarded, joint)
    )
    assert better > worse + 0.02


def test_nothing_is_trained_for_a_domain_that_others_surely_help(
    build: Callable[..., Snapshot], settings: TrainSettings
) -> None:
    snapshot = told_by_others(build)
    split = last_out(snapshot, per_domain=True)
    joint = fit_hybrid(train(snapshot, split, {}, settings), split)
    _, rows = guard_domains(joint, split)
    assert "books" not in {row["domain"] for row in rows}, rows


def test_domains_that_share_no_user_are_in_doubt(
    build: Callable[..., Snapshot], settings: TrainSettings
) -> None:
    shared = told_by_others(build, books=6, users=120)
    frame = shared.interactions["SAVED"]
    users = frame["user"] * 2 + (frame["item"] >= 60)  # what one did in a domain is a user
    keys = pd.DataFrame({name: [f"{user:05}" for user in range(240)] for name in ("key", "id")})
    frame = frame.assign(user=users.astype(np.int32))
    frame = frame.sort_values(["user", "item"], ignore_index=True)
    snapshot = replace(shared, users=keys, interactions={"SAVED": frame})
    split = last_out(snapshot)
    _, rows = guard_domains(fit_hybrid(train(snapshot, split, {}, settings), split), split)
    found = {row["domain"]: row for row in rows}
    assert set(found) == {"art", "books"}
    assert all(OWN_PAST in row["not_above"] and not row["hurt"] for row in rows), rows


def test_a_joint_model_that_others_help_is_in_doubt_where_ease_of_its_own_is_as_good(
    build: Callable[..., Snapshot], settings: TrainSettings
) -> None:
    snapshot = told_by_others(build, books=6, users=120)
    split = last_out(snapshot, per_domain=True)
    joint = fit_hybrid(train(snapshot, split, {}, settings), split)
    half = MixtureWeights(SignalWeights({"popularity": 1.0, "linear 1": 1.0}, {}))
    guarded, rows = guard_domains(replace(joint, weights={**joint.weights, HYBRID: half}), split)
    found = {row["domain"]: row for row in rows}["art"]
    assert found["not_above"] == ["ease-target"] and found["hurt"], found
    assert "art" in guarded.alone

"""Models with a privacy budget: that they learn, and that nothing but noised sums reaches them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from linkspan import gnn
from linkspan.errors import ModelError
from linkspan.gnn.private import fitting
from linkspan.gnn.private.statistics import Statistics
from linkspan.gnn.scores.reranking import Choice
from linkspan.graph.snapshot import Snapshot

Vectors = Callable[[Snapshot], dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def crowd(plant: Callable[..., Snapshot]) -> Snapshot:
    return plant(users=2_000)


def fit(snapshot: Snapshot, text_of: Vectors, epsilon: float, seed: int = 0) -> gnn.FittedModel:
    privacy = gnn.PrivacySettings(epsilon=epsilon, delta=1e-5)
    random = np.random.default_rng(seed)
    events = snapshot.events()
    settings = gnn.TrainSettings.of(encoder="hash", embedding_size=8)
    return gnn.fit_private(snapshot, text_of(snapshot), events, settings, privacy, random=random)


def test_a_private_model_finds_tastes_and_noise_costs(crowd: Snapshot, text_of: Vectors) -> None:
    split, text = gnn.last_out(crowd), text_of(crowd)
    settings = gnn.TrainSettings.of(encoder="hash", embedding_size=8)
    found = {}
    for epsilon in (0.01, 8.0):
        privacy = gnn.PrivacySettings(epsilon=epsilon, delta=1e-5)
        fitted = gnn.fit_private(
            crowd,
            text,
            crowd.events().iloc[split.train],
            settings,
            privacy,
            random=np.random.default_rng(0),
        )
        table = gnn.evaluate(fitted, split, ("popularity",)).table()
        rows = table[table["segment"] == "all"].set_index("method")["ndcg"]
        found[epsilon] = rows[gnn.method(fitted)], rows["popularity"]
    assert found[8.0][0] > 3 * found[8.0][1]
    assert found[8.0][0] > found[0.01][0]


def test_what_follows_what_is_learned_where_texts_alone_mislead(
    build: Callable[..., Snapshot], text_of: Vectors
) -> None:
    """Who meets an item of one taste meets one of the next: a step that texts cannot tell."""
    random = np.random.default_rng(0)
    tastes = {"art": [item % 6 for item in range(60)]}
    histories = []
    for _ in range(2_000):
        start = int(random.integers(6))
        of_taste = [(start + step) % 6 for step in range(5)]
        histories.append([int(random.integers(10)) * 6 + taste for taste in of_taste])
    snapshot = build(tastes, histories)
    split = gnn.last_out(snapshot)
    learned = {}
    for epsilon in (0.01, 4.0):
        fitted = gnn.fit_private(
            snapshot,
            text_of(snapshot),
            snapshot.events().iloc[split.train],
            gnn.TrainSettings.of(encoder="hash", embedding_size=8),
            gnn.PrivacySettings(epsilon=epsilon, delta=1e-5),
            random=np.random.default_rng(0),
        )
        assert fitted.private is not None
        weights = fitted.private.left @ fitted.private.right.T  # (60, 60)
        taste = np.arange(60) % 6
        follows = taste[None] == (taste[:, None] + 1) % 6
        learned[epsilon] = (weights[follows].mean() - weights[~follows].mean()) / weights.std()
    assert learned[4.0] > 1.5
    assert learned[0.01] < 0.5


def test_what_others_did_reaches_a_user_by_the_noised_sums_alone(
    crowd: Snapshot, text_of: Vectors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One user's past is another, the noised sums stay: so does all that others get."""
    frame = crowd.interactions["SAVED"]
    frame = frame[frame["item"] != 5]
    other = frame.copy()
    mine = other["user"] == 7
    other.loc[mine, "item"] = (other.loc[mine, "item"] + 3) % len(crowd.items)
    other.loc[mine.idxmax(), "item"] = 5  # which no one else has met
    other = other.sort_values(["user", "item"], ignore_index=True)
    outputs = []
    released = fitting.sum_statistics(
        crowd.events(), fitting.public_features(crowd, text_of(crowd)), timed=True
    )
    weights = fit(crowd, text_of, 2.0).weights["hybrid without gnn"].usual
    assert max(weights.shared.values()) > 0
    monkeypatch.setattr(Statistics, "noised", lambda self, noise, random: released)
    monkeypatch.setattr(fitting, "_find_weights", lambda *args: weights)
    for number, interactions in enumerate((frame, other)):
        snapshot = replace(crowd, interactions={"SAVED": interactions})
        fitted = fit(snapshot, text_of, 2.0)
        gnn.save(fitted.learned, tmp_path / str(number))
        choice = Choice(calibration=0.3, diversity=0.3)
        users = np.flatnonzero(np.arange(40) != 7)
        lists = gnn.score_top(fitted, 5, users=users, choice=choice)
        similar = gnn.similar_items(fitted, 3)
        visitor = gnn.Ranker(fitted, Choice()).for_visitor(np.array([3, 9]))
        asked = visitor.lists(np.array([0]), "art", 5)
        outputs.append((lists, similar, asked))
    for one, two in zip(*outputs, strict=True):
        assert one.equals(two)
    files = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in "01"]
    assert files[0] == files[1]
    for name in files[0]:
        if not name.endswith(".npz"):  # has the time of its making inside
            assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes(), (
                name
            )


def test_a_private_model_is_saved_and_meets_new_items(
    crowd: Snapshot, text_of: Vectors, tmp_path: Path
) -> None:
    fitted = fit(crowd, text_of, 4.0)
    gnn.save(fitted.learned, tmp_path)
    view = gnn.View.whole(crowd, text_of(crowd))
    again = gnn.load(tmp_path).on(view)
    users = np.arange(20)
    assert gnn.score_top(again, 5, users=users).equals(gnn.score_top(fitted, 5, users=users))
    assert again.private is not None
    moved = again.private.moved(np.array([2, -1, 0]))
    assert moved.counts.tolist() == [again.private.counts[2], 0.0, again.private.counts[0]]


def test_two_trainings_have_noise_of_their_own(crowd: Snapshot, text_of: Vectors) -> None:
    privacy, settings = gnn.PrivacySettings(epsilon=1.0), gnn.TrainSettings.of(encoder="hash")
    counts = [
        gnn.fit_private(crowd, text_of(crowd), crowd.events(), settings, privacy).private.counts
        for _ in range(2)
    ]
    assert (counts[0] != counts[1]).mean() > 0.9


def test_few_users_are_refused(planted: Snapshot, text_of: Vectors) -> None:
    events = planted.events()
    few = events[events["user"] < 50]
    with pytest.raises(ModelError, match="50 users are too few"):
        gnn.fit_private(
            planted, text_of(planted), few, gnn.TrainSettings.of(encoder="hash"),
            gnn.PrivacySettings(epsilon=1.0),
        )  # fmt: skip


def test_a_delta_that_gives_a_user_away_is_refused(crowd: Snapshot, text_of: Vectors) -> None:
    settings = gnn.TrainSettings.of(encoder="hash")
    privacy = gnn.PrivacySettings(epsilon=1.0, delta=1e-3)
    with pytest.raises(ModelError, match=r"delta of 0\.001 lets a training with 2,000 users"):
        gnn.fit_private(crowd, text_of(crowd), crowd.events(), settings, privacy)


def test_both_releases_together_spend_the_budget(
    crowd: Snapshot, text_of: Vectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    noises: list[float] = []
    noised, weigh = Statistics.noised, fitting._find_weights

    def note(self: Statistics, noise: float, random: np.random.Generator) -> Statistics:
        noises.append(noise)
        return noised(self, noise, random)

    groups: list[set[int]] = []

    def note_weights(past: Any, asked: Any, noise: float, random: Any) -> Any:
        groups.append(set(asked["user"]))
        noises.extend([noise] * (fitting.STEPS if len(groups) == 1 else 0))
        return weigh(past, asked, noise, random)

    monkeypatch.setattr(Statistics, "noised", note)
    monkeypatch.setattr(fitting, "_find_weights", note_weights)
    fit(crowd, text_of, 3.0)
    assert len(noises) == 1 + fitting.STEPS
    assert not groups[0] & groups[1]
    assert gnn.epsilon_of(noises, 1e-5) == pytest.approx(3.0, rel=0.02)

"""A planted graph whose last items nobody has met while a model learns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from linkspan.gnn import TrainSettings, last_out, train
from linkspan.gnn.scores.components import Cosine, Prior
from linkspan.graph.snapshot import Snapshot

Text = dict[str, np.ndarray]


def cold_snapshot(build: Callable[..., Snapshot]) -> Snapshot:
    """Each user's last item is a cold one: its text, and nothing else, tells its taste."""
    random = np.random.default_rng(1)
    tastes = {
        "a": [item % 6 for item in range(60)],
        "b": [item % 6 for item in range(90)],  # The last 36 are cold: rows 114 to 149.
    }
    taste_of = np.concatenate([tastes["a"], tastes["b"]])
    warm, cold = np.arange(114), np.arange(114, 150)
    histories = []
    for user in range(240):
        liked = random.permutation(warm[taste_of[warm] == user % 6])[:9].tolist()
        histories.append([*liked, random.choice(cold[taste_of[cold] == user % 6])])
    return build(tastes, histories)


def cold_hit_rate(snapshot: Snapshot, text: Text, settings: TrainSettings) -> float:
    """Share of users whose cold item is among the first 6 of the 36 cold ones, ties by half."""
    split = last_out(snapshot)
    events = snapshot.events()
    trained = train(snapshot, split, text, settings)
    fitted = trained.learned.on(trained.view.over(events.iloc[split.history]))
    test = events.iloc[split.test]
    users, items = test["user"].to_numpy(np.int64), test["item"].to_numpy(np.int64)
    scores = Cosine(fitted).score(users, "b") + Prior(fitted).score(users, "b")
    cold = scores[:, 54:]
    target = scores[np.arange(len(users)), items - 60]
    above, tied = cold > target[:, None], cold == target[:, None]
    return float(np.mean(above.sum(axis=1) + (tied.sum(axis=1) - 1) / 2 < 6))

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from linkspan.gnn import TrainSettings, score_pairs, train_all
from linkspan.gnn.events.dislikes import Dislikes
from linkspan.gnn.events.domains import item_domains
from linkspan.gnn.events.history import PAD
from linkspan.graph.snapshot import Snapshot

TextOf = Callable[[Snapshot], dict[str, np.ndarray]]


def with_dislikes(snapshot: Snapshot, pairs: list[tuple[int, int, int]]) -> Snapshot:
    """Also events (user, item, at) that were not liked."""
    frame = snapshot.interactions["SAVED"]
    more = pd.DataFrame(pairs, columns=["user", "item", "at"]).assign(weight=1.0, sign=-1)
    both = pd.concat([frame, more.astype(frame.dtypes.to_dict())])
    both = both.sort_values(["user", "item"], ignore_index=True)
    return replace(snapshot, interactions={"SAVED": both})


def test_dislikes_are_drawn_of_the_user_and_the_domain(build: Callable[..., Snapshot]) -> None:
    snapshot = build({"a": [0] * 5, "b": [0] * 5}, [[0, 5], [1, 6]])
    snapshot = with_dislikes(snapshot, [(0, 2, 1), (0, 3, 9), (0, 7, 1), (1, 4, 1)])
    domains, random = item_domains(snapshot), np.random.default_rng(0)
    found = Dislikes(snapshot, domains, None)
    drawn = found.draw(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), 40, random)
    assert [set(row) for row in drawn.tolist()] == [{2, 3}, {7}, {4}, {PAD}]
    held_out = pd.DataFrame({"user": [0], "item": [0], "at": [9]})
    early = Dislikes(snapshot, domains, held_out)
    drawn = early.draw(np.array([0, 1]), np.array([0, 0]), 40, random)
    assert [set(row) for row in drawn.tolist()] == [{2}, {4}]  # nothing from the held-out time on
    assert not Dislikes(build({"a": [0] * 3}, [[0, 1]]), np.zeros(3, int), None)


def test_what_is_disliked_and_what_is_like_it_scores_lower(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings
) -> None:
    """Users dislike half of the films of another taste; the other half has to fall as well."""
    pairs = []
    for user in range(240):
        other = [item for item in range(120, 180) if item % 6 == (user + 1) % 6]
        pairs += [(user, item, 1) for item in other[:5]]
    snapshot = with_dislikes(planted, pairs)
    users = np.arange(240)

    def below(dislikes: int) -> float:
        """How far films of the disliked taste, not met, are below those of one never met."""
        chosen = settings.changed(dislikes=dislikes, hybrid=False)
        fitted = train_all(snapshot, text_of(snapshot), chosen, epochs=8)
        scores = []
        for step in (1, 3):
            item = 150 + (users + step) % 6  # 150 to 155 are among the second half
            scores.append(score_pairs(fitted, users, item).mean())
        return float(scores[1] - scores[0])

    assert below(16) > below(0) + 0.3

"""Graphs that no sequence can be learned from: lists come from popularity and texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from linkspan.errors import ModelError
from linkspan.gnn import (
    SplitSettings,
    TrainSettings,
    UnmeasuredError,
    evaluate,
    fit_hybrid,
    load,
    method,
    save,
    score_top,
    similar_items,
    split_events,
    train,
    train_all,
    with_weights,
)
from linkspan.graph.snapshot import Snapshot

Build = Callable[..., Snapshot]
Text = Callable[[Snapshot], dict[str, np.ndarray]]

ITEMS = {"book": [item % 6 for item in range(60)], "film": [item % 6 for item in range(30)]}
TASTES = np.array([*ITEMS["book"], *ITEMS["film"]])


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("timed", [True, False])
def test_single_events_are_served_by_texts_and_popularity(
    build: Build, text_of: Text, settings: TrainSettings, tmp_path: Path, times: int, timed: bool
) -> None:
    snapshot = build(ITEMS, [[user % 60] * times for user in range(120)], timed=timed)
    split, text = split_events(snapshot), text_of(snapshot)
    assert not len(split.test) and not len(split.validation) and split.protocol == "none"
    fitted = fit_hybrid(train(snapshot, split, text, settings), split)
    final = with_weights(train_all(snapshot, text, settings, fitted.best_epoch), fitted.weights)
    save(final.learned, tmp_path)
    model = load(tmp_path).on(final.view)
    assert method(model) == "hybrid without gnn" and not model.is_trained
    top = score_top(model, k=3)
    assert len(top) == 120 * 2 * 3 and (top["gnn"] == 0).all()
    books = top[top["domain"] == "book"]  # users have met no film, so all films are as popular
    assert (TASTES[top["item"]] == top["user"] % 6).mean() > 0.9 and len(books) == 360
    similar = similar_items(model, 3)
    assert (TASTES[similar["item"]] == TASTES[similar["other"]]).all()
    with pytest.raises(UnmeasuredError):
        evaluate(model, split)


def test_single_events_are_served_by_relations(build: Build, settings: TrainSettings) -> None:
    makers = pd.DataFrame({"key": [f"Maker/{n}" for n in range(6)], "name": [""] * 6})
    made = pd.DataFrame(
        {"source": np.arange(90, dtype=np.int32), "target": TASTES.astype(np.int32)}
    ).assign(weight=np.float32(1))
    snapshot = build(
        ITEMS,
        [[user % 60] for user in range(120)],
        entities={"Maker": makers},
        relations={("item", "MADE_BY", "Maker"): made},
    )
    split = split_events(snapshot)
    model = fit_hybrid(train(snapshot, split, {}, settings), split)
    top = score_top(model, k=3)
    assert (TASTES[top["item"]] == top["user"] % 6).mean() > 0.9
    assert (top["relations"] > 0).all()


def test_short_histories_are_split_by_what_they_can_spare(build: Build) -> None:
    """Last-out would need three events of a user, and then leaves one, which has no past."""
    for length in (2, 3):
        histories = [[user % 60, (user + 6) % 60, (user + 12) % 60][:length] for user in range(60)]
        split = split_events(build(ITEMS, histories))
        assert split.protocol == "random" and len(split.test) and len(split.validation)


@pytest.mark.parametrize("protocol", ["last-out", "random", "fold"])
def test_a_protocol_that_cannot_be_had_names_one_that_can(build: Build, protocol: str) -> None:
    snapshot = build(ITEMS, [[user % 60] for user in range(60)])
    with pytest.raises(ModelError, match="Leave 'protocol' out of"):
        split_events(snapshot, SplitSettings.model_validate({"protocol": protocol}))

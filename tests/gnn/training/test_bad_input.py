"""Graphs that give a model little or nothing: one clear error, or a stated way to go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from linkspan.errors import ModelError
from linkspan.gnn import (
    BASELINES,
    FittedModel,
    HashEncoder,
    Split,
    TrainSettings,
    View,
    embed_snapshot_text,
    evaluate,
    fit_hybrid,
    last_out,
    load,
    save,
    score_top,
    similar_items,
    split_events,
    train,
    train_all,
)
from linkspan.gnn.settings import SplitSettings
from linkspan.graph.snapshot import Snapshot

Build = Callable[..., Snapshot]
HISTORIES = [[(user + step * (1 + user % 3)) % 12 for step in range(6)] for user in range(20)]


def run_all(snapshot: Snapshot, settings: TrainSettings, split: Split | None = None) -> FittedModel:
    """Train, weigh, evaluate beside all baselines, and score; everything has to be finite."""
    text = embed_snapshot_text(snapshot, HashEncoder(16))
    split = split or last_out(snapshot)
    chosen = settings.changed(epochs=2)
    fitted = fit_hybrid(train(snapshot, split, text, chosen), split)
    if len(split.test):
        table = evaluate(fitted, split, BASELINES).table()
        assert np.isfinite(table["ndcg"]).all()
    final = over_all(fitted)
    lists = score_top(final, k=3)
    assert np.isfinite(lists["score"]).all() and not lists.duplicated(["user", "item"]).any()
    assert np.isfinite(similar_items(final, k=2)["score"]).all()
    return fitted


def over_all(fitted: FittedModel) -> FittedModel:
    """What was learned, over all events."""
    return fitted.learned.on(View.whole(fitted.snapshot, fitted.text))


def test_a_type_that_is_only_held_out(
    build: Build, settings: TrainSettings, tmp_path: Path
) -> None:
    """One that began after the moment of a split, say: it is a type of the model all the same."""
    snapshot = build({"a": [0] * 12}, HISTORIES)
    frame = snapshot.interactions["SAVED"]
    late = frame["at"] >= 5
    parts = {"SAVED": frame[~late], "BOUGHT": frame[late]}
    snapshot = replace(
        snapshot, interactions={k: v.reset_index(drop=True) for k, v in parts.items()}
    )
    split = split_events(snapshot, SplitSettings(protocol="last-out"))
    assert set(snapshot.events().iloc[split.train]["type"]) == {"SAVED"}
    final = over_all(run_all(snapshot, settings, split))
    save(final.learned, tmp_path, split)
    again = load(tmp_path).on(final.view)
    pd.testing.assert_frame_equal(score_top(again), score_top(final))


@pytest.mark.parametrize("timed", [True, False], ids=["timed", "sets"])
def test_a_domain_with_one_item(build: Build, settings: TrainSettings, timed: bool) -> None:
    histories = [[*history, 12] if user % 2 else history for user, history in enumerate(HISTORIES)]
    fitted = run_all(build({"a": [0] * 12, "b": [0]}, histories, timed=timed), settings)
    lists = score_top(over_all(fitted), k=3, domains=["b"])
    # Who has met its only item is given none.
    assert lists["user"].tolist() == list(range(0, 20, 2)) and set(lists["item"]) == {12}


def test_a_domain_without_events(build: Build, settings: TrainSettings) -> None:
    """Its items are ranked by what the other domain and the text say of them."""
    fitted = run_all(build({"a": [0] * 12, "b": [0, 1, 2]}, HISTORIES), settings)
    lists = score_top(over_all(fitted), k=3, domains=["b"])
    assert len(lists) == 60


def test_a_domain_with_one_user(build: Build, settings: TrainSettings) -> None:
    histories = [*HISTORIES, [12, 13, 14, 0, 1]]
    run_all(build({"a": [0] * 12, "b": [0, 1, 2, 3]}, histories), settings)


def test_one_user_in_all(build: Build, settings: TrainSettings) -> None:
    run_all(build({"a": [0] * 12}, [list(range(8))]), settings)


@pytest.mark.parametrize("timed", [True, False], ids=["timed", "sets"])
def test_no_text_at_all(build: Build, settings: TrainSettings, timed: bool) -> None:
    snapshot = build({"a": [0] * 12}, HISTORIES, timed=timed)
    bare = replace(snapshot, items=snapshot.items.assign(text=""))
    fitted = run_all(bare, settings)
    assert "item" not in fitted.text


def test_no_events_and_events_without_a_past(build: Build, settings: TrainSettings) -> None:
    alone = build({"a": [0] * 4}, [[0], [1], [2]])
    with pytest.raises(ModelError, match="no event has one before it"):
        train_all(alone, {}, settings, epochs=1)
    none = build({"a": [0] * 4}, [[0], [1], [2]])
    empty = replace(none, interactions={"SAVED": none.interactions["SAVED"].iloc[:0]})
    with pytest.raises(ModelError, match="no event has one before it"):
        train_all(empty, {}, settings, epochs=1)
    with pytest.raises(ModelError, match="no user has 3 events or more"):
        last_out(empty)


@pytest.mark.parametrize("convolution", ["light", "sage", "gat", "hgt"])
def test_a_relation_whose_nodes_are_all_isolated(
    build: Build, settings: TrainSettings, convolution: str
) -> None:
    """Entities that nothing leads to, and a relation without a single edge."""
    none = pd.DataFrame({"source": np.zeros(0, np.int32), "target": np.zeros(0, np.int32)}).assign(
        weight=np.zeros(0, np.float32)
    )
    makers = pd.DataFrame({"key": ["Maker/x", "Maker/y"], "name": ["x", "y"]})
    snapshot = build(
        {"a": [0] * 12},
        HISTORIES,
        entities={"Maker": makers, "Nobody": makers.iloc[:0]},
        relations={
            ("item", "MADE_BY", "Maker"): none,
            ("item", "NEVER", "item"): none,
            ("item", "BY", "Nobody"): none,
            ("user", "FRIEND", "user"): none,
        },
    )
    run_all(snapshot, settings.changed(convolution=convolution))


def test_a_validation_part_that_is_empty(
    build: Build, settings: TrainSettings, caplog: pytest.LogCaptureFixture
) -> None:
    """Training runs to its last epoch, the network scores alone, and a warning says so."""
    snapshot = build({"a": [0] * 12}, HISTORIES)
    split = last_out(snapshot)
    empty = replace(
        split,
        train=np.sort(np.concatenate([split.train, split.validation])),
        validation=split.validation[:0],
    )
    chosen = settings.changed(epochs=3, patience=1)
    fitted = train(snapshot, empty, {}, chosen)
    assert fitted.best_epoch == len(fitted.curves) and fitted.curves[-1].ndcg is None
    assert np.isfinite(evaluate(fitted, empty).table()["ndcg"]).all()
    weighed = fit_hybrid(fitted, empty)
    assert not weighed.weights and "no validation events to weigh the parts on" in caplog.text
    lists = score_top(over_all(weighed), k=3)
    assert np.isfinite(lists["score"]).all() and not lists["linear"].any()


def test_a_test_part_that_is_empty(build: Build, settings: TrainSettings) -> None:
    snapshot = build({"a": [0] * 12}, HISTORIES)
    split = split_events(snapshot, SplitSettings(protocol="random", test=0.0))
    fitted = run_all(snapshot, settings, split)
    with pytest.raises(ModelError, match="no test events"):
        evaluate(fitted, split)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_gpu_that_is_asked_for_and_absent(
    build: Build, settings: TrainSettings, tmp_path: Path
) -> None:
    snapshot = build({"a": [0] * 12}, HISTORIES)
    cuda = settings.changed(device="cuda")
    with pytest.raises(ModelError, match="'cuda' is asked for, and torch finds no CUDA device"):
        train(snapshot, last_out(snapshot), {}, cuda)
    fitted = train_all(snapshot, {}, settings, epochs=1)  # one that was trained on it opens here
    save(replace(fitted, settings=cuda).learned, tmp_path)
    assert len(score_top(load(tmp_path).on(fitted.view)))


def test_a_snapshot_of_another_mapping(build: Build, settings: TrainSettings) -> None:
    """The roles are part of the fingerprint, though every row is the same."""
    snapshot = build({"a": [0] * 12}, HISTORIES)
    split = last_out(snapshot)
    other = replace(snapshot, roles=snapshot.roles.model_copy(update={"text": ("blurb",)}))
    with pytest.raises(ModelError, match="another snapshot"):
        train(other, split, {}, settings)
    with pytest.raises(ModelError, match="another snapshot"):
        fit_hybrid(train_all(other, {}, settings, epochs=1), split)

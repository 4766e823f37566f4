"""A beginning for new domains, learned from those that are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from linkspan.gnn import (
    FittedModel,
    TrainSettings,
    View,
    learn_beginnings,
    load,
    save,
    score_top,
    train_all,
)
from linkspan.gnn.network.model import DOMAIN_PARAMETERS
from linkspan.gnn.training.beginning import Part, begin_part
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.erasing import without_domain

NEW = "art"


@pytest.fixture(scope="module")
def graph(plant: Callable[..., Snapshot]) -> Snapshot:
    """The planted graph, in which nothing but events tells tastes, in any domain."""
    planted = plant(users=180, timed=False)
    texts = planted.items.assign(text="a thing")
    return replace(planted, items=texts, relations={}, entities={})


@pytest.fixture(scope="module")
def fitted(graph: Snapshot, text_of: Callable[..., Any], settings: TrainSettings) -> FittedModel:
    known, _ = without_domain(graph, NEW)
    return train_all(known, text_of(known), settings, 6)


@pytest.fixture(scope="module")
def begun(fitted: FittedModel) -> FittedModel:
    return learn_beginnings(fitted, 3)


def first_loss(model: FittedModel, graph: Snapshot, text: dict[str, Any]) -> float:
    learned = model.learned
    items = (graph.items["domain"] == NEW).to_numpy()
    whole = learned.on(View.whole(graph, text))
    return begin_part(whole, Part(NEW, items), learned.start, learned.beginnings).run_epoch()


def test_a_new_domain_begins_nearer_to_what_it_will_be(
    fitted: FittedModel, begun: FittedModel, graph: Snapshot, text_of: Callable[..., Any]
) -> None:
    text = text_of(graph)
    without, with_it = (first_loss(model, graph, text) for model in (fitted, begun))
    assert with_it < without - 0.15, (without, with_it)


def test_nothing_else_changes(fitted: FittedModel, begun: FittedModel, tmp_path: Path) -> None:
    assert set(begun.beginnings) <= set(DOMAIN_PARAMETERS) and not fitted.beginnings
    assert score_top(begun, 5).equals(score_top(fitted, 5))
    save(begun.learned, tmp_path)
    opened = load(tmp_path)
    assert opened.parameters.keys() == fitted.learned.parameters.keys()
    assert all(opened.beginnings[n].equal(each) for n, each in begun.beginnings.items())
    assert opened.on(begun.view).learned.beginnings.keys() == begun.beginnings.keys()


def test_without_adapters_there_is_nothing_to_begin_with(
    graph: Snapshot, text_of: Callable[..., Any], settings: TrainSettings
) -> None:
    known, _ = without_domain(graph, NEW)
    plain = train_all(known, text_of(known), settings.changed(adapter_size=0), 1)
    assert learn_beginnings(plain, 1).beginnings == {}
    rows = torch.zeros(len(known.items), dtype=torch.bool)
    rows[:5] = True
    trainer = begin_part(plain, Part("book", rows.numpy()), 0.0, {})
    assert trainer.run_epoch() > 0  # items alone are learned

"""A new domain on top of a trained model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from linkspan.errors import ModelError
from linkspan.gnn import (
    FittedModel,
    Learned,
    Split,
    TrainSettings,
    View,
    adapt,
    adapt_all,
    erase_from_model,
    fit_hybrid,
    last_out,
    load,
    save,
    score_top,
    similar_items,
    train,
)
from linkspan.gnn.evaluation.ranking import rank_events
from linkspan.gnn.events.domains import event_domains
from linkspan.gnn.metrics import ndcg
from linkspan.gnn.network.model import DOMAIN_PARAMETERS
from linkspan.gnn.parts.dual_ease import DualWeights
from linkspan.gnn.parts.linear import learn_linear
from linkspan.gnn.scores.hybrid import mixtures
from linkspan.gnn.scores.reranking import Choice
from linkspan.gnn.scores.scoring import Ranker
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.erasing import erase_users, without_domain

NEW = "art"


@pytest.fixture(scope="module")
def graph(plant: Callable[..., Snapshot]) -> Snapshot:
    """The planted graph, in which nothing but events tells the tastes of the new domain."""
    planted = plant(users=180, timed=False)
    art = (planted.items["domain"] == NEW).to_numpy()
    texts = planted.items["text"].where(~art, "a work of art")
    relations = {
        key: ties[~art[ties["source"]]].reset_index(drop=True)
        for key, ties in planted.relations.items()
        if key[0] == "item"
    }
    return replace(planted, items=planted.items.assign(text=texts), relations=relations)


@pytest.fixture(scope="module")
def base(graph: Snapshot, text_of: Callable[..., Any], settings: TrainSettings) -> Learned:
    before, _ = without_domain(graph, NEW)
    split, text = last_out(before), text_of(before)
    return fit_hybrid(train(before, split, text, settings), split).learned


@pytest.fixture(scope="module")
def split(graph: Snapshot) -> Split:
    return last_out(graph, per_domain=True)


@pytest.fixture(scope="module")
def adapted(
    base: Learned, graph: Snapshot, split: Split, text_of: Callable[..., Any]
) -> FittedModel:
    return adapt(base, graph, split, text_of(graph), NEW)


def test_a_few_steps_teach_a_new_domain(
    adapted: FittedModel, base: Learned, graph: Snapshot, split: Split
) -> None:
    events = graph.events()
    rows = split.test[event_domains(graph, events)[split.test] == NEW]

    def figure(learned: Learned) -> float:
        model = learned.on(adapted.view)
        ranks = rank_events(model, events.iloc[rows], mixtures(model)).table
        return ndcg(ranks["gnn"].to_numpy(), 10)

    assert base.best_epoch < adapted.best_epoch
    before, after = figure(replace(base, weights={})), figure(adapted.learned)
    assert after > before + 0.2, (before, after)
    gates = adapted.gates[NEW]
    assert set(gates) == {"items", "users"} and gates["items"] != 1.0


def test_all_else_stays_to_the_last_bit(
    adapted: FittedModel, base: Learned, graph: Snapshot, text_of: Callable[..., Any]
) -> None:
    before, _ = without_domain(graph, NEW)
    old = base.on(View.whole(before, text_of(before)))
    new = adapt_all(base, adapted)
    met = base.parameters["met"] > 0
    for name, was in base.parameters.items():
        now = new.learned.parameters[name]
        if name in {"bias", "identity.item_nodes"}:  # art comes first; of whom nobody met is none
            now, was = now[60:][met], was[met]  # noqa: PLW2901
        elif name == "met":
            continue
        elif name in DOMAIN_PARAMETERS:
            now = now[1:]
        assert torch.equal(now, was), name
    told = [
        score_top(model, 10, ["book", "film"]).assign(
            item=lambda table, model=model: model.snapshot.items["key"].to_numpy()[table["item"]],
            because=lambda table, model=model: np.append(
                model.snapshot.items["key"].to_numpy(), None
            )[table["because"]],
        )
        for model in (old, new)
    ]
    pd.testing.assert_frame_equal(*told, check_exact=True)
    assert len(score_top(new, 10, [NEW])) == 10 * len(graph.users)
    near = similar_items(old, 3)
    keys = before.items["key"].to_numpy()
    known = {(keys[row.item], keys[row.other]): row.score for row in near.itertuples()}
    keys = graph.items["key"].to_numpy()
    found = {(keys[r.item], keys[r.other]): r.score for r in similar_items(new, 3).itertuples()}
    both = known.keys() & found.keys()
    assert len(both) > len(known) / 2 and all(known[pair] == found[pair] for pair in both)


def test_what_is_kept_is_what_was_learned(
    adapted: FittedModel, base: Learned, tmp_path: Path
) -> None:
    final = adapt_all(base, adapted)
    save(final.learned, tmp_path)
    opened = load(tmp_path).on(final.view)
    assert opened.adapted == NEW and opened.base is not None and opened.base.adapted is None
    pd.testing.assert_frame_equal(score_top(opened, 5), score_top(final, 5), check_exact=True)
    again = opened.learned.on(final.view)
    pd.testing.assert_frame_equal(score_top(again, 5), score_top(final, 5), check_exact=True)


def test_it_forgets_a_user(
    adapted: FittedModel, base: Learned, graph: Snapshot, tmp_path: Path
) -> None:
    final = adapt_all(base, adapted)
    save(final.learned, tmp_path)
    erased = erase_users(graph, [graph.users["key"][3]])
    assert erased is not None
    erase_from_model(tmp_path, erased.snapshot, erased.events)
    left = load(tmp_path)
    assert left.base is not None and final.base is not None
    assert isinstance(left.linear, DualWeights) and isinstance(final.linear, DualWeights)
    assert len(left.linear.inverse) == len(final.linear.inverse) - 1
    before, _ = without_domain(erased.snapshot, NEW)
    again = learn_linear(before, before.events(), base.settings.model)
    assert abs(left.base.linear - again).max() == 0  # type: ignore[operator]
    assert len(score_top(left.on(View.whole(erased.snapshot, final.text)), 3))


def test_a_visitor_gets_what_a_user_of_this_history_gets(
    adapted: FittedModel, base: Learned
) -> None:
    final = adapt_all(base, adapted)
    events, ranker = final.events, Ranker(final, Choice())
    history = events[events["user"] == 7]["item"].to_numpy(np.int64)
    visitor = ranker.for_visitor(history)
    for domain in final.snapshot.domains:
        own = ranker.lists(np.array([7]), domain, 5)
        other = visitor.lists(np.array([0]), domain, 5)
        assert own["item"].tolist() == other["item"].tolist()
        np.testing.assert_allclose(own["score"], other["score"], atol=1e-5)


def test_a_second_domain_comes_on_top_of_the_first(
    adapted: FittedModel, base: Learned, graph: Snapshot, text_of: Callable[..., Any]
) -> None:
    first = adapt_all(base, adapted)
    rows = np.arange(len(graph.items))
    music = graph.items[graph.items["domain"] == NEW].assign(
        domain="music", key=lambda table: table["key"].str.replace(NEW, "music")
    )
    saved = graph.interactions["SAVED"]
    theirs = saved[(graph.items["domain"] == NEW).to_numpy()[saved["item"]]]
    theirs = theirs.assign(item=(theirs["item"] + len(rows)).astype(np.int32))
    larger = replace(
        graph,
        roles=graph.roles.model_copy(update={"domains": {**graph.roles.domains, "music": "Music"}}),
        items=pd.concat([graph.items, music], ignore_index=True),
        interactions={
            "SAVED": pd.concat([saved, theirs]).sort_values(["user", "item"], ignore_index=True)
        },
    )
    second = adapt(
        first.learned, larger, last_out(larger, per_domain=True), text_of(larger), "music", 4
    )
    final = adapt_all(first.learned, second)
    old, new = (score_top(model, 5, graph.domains) for model in (first, final))
    pd.testing.assert_frame_equal(old, new, check_exact=True)


@pytest.mark.parametrize("items", [1, 2])
def test_a_tiny_domain_is_learned_or_left(
    base: Learned, graph: Snapshot, text_of: Callable[..., Any], items: int
) -> None:
    """Five users have met it, and there is next to no choice."""
    small, _ = without_domain(graph, NEW)
    saved = small.interactions["SAVED"]
    others = saved.assign(item=(saved["item"] + items).astype(np.int32))
    met = saved[: 5 * items].assign(
        user=np.arange(5).repeat(items).astype(np.int32),
        item=np.tile(np.arange(items), 5).astype(np.int32),
    )
    tiny = replace(
        small,
        items=pd.concat([graph.items[:items], small.items], ignore_index=True),
        interactions={
            "SAVED": pd.concat([met, others]).sort_values(["user", "item"], ignore_index=True)
        },
        relations={},
    )
    found = adapt(base, tiny, last_out(tiny, per_domain=True), text_of(tiny), NEW, 3)
    scores = score_top(adapt_all(base, found), 3, [NEW])["score"]
    assert len(scores) and np.isfinite(scores).all()


def test_what_cannot_be_adapted_is_said(
    base: Learned, graph: Snapshot, split: Split, text_of: Callable[..., Any]
) -> None:
    text, events = text_of(graph), graph.interactions["SAVED"]
    art = (graph.items["domain"] == NEW).to_numpy()[events["item"]]
    silent = replace(graph, interactions={"SAVED": events[~art].reset_index(drop=True)})
    untrained = replace(base, best_epoch=0)
    for learned, snapshot, domain, said in (
        (base, graph, "book", "has learned domain 'book' already"),
        (base, graph, "music", "there is no domain 'music'"),
        (base, silent, NEW, "has no events to learn from"),
        (untrained, graph, NEW, "untrained"),
    ):
        own = last_out(snapshot, per_domain=True)
        with pytest.raises(ModelError, match=said) as refused:
            adapt(learned, snapshot, own, text, domain)
        assert refused.value.hint
    with pytest.raises(ModelError, match="another snapshot"):
        adapt(base, silent, split, text, NEW)

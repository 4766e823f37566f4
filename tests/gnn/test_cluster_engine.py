"""A training that several workers share: each step is that of one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import shares
import torch
from shares import CPU, WORKERS, Case, Learned, by_workers

from linkspan.gnn import TrainSettings, View
from linkspan.gnn.cluster import engine as engines
from linkspan.gnn.cluster.engine import ClusterEngine
from linkspan.gnn.training.engine import Engine
from linkspan.gnn.training.memory import Plan
from linkspan.gnn.training.trainer import Trainer
from linkspan.graph.roles import FeatureRole
from linkspan.graph.snapshot import Snapshot

TextOf = Callable[[Snapshot], dict[str, np.ndarray]]

PLANS = {"pieces": Plan(70, 0, 0, 0), "subgraph": Plan(1000, 10_000, 0, 0)}
CHANGES = {
    "dropout": {"dropout": 0.3},
    "odd width": {"embedding_size": 15},
    "sage": {"convolution": "sage"},
    "weighted": {},
    "concat": {"fusion": "concat"},
    "attention": {"fusion": "attention"},
}
NAMES = [*PLANS, *CHANGES, "one user"]


@pytest.fixture(scope="module")
def cases(planted: Snapshot, text_of: TextOf, settings: TrainSettings) -> dict[str, Case]:
    """Three domains, relations among items, makers and users, and texts of items and makers."""
    text, still = text_of(planted), settings.changed(dropout=0.0)
    found = {name: Case(planted, text, still, plan) for name, plan in PLANS.items()}
    found["one user"] = Case(planted, text, still, users=1)
    for name, changed in CHANGES.items():
        some = featured(planted) if name in ("weighted", "concat", "attention") else planted
        found[name] = Case(some, text, still.changed(**changed))
    return found


def featured(snapshot: Snapshot) -> Snapshot:
    """With a number and a category of each item."""
    places = np.arange(len(snapshot.items))
    kinds = (
        FeatureRole(property="size", kind="number"),
        FeatureRole(property="sort", kind="category"),
    )
    values = {"size": places % 7 + 0.5, "sort": [f"sort {place % 5}" for place in places]}
    return replace(
        snapshot,
        roles=snapshot.roles.model_copy(update={"features": kinds}),
        features={name: pd.DataFrame({"value": each}) for name, each in values.items()},
    )


@pytest.fixture(scope="module")
def by_two(
    cases: dict[str, Case], tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Learned]]:
    """What each of two workers learned."""
    return by_workers(tmp_path_factory.mktemp("by_two"), partial(shares.learn_all, cases))


@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_two_workers_are_those_of_one_process(
    cases: dict[str, Case], by_two: list[dict[str, Learned]], name: str
) -> None:
    alone, found = shares.learn(cases[name], Engine(CPU)), [each[name] for each in by_two]
    assert len(found) == WORKERS
    for each in found:
        assert each.total == pytest.approx(alone.loss, rel=1e-5)
        assert name == "one user" or 0.2 < each.loss / alone.loss < 0.8
        assert each.drawn[0] == alone.drawn[0]  # all draw the same
        assert name == "subgraph" or each.drawn[1] == alone.drawn[1]
        assert each.gradients.keys() == alone.gradients.keys()
        for parameter, expected in alone.gradients.items():
            gradient = each.gradients[parameter]
            assert np.allclose(gradient, expected, atol=1e-5, rtol=1e-4), parameter


def test_messages_are_passed_for_half_of_the_columns_where_they_can_be(
    by_two: list[dict[str, Learned]],
) -> None:
    """Not so over subgraphs, which are each worker's own, and by convolutions that mix columns."""
    shared = {name: [each[name].columns for each in by_two] for name in NAMES}
    assert shared.pop("subgraph") == shared.pop("sage") == [16, 16]
    assert shared.pop("odd width") == [8, 7]
    assert set(map(tuple, shared.values())) == {(8, 8)}


def test_what_workers_sum_is_what_each_of_them_goes_on_with(
    planted: Snapshot, settings: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other worker has twice the gradients, and none for what this one has none for."""

    def add(values: torch.Tensor) -> None:
        values *= 3

    monkeypatch.setattr(engines.distributed, "all_reduce", add)
    engine = ClusterEngine(0, 2, lambda _: None)
    trainer = Trainer(View.whole(planted, {}), settings, engine=engine)
    one, other, *_ = (each for each in trainer.model.parameters() if each.requires_grad)
    one.grad = torch.full_like(one, 2.0)
    assert engine.together(1.5) == 4.5
    assert one.grad is not None and (one.grad == 6.0).all()
    assert other.grad is None
    assert engine.mean((0.5, 0.25), 10) == (0.5, 0.25)


def test_users_are_shared_out_and_each_is_learned_once() -> None:
    users = np.arange(50)
    taken = [ClusterEngine(place, 3, lambda _: None).mine(users) for place in range(3)]
    assert (np.sum(taken, axis=0) == 1).all()
    assert Engine(CPU).mine(users).all()


def test_subgraphs_are_drawn_apart_and_then_all_draw_the_same() -> None:
    draws = []
    for place in range(2):
        torch.manual_seed(3)
        with ClusterEngine(place, 2, lambda _: None).apart():
            own = torch.rand(place + 5)[:5]
        draws.append((own, torch.rand(5)))
    assert not torch.equal(draws[0][0], draws[1][0])
    assert torch.equal(draws[0][1], draws[1][1])

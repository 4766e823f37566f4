"""A small network that learns from a larger one how it ranks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stopping import Stop

from linkspan.errors import ModelError
from linkspan.gnn import (
    FittedModel,
    Split,
    TrainSettings,
    View,
    last_out,
    small_settings,
    train,
    train_all,
)
from linkspan.gnn.elsewhere import using
from linkspan.gnn.events.domains import item_domains
from linkspan.gnn.scores.components import Cosine
from linkspan.gnn.tensors.masking import SupervisionMask
from linkspan.gnn.training.distilling import WEIGHT
from linkspan.gnn.training.memory import MIB, Plan
from linkspan.gnn.training.trainer import Trainer, seeded
from linkspan.graph.snapshot import Snapshot
from linkspan.progress import Progress, Task

Text = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def text(planted: Snapshot, text_of: Callable[[Snapshot], Text]) -> Text:
    return text_of(planted)


@pytest.fixture(scope="module")
def split(planted: Snapshot) -> Split:
    return last_out(planted)


@pytest.fixture(scope="module")
def teacher(planted: Snapshot, split: Split, text: Text, settings: TrainSettings) -> FittedModel:
    return train(planted, split, text, settings.changed(epochs=5))


@pytest.fixture(scope="module")
def small(settings: TrainSettings) -> TrainSettings:
    return small_settings(settings).changed(epochs=3)


def distance(one: FittedModel, other: FittedModel) -> float:
    """Mean divergence, in nats, of a network's choice among a domain's items from another's."""
    users, found = np.arange(len(one.snapshot.users)), []
    domains = item_domains(one.snapshot)
    for code, domain in enumerate(one.snapshot.domains):
        scores = [
            torch.from_numpy(Cosine(each).score(users, domain) + each.prior[domains == code])
            for each in (one, other)
        ]
        own, theirs = (torch.log_softmax(each, dim=1) for each in scores)
        found.append(float((theirs.exp() * (theirs - own)).sum()) / len(users))
    return float(np.mean(found))


@pytest.mark.parametrize(("weight", "least", "most"), [(1.0, 0.0, 0.1), (-0.2, 5.0, np.inf)])
def test_from_the_teacher_alone_its_ranking_is_learned(
    planted: Snapshot,
    text: Text,
    small: TrainSettings,
    teacher: FittedModel,
    weight: float,
    least: float,
    most: float,
) -> None:
    """Turned round, the term leads away from it."""
    trainer = Trainer(teacher.view, small, teacher=teacher)
    before = distance(trainer.fitted(), teacher)
    trainer.objective.weights = {"ranking": 0.0, "distil": weight}
    for _ in range(3):
        trainer.run_epoch()
    after = distance(trainer.fitted(), teacher)
    assert least < after / before < most, (before, after)


def test_what_only_the_teacher_knows_is_learned(
    planted: Snapshot, split: Split, text: Text, small: TrainSettings, teacher: FittedModel
) -> None:
    """One that ranks every second item higher, which no event says."""
    even = np.arange(len(planted.items)) // 6 % 2 == 0  # of each taste alike
    model = deepcopy(teacher.model)
    with torch.no_grad():
        model.bias += 2.0 * torch.from_numpy(even)
    partial = replace(teacher, model=model)
    chosen = small.changed(batch_size=64)
    alone = train(planted, split, text, chosen)
    taught = train(planted, split, text, chosen, teacher=partial)
    gaps = [float(each.prior[even].mean() - each.prior[~even].mean()) for each in (alone, taught)]
    assert abs(gaps[0]) < 0.05 and 0.2 < gaps[1] < 2.0, gaps


def test_the_term_is_the_cross_entropy_of_two_softmaxes(
    small: TrainSettings, teacher: FittedModel
) -> None:
    """By a loop over the events; the target stands among the drawn items too, and counts once."""
    trainer = Trainer(teacher.view, small.changed(negatives=60), teacher=teacher)
    histories = trainer._histories()
    rows = np.flatnonzero(histories.begun)[:9]
    rows = rows[np.argsort(histories.domains[rows], kind="stable")]
    batch = trainer.learner._build(rows, histories.take(rows))
    assert len(batch.negatives) > 1
    found = {}
    for who, model, states, prior in (
        ("own", trainer.model, trainer.fitted().states, trainer.fitted().prior),
        ("theirs", teacher.model, teacher.states, teacher.prior),
    ):
        users = model.user_states(states, batch.users, batch.domains, batch.history)
        scores = (users @ states.items[:-1].T / model.temperature).detach().numpy() + prior
        found[who] = scores.astype(np.float64)
    expected = 0.0
    for start, end, drawn in batch.negatives:
        assert len(drawn) == 60
        for event in range(start, end):
            own, theirs = (found[who][event, drawn.numpy()] for who in ("own", "theirs"))
            shares = np.exp(theirs) / np.exp(theirs).sum()
            expected -= float(shares @ (own - np.log(np.exp(own).sum())))
    states, prior = trainer.fitted().states, torch.from_numpy(trainer.fitted().prior)
    losses = trainer.objective(trainer.model, states, prior, batch)
    assert float(losses["distil"]) == pytest.approx(WEIGHT * expected, rel=1e-5)


def test_the_teacher_is_neither_learned_nor_kept(
    small: TrainSettings, teacher: FittedModel
) -> None:
    before = {name: value.clone() for name, value in teacher.model.state_dict().items()}
    trainer = Trainer(teacher.view, small, teacher=teacher)
    trainer.run_epoch()
    assert all(teacher.model.state_dict()[name].equal(value) for name, value in before.items())
    assert all(each.grad is None for each in teacher.model.parameters())
    own = Trainer(teacher.view, small)
    assert trainer.weights().keys() == own.weights().keys()


@pytest.mark.parametrize("plan", [(7, 0), (20, 10_000)], ids=["pieces", "subgraph"])
def test_the_gradients_do_not_depend_on_the_plan(
    small: TrainSettings, teacher: FittedModel, plan: tuple[int, int]
) -> None:
    """In a subgraph items have other rows; the teacher is asked by those of the whole graph."""
    found = []
    for rows, fan_out in ((1000, 0), plan):
        with seeded(small):
            trainer = Trainer(teacher.view, small.changed(negatives=60), teacher=teacher)
        trainer.objective.weights["ranking"] = 0.0
        trainer.learner.plan = Plan(rows, fan_out, 0, 0)
        histories = trainer._histories()
        # Events of the last domain: the subgraph lacks items of the first ones.
        asked = (histories.begun) & (histories.domains == 2)
        chosen = np.flatnonzero(asked)[:20]
        trainer.learner.learn(chosen, histories.take(chosen))
        found.append({name: each.grad for name, each in trainer.model.named_parameters()})
    for name, grad in found[0].items():
        if grad is not None:
            assert torch.allclose(grad, found[1][name], atol=1e-6), name
    assert found[0]["bias"].abs().sum() > 0


def test_the_memory_of_a_teacher_is_estimated(small: TrainSettings, teacher: FittedModel) -> None:
    """A bound that holds a training alone makes one with a teacher pass in pieces."""
    large = small.changed(batch_size=2000)
    alone, taught = (Trainer(teacher.view, large, teacher=each).plan for each in (None, teacher))
    nodes = sum(teacher.data[kind].num_nodes for kind in teacher.data.node_types)
    assert taught.whole - alone.whole > nodes * teacher.settings.model.embedding_size * 4
    bound = large.changed(memory=-(-alone.whole // MIB))
    assert not Trainer(teacher.view, bound).plan.note()
    assert "events at once" in Trainer(teacher.view, bound, teacher=teacher).plan.note()


def test_who_knows_other_events_cannot_teach(
    planted: Snapshot,
    plant: Callable[..., Snapshot],
    split: Split,
    text: Text,
    settings: TrainSettings,
    small: TrainSettings,
    teacher: FittedModel,
) -> None:
    whole = teacher.learned.on(View.whole(planted, text))
    with pytest.raises(ModelError, match="does not know the same events"):
        train(planted, split, text, small, teacher=whole)
    with pytest.raises(ModelError, match="does not know the same events"):
        train_all(planted, text, small, 1, teacher=teacher)
    other = plant(seed=1)
    with pytest.raises(ModelError, match="on another snapshot"):
        train_all(other, text, small, 1, teacher=whole)
    with pytest.raises(ModelError, match="untrained"):
        train(planted, split, text, small, teacher=replace(teacher, best_epoch=0))


def test_a_training_goes_on_by_the_same_teacher_only(
    planted: Snapshot, text: Text, small: TrainSettings, teacher: FittedModel, tmp_path: Path
) -> None:
    whole = teacher.learned.on(View.whole(planted, text))
    model = deepcopy(whole.model)
    with torch.no_grad():
        model.bias[0] += 1.0
    other, file, begun = replace(whole, model=model), tmp_path / "kept", tmp_path / "begun"
    with pytest.raises(KeyboardInterrupt):
        train_all(planted, text, small, 3, Stop(after=1), begun, teacher=whole)
    expected = train_all(planted, text, small, 3, teacher=whole)
    epochs = []
    for who in (whole, other, None):
        shutil.copy(begun, file)
        told = Told()
        again = train_all(planted, text, small, 3, told, file, teacher=who)
        epochs.append(told.epochs)
        if who is whole:
            parameters = expected.model.state_dict()
            for name, value in again.model.state_dict().items():
                assert value.equal(parameters[name]), name
    assert epochs == [2, 3, 3]  # one was kept


class Told(Progress):
    """Counts the epochs that are trained."""

    epochs = 0

    def task(self, name: str, total: int | None = None, unit: str = "rows") -> Task:
        outer = self

        class Counting(Task):
            def advance(self, steps: int = 1, note: str = "") -> None:
                outer.epochs += bool(note)

        return Counting()


class NoCluster:
    """A cluster that must not be asked."""

    workers = 2

    def learn(self, *_: Any) -> None:
        raise AssertionError("the workers of a cluster were asked")

    def in_order(self, work: Callable[[Any], Any], tasks: Any) -> Any:
        return map(work, tasks)


def test_one_process_distils_also_where_a_cluster_is_open(
    planted: Snapshot, split: Split, text: Text, small: TrainSettings, teacher: FittedModel
) -> None:
    with using(NoCluster()):
        found = train(planted, split, text, small.changed(epochs=1), teacher=teacher)
        with pytest.raises(AssertionError, match="were asked"):
            train(planted, split, text, small)
    assert found.is_trained


def test_settings_are_halved(settings: TrainSettings) -> None:
    found = small_settings(settings.changed(embedding_size=17, layers=3, epochs=7))
    assert (found.model.embedding_size, found.model.layers) == (8, 1)
    assert found == settings.changed(embedding_size=8, layers=1, epochs=7)
    heads = small_settings(settings.changed(embedding_size=12, convolution="hgt"))
    assert heads.model.embedding_size == 4
    for width, convolution in ((3, "light"), (4, "hgt")):
        with pytest.raises(ModelError, match=f"are {width} numbers wide"):
            small_settings(settings.changed(embedding_size=width, convolution=convolution))


def test_what_no_message_passes_is_not_masked(small: TrainSettings, teacher: FittedModel) -> None:
    """With one hop, what users gave to items and items to users; the network is the same."""
    with seeded(small):
        trainer = Trainer(teacher.view, small)
    read = {key for keys in trainer.model.relations for key in keys}
    assert {name for _, name, _ in trainer.mask.edge_types} == {"NEXT", "NEXT_INSIDE"}
    full = SupervisionMask(trainer.data, teacher.events, small)
    assert len(full.edge_types) == 3 and {("item", "NEXT", "item")} < read
    with seeded(small):
        other = Trainer(teacher.view, small)
    other.mask = other.learner._mask = full
    for each in (trainer, other):
        each.run_epoch()
    for name, value in trainer.weights().items():
        assert value.equal(other.weights()[name]), name

"""Terms of the objective that make domains alike, on planted shifts whose answer is known."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from linkspan.errors import ModelError
from linkspan.gnn import FittedModel, TrainSettings, View, load, save, train_all
from linkspan.gnn.scores.components import Cosine
from linkspan.gnn.tensors.adjacency import adjacencies
from linkspan.gnn.training.rates import Rates
from linkspan.gnn.training.trainer import Trainer, seeded
from linkspan.gnn.training.transfer.clusters import Clusters
from linkspan.gnn.training.transfer.coral import Coral
from linkspan.gnn.training.transfer.dann import DANN, RAMP, Reverse
from linkspan.gnn.training.transfer.gan import GAN
from linkspan.gnn.training.transfer.mmd import MMD
from linkspan.gnn.training.transfer.populations import ring
from linkspan.gnn.training.transfer.watched import PATIENCE
from linkspan.graph.snapshot import Snapshot
from linkspan.progress import Task

TASTES, ITEMS, USERS = 6, 60, 240
Texts = dict[str, np.ndarray]


def two_domains(build: Callable[..., Snapshot], shared: int = 0) -> Snapshot:
    """Users who like one taste in one of two domains, and some more who like it in both."""
    random, tastes = np.random.default_rng(0), [item % TASTES for item in range(ITEMS)]
    histories = []
    for user in range(USERS + shared):
        liked = np.arange(user // 2 % TASTES, ITEMS, TASTES)
        places = [user % 2] if user < USERS else [0, 1]
        met = [random.permutation(liked + ITEMS * place)[:6] for place in places]
        histories.append(random.permutation(np.concatenate(met)).tolist())
    return build({"art": tastes, "film": tastes}, histories)


@pytest.fixture(scope="module")
def apart(build: Callable[..., Snapshot]) -> Snapshot:
    """Two domains without a shared user."""
    return two_domains(build)


@pytest.fixture(scope="module")
def small(settings: TrainSettings) -> TrainSettings:
    return settings.changed(transition_window=2)


def weighed(settings: TrainSettings, **values: Any) -> TrainSettings:
    """Settings with weights that may be below 0, which settings from a file may not be."""
    return settings.model_copy(update={"transfer": settings.transfer.model_copy(update=values)})


def texts(shift: Callable[[int, np.random.Generator], Any]) -> Texts:
    """A direction for each taste, the same in both domains, and more for an item of art."""
    random = np.random.default_rng(9)
    vectors = np.zeros((2 * ITEMS, TASTES + 1))
    for item in range(2 * ITEMS):
        vectors[item, item % ITEMS % TASTES] = 1
        if item < ITEMS:
            vectors[item] += shift(item, random) * np.eye(TASTES + 1)[0]
    vectors += random.normal(0, 0.05, vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return {"item": vectors.astype(np.float32)}


def shared_items(fitted: FittedModel) -> tuple[Tensor, Tensor]:
    """States of the items of art and of film, of unit length, before their adapters."""
    with torch.no_grad():
        states = fitted.model.train().encode(fitted.data, adjacencies(fitted.data)).shared
    fitted.model.eval()
    assert states is not None
    one, other = functional.normalize(states, dim=1).split(ITEMS)
    return one, other


def crossing(fitted: FittedModel) -> float:
    """Share of the ten best films that are of the taste of users who know art alone."""
    users = np.arange(0, USERS, 2)
    best = np.argsort(-Cosine(fitted).score(users, "film"), axis=1)[:, :10]
    return float((best % TASTES == (users // 2 % TASTES)[:, None]).mean())


def fit_map(snapshot: Snapshot, text: Texts, settings: TrainSettings, epochs: int) -> FittedModel:
    """An untrained network whose map alone, if it has one, is learned, by its term alone."""
    plan = Rates((("network.newcomers.*", 1.0), ("network.bias", 1.0), ("network.*", 0.0)))
    with seeded(settings):
        trainer = Trainer(View.whole(snapshot, text), settings, rates=plan)
        trainer.objective.weights["ranking"] = 0.0
        for _ in range(epochs):
            trainer.run_epoch()
    return trainer.fitted()


def mean_gap(fitted: FittedModel) -> float:
    """Squared distance of the mean items of both domains."""
    one, other = shared_items(fitted)
    return float((one.mean(dim=0) - other.mean(dim=0)).square().sum())


def covariance_gap(fitted: FittedModel) -> float:
    """Squared distance of the covariances of both domains."""
    one, other = (torch.cov(each.T) for each in shared_items(fitted))
    return float((one - other).square().sum())


@pytest.mark.parametrize("clusters", [0, TASTES])
def test_mmd_takes_a_shift_away(apart: Snapshot, small: TrainSettings, clusters: int) -> None:
    text = texts(lambda *_: 3.0)
    off, on, turned = (
        train_all(apart, text, weighed(small, mmd=weight, clusters=clusters), 5)
        for weight in (0.0, 1.0, -0.3)
    )
    assert mean_gap(on) < 0.3 * mean_gap(off) < 0.03 * mean_gap(turned)
    assert crossing(on) > 0.85  # and tastes are told apart as before
    assert crossing(turned) < 0.85 or clusters


def test_coral_takes_a_spread_away(apart: Snapshot, small: TrainSettings) -> None:
    text = texts(lambda _, random: random.choice([-3.0, 3.0]))
    off, on, turned = (
        train_all(apart, text, weighed(small, coral=weight), 5) for weight in (0.0, 1.0, -1.0)
    )
    assert covariance_gap(on) < 0.1 * covariance_gap(off) < 0.05 * covariance_gap(turned)
    assert crossing(on) > 0.7 > crossing(turned)


def test_dann_takes_a_shift_away(apart: Snapshot, small: TrainSettings) -> None:
    vectors = texts(lambda *_: 0.0)["item"]
    vectors[:, TASTES] = np.where(np.arange(2 * ITEMS) < ITEMS, 1.0, -1.0)
    text = {"item": vectors / np.linalg.norm(vectors, axis=1, keepdims=True)}
    off, on, turned = (
        train_all(apart, text, weighed(small, dann=weight), 6) for weight in (0.0, 0.1, -0.1)
    )
    assert mean_gap(on) < 0.3 * mean_gap(off) < 0.15 * mean_gap(turned)
    assert crossing(on) > 0.85


def test_a_map_is_learned_on_shared_users(
    build: Callable[..., Snapshot], small: TrainSettings
) -> None:
    """Each taste is written in film as the next one is in art: texts alone mislead."""
    snapshot, text = two_domains(build, shared=60), texts(lambda *_: 0.0)
    films = np.arange(ITEMS)
    text["item"][ITEMS:] = text["item"][ITEMS + films // TASTES * TASTES + (films + 1) % TASTES]
    on, turned = (fit_map(snapshot, text, weighed(small, mapping=w), 5) for w in (1.0, -1.0))
    off = fit_map(snapshot, text, small, 1)
    assert crossing(on) > 0.9
    assert crossing(off) < 0.1 and crossing(turned) < 0.1


def test_a_generator_needs_no_shared_users(apart: Snapshot, small: TrainSettings) -> None:
    """All that users of art like looks much like one taste of film."""
    text = texts(lambda *_: 2.0)
    on, turned = (fit_map(apart, text, weighed(small, gan=w), 12) for w in (1.0, -1.0))
    off = fit_map(apart, text, small, 1)
    assert crossing(on) > 0.5 > crossing(off) + 0.3
    assert crossing(turned) < crossing(off) + 0.1


def test_a_map_changes_users_without_a_past_in_a_domain_alone(
    apart: Snapshot, small: TrainSettings, tmp_path: Path
) -> None:
    """Saved and loaded, it gives the same; the others have what they have without it."""
    text = texts(lambda *_: 2.0)
    fitted = train_all(apart, text, weighed(small, gan=0.5, mapping=0.5, coral=1.0), 2)
    assert fitted.model.newcomers is not None
    save(fitted.learned, tmp_path)
    again = load(tmp_path).on(View.whole(apart, text), fitted.device)
    users = np.arange(USERS)
    before = Cosine(again).score(users, "film")
    assert np.array_equal(before, Cosine(fitted).score(users, "film"))
    again.model.newcomers = None
    moved = (Cosine(again).score(users, "film") != before).any(axis=1)
    assert moved[::2].all() and not moved[1::2].any()


@pytest.mark.parametrize("memory", [0, 1])
def test_terms_go_together(
    apart: Snapshot, small: TrainSettings, memory: int, tmp_path: Path
) -> None:
    """The same twice, whole batches or pieces, or broken off; with a gradient from each term."""
    values = {"coral": 1.0, "mmd": 0.1, "dann": 0.1, "mapping": 1.0, "gan": 1.0, "clusters": 3}
    chosen, text = weighed(small.changed(memory=memory), **values), texts(lambda *_: 2.0)
    whole = train_all(apart, text, chosen, 3)
    assert bool(whole.bounded) == bool(memory)
    calls: list[int] = []
    original = Trainer.run_epoch

    def broken(self: Trainer, task: Task | None = None) -> float:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, task)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "run_epoch", broken)
        train_all(apart, text, chosen, 3, checkpoint=tmp_path / "state")
    resumed = train_all(apart, text, chosen, 3, checkpoint=tmp_path / "state")
    for name, value in whole.model.state_dict().items():
        assert value.equal(resumed.model.state_dict()[name]), name


def test_without_weights_nothing_is_imported_or_built(
    apart: Snapshot, small: TrainSettings
) -> None:
    trainer = Trainer(View.whole(apart, texts(lambda *_: 0.0)), small)
    assert list(trainer.objective.terms) == ["ranking"] and not trainer.objective.state_dict()
    assert trainer.model.newcomers is None
    code = (
        "import sys; from linkspan.gnn import TrainSettings, train_all\n"
        "from linkspan.gnn.training.trainer import choose_terms\n"
        "assert len(choose_terms(TrainSettings(), 2)) == 1\n"
        "print([name for name in sys.modules if name.startswith('linkspan.gnn.training.transfer')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_one_domain_alone_trains_as_without_terms(
    build: Callable[..., Snapshot], small: TrainSettings, caplog: pytest.LogCaptureFixture
) -> None:
    snapshot = build({"art": [0, 1] * 20}, [[user % 2, 2 + user % 2, 4] for user in range(40)])
    plain, chosen = train_all(snapshot, {}, small, 1), weighed(small, coral=1.0, dann=1.0)
    with caplog.at_level(logging.WARNING):
        fitted = train_all(snapshot, {}, chosen, 1)
    assert "there is one domain only" in caplog.text
    for name, value in plain.model.state_dict().items():
        assert value.equal(fitted.model.state_dict()[name])


def test_domains_of_a_few_items_and_users_are_left_out(
    build: Callable[..., Snapshot], small: TrainSettings
) -> None:
    histories = [[user % 7, 7 + user % 7, 14 + user % 5] for user in range(30)] + [[19, 20]]
    snapshot = build({"art": [0] * 19, "film": [0, 0]}, histories)
    values = {"coral": 1.0, "mmd": 1.0, "dann": 1.0, "mapping": 1.0, "gan": 1.0, "clusters": 2}
    on = train_all(snapshot, {}, weighed(small, **values), 2)
    off = train_all(snapshot, {}, small, 2)
    assert on.curves == off.curves
    for name, value in off.model.state_dict().items():
        assert value.equal(on.model.state_dict()[name]), name


def test_a_term_that_is_not_finite_is_named(
    apart: Snapshot, small: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = Coral.distance, []

    def spoiled(self: Coral, one: Tensor, other: Tensor) -> Tensor:
        calls.append(1)
        return original(self, one, other) * (torch.nan if len(calls) == 3 else 1.0)

    monkeypatch.setattr(Coral, "distance", spoiled)
    chosen = weighed(small, coral=1.0, align="items")
    with pytest.raises(ModelError, match="the term 'coral' is not finite in step 3 of epoch 1"):
        train_all(apart, texts(lambda *_: 0.0), chosen, 1)


@pytest.mark.parametrize(
    ("name", "why"), [("dann", "one and the same"), ("gan", "tells nothing apart")]
)
def test_a_term_that_collapses_is_told_and_dropped(
    apart: Snapshot,
    small: TrainSettings,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    why: str,
) -> None:
    term = {"dann": DANN, "gan": GAN}[name]
    original = term.saw

    def seen(self: Any, loss: Tensor, spread: Tensor) -> None:
        flat = name == "dann"
        original(self, loss if flat else torch.ones(()), spread * 0 if flat else spread)

    monkeypatch.setattr(term, "saw", seen)
    trainer = Trainer(View.whole(apart, texts(lambda *_: 0.0)), weighed(small, **{name: 0.1}))
    with caplog.at_level(logging.WARNING):
        for epoch in range(PATIENCE + 1):
            assert trainer.objective.terms[name].is_dropped == (epoch == PATIENCE)
            trainer.run_epoch()
    assert caplog.text.count(f"the term '{name}' collapsed") == 1 and why in caplog.text


def test_coral_of_known_covariances() -> None:
    """diag(2, 0) and diag(0, 8) differ by diag(2, -8)."""
    one, other = torch.tensor([[1.0, 5], [-1, 5]]), torch.tensor([[3.0, 2], [3, -2]])
    assert float(Coral("items", 0, 2).distance(one, other)) == pytest.approx(2**2 + 8**2)
    assert float(Coral("items", 0, 2).distance(one, one + 7)) == pytest.approx(0.0)  # no means


def test_mmd_of_known_samples() -> None:
    """Squared distances of 1 between all but equal points, whose median is thus 1."""
    mmd, one = MMD("items", 0, 2), torch.tensor([[0.0, 0]])
    expected = np.mean([2 - 2 * np.exp(-1 / width) for width in (0.25, 0.5, 1, 2, 4)])
    assert float(mmd.distance(one, torch.tensor([[1.0, 0]]))) == pytest.approx(expected)
    sample = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    assert float(mmd.distance(sample, sample)) == pytest.approx(0.0, abs=1e-6)
    assert float(mmd.distance(sample, sample + 1)) > 0.1


def test_reversed_gradients() -> None:
    states = torch.tensor([1.0, 2.0], requires_grad=True)
    shown = Reverse.apply(states, 0.5)
    assert shown.equal(states)
    (shown * torch.tensor([3.0, 4.0])).sum().backward()
    assert states.grad is not None and states.grad.tolist() == [-1.5, -2.0]
    dann = DANN("both", 0, 2, 4)
    factors = []
    for epoch in (1, 2, RAMP + 1, RAMP + 9):
        dann.begin_epoch(epoch)
        factors.append(dann.factor)
    assert factors[0] == 0 and 0.7 < factors[1] < 0.8 and factors[2] == factors[3] > 0.999


def test_clusters_are_found_across_a_shift() -> None:
    """Three tastes, far apart in both domains, and the domains further."""
    random = torch.Generator().manual_seed(0)
    tastes = torch.arange(90) % 3
    states = torch.eye(3)[tastes] + 0.05 * torch.randn(90, 3, generator=random)
    found = Clusters(3, 3)({0: states, 1: states.flip(0) + 10.0})
    assert found[0].equal(found[1].flip(0))
    assert len({(int(a), int(b)) for a, b in zip(tastes, found[0], strict=True)}) == 3


def test_each_domain_is_compared_with_two_others() -> None:
    torch.manual_seed(0)
    pairs = ring([3, 5, 7, 8])
    assert len(pairs) == 4 and sorted(sum(pairs, ())) == [3, 3, 5, 5, 7, 7, 8, 8]
    assert sorted(ring([3, 5])[0]) == [3, 5] and len(ring([3, 5])) == 1
    assert ring([3]) == ring([]) == []

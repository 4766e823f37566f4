"""Training within a bound on memory."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from stopping import Stop
from torch.profiler import ProfilerActivity, profile

from linkspan.errors import ModelError
from linkspan.gnn import (
    TrainSettings,
    View,
    evaluate,
    last_out,
    score_top,
    train,
    train_all,
    train_further,
)
from linkspan.gnn.network.model import HistoryGNN
from linkspan.gnn.tensors.adjacency import adjacencies
from linkspan.gnn.tensors.hetero_data import build_hetero_data
from linkspan.gnn.tensors.masking import SupervisionMask
from linkspan.gnn.tensors.subgraph import Subgraph, draw_subgraph
from linkspan.gnn.training.memory import FAN_OUTS, MIB, Estimate, Plan, choose_plan
from linkspan.gnn.training.trainer import Trainer
from linkspan.graph.snapshot import Snapshot

Text = dict[str, np.ndarray]
TextOf = Callable[[Snapshot], Text]
SAVED = ("user", "SAVED", "item")


class Around:
    """Subgraphs around the items and users of some events, beside the whole graph."""

    def __init__(self, snapshot: Snapshot, settings: TrainSettings, rows: list[int]) -> None:
        events = snapshot.events()
        self.data = build_hetero_data(snapshot, events, {}, settings.model)
        torch.manual_seed(0)
        self.model = HistoryGNN(self.data, len(snapshot.domains), settings)
        self.mask, self.rows = SupervisionMask(self.data, events, settings), torch.tensor(rows)
        self.seeds = {
            kind: torch.from_numpy(events[kind].to_numpy(np.int64)[rows]).unique()
            for kind in ("item", "user")
        }

    def draw(self, fan_out: int) -> Subgraph:
        values = partial(self.mask.values_at, self.mask.removed(self.rows))
        return draw_subgraph(self.data, self.model.relations, self.seeds, fan_out, values)


@pytest.mark.parametrize("kind", ["light", "sage", "gat", "hgt"])
def test_with_all_edges_drawn_states_are_those_of_the_masked_graph(
    planted: Snapshot, settings: TrainSettings, kind: str
) -> None:
    """What the events of a batch gave is not in the subgraph, in any hop."""
    chosen = settings.changed(convolution=kind)
    around = Around(planted, chosen, [3, 40, 41, 700])
    found = around.model.encode(*around.draw(10_000))
    whole = around.model.encode(around.data, around.mask.without(around.rows))
    unmasked = around.model.encode(around.data, adjacencies(around.data))
    items, users = around.seeds["item"], around.seeds["user"]
    assert torch.allclose(found.items[: len(items)], whole.items[items], atol=1e-5)
    assert not torch.allclose(found.items[: len(items)], unmasked.items[items], atol=1e-4)
    assert found.users is not None and whole.users is not None
    assert torch.allclose(found.users[: len(users)], whole.users[users], atol=1e-5)


def test_some_of_many_edges_are_drawn_and_their_sum_is_right_in_the_mean(
    planted: Snapshot, settings: TrainSettings
) -> None:
    around = Around(planted, settings, [3, 40, 700])
    items = around.seeds["item"]
    total, draws = torch.zeros(len(items), len(planted.users)), 300
    for _ in range(draws):
        subgraph = around.draw(4)
        adj_t, adj = subgraph.matrices[SAVED]
        assert adj_t.crow_indices().diff().max() == 4
        assert torch.equal(adj_t.to_dense(), adj.to_dense().T)
        users = subgraph.data["user"].rows
        total.index_add_(1, users, adj_t.to_dense()[: len(items)])
    whole = around.mask.without(around.rows)[SAVED].adj_t.to_dense()[items]
    assert torch.allclose(total.sum(dim=1) / draws, whole.sum(dim=1), rtol=0.05)
    # Each of some ten edges is drawn in four of ten subgraphs.
    assert torch.allclose(total / draws, whole, atol=0.3 * float(whole.max()))
    assert (total > 0).equal(whole > 1e-6)


@pytest.mark.parametrize("plan", [(70, 0), (1000, 10_000)], ids=["pieces", "subgraph"])
def test_gradients_do_not_depend_on_the_plan_where_nothing_is_left_to_chance(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings, plan: tuple[int, int]
) -> None:
    chosen = settings.changed(negatives=60)  # all of a domain
    found = []
    for rows, fan_out in ((1000, 0), plan):
        trainer = Trainer(View.whole(planted, text_of(planted)), chosen)
        trainer.learner.plan = Plan(rows, fan_out, 0, 0)
        histories = trainer._histories()
        batch = np.flatnonzero(histories.begun)[:300]
        batch = batch[np.argsort(histories.domains[batch], kind="stable")]
        torch.manual_seed(1)
        for each in trainer.model.parameters():
            torch.nn.init.normal_(each, std=0.2)
        loss = trainer.learner.learn(batch, histories.take(batch))
        grads = {name: each.grad for name, each in trainer.model.named_parameters()}
        found.append((loss, grads))
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-5)
    for name, expected in found[0][1].items():
        if expected is None:  # a gate, which joint training leaves alone
            assert name.endswith("gate") and found[1][1][name] is None, name
        else:
            assert torch.allclose(found[1][1][name], expected, atol=1e-6, rtol=1e-3), name


@pytest.fixture(scope="module")
def wide(build: Callable[..., Snapshot]) -> Snapshot:
    """Far more items than a batch meets."""
    random = np.random.default_rng(0)
    histories = [random.permutation(40_000)[:6].tolist() for _ in range(500)]
    return build({"a": [0] * 20_000, "b": [0] * 20_000}, histories)


@pytest.mark.parametrize("share", [0.95, 0.85, 0.001])
def test_a_machine_that_has_too_little_is_told_with_the_setting_that_fits(
    wide: Snapshot, settings: TrainSettings, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    large = settings.changed(embedding_size=64, batch_size=3000, history_length=20, negatives=50)
    view = View.whole(wide, {})
    whole = Trainer(view, large).plan.whole
    monkeypatch.setattr("linkspan.machine.memory", lambda: int(share * whole))
    there = int(share * whole) // MIB
    with pytest.raises(
        ModelError, match=f"about {-(-whole // MIB)} MiB, and there are {there}"
    ) as e:
        train_all(wide, {}, large, 1)
    if share < 0.01:
        assert "It takes" in str(e.value) and "embedding_size" in str(e.value)
        return
    (fits,) = re.findall(r"'memory = (\d+)'", str(e.value))
    plan = Trainer(view, large.changed(memory=int(fits))).plan
    assert plan.bytes <= int(fits) * MIB <= 0.75 * share * whole + MIB


def test_a_bound_is_met_by_pieces_then_by_subgraphs_then_refused(
    wide: Snapshot, settings: TrainSettings, caplog: pytest.LogCaptureFixture
) -> None:
    large = settings.changed(embedding_size=64, batch_size=3000, history_length=20, negatives=50)
    trainer = Trainer(View.whole(wide, {}), large)
    whole = trainer.plan.whole

    def plan(memory: int) -> Plan:
        chosen = large.changed(memory=memory)
        return choose_plan(trainer.data, trainer.model, trainer.mask, chosen, trainer.plan.rows)

    assert plan(0).note() == plan(whole // MIB + 1).note() == ""
    found: list[Plan] = []
    for memory in range(whole // MIB, 0, -1):
        try:
            found.append(plan(memory))
        except ModelError as error:
            assert f"'memory' in [train.machine] allows {memory}" in str(error)
            least = int(re.findall(r"about ([\d,]+) MiB at least", str(error))[0])
            break
        assert found[-1].bytes <= memory * MIB
    assert least == memory + 1
    assert found[0].fan_out == 0 and found[0].rows < trainer.plan.rows
    assert found[-1].fan_out in FAN_OUTS
    assert f"{found[0].rows:,} events at once" in found[0].note()

    with caplog.at_level(logging.INFO):
        first = next(each for each in found if each.fan_out)
        memory = -(-first.bytes // MIB)
        fitted = train_all(wide, {}, large.changed(memory=memory), 1)
    assert "subgraphs of" in fitted.bounded and fitted.bounded in caplog.text
    with pytest.raises(ModelError, match=f"about {least} MiB at least"):
        train_all(wide, {}, large.changed(memory=least - 1), 1)
    with pytest.raises(ModelError, match=f"about {least} MiB at least"):
        train_further(fitted, 1, memory=least - 1)


def measured(trainer: Trainer, held: int) -> int:
    """Most bytes of tensors while training: what is held before, and torch's own account."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        for _ in range(2):
            trainer.run_epoch()
            best = trainer.weights()
            trainer.fitted().states  # noqa: B018
    del best
    found = [each for each in watched.profiler.kineto_results.events() if each.name() == "[memory]"]
    sizes = [each.nbytes() for each in sorted(found, key=lambda each: each.start_ns())]
    return held + int(np.cumsum(sizes).max())


@pytest.mark.parametrize("kind", ["light", "sage", "gat", "hgt"])
@pytest.mark.parametrize("plan", [None, (100, 0), (350, 4)], ids=["whole", "pieces", "subgraphs"])
def test_the_estimate_is_near_what_is_measured(
    build: Callable[..., Snapshot], kind: str, plan: tuple[int, int] | None
) -> None:
    """Not below it, and not twice as much."""
    random = np.random.default_rng(0)
    histories = [random.permutation(800)[:8].tolist() for _ in range(300)]
    snapshot = build({"a": [0] * 400, "b": [0] * 400}, histories)
    chosen = TrainSettings.of(encoder="hash", convolution=kind, steps=2, device="cpu")
    text = {"item": random.normal(size=(800, 32)).astype(np.float32)}
    trainer = Trainer(View.whole(snapshot, text), chosen)
    estimate = Estimate(trainer.data, trainer.model, trainer.mask, chosen)
    if plan is None:
        expected = estimate.whole(trainer.plan.rows)
        assert trainer.plan == Plan(1050, 0, expected, expected)
    else:
        trainer.learner.plan = Plan(*plan, 0, 0)
        around = estimate.around(*plan)
        expected = around if plan[1] else estimate.whole(1050, plan[0])
    found = measured(trainer, estimate.before)
    assert 1.0 < expected / found < 2.0, (expected, found)


def test_a_bound_below_zero_is_refused() -> None:
    with pytest.raises(ValidationError, match="memory"):
        TrainSettings.of(memory=-1)


@pytest.fixture
def subgraphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings use subgraphs; the planted graph is so small that no bound would ask for them."""
    plan = Plan(rows=128, fan_out=4, bytes=0, whole=1)
    monkeypatch.setattr("linkspan.gnn.training.trainer.choose_plan", lambda *_: plan)


@pytest.mark.usefixtures("subgraphs")
def test_subgraphs_find_the_planted_tastes(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings
) -> None:
    split = last_out(planted)
    figures = evaluate(train(planted, split, text_of(planted), settings), split)
    model, popularity = figures.figures("gnn"), figures.figures("popularity")
    assert model["hr"] > 0.95
    assert model["ndcg"] > popularity["ndcg"] + 0.3


@pytest.mark.usefixtures("subgraphs")
def test_a_training_on_subgraphs_is_repeated_and_resumed_to_the_same_model(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings, tmp_path: Path
) -> None:
    text, file = text_of(planted), tmp_path / "kept"
    chosen = settings.changed(dropout=0.2)
    whole = train_all(planted, text, chosen, 3)
    again = train_all(planted, text, chosen, 3)
    assert score_top(whole, k=3).equals(score_top(again, k=3))
    with pytest.raises(KeyboardInterrupt):
        train_all(planted, text, chosen, 3, Stop(after=1), file)
    assert file.exists()
    resumed = train_all(planted, text, chosen, 3, checkpoint=file)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cold_items import cold_hit_rate, cold_snapshot
from safetensors import safe_open
from safetensors.torch import save_file
from stopping import Stop

from linkspan.errors import ModelError
from linkspan.gnn import (
    FittedModel,
    TrainSettings,
    evaluate,
    fit_hybrid,
    last_out,
    score_top,
    train,
    train_all,
)
from linkspan.gnn.events.dislikes import Dislikes
from linkspan.gnn.events.domains import item_domains, rows_by_domain
from linkspan.gnn.events.history import before_events
from linkspan.gnn.models.learned import Epoch
from linkspan.gnn.network.model import HistoryGNN
from linkspan.gnn.tensors.adjacency import adjacencies
from linkspan.gnn.tensors.hetero_data import build_hetero_data
from linkspan.gnn.training.batches import BatchBuilder
from linkspan.gnn.training.checkpoint import Checkpoint, Progressed
from linkspan.gnn.training.engine import Engine
from linkspan.gnn.training.rates import JOINT
from linkspan.graph.snapshot import Snapshot
from linkspan.progress import Progress

Text = dict[str, np.ndarray]
TextOf = Callable[[Snapshot], Text]


@pytest.mark.parametrize("timed", [True, False], ids=["timed", "sets"])
def test_the_planted_tastes_are_found(
    plant: Callable[..., Snapshot], text_of: TextOf, settings: TrainSettings, timed: bool
) -> None:
    """The ten items of a taste, less those met, come first of 60: popularity knows no taste."""
    snapshot = plant(timed=timed)
    split = last_out(snapshot)
    evaluation = evaluate(train(snapshot, split, text_of(snapshot), settings), split)
    model, popularity = evaluation.figures("gnn"), evaluation.figures("popularity")
    assert model["hr"] > 0.95
    assert model["hr"] > popularity["hr"] + 0.6
    assert model["ndcg"] > popularity["ndcg"] + 0.3


def test_a_checkerboard_over_two_domains(
    build: Callable[..., Snapshot], settings: TrainSettings
) -> None:
    """Even users like even items and odd users odd ones, each all but one of their own."""
    tastes = {domain: [item % 2 for item in range(20)] for domain in ("a", "b")}
    histories = [
        [item for item in range(user % 2, 40, 2) if item != (user * 2 + user % 2) % 40]
        for user in range(20)
    ]
    snapshot = build(tastes, histories, timed=False)
    fitted = train_all(snapshot, {}, settings.changed(batch_size=64), epochs=15)
    for user in range(20):
        left_out = (user * 2 + user % 2) % 40
        domain = "ab"[left_out // 20]
        top = score_top(fitted, k=1, domains=[domain], users=np.array([user]))
        assert top["item"].tolist() == [left_out]


@pytest.mark.parametrize("timed", [True, False], ids=["timed", "sets"])
def test_dropout_leaves_some_of_a_history_and_never_all_of_it(
    plant: Callable[..., Snapshot], settings: TrainSettings, timed: bool
) -> None:
    chosen = settings.changed(dropout=0.7)
    fitted = train_all(plant(timed=timed), {}, chosen, epochs=0)
    model, length = fitted.model, fitted.model.length
    history = torch.full((200, length * (1 + model.inside)), -1)
    history[:, 0] = torch.arange(200) % 60
    history[100:, : min(length, 10)] = torch.arange(min(length, 10))
    asked = torch.full((200,), -1), torch.zeros(200, dtype=torch.int64)
    with torch.no_grad():
        whole = model.eval().user_states(fitted.states, *asked, history)
        kept = model.train().draw_kept(history)
        states = model.user_states(fitted.states, *asked, history, kept)
    assert (states[:100] == whole[:100]).all() and (states.norm(dim=1) > 0.99).all()
    assert (states[100:] != whole[100:]).any(dim=1).float().mean() > 0.7


def test_text_carries_cold_items_and_noise_does_not(
    build: Callable[..., Snapshot], text_of: TextOf, settings: TrainSettings
) -> None:
    snapshot = cold_snapshot(build)
    text = text_of(snapshot)
    noise = np.random.default_rng(2).normal(size=text["item"].shape).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    assert cold_hit_rate(snapshot, text, settings) > 0.9
    assert cold_hit_rate(snapshot, {"item": noise}, settings) < 0.4


@pytest.mark.parametrize("layers", [2, 3])
def test_a_gradient_reaches_the_weight_of_every_relation(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings, layers: int
) -> None:
    settings = settings.changed(layers=layers)
    data = build_hetero_data(planted, planted.events(), text_of(planted), settings.model)
    torch.manual_seed(0)
    model = HistoryGNN(data, 3, settings)
    torch.nn.init.normal_(model.value.weight)
    states = model.encode(data, adjacencies(data))
    users, domains = torch.arange(30), torch.arange(30) % 3
    history = torch.randint(-1, 180, (30, 2 * settings.model.history_length))  # all, and within
    score = model.user_states(states, users, domains, history) @ states.items[:60].T
    (score[:, ::2].sum() + model.prior(data["item"].count).sum()).backward()
    names = {key for keys in model.relations for key in keys}
    # What users give to entities needs a third hop to come to items.
    assert names == set(data.edge_types) - (
        {("user", "FOLLOWS", "Maker")} if layers == 2 else set()
    )
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        if not name.endswith(("adapters.down", "adapters.gate")):  # The other half is zero yet.
            assert parameter.grad.abs().max() > 1e-7, name


def test_training_moves_every_parameter(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings
) -> None:
    fitted = train_all(planted, text_of(planted), settings, epochs=2)
    for name, value in fitted.model.named_parameters():
        if "convs" in name:
            assert (value - 0.3).abs().min() > 1e-4, name


def test_parameters_do_not_depend_on_held_out_events(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings
) -> None:
    """Other test items, same parameters: nothing held out is seen while learning."""
    split = last_out(planted)
    events = planted.events()
    frame = planted.interactions["SAVED"].copy()
    rows = events.iloc[split.test][["user", "item"]]
    other = {}
    for user, item in rows.itertuples(index=False):
        met = set(events.loc[events["user"] == user, "item"])
        first = item // 60 * 60
        other[user, item] = next(i for i in range(first, first + 60) if i not in met)
    pairs = list(zip(frame["user"], frame["item"], strict=True))
    frame["item"] = np.array([other.get(pair, pair[1]) for pair in pairs], np.int32)
    frame = frame.sort_values(["user", "item"], ignore_index=True)
    changed = replace(planted, interactions={"SAVED": frame})
    text, short = text_of(planted), settings.changed(epochs=3)
    weights = [
        train(snapshot, last_out(snapshot), text, short).model.state_dict()
        for snapshot in (planted, changed)
    ]
    for name, value in weights[0].items():
        assert torch.equal(value, weights[1][name]), name


def test_same_seed_same_scores_and_another_seed_others(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings
) -> None:
    def top(seed: int) -> np.ndarray:
        chosen = settings.changed(seed=seed)
        torch.rand(seed + 3)  # The state of torch's own generator must not matter.
        fitted = train_all(planted, text_of(planted), chosen, epochs=2)
        return score_top(fitted, k=3)["score"].to_numpy()

    assert np.array_equal(top(0), top(0))
    assert not np.array_equal(top(0), top(1))


def test_the_weights_of_the_best_epoch_are_kept(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings
) -> None:
    split = last_out(planted)
    fitted = train(planted, split, text_of(planted), settings)
    gains = [epoch.ndcg for epoch in fitted.curves]
    assert fitted.best_epoch == 1 + int(np.argmax(gains))
    assert len(gains) <= fitted.best_epoch + settings.learning.patience
    again = replace(split, test=split.validation, validation=split.test[:0])
    known = fitted.learned.on(fitted.view.over(planted.events().iloc[split.train]))
    assert evaluate(known, again).figures()["ndcg"] == pytest.approx(max(gains))


@pytest.mark.parametrize("refit", [False, True], ids=["train", "refit"])
def test_a_training_that_was_broken_off_ends_in_the_same_model(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings, tmp_path: Path, refit: bool
) -> None:
    split, text, file = last_out(planted), text_of(planted), tmp_path / "kept"
    # With dropout, so that every source of chance counts.
    chosen = settings.changed(dropout=0.2, epochs=5, patience=5)

    def fit(progress: Progress, kept: Path | None = file) -> FittedModel:
        if refit:
            return train_all(planted, text, chosen, 5, progress, kept)
        return train(planted, split, text, chosen, progress, checkpoint=kept)

    whole = fit(Progress(), None)
    with pytest.raises(KeyboardInterrupt):
        fit(Stop(after=3))
    assert file.exists()
    rest = Stop(after=99)
    resumed = fit(rest)
    assert rest.told == 2  # the fourth was not kept when it was broken off
    assert resumed.curves == whole.curves
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
    # What comes after it may be broken off, too: nothing is learned again.
    again = fit(rest)
    assert rest.told == 2 and again.curves == whole.curves
    assert torch.equal(again.model.bias, whole.model.bias)


def test_a_checkpoint_of_another_training_is_not_gone_on_from(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings, tmp_path: Path
) -> None:
    text, file = text_of(planted), tmp_path / "kept"
    with pytest.raises(KeyboardInterrupt):
        train_all(planted, text, settings, 3, Stop(after=2), file)
    # Another split has found that fewer epochs are best: the model is not to have one more.
    fewer = train_all(planted, text, settings, 1)
    assert train_all(planted, text, settings, 1, checkpoint=file).curves == fewer.curves
    with pytest.raises(KeyboardInterrupt):
        train_all(planted, text, settings, 3, Stop(after=2), file)
    read = {"item": text["item"][::-1].copy(), "Maker": text["Maker"]}  # of another encoder
    expected = train_all(planted, read, settings, 3).curves
    assert train_all(planted, read, settings, 3, checkpoint=file).curves == expected
    with safe_open(file, framework="pt") as kept:  # of a version that has other parameters
        tensors = {name: kept.get_tensor(name) for name in kept.keys()}  # noqa: SIM118
        about = kept.metadata()
    save_file({k: v for k, v in tensors.items() if k != "model/met"}, file, metadata=about)
    assert train_all(planted, read, settings, 3, checkpoint=file).curves == expected
    other = settings.changed(seed=1)
    assert len(train_all(planted, text, other, 2, checkpoint=file).curves) == 2
    for damage in (b"", b"no safetensors"):
        file.write_bytes(damage)
        expected = train_all(planted, text, other, 1)
        found = train_all(planted, text, other, 1, checkpoint=file)
        assert torch.equal(found.model.bias, expected.model.bias)


@pytest.mark.parametrize("elsewhere", [{"memory": 2}, {"device": "auto"}], ids=["memory", "device"])
def test_a_training_goes_on_on_another_machine(
    planted: Snapshot,
    text_of: TextOf,
    settings: TrainSettings,
    tmp_path: Path,
    elsewhere: dict[str, int | str],
) -> None:
    text, file, chosen = text_of(planted), tmp_path / "kept", settings.changed(dropout=0.2)
    with pytest.raises(KeyboardInterrupt):
        train_all(planted, text, chosen, 3, Stop(after=2), file)
    rest = Stop(after=99)
    fitted = train_all(planted, text, chosen.changed(**elsewhere), 3, rest, file)
    assert rest.told == 1 and len(fitted.curves) == 3  # only the third was made
    assert bool(fitted.bounded) == ("memory" in elsewhere)


def test_a_checkpoint_keeps_the_generators_of_cuda(
    planted: Snapshot, settings: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two devices that are made up: what is left out of histories is drawn on the device."""
    devices, random = [torch.arange(9.0), torch.arange(5.0)], np.random.default_rng(0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: list(devices))
    monkeypatch.setattr(
        torch.cuda, "set_rng_state_all", lambda states: devices.__setitem__(slice(None), states)
    )
    model = torch.nn.Linear(2, 2)
    engine = Engine(torch.device("cpu"))
    engine.start(model, JOINT, settings.learning)
    kept = Checkpoint(tmp_path / "kept", planted.fingerprint(), settings, None, {})
    epoch = Epoch(1, 0.5, None, None)
    kept.save(Progressed([epoch], epoch, {}), model, engine, random)
    devices[:] = [torch.zeros(9), torch.zeros(5)]
    assert kept.restore(model, engine, random) is not None
    assert torch.equal(devices[0], torch.arange(9.0)) and torch.equal(devices[1], torch.arange(5.0))
    devices[:] = [torch.zeros(9)]  # another machine, which has one
    assert kept.restore(model, engine, random) is not None
    assert torch.equal(devices[0], torch.zeros(9))


def test_steps_of_an_epoch_are_bounded(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[None] = []
    step = torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: (taken.append(None), step(self))[1])
    for update, expected in (({"batch_size": 200}, 10), ({"batch_size": 200, "steps": 3}, 3)):
        taken.clear()
        train_all(planted, text_of(planted), settings.changed(**update), epochs=1)
        assert len(taken) == expected  # 1,920 events have one before them


def test_settings_and_data_that_cannot_work_are_refused(
    build: Callable[..., Snapshot], planted: Snapshot, text_of: TextOf, settings: TrainSettings
) -> None:
    text = text_of(planted)
    with pytest.raises(ModelError, match="another snapshot"):
        train(build({"a": [0] * 5}, [[0, 1, 2]]), last_out(planted), {}, settings)
    with pytest.raises(ModelError, match="no event has one before it"):
        train_all(build({"a": [0] * 5}, [[0], [1]]), {}, settings, epochs=1)
    with pytest.raises(ModelError, match="179 text vectors for 180 nodes of type 'item'"):
        train_all(planted, {"item": text["item"][1:]}, settings, epochs=1)
    with pytest.raises(ModelError, match="not finite"):
        train_all(planted, {"item": text["item"] * np.nan}, settings, epochs=1)
    with pytest.raises(ModelError, match="the loss is not finite"):
        train_all(planted, text, settings.changed(learning_rate=1e36), epochs=2)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_that_is_absent_is_refused(planted: Snapshot, settings: TrainSettings) -> None:
    with pytest.raises(ModelError, match="finds no CUDA device"):
        train_all(planted, {}, settings.changed(device="cuda"), epochs=1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_what_the_cpu_gives(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings
) -> None:
    def fit(device: str) -> FittedModel:
        chosen = settings.changed(device=device)
        return train_all(planted, text_of(planted), chosen, epochs=1)

    cpu, cuda = (score_top(fit(device), k=60)["score"] for device in ("cpu", "cuda"))
    assert np.corrcoef(cpu, cuda)[0, 1] > 0.99


def test_a_split_that_leaves_histories_too_short_is_named(
    build: Callable[..., Snapshot], settings: TrainSettings
) -> None:
    snapshot = build({"a": [0] * 9}, [[0, 1, 2], [3, 4, 5], [6, 7, 8]])
    with pytest.raises(ModelError, match="two events beside those held out; without a 'protocol'"):
        train(snapshot, last_out(snapshot), {}, settings)


def test_a_domain_without_text_is_trained_and_scored(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings
) -> None:
    silent = (planted.items["domain"] == "film").to_numpy()
    items = planted.items.assign(text=planted.items["text"].mask(silent, ""))
    snapshot = replace(planted, items=items)
    text = text_of(snapshot)
    assert not text["item"][silent].any() and text["item"][~silent].any()
    fitted = train(snapshot, last_out(snapshot), text, settings.changed(epochs=2))
    top = score_top(fit_hybrid(fitted, last_out(snapshot)), k=3)
    assert set(top["domain"]) == {"art", "book", "film"}
    assert np.isfinite(top[["score", "gnn", "text"]]).all(axis=None)


def test_negatives_are_of_the_domain_of_the_target(
    planted: Snapshot, settings: TrainSettings
) -> None:
    random, domains = np.random.default_rng(0), item_domains(planted)
    builder = BatchBuilder(
        list(rows_by_domain(planted).values()),
        Dislikes(planted, domains, None),
        settings.learning,
        random,
        torch.device("cpu"),
    )
    events = planted.events()
    chosen = random.permutation(len(events))[:50]
    chosen = chosen[np.argsort(domains[events["item"].iloc[chosen]], kind="stable")]
    targets = events["item"].to_numpy(np.int64)[chosen]
    histories = before_events(events, domains, 6, inside=True).take(chosen)
    batch = builder.build(histories, targets)
    asked = domains[targets]
    assert [(start, end) for start, end, _ in batch.negatives] == [
        (int((asked < code).sum()), int((asked <= code).sum())) for code in range(3)
    ]
    for code, (_, _, rows) in enumerate(batch.negatives):
        assert len(set(rows.tolist())) == settings.learning.negatives
        assert (domains[rows.numpy()] == code).all()

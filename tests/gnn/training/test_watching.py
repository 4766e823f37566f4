"""A training that goes wrong, and that this is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from linkspan.errors import ModelError
from linkspan.gnn import Split, TrainSettings, last_out, train, train_all, train_further
from linkspan.gnn.training.watching import has_fallen, has_forgotten
from linkspan.graph.snapshot import Snapshot

TextOf = Callable[[Snapshot], dict[str, np.ndarray]]
LARGE = 0.05
"""A learning rate that brings in a few epochs what the default takes hundreds of steps for."""


def strangers(build: Callable[..., Snapshot]) -> tuple[Snapshot, Split]:
    """Two domains with few common users: 60 whose second domain is held out, 30 without pattern.

    In the first domain those 30 met anything, so that what they did there says nothing of the
    second: its weight falls as they are learned from.
    """
    random = np.random.default_rng(0)
    taste_of = np.arange(60) % 6

    def some(taste: int, domain: int, count: int) -> list[int]:
        rows = np.flatnonzero(taste_of == taste % 6) + 60 * domain
        return [int(row) for row in random.permutation(rows)[:count]]

    histories = [some(user, user % 2, 6) for user in range(240)]
    anything = [random.permutation(60)[:6].tolist() for _ in range(30)]
    histories += [first + some(user, 1, 5) for user, first in enumerate(anything)]
    histories += [some(user, 0, 6) + some(user, 1, 2) for user in range(60)]
    snapshot = build({domain: taste_of.tolist() for domain in "ab"}, histories, timed=False)
    events = snapshot.events()
    held = ((events["user"] >= 270) & (events["item"] >= 60)).to_numpy()
    rows = np.arange(len(events))
    return snapshot, Split("file", rows[~held], rows[held], rows[:0], snapshot.fingerprint())


def test_users_without_a_past_in_the_domain_are_not_turned_round(
    build: Callable[..., Snapshot],
    text_of: TextOf,
    settings: TrainSettings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """NDCG@10 by chance is 0.08; with a weight of other domains below zero it is 0.00."""
    snapshot, split = strangers(build)
    update = {"learning_rate": LARGE, "epochs": 12, "patience": 12}
    fitted = train(snapshot, split, text_of(snapshot), settings.changed(**update))
    assert len(fitted.curves) == 12
    assert min(epoch.ndcg or 0.0 for epoch in fitted.curves) > 0.3
    assert "collapsed" not in caplog.text


@pytest.fixture
def shaken(monkeypatch: pytest.MonkeyPatch) -> None:
    """After 24 steps (8 an epoch, 6 where events are held out) each throws parameters about."""
    taken: list[None] = []
    step = torch.optim.Adam.step

    def shake(self: torch.optim.Adam) -> None:
        step(self)
        taken.append(None)
        if len(taken) > 24:
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter.data.normal_(std=2.0)

    monkeypatch.setattr(torch.optim.Adam, "step", shake)


@pytest.mark.usefixtures("shaken")
def test_a_collapse_is_told_where_there_are_validation_rows(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings, caplog: pytest.LogCaptureFixture
) -> None:
    fitted = train(planted, last_out(planted), text_of(planted), settings)
    assert fitted.best_epoch <= 4
    assert caplog.text.count("the training collapsed in epoch 5: NDCG@10 on validation rows") == 1


@pytest.mark.usefixtures("shaken")
def test_a_collapse_stops_a_training_without_validation_rows(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings, tmp_path: Path
) -> None:
    text, kept = text_of(planted), tmp_path / "kept"
    told = (
        r"the training collapsed in epoch 4: the loss was \d\.\d+ at best and is \d+\.\d+, .* 3.714"
    )
    for _ in range(2):  # what is kept is what was sound, so that it is told again
        with pytest.raises(ModelError, match=told):
            train_all(planted, text, settings, 6, checkpoint=kept)


@pytest.mark.usefixtures("shaken")
def test_a_collapse_stops_a_training_that_goes_on(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings
) -> None:
    base = train_all(planted, text_of(planted), settings, 3)
    with pytest.raises(ModelError, match="the training collapsed in epoch 1: the loss was"):
        train_further(base, epochs=1)


def test_numbers_that_are_not_finite_are_named(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = text_of(planted)
    step = torch.optim.Adam.step
    taken: list[None] = []

    def spoil(name: str, at: int) -> None:
        """After a step, counted over all epochs of 8, a parameter is not finite."""

        def spoiled(self: torch.optim.Adam) -> None:
            step(self)
            taken.append(None)
            for group in self.param_groups:
                for parameter in group["params"]:
                    if len(taken) == at and parameter.shape == shapes[name]:
                        parameter.data[...] = torch.nan

        taken.clear()
        monkeypatch.setattr(torch.optim.Adam, "step", spoiled)

    model = train_all(planted, text, settings, 0).model
    shapes = {name: value.shape for name, value in model.named_parameters()}
    spoil("bias", at=10)
    with pytest.raises(ModelError, match="in step 3 of epoch 2, first in popularity and bias of"):
        train_all(planted, text, settings, 2)
    spoil("value.weight", at=1)
    with pytest.raises(ModelError, match=r"step 2 of epoch 1, first in parameter 'value\.weight'"):
        train_all(planted, text, settings, 1)
    spoil("value.weight", at=16)  # no loss comes after it
    with pytest.raises(ModelError, match="not finite after epoch 2, first in parameter 'value"):
        train_all(planted, text, settings, 2)


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([5.3, 4.9, 4.7, 4.6], False),
        ([5.3, 4.6, 5.6], False),  # up, by less than half of what was learned
        ([5.3, 4.6, 5.9], True),
        ([5.3, 4.6, 40.0], True),
        ([6.8, 6.7, 6.9, 7.1], False),  # nothing much was learned
        ([7.2], False),
    ],
)
def test_what_a_loss_says(losses: list[float], expected: bool) -> None:
    assert has_forgotten(losses, ignorant=float(np.log(1025))) is expected


@pytest.mark.parametrize(
    ("gains", "rows", "expected"),
    [
        ([0.0094, 0.0146, 0.0136], 2814, False),
        ([0.0094, 0.0146, 0.0009], 2814, True),
        ([0.0094, 0.0146, 0.0009], 100, False),  # 100 rows say nothing of one in 100
        ([0.5, 0.2], 100, True),
        ([0.5], 100, False),
        ([0.0, 0.0], 100, False),
    ],
)
def test_what_validation_figures_say(gains: list[float], rows: int, expected: bool) -> None:
    assert has_fallen(gains, rows) is expected

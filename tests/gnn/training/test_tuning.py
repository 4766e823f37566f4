from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from linkspan.errors import ModelError
from linkspan.gnn import TrainSettings, last_out, tune
from linkspan.graph.snapshot import Snapshot

pytest.importorskip("optuna")


@pytest.fixture
def short(settings: TrainSettings) -> TrainSettings:
    return settings.changed(epochs=2, transition_window=2)


def test_a_search_goes_on_where_it_was_broken_off(
    planted: Snapshot,
    text_of: Callable[[Snapshot], dict[str, np.ndarray]],
    short: TrainSettings,
    tmp_path: Path,
) -> None:
    split, text = last_out(planted), text_of(planted)
    first = tune(planted, split, text, short, tmp_path / "tune.db", trials=1)
    assert first.settings == short  # what the search begins with is tried first
    assert first.ndcg == first.first > 0
    more = tune(planted, split, text, short, tmp_path / "tune.db", trials=4)
    assert more.trials + more.given_up == 4
    assert more.first == first.first
    assert more.ndcg >= first.ndcg
    again = tune(planted, split, text, short, tmp_path / "tune.db", trials=4)
    assert again == more  # nothing was left to try
    # All at once gives the same: and test rows have no say in it.
    blind = dataclasses.replace(split, test=split.test[:0])
    whole = tune(planted, blind, text, short, tmp_path / "other.db", trials=1)
    assert whole.ndcg == first.ndcg


def test_without_validation_rows_nothing_is_searched(
    planted: Snapshot, short: TrainSettings, tmp_path: Path
) -> None:
    split = last_out(planted)
    split = dataclasses.replace(split, validation=split.validation[:0])
    with pytest.raises(ModelError, match="no validation events"):
        tune(planted, split, {}, short, tmp_path / "tune.db", trials=1)


def test_a_search_broken_off_in_its_first_trial_begins_with_the_given_settings(
    planted: Snapshot,
    text_of: Callable[[Snapshot], dict[str, np.ndarray]],
    short: TrainSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: object) -> float:
        raise KeyboardInterrupt

    known = (planted, last_out(planted), text_of(planted), short, tmp_path / "tune.db")
    with monkeypatch.context() as patch:
        patch.setattr("linkspan.gnn.training.tuning._measure", interrupt)
        with pytest.raises(KeyboardInterrupt):
            tune(*known, trials=2)
    tried = []
    monkeypatch.setattr(
        "linkspan.gnn.training.tuning._measure",
        lambda *given: tried.append(given[3]) or 0.1 * len(tried),
    )
    found = tune(*known, trials=3)
    assert tried[0] == short and found.first == 0.1
    # And what it draws when it goes on is not what it drew before.
    for trials in (4, 5, 7):
        tune(*known, trials=trials)
    assert len(tried) == 7 == len({each.model_dump_json() for each in tried})
    other = dataclasses.replace(known[1], train=known[1].train[:-9])  # what it tried says nothing
    assert tune(known[0], other, *known[2:], trials=1).trials == 1 and len(tried) == 8

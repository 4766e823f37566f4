from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from linkspan.errors import ModelError
from linkspan.gnn import (
    FittedModel,
    Split,
    TrainSettings,
    last_out,
    load,
    save,
    score_top,
    train_all,
    train_further,
)
from linkspan.gnn.models.store import FORMAT
from linkspan.gnn.settings import MachineSettings
from linkspan.graph.snapshot import Snapshot


@pytest.fixture(scope="module")
def fitted(
    planted: Snapshot, text_of: Callable[..., dict[str, np.ndarray]], settings: TrainSettings
) -> FittedModel:
    return train_all(planted, text_of(planted), settings, epochs=1)


def test_a_loaded_model_gives_the_same_scores(
    planted: Snapshot, fitted: FittedModel, tmp_path: Path
) -> None:
    split = last_out(planted)
    save(fitted.learned, tmp_path / "model", split)
    names = sorted(file.name for file in (tmp_path / "model").iterdir())
    assert names == ["keys.parquet", "model.json", "split.parquet", "weights.safetensors"]
    again = load(tmp_path / "model").on(fitted.view)
    assert again.settings.model_dump() == fitted.settings.model_dump()
    assert again.settings.machine == MachineSettings()  # the model may be another's
    assert again.curves == fitted.curves
    assert again.best_epoch == fitted.best_epoch == 1
    pd.testing.assert_frame_equal(score_top(again), score_top(fitted))
    assert np.array_equal(Split.load(tmp_path / "model" / "split.parquet").test, split.test)
    manifest = json.loads((tmp_path / "model" / "model.json").read_text())
    assert manifest["domains"] == planted.domains and manifest["seed"] == 0
    assert ["item", "MADE_BY", "Maker"] in manifest["relations"][0]


def test_a_model_folder_names_no_user(
    planted: Snapshot, fitted: FittedModel, tmp_path: Path
) -> None:
    save(fitted.learned, tmp_path)
    assert set(pd.read_parquet(tmp_path / "keys.parquet")["kind"]) == {"item", "Maker"}


def test_a_folder_without_a_whole_model_is_refused(fitted: FittedModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a readable model"):
        load(tmp_path)
    save(fitted.learned, tmp_path)
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(ModelError, match="not a readable model"):
        load(tmp_path)
    manifest = tmp_path / "model.json"
    manifest.write_text(manifest.read_text().replace(f'"format": {FORMAT}', '"format": 99'))
    with pytest.raises(ModelError, match=f"model format 99, expected {FORMAT}"):
        load(tmp_path)


def test_a_model_trained_on_cuda_opens_and_is_refreshed_without_it(
    fitted: FittedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    elsewhere = replace(fitted, settings=fitted.settings.changed(device="cuda", memory=1))
    for name, model in (("here", fitted), ("there", elsewhere)):
        save(model.learned, tmp_path / name)
    manifests = [(tmp_path / name / "model.json").read_text() for name in ("here", "there")]
    assert manifests[0] == manifests[1] and "cuda" not in manifests[0]
    again = load(tmp_path / "there").on(fitted.view)
    assert again.device == torch.device("cpu")
    pd.testing.assert_frame_equal(score_top(again), score_top(fitted))
    further = train_further(again, epochs=1)
    assert not torch.equal(further.model.bias, again.model.bias)

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from linkspan.errors import ModelError
from linkspan.gnn import (
    FittedModel,
    Split,
    TrainSettings,
    erase_from_model,
    fit_hybrid,
    last_out,
    load,
    load_vectors,
    save,
    save_vectors,
    score_top,
    train,
    train_all,
    train_further,
    with_weights,
)
from linkspan.gnn.models.store import FORMAT
from linkspan.gnn.models.weights import MixtureWeights, SignalWeights
from linkspan.gnn.parts.linear import learn_linear
from linkspan.gnn.settings import MachineSettings
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.erasing import erase_users
from linkspan.precision import Precision, rounded


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


def test_a_model_keeps_what_its_precision_leaves(
    planted: Snapshot,
    text_of: Callable[..., dict[str, np.ndarray]],
    settings: TrainSettings,
    tmp_path: Path,
) -> None:
    split = last_out(planted)
    fitted = fit_hybrid(train(planted, split, text_of(planted), settings.changed(epochs=1)), split)
    sizes: dict[str, list[int]] = {"weights.safetensors": [], "linear.npz": []}
    precisions: tuple[Precision, ...] = ("single", "half", "int8")
    for precision in precisions:
        own = fitted.settings.changed(precision=precision)
        folder = tmp_path / precision
        save(replace(fitted, settings=own).learned, folder)
        again = load(folder)
        for name, values in fitted.learned.parameters.items():
            kept = precision if name.startswith("identity.") else "single"
            expected = rounded(values.numpy(), kept)
            np.testing.assert_array_equal(again.parameters[name].numpy(), expected)
            assert again.parameters[name].dtype == values.dtype
        assert isinstance(fitted.linear, sparse.csr_array)
        assert isinstance(again.linear, sparse.csr_array)
        weights = rounded(fitted.linear.data, "single" if precision == "single" else "half")
        assert again.linear.dtype == np.float32
        np.testing.assert_array_equal(again.linear.data, weights)
        lists = score_top(again.on(fitted.view), 5)
        save(again, folder)  # as a refresh does: nothing is lost again
        pd.testing.assert_frame_equal(score_top(load(folder).on(fitted.view), 5), lists)
        for name, found in sizes.items():
            found.append((folder / name).stat().st_size)
    assert all(first > second >= third for first, second, third in sizes.values())
    assert sizes["weights.safetensors"][1] > sizes["weights.safetensors"][2]


def test_vectors_are_kept_as_their_precision_leaves_them(
    planted: Snapshot, text_of: Callable[..., dict[str, np.ndarray]], tmp_path: Path
) -> None:
    vectors = {"item/note": np.zeros((2, 3), np.float32), **text_of(planted)}
    sizes = []
    precisions: tuple[Precision, ...] = ("single", "half", "int8")
    for precision in precisions:
        file = tmp_path / precision / "vectors.safetensors"
        save_vectors(vectors, file, precision)
        found = load_vectors(file)
        assert found.keys() == vectors.keys()
        for name, values in vectors.items():
            assert found[name].dtype == np.float32
            np.testing.assert_array_equal(found[name], rounded(values, precision))
        sizes.append(file.stat().st_size)
    numbers = sum(values.size for values in vectors.values())
    assert sizes[0] > 4 * numbers > sizes[1] > 2 * numbers > sizes[2] > numbers


def test_a_model_of_half_precision_stays_one_when_a_user_is_erased(
    planted: Snapshot,
    text_of: Callable[..., dict[str, np.ndarray]],
    settings: TrainSettings,
    tmp_path: Path,
) -> None:
    own = settings.changed(epochs=1, precision="half")
    final = train_all(planted, text_of(planted), own, epochs=1)
    weights = {"hybrid": MixtureWeights(SignalWeights({"linear 1": 1.0}, {}))}
    save(with_weights(final, weights).learned, tmp_path)
    before = load(tmp_path).linear
    erased = erase_users(planted, [planted.users["key"][0]])
    assert erased is not None
    erase_from_model(tmp_path, erased.snapshot, erased.events)
    after = load(tmp_path).linear
    expected = learn_linear(erased.snapshot, erased.snapshot.events(), own.model)
    assert isinstance(after, sparse.csr_array) and isinstance(expected, sparse.csr_array)
    np.testing.assert_array_equal(after.data, rounded(expected.data, "half"))
    with np.load(tmp_path / "linear.npz") as kept:
        assert kept["data"].dtype == np.float16
    assert abs(after - before).max() > 0

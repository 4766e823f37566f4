from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from cold_items import cold_hit_rate, cold_snapshot

from linkspan.errors import ModelError
from linkspan.gnn import TrainSettings, load, save, score_top, train_all
from linkspan.gnn.network.model import HistoryGNN
from linkspan.gnn.tensors.adjacency import adjacencies
from linkspan.gnn.tensors.features import Scheme, add_features, find_scheme, item_parts
from linkspan.gnn.tensors.hetero_data import build_hetero_data
from linkspan.graph.roles import FeatureRole
from linkspan.graph.snapshot import Snapshot

Build = Callable[..., Snapshot]
TextOf = Callable[[Snapshot], dict[str, np.ndarray]]
FUSIONS = ["weighted", "concat", "attention"]
NAN = float("nan")


class Store(dict[str, Any]):
    """What `add_features` writes to."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__  # type: ignore[assignment]


def with_features(snapshot: Snapshot, **features: tuple[str, Any]) -> Snapshot:
    """The snapshot with properties of items: name to kind and values."""
    roles = tuple(FeatureRole(property=name, kind=kind) for name, (kind, _) in features.items())
    frames = {
        name: pd.DataFrame(np.asarray(values, np.float32)).rename(columns=str)
        if kind == "vector"
        else pd.DataFrame({"value": values})
        for name, (kind, values) in features.items()
    }
    chosen = snapshot.roles.model_copy(update={"features": roles})
    return replace(snapshot, roles=chosen, features=frames)


def small(build: Build, **features: tuple[str, Any]) -> Snapshot:
    """Five items."""
    return with_features(build({"a": [0] * 5}, [[0, 1, 2], [2, 3, 4]]), **features)


def signal(kind: str) -> Any:
    """Values of 150 items that tell their taste of six, with noise where there may be."""
    random = np.random.default_rng(5)
    taste = np.concatenate([np.arange(60) % 6, np.arange(90) % 6])
    if kind == "category":
        return [f"sort {value}" for value in taste]
    if kind == "vector":
        return 7 + 3 * np.eye(6)[taste] + random.normal(0, 0.3, size=(150, 6))
    return 50.0 + 10 * taste + random.uniform(-3, 3, size=150)


@pytest.mark.parametrize(
    ("kind", "fusion"),
    [
        ("number", "weighted"),
        ("date", "concat"),
        ("category", "attention"),
        *(("vector", fusion) for fusion in FUSIONS),
    ],
)
def test_a_signal_in_a_feature_carries_cold_items(
    build: Build, settings: TrainSettings, kind: str, fusion: str
) -> None:
    """Nothing but the feature tells which of the cold items a user takes."""
    chosen = settings.changed(fusion=fusion)
    snapshot = with_features(cold_snapshot(build), told=(kind, signal(kind)))
    assert cold_hit_rate(snapshot, {}, chosen) > 0.75


def test_without_the_feature_cold_items_are_not_found(
    build: Build, settings: TrainSettings
) -> None:
    snapshot = cold_snapshot(build)
    shuffled = np.random.default_rng(1).permutation(signal("number"))
    assert cold_hit_rate(snapshot, {}, settings) < 0.4
    assert cold_hit_rate(with_features(snapshot, told=("number", shuffled)), {}, settings) < 0.4


@pytest.mark.parametrize("fusion", FUSIONS)
def test_parts_that_are_missing_leave_the_others_to_tell(
    build: Build, text_of: TextOf, settings: TrainSettings, fusion: str
) -> None:
    """Of every two items one has the text alone and one the vector alone."""
    snapshot = cold_snapshot(build)
    text, image = text_of(snapshot)["item"], np.array(signal("vector"))
    odd = np.arange(150) // 6 % 2 == 1
    image[odd] = NAN
    half = np.where(odd[:, None], text, 0)
    chosen = settings.changed(fusion=fusion)
    whole = with_features(snapshot, image=("vector", image))
    both, one = (cold_hit_rate(each, {"item": half}, chosen) for each in (whole, snapshot))
    assert both > 0.7
    assert both > one + 0.2


def test_text_alone_gives_what_it_gave_without_features(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings
) -> None:
    """Features that say nothing leave parameters, chance and scores as they are."""
    constant = with_features(planted, same=("number", np.ones(180)), none=("category", [""] * 180))
    text = text_of(planted)
    models = [train_all(each, text, settings, epochs=2) for each in (planted, constant)]
    pd.testing.assert_frame_equal(*(score_top(each) for each in models))
    names = [name for name, _ in models[0].model.named_parameters()]
    assert models[0].model.fusion is None and not any("fusion" in name for name in names)
    assert "project.item_nodes.weight" in names


def test_numbers_are_standardised_and_binned(build: Build) -> None:
    store = Store()
    add_features(store, small(build, price=("number", [1.0, 2.0, 3.0, NAN, 6.0])), {})
    table = store.numbers.numpy() * np.sqrt(2)
    known, place = np.array([1.0, 2.0, 3.0, 6.0]), [0, 8 / 3, 36 / 7, 8]  # of nine edges
    assert table.shape == (5, 11)
    assert np.allclose(table[[0, 1, 2, 4], 0], (known - 3) / known.std())
    assert np.allclose(table[[0, 1, 2, 4], 1:10] @ np.arange(9), place)
    assert np.allclose(table[[0, 1, 2, 4], 1:10].sum(axis=1), 1)
    assert ((table[:, 1:10] > 0).sum(axis=1) <= 2).all()
    assert not table[3].any()  # an item without any number has no part


def test_a_missing_number_beside_another_is_marked(build: Build) -> None:
    store = Store()
    snapshot = small(
        build, price=("number", [1.0, 2.0, 3.0, NAN, 6.0]), year=("date", [1.0, 2.0, 1.0, 2.0, NAN])
    )
    add_features(store, snapshot, {})
    assert (store.numbers[:, 10] > 0).tolist() == [False, False, False, True, False]
    assert (store.numbers[:, -1] > 0).tolist() == [False, False, False, False, True]


def test_large_numbers_and_outliers_stay_finite(build: Build) -> None:
    store = Store()
    add_features(store, small(build, price=("number", [1e300, -1e300, 0.0, 1.0, 1e308])), {})
    assert torch.isfinite(store.numbers).all() and store.numbers.abs().max() <= 5


def test_categories_are_coded_over_all_properties_and_new_ones_are_missing(build: Build) -> None:
    store, later = Store(), Store()
    snapshot = small(
        build,
        sort=("category", ["b", "a", "", "b", "a"]),
        size=("category", ["L", "", "S", "S", "L"]),
    )
    add_features(store, snapshot, {})
    assert store.codes.tolist() == [[2, 3], [1, 0], [0, 4], [2, 4], [1, 3]]
    changed = with_features(
        snapshot, sort=("category", ["c", *"abab"]), size=("category", ["L"] * 5)
    )
    add_features(later, changed, {}, store.scheme)
    assert later.codes.tolist() == [[0, 3], [1, 3], [2, 3], [1, 3], [2, 3]]


def test_vectors_are_centred_and_scaled(build: Build) -> None:
    image = np.array([[101, 0], [99, 0], [100, 3], [100, -3], [NAN, NAN]])
    store = Store()
    add_features(store, small(build, image=("vector", image)), {})
    assert np.allclose(store.vectors_0, [[0.5, 0], [-0.5, 0], [0, 1.5], [0, -1.5], [0, 0]])
    with pytest.raises(ModelError, match="have 3 numbers, the model was trained with 2"):
        other = small(build, image=("vector", np.eye(5, 3)))
        add_features(Store(), other, {}, store.scheme)


def test_features_that_say_nothing_are_left_out_and_told(
    build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    snapshot = small(
        build,
        price=("number", [2.0] * 5),
        year=("date", [NAN] * 5),
        sort=("category", ["a"] * 5),
        size=("category", [""] * 5),
        image=("vector", [[1.0, 2.0]] * 5),
        sound=("vector", [[NAN] * 2] * 5),
        known=("number", [1.0, NAN, 1.0, NAN, NAN]),
    )
    with caplog.at_level(logging.INFO):
        scheme = find_scheme(snapshot, {})
    same, none = "the same for all items", "no item has it"
    assert scheme.dropped == {
        "price": same, "year": none, "sort": same, "size": none, "image": same, "sound": none,
    }  # fmt: skip
    assert list(scheme.numbers) == ["known"]  # whether it is there may tell
    assert "'price' (the same for all items)" in scheme.note()
    assert "feature 'sound' is not used: no item has it" in caplog.text


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (("vector", [[1, 2], [3, 4], [NAN, 1], [1, 2], [0, 1]]), "'x' of item 'a/0002' holds a"),
        (("vector", [[1, np.inf], [3, 4], [2, 1], [1, 2], [0, 1]]), "'x' of item 'a/0000' holds a"),
        (("number", [1, 2, -np.inf, 3, np.inf]), r"'a/0002' .* not finite \(2 items in all\)"),
    ],
)
def test_values_that_are_not_finite_name_item_and_property(
    build: Build, settings: TrainSettings, feature: tuple[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        train_all(small(build, x=feature), {}, settings, epochs=1)


def test_text_vectors_that_are_not_finite_name_the_item(
    build: Build, settings: TrainSettings
) -> None:
    text = np.ones((5, 3), np.float32)
    text[3, 1] = np.inf
    with pytest.raises(ModelError, match=r"of node type 'item' are not finite.*a/0003"):
        train_all(small(build), {"item": text}, settings, epochs=1)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_gradient_reaches_every_part(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings, fusion: str
) -> None:
    random = np.random.default_rng(0)
    snapshot = with_features(
        planted,
        price=("number", random.normal(size=180)),
        sort=("category", random.choice(["a", "b", ""], 180).tolist()),
        image=("vector", random.normal(size=(180, 5))),
    )
    chosen = settings.changed(fusion=fusion)
    data = build_hetero_data(snapshot, snapshot.events(), text_of(planted), chosen.model)
    torch.manual_seed(0)
    model = HistoryGNN(data, 3, chosen)
    items = model.encode(data, adjacencies(data)).items
    (items[:60] * torch.randn(60, 16)).sum().backward()
    found = {n: p.grad for n, p in model.named_parameters() if n.startswith("fusion")}
    assert len(found) > 4
    for name, gradient in found.items():
        assert gradient is not None and gradient.abs().max() > 1e-6, name


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_model_with_features_is_loaded_as_it_was(
    planted: Snapshot, text_of: TextOf, settings: TrainSettings, tmp_path: Path, fusion: str
) -> None:
    snapshot = with_features(
        planted,
        price=("number", np.arange(180.0) % 7),
        sort=("category", list("abc" * 60)),
        image=("vector", np.eye(180, 4)),
    )
    vectors = {**text_of(planted), "item/cover": np.eye(180, 9, 3, dtype=np.float32)}
    chosen = settings.changed(fusion=fusion)
    fitted = train_all(snapshot, vectors, chosen, epochs=1)
    save(fitted.learned, tmp_path)
    again = load(tmp_path).on(fitted.view)
    assert list(again.data["item"].scheme.vectors) == ["image", "cover"]
    pd.testing.assert_frame_equal(score_top(again), score_top(fitted))


def test_a_scheme_is_json_and_back() -> None:
    scheme = Scheme.model_validate({"categories": {"sort": ["a", "b"]}, "dropped": {"x": "y"}})
    assert Scheme.model_validate_json(scheme.model_dump_json()) == scheme
    assert scheme.codes == 2 and scheme.note() == "1 category; left out: 'x' (y)"


def test_a_property_may_be_called_as_a_part(build: Build) -> None:
    """`text` and `features` replaced the text and the numbers of an item."""
    vectors = np.random.default_rng(0).normal(size=(5, 3))
    snapshot = small(
        build,
        text=("vector", vectors),
        features=("vector", -vectors),
        pages=("number", [1.0, 2.0, 3.0, 4.0, 5.0]),
    )
    store = Store(text=torch.ones(5, 2))
    add_features(store, snapshot, {})
    parts = item_parts(store)
    assert len(parts) == 4
    assert parts["text"] is store["text"] and parts["features"] is store["numbers"]
    assert {id(part) for part in parts.values()} == {
        id(store[name]) for name in ("text", "numbers", "vectors_0", "vectors_1")
    }

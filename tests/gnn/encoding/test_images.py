from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cold_items import cold_hit_rate, cold_snapshot
from PIL import Image
from tiny_clip import save_tiny_clip

from linkspan.errors import ModelError
from linkspan.gnn import EncodingSettings, TrainSettings, embed_snapshot
from linkspan.gnn.encoding.images import ImageEncoder, embed_images
from linkspan.graph.roles import FeatureRole
from linkspan.graph.snapshot import Snapshot

COLOURS = ["red", "lime", "blue", "yellow", "cyan", "magenta"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a tiny CLIP model, laid out as the published ones are."""
    return str(save_tiny_clip(tmp_path_factory.mktemp("clip")))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """``red.png`` and so on, ``again.png`` with the bytes of the first, and two that are none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, colour in enumerate(COLOURS):
        Image.new("RGB", (20 + number, 12), colour).save(folder / f"{colour}.png")
    whole = (folder / "red.png").read_bytes()
    (folder / "again.png").write_bytes(whole)
    (folder / "half.png").write_bytes(whole[: len(whole) // 2])
    (folder / "words.png").write_text("no image at all")
    return folder


class Counting(ImageEncoder):
    """Counts the images that it encodes."""

    encoded = 0

    def encode(self, images: Sequence[Any]) -> np.ndarray:
        self.encoded += len(images)
        return super().encode(images)


def named(snapshot: Snapshot, kind: str, values: Sequence[str]) -> Snapshot:
    roles = snapshot.roles.model_copy(
        update={"features": (FeatureRole.model_validate({"property": "it", "kind": kind}),)}
    )
    return replace(snapshot, roles=roles, features={"it": pd.DataFrame({"value": values})})


def test_equal_images_are_encoded_once_and_changed_ones_anew(
    clip: str, pictures: Path, tmp_path: Path
) -> None:
    files, first, second = ["red.png", "", "again.png", "blue.png"], Counting(clip), Counting(clip)
    before = embed_images(files, pictures, first, tmp_path / "cache")
    assert first.encoded == 2 and before.unread == {}
    assert np.allclose(np.linalg.norm(before.vectors, axis=1), [1, 0, 1, 1], atol=1e-5)
    assert np.array_equal(before.vectors[0], before.vectors[2])
    assert np.abs(before.vectors[0] - before.vectors[3]).max() > 1e-3
    Image.new("RGB", (9, 9), "black").save(pictures / "blue.png")
    after = embed_images(files, pictures, second, tmp_path / "cache")
    assert second.encoded == 1
    assert np.array_equal(after.vectors[:3], before.vectors[:3])
    assert np.abs(after.vectors[3] - before.vectors[3]).max() > 1e-3


def test_images_that_cannot_be_read_are_counted_and_count_as_missing(
    clip: str, pictures: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = ["red.png", "gone.png", "half.png", "words.png", "", "."]
    with caplog.at_level(logging.WARNING, "linkspan"):
        found = embed_images(files, pictures, ImageEncoder(clip), label="cover")
    assert found.vectors.any(axis=1).tolist() == [True, *[False] * 5]
    assert sorted(found.unread) == [1, 2, 3, 5]
    (record,) = caplog.records
    assert record.getMessage() == (
        "cover: 4 of 5 image files cannot be read and count as missing, first 'gone.png' "
        "(No such file or directory)"
    )


def test_without_any_image_the_part_is_left_out(
    build: Callable[..., Snapshot], clip: str, pictures: Path
) -> None:
    snapshot = named(build({"a": [0] * 3}, [[0, 1], [1, 2]]), "image", ["gone.png", "", "."])
    found = embed_snapshot(snapshot, EncodingSettings(encoder="hash", image_encoder=clip), pictures)
    assert found.unread == {"it": 2} and not found.vectors["item/it"].any()


def test_a_model_that_takes_no_images_is_one_clear_error(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no image encoder could be loaded"):
        embed_images(["red.png"], pictures, ImageEncoder(str(tmp_path / "absent")))
    with pytest.raises(ModelError, match="model 'minilm' takes no images"):
        embed_images(["red.png"], pictures, ImageEncoder("minilm"))


def test_a_model_that_was_changed_in_its_folder_has_another_name(clip: str) -> None:
    before = ImageEncoder(clip).name
    assert before == ImageEncoder(clip).name
    (Path(clip) / "note.txt").write_text("trained further")
    assert ImageEncoder(clip).name != before


@pytest.mark.parametrize("kind", ["image", "text"])
def test_a_signal_in_images_or_in_another_text_carries_cold_items(
    build: Callable[..., Snapshot], settings: TrainSettings, clip: str, pictures: Path, kind: str
) -> None:
    snapshot = cold_snapshot(build)
    bare = replace(snapshot, items=snapshot.items.assign(text=""))
    tastes = np.concatenate([np.arange(60) % 6, np.arange(90) % 6])
    values = [COLOURS[taste] + (".png" if kind == "image" else "") for taste in tastes]
    chosen = settings.changed(image_encoder=clip)
    vectors = embed_snapshot(named(bare, kind, values), chosen.encoding, pictures).vectors
    assert set(vectors) == {"item/it"}
    assert cold_hit_rate(named(bare, kind, values), vectors, chosen) > 0.6
    assert cold_hit_rate(bare, {}, chosen) < 0.4

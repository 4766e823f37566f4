from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from linkspan.errors import ModelError
from linkspan.gnn import (
    EncodingSettings,
    HashEncoder,
    SentenceEncoder,
    TrainSettings,
    build_baselines,
    embed_snapshot_text,
    embed_texts,
    encoder_names,
    train_all,
)
from linkspan.gnn.encoding.texts import build_encoder, encoder_of_runs
from linkspan.gnn.scores.hybrid import with_linear
from linkspan.gnn.scores.signals import build_signals
from linkspan.gnn.settings import LongTexts
from linkspan.graph.snapshot import Snapshot

TEXTS = ["a tale of two cities", "war and peace", "", "war and peace", "the trial"]


class Counting(HashEncoder):
    """Remembers what it was asked to encode."""

    def __init__(self, size: int = 16) -> None:
        super().__init__(size)
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        return super().encode(texts)


def test_vectors_stand_in_the_order_of_the_texts() -> None:
    vectors = embed_texts(TEXTS, HashEncoder(16))
    assert vectors.shape == (5, 16) and vectors.dtype == np.float32
    assert np.array_equal(vectors, HashEncoder(16).encode(TEXTS))
    assert np.allclose(np.linalg.norm(vectors, axis=1), [1, 1, 0, 1, 1])


def test_a_second_run_encodes_new_texts_only(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    before = embed_texts(TEXTS, first, tmp_path)
    assert sorted(first.asked) == sorted(set(TEXTS))
    after = embed_texts([*TEXTS, "new"], second, tmp_path)
    assert second.asked == ["new"]
    assert np.array_equal(after[:5], before)


def test_what_was_encoded_before_a_kill_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Counting):
        def encode(self, texts: Sequence[str]) -> np.ndarray:
            if self.asked:
                raise KeyboardInterrupt
            return super().encode(texts)

    monkeypatch.setattr("linkspan.gnn.encoding.texts.CHUNK", 2)
    monkeypatch.setattr("linkspan.gnn.encoding.vector_cache.SAVED_EVERY", -1)
    first, second = Killed(), Counting()
    with pytest.raises(KeyboardInterrupt):
        embed_texts(TEXTS, first, tmp_path)
    embed_texts(TEXTS, second, tmp_path)
    assert len(first.asked) == 2 and sorted([*first.asked, *second.asked]) == sorted(set(TEXTS))


def test_another_encoder_does_not_use_the_vectors_of_the_first(tmp_path: Path) -> None:
    embed_texts(TEXTS, Counting(16), tmp_path)
    other = Counting(8)
    assert embed_texts(TEXTS, other, tmp_path).shape == (5, 8)
    assert len(other.asked) == 4


def test_a_damaged_cache_is_made_again(tmp_path: Path) -> None:
    before = embed_texts(TEXTS, HashEncoder(16), tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"PAR1 no longer")
    assert np.array_equal(embed_texts(TEXTS, HashEncoder(16), tmp_path), before)


def test_vectors_that_are_not_finite_are_refused() -> None:
    class Broken(HashEncoder):
        def encode(self, texts: Sequence[str]) -> np.ndarray:
            return np.full((len(texts), 4), np.nan, np.float32)

    with pytest.raises(ModelError, match="not finite"):
        embed_texts(TEXTS, Broken())


def test_a_snapshot_gives_vectors_of_items_and_entities(planted: Snapshot) -> None:
    text = embed_snapshot_text(planted, HashEncoder(16))
    assert {kind: len(vectors) for kind, vectors in text.items()} == {"item": 180, "Maker": 12}
    assert np.array_equal(text["item"][7], HashEncoder(16).encode([planted.items["text"][7]])[0])


class Speaking(HashEncoder):
    """Makes something of nothing, as sentence-transformers models do."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return super().encode([f"start {text}" for text in texts])


def test_a_node_without_text_has_zeros_and_a_type_without_texts_is_left_out(
    planted: Snapshot,
) -> None:
    items = planted.items.assign(text=["", " "] * 90)
    bare = replace(planted, items=items)
    assert set(embed_snapshot_text(bare, Speaking(16))) == {"Maker"}
    items.loc[5, "text"] = "a word"
    text = embed_snapshot_text(bare, Speaking(16))
    assert text["item"].any(axis=1).tolist() == [row == 5 for row in range(180)]
    assert np.array_equal(text["item"][5], Speaking(16).encode(["a word"])[0])
    assert np.array_equal(text["Maker"], Speaking(16).encode(planted.entities["Maker"]["name"]))


def test_the_baseline_text_and_its_part_need_texts(
    planted: Snapshot, settings: TrainSettings
) -> None:
    bare = replace(planted, items=planted.items.assign(text=""))
    for snapshot, there in ((bare, False), (planted, True)):
        text = embed_snapshot_text(snapshot, Speaking(16))
        fitted = with_linear(train_all(snapshot, text, settings, epochs=1))
        made = build_baselines(fitted, snapshot.events(), ("text", "popularity"))
        assert ("text" in [each.name for each in made]) == there
        assert any(each.part == "text" for each in build_signals(fitted)["hybrid"]) == there


def test_an_unknown_model_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no text encoder could be loaded"):
        SentenceEncoder(str(tmp_path / "absent")).encode(["x"])


@pytest.mark.slow
def test_the_packaged_model_knows_meaning() -> None:
    dog, puppy, tax = SentenceEncoder().encode(["a dog", "a puppy", "income tax law"])
    assert dog @ puppy > dog @ tax + 0.3


def test_settings_the_package_and_forgetting_load_no_torch() -> None:
    code = (
        "import sys, linkspan.gnn, linkspan.gnn.settings; linkspan.gnn.TrainSettings();"
        "linkspan.gnn.erase_from_model;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'sentence_transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_long_text_is_read_whole_or_cut() -> None:
    """The end of a long text counts only where it is read in pieces."""
    start = "a quiet village by the sea " * 3
    texts = ["war", start + "war and battle " * 4, start]
    cut = SentenceEncoder(max_tokens=16).encode(texts)
    mean = SentenceEncoder(max_tokens=16, long_texts="mean").encode(texts)
    assert np.allclose(cut[1], cut[2], atol=1e-5)
    assert mean[1] @ mean[0] > cut[1] @ cut[0] + 0.1
    assert np.allclose(mean[0], cut[0], atol=1e-5)
    assert np.allclose(np.linalg.norm(mean, axis=1), 1, atol=1e-5)


def test_pieces_are_weighed_by_their_tokens() -> None:
    encoder = SentenceEncoder(max_tokens=10, long_texts="mean")  # two of them begin and end
    pieces = ["one two three four five six seven eight", "nine ten"]
    parts = encoder.encode(pieces)
    whole = 8 * parts[0] + 2 * parts[1]
    found = encoder.encode([" ".join(pieces)])[0]
    assert np.allclose(found, whole / np.linalg.norm(whole), atol=1e-5)


def test_each_setting_of_an_encoder_has_its_own_cache() -> None:
    names = {
        SentenceEncoder().name,
        SentenceEncoder(max_tokens=128).name,
        SentenceEncoder(long_texts="mean").name,
    }
    assert len(names) == 3 and SentenceEncoder().name == "minilm-64"


def test_an_encoder_is_named_after_the_files_that_it_read(tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("1")
    encoder = SentenceEncoder(str(tmp_path))
    before = encoder.name
    (tmp_path / "weights").write_text("of another training")
    assert encoder.name == before != SentenceEncoder(str(tmp_path)).name
    settings = EncodingSettings(encoder=str(tmp_path), max_tokens=32, image_encoder=str(tmp_path))
    names = encoder_names(settings)
    (tmp_path / "weights").write_text("of a third")
    again = encoder_names(settings)
    assert names["text"] != again["text"] and names["image"] != again["image"]
    assert encoder_names(EncodingSettings())["text"] == "minilm-64"


@pytest.mark.parametrize(("tokens", "long_texts"), [(64, "cut"), (128, "cut"), (32, "mean")])
def test_a_query_is_read_as_the_texts_of_the_run_were(tokens: int, long_texts: LongTexts) -> None:
    of_run = build_encoder("minilm", tokens, long_texts)
    found = encoder_of_runs("minilm")
    assert found(of_run.name).name == of_run.name
    assert found(of_run.name) is found(of_run.name)  # a model is loaded once
    assert found("another-256-mean").name == "minilm-256-mean"
    assert encoder_of_runs("hash")("hash-64").name == "hash-64"
    assert found("a name of theirs").name == "minilm-64"

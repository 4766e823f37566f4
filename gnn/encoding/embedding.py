"""Everything of a snapshot that an encoder has to turn into vectors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from linkspan.errors import ModelError
from linkspan.gnn.encoding.images import ImageEncoder, embed_images
from linkspan.gnn.encoding.texts import build_encoder, embed_snapshot_text, embed_texts, text_rows
from linkspan.gnn.settings import EncodingSettings
from linkspan.graph.snapshot import Snapshot
from linkspan.precision import Precision, pack_named, unpack_named
from linkspan.progress import SILENT, Progress

FloatArray = NDArray[np.float32]


class Embedded(NamedTuple):
    """Vectors, and what could not be turned into some.

    Attributes:
        vectors: Node type to vectors (n, d) of its texts; ``item/NAME`` to those of a property that
            is a text or names an image. Zero where there is nothing.
        unread: Property to the number of its images that could not be read.
    """

    vectors: dict[str, FloatArray]
    unread: dict[str, int]


def embed_snapshot(
    snapshot: Snapshot,
    settings: EncodingSettings,
    base: Path = Path(),
    cache: Path | None = None,
    progress: Progress = SILENT,
) -> Embedded:
    """Turn texts and images into vectors; known ones come from the cache.

    Args:
        snapshot: The graph.
        settings: The encoders, and what is done with long texts.
        base: Folder that image files are seen from.
        cache: Folder of the cache; None keeps nothing.
        progress: Told of the work.

    Raises:
        ModelError: An encoder cannot be loaded, or gives vectors that are not finite.
    """
    encoder = build_encoder(settings.encoder, settings.max_tokens, settings.long_texts)
    vectors = embed_snapshot_text(snapshot, encoder, cache, progress)
    unread = {}
    for role in snapshot.roles.features:
        if role.kind not in ("text", "image"):
            continue
        name, values = role.property, snapshot.features[role.property]["value"].tolist()
        if role.kind == "text":
            vectors[f"item/{name}"] = text_rows(
                values, lambda some: embed_texts(some, encoder, cache, progress)
            )
        else:
            images = embed_images(
                values, base, ImageEncoder(settings.image_encoder), cache, progress, name
            )
            vectors[f"item/{name}"] = images.vectors
            if images.unread:
                unread[name] = len(images.unread)
    return Embedded(vectors, unread)


def save_vectors(
    vectors: Mapping[str, FloatArray], file: Path, precision: Precision = "single"
) -> None:
    """Write vectors as safetensors; those that were rounded to the precision lose nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(pack_named(dict(vectors), precision), file)


def load_vectors(file: Path) -> dict[str, FloatArray]:
    """Read what `save_vectors` wrote.

    Raises:
        ModelError: The file is missing or damaged.
    """
    try:
        return unpack_named(load_file(file))
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise ModelError(
            f"{file}: vectors cannot be read ({error})", hint="Train it again"
        ) from error


def encoder_names(settings: EncodingSettings) -> dict[str, str]:
    """Names of the encoders of the settings as they are now: equal names give equal vectors.

    Returns:
        ``text`` and ``image`` to a name with all that counts: settings, and the state of the files
        where a folder is named.
    """
    text = build_encoder(settings.encoder, settings.max_tokens, settings.long_texts)
    return {"text": text.name, "image": ImageEncoder(settings.image_encoder).name}

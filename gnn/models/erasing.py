"""A saved model without users that were taken out of its snapshot."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linkspan.gnn.events.domains import event_domains
from linkspan.gnn.events.split import Split
from linkspan.gnn.models.layout import ALONE, BASE, MANIFEST, SPLIT
from linkspan.gnn.parts.foreign import ForeignPart
from linkspan.gnn.parts.linear import DUAL, LINEAR, learn_linear, save_linear
from linkspan.gnn.settings import ModelSettings
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.erasing import without_domain

IntArray = NDArray[np.int64]


def erase_from_model(folder: Path, snapshot: Snapshot, events: IntArray) -> None:
    """Make a model one of what is left of its snapshot.

    The linear part is made anew from the events that are left, as in training, and so is what other
    sites' states lead to: they are exactly those of a training which never saw the users. The
    parameters of the network and the weights of the parts stay as they are until the next training.
    Work on a copy: broken off, it is of no use.

    Args:
        folder: What `linkspan.gnn.models.store.save` wrote.
        snapshot: What is left of the snapshot.
        events: (E,) position now of each event of the snapshot that there was; -1 for those gone.

    Raises:
        OSError: There is no whole model.
        ModelError: Its split cannot be read.
        KeyError: Its manifest is another.
        ValueError: Likewise.
    """
    file = folder / MANIFEST
    manifest = json.loads(file.read_text())
    known = snapshot.events()
    if (folder / SPLIT).exists():
        split = Split.load(folder / SPLIT)
        parts = {name: events[getattr(split, name)] for name in ("train", "validation", "test")}
        kept = {name: rows[rows >= 0] for name, rows in parts.items()}
        split = replace(split, **kept, fingerprint=snapshot.fingerprint())
        split.save(folder / SPLIT)
        known = known.iloc[split.train]
    settings = ModelSettings.model_validate(manifest["settings"]["model"])
    domains = event_domains(snapshot, known)
    if manifest["adapted"] is not None:
        before, _ = without_domain(snapshot, manifest["adapted"])
        erase_from_model(folder / BASE, before, events)  # it has no split: events are not used
    models = [(folder, known)]
    models += [
        (folder / ALONE / str(number), known[domains == domain])
        for number, domain in enumerate(manifest["alone"])
    ]
    if (foreign := ForeignPart.load(folder)) is not None:
        foreign.without(snapshot, known).save(folder)
    for own, learned in models:
        if (own / LINEAR).exists() or (own / DUAL).exists():
            save_linear(learn_linear(snapshot, learned, settings), own, settings.precision)

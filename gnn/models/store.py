"""A learned model as files: parameters as safetensors, the rest as JSON and Parquet."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from linkspan.errors import ModelError
from linkspan.gnn.events.split import Split
from linkspan.gnn.models.keys import NodeKeys
from linkspan.gnn.models.layout import ALONE, BASE, KEYS, MANIFEST, PARAMETERS, SPLIT
from linkspan.gnn.models.learned import Epoch, Learned
from linkspan.gnn.models.weights import MixtureWeights
from linkspan.gnn.network.model import NODES
from linkspan.gnn.parts.foreign import FILE as FOREIGN
from linkspan.gnn.parts.foreign import ForeignPart
from linkspan.gnn.parts.linear import load_linear, save_linear
from linkspan.gnn.parts.private import PrivatePart
from linkspan.gnn.settings import TrainSettings
from linkspan.gnn.tensors.features import Scheme
from linkspan.precision import Precision, pack_named, unpack_named

FORMAT = 8
BEGINNING = "beginning/"


def save(learned: Learned, folder: Path, split: Split | None = None) -> None:
    """Write a learned model; of states and weights what its precision leaves of them.

    Files: ``weights.safetensors``; ``keys.parquet`` (columns ``kind``, ``key`` and ``row``, that
    of the parameters); ``linear.npz``, or ``dual.npz``, where it has a linear part, ``private.npz``
    where a privacy budget bounds what was learned, ``foreign.npz`` where other sites of a
    federation sent users' states;
    ``split.parquet`` where a split is given; in ``alone/0`` and on, a model each of the domains
    whose lists come from their events only; in ``base`` what a domain was adapted on; last,
    ``model.json`` (settings with the seed, version,
    domains, scheme of the features, relations of each hop, curves, weights of the signals).

    Args:
        learned: The model.
        folder: Made if need be; files of these names are replaced.
        split: The split that its settings and number of epochs were found with.
    """
    folder.mkdir(parents=True, exist_ok=True)
    begun = {f"{BEGINNING}{name}": each for name, each in learned.beginnings.items()}
    precision = learned.settings.model.precision
    save_file(_packed({**learned.parameters, **begun}, precision), folder / PARAMETERS)
    nodes = [
        pd.DataFrame({"kind": kind, "key": rows.index, "row": rows.to_numpy(np.int64)})
        for kind, rows in learned.keys.nodes.items()
    ]
    pd.concat(nodes, ignore_index=True).to_parquet(folder / KEYS, index=False)
    if learned.linear is not None:
        save_linear(learned.linear, folder, precision)
    if learned.private is not None:
        learned.private.save(folder)
    (folder / FOREIGN).unlink(missing_ok=True)
    if learned.foreign is not None:
        learned.foreign.save(folder)
    if split is not None:
        split.save(folder / SPLIT)
    shutil.rmtree(folder / ALONE, ignore_errors=True)
    for number, each in enumerate(learned.alone.values()):
        save(each, folder / ALONE / str(number))
    shutil.rmtree(folder / BASE, ignore_errors=True)
    if learned.base is not None:
        save(learned.base, folder / BASE)
    manifest = {
        "format": FORMAT,
        "version": _version(),
        "settings": learned.settings.model_dump(mode="json"),
        "seed": learned.settings.learning.seed,
        "domains": learned.keys.domains,
        "kinds": list(learned.keys.nodes),
        "best_epoch": learned.best_epoch,
        "relations": learned.relations,
        "features": learned.scheme.model_dump(mode="json"),
        "start": learned.start,
        "curves": [epoch._asdict() for epoch in learned.curves],
        "weights": {name: weights.as_dict() for name, weights in learned.weights.items()},
        "alone": list(learned.alone),
        "adapted": learned.adapted,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2))


def load(folder: Path) -> Learned:
    """Read what `save` wrote.

    A model that was trained on CUDA is opened on the CPU where there is none.

    Raises:
        ModelError: The folder holds no model, one of another format, or a damaged one.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        known = manifest["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(folder, error) from error
    if known != FORMAT:
        raise ModelError(f"{folder}: model format {known}, expected {FORMAT}", hint="Train again")
    try:
        found = _unpacked(load_file(folder / PARAMETERS))
        weights = {n: MixtureWeights.read(values) for n, values in manifest["weights"].items()}
        table = pd.read_parquet(folder / KEYS)
        nodes = {
            kind: table[table["kind"] == kind].astype({"key": object}).set_index("key")["row"]
            for kind in manifest["kinds"]
        }
        return Learned(
            settings=TrainSettings.model_validate(manifest["settings"]),
            keys=NodeKeys(tuple(manifest["domains"]), nodes),
            relations=tuple(
                tuple((source, name, target) for source, name, target in keys)
                for keys in manifest["relations"]
            ),
            scheme=Scheme.model_validate(manifest["features"]),
            parameters={n: each for n, each in found.items() if not n.startswith(BEGINNING)},
            beginnings={
                name.removeprefix(BEGINNING): each
                for name, each in found.items()
                if name.startswith(BEGINNING)
            },
            start=float(manifest["start"]),
            private=(private := PrivatePart.load(folder)),
            foreign=ForeignPart.load(folder),
            linear=load_linear(folder) if weights and private is None else None,
            weights=weights,
            curves=tuple(Epoch(**epoch) for epoch in manifest["curves"]),
            best_epoch=int(manifest["best_epoch"]),
            alone={
                domain: load(folder / ALONE / str(number))
                for number, domain in enumerate(manifest["alone"])
            },
            adapted=manifest["adapted"],
            base=None if manifest["adapted"] is None else load(folder / BASE),
        )
    except (OSError, KeyError, TypeError, ValueError, SafetensorError, RuntimeError) as error:
        raise _unreadable(folder, error) from error


def _packed(parameters: Mapping[str, Tensor], precision: Precision) -> dict[str, Tensor]:
    """Parameters with those of nodes in fewer bytes; the others are few, and stay as they are."""
    own = {name: each.numpy() for name, each in parameters.items() if name.startswith(NODES)}
    kept = {name: torch.from_numpy(each) for name, each in pack_named(own, precision).items()}
    return {**{name: each for name, each in parameters.items() if name not in own}, **kept}


def _unpacked(kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The parameters that `_packed` made these of."""
    own = {name: each.numpy() for name, each in kept.items() if NODES in name}
    whole = {name: torch.from_numpy(each) for name, each in unpack_named(own).items()}
    return {**{name: each for name, each in kept.items() if name not in own}, **whole}


def _unreadable(folder: Path, error: Exception) -> ModelError:
    return ModelError(f"{folder}: not a readable model ({error})", hint="Train it again")


def _version() -> str:
    try:
        return version("linkspan")
    except PackageNotFoundError:
        return "unknown"

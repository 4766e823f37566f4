"""A fitted model as files: weights as safetensors, the rest as JSON and Parquet."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from linkspan.errors import ModelError
from linkspan.gnn.events.split import Split
from linkspan.gnn.models.fitted import Epoch, FittedModel, Weights, choose_device
from linkspan.gnn.network.model import HistoryGNN
from linkspan.gnn.parts.linear import load_linear, save_linear
from linkspan.gnn.settings import TrainSettings
from linkspan.gnn.tensors.features import Scheme
from linkspan.gnn.tensors.hetero_data import build_hetero_data
from linkspan.graph.snapshot import Snapshot

FORMAT = 4
WEIGHTS, MANIFEST, TEXT, SPLIT = (
    "weights.safetensors",
    "model.json",
    "text.safetensors",
    "split.parquet",
)


def save(fitted: FittedModel, folder: Path, split: Split | None = None) -> None:
    """Write a model that was fitted on all events of its snapshot.

    Files: ``weights.safetensors``; ``text.safetensors`` (vectors by node type, or ``item/NAME`` for
    those of a property); ``model.json`` (settings with the seed, version, fingerprint of the
    snapshot, scheme of the features, relations of each hop, curves, weights of the parts);
    ``linear.npz``, or ``dual.npz``, where it has a linear part; ``split.parquet`` where a split is
    given.

    Args:
        fitted: The model.
        folder: Made if need be; files of these names are replaced.
        split: The split that its settings and number of epochs were found with.

    Raises:
        ModelError: The model's known events are not all events of its snapshot.
    """
    if len(fitted.events) != len(fitted.snapshot.events()):
        raise ModelError(
            "only a model over all events of its snapshot can be saved",
            hint="Fit it with 'train_all', or give it all events with 'with_events'",
        )
    folder.mkdir(parents=True, exist_ok=True)
    save_file(fitted.model.state_dict(), folder / WEIGHTS)
    text = {kind: torch.from_numpy(vectors) for kind, vectors in fitted.text.items()}
    save_file(text, folder / TEXT)
    if fitted.linear is not None:
        save_linear(fitted.linear, folder)
    if split is not None:
        split.save(folder / SPLIT)
    manifest = {
        "format": FORMAT,
        "version": _version(),
        "fingerprint": fitted.snapshot.fingerprint(),
        "settings": fitted.settings.model_dump(mode="json"),
        "seed": fitted.settings.seed,
        "best_epoch": fitted.best_epoch,
        "relations": [["/".join(key) for key in keys] for keys in fitted.model.relations],
        "features": fitted.data["item"].scheme.model_dump(mode="json"),
        "curves": [epoch._asdict() for epoch in fitted.curves],
        "weights": {name: weights._asdict() for name, weights in fitted.weights.items()},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2))


def load(folder: Path, snapshot: Snapshot) -> FittedModel:
    """Read what `save` wrote, for use on the snapshot it was fitted on.

    Raises:
        ModelError: The folder holds no model, one of another format, a damaged one, or one of
            another snapshot.
    """
    manifest = _read_manifest(folder)
    if manifest["fingerprint"] != snapshot.fingerprint():
        raise ModelError(
            f"{folder}: the model was fitted on another snapshot (fingerprint "
            f"{manifest['fingerprint'][:12]}, this one has {snapshot.fingerprint()[:12]})",
            hint="Load the snapshot it was fitted on, or train again",
        )
    try:
        settings = TrainSettings.model_validate(manifest["settings"])
        curves = tuple(Epoch(**epoch) for epoch in manifest["curves"])
        best_epoch = int(manifest["best_epoch"])
        parts = {name: Weights.read(values) for name, values in manifest["weights"].items()}
        linear = load_linear(folder) if parts else None
        weights = load_file(folder / WEIGHTS)
        text = {kind: vectors.numpy() for kind, vectors in load_file(folder / TEXT).items()}
        events, device = snapshot.events(), choose_device(settings.device)
        scheme = Scheme.model_validate(manifest.get("features", {}))
        data = build_hetero_data(snapshot, events, text, settings, scheme=scheme)
        model = HistoryGNN(data, len(snapshot.domains), settings)
        model.load_state_dict(weights)
    except (OSError, KeyError, TypeError, ValueError, SafetensorError, RuntimeError) as error:
        raise ModelError(
            f"{folder}: not a readable model ({error})", hint="Train it again"
        ) from error
    return FittedModel(
        snapshot=snapshot,
        settings=settings,
        text=text,
        events=events,
        data=data.to(device),
        model=model.to(device).eval(),
        curves=curves,
        best_epoch=best_epoch,
        linear=linear,
        weights=parts,
    )


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        found = manifest["format"], manifest["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder}: not a readable model ({error})", hint="Train it again"
        ) from error
    if found[0] != FORMAT:
        raise ModelError(
            f"{folder}: model format {found[0]}, expected {FORMAT}", hint="Train it again"
        )
    return manifest


def _version() -> str:
    try:
        return version("linkspan")
    except PackageNotFoundError:
        return "unknown"

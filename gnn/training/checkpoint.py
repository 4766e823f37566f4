"""The state of a training in a file, so that one that was broken off goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from linkspan.gnn.events.split import Split
from linkspan.gnn.models.learned import Epoch, FittedModel
from linkspan.gnn.settings import TrainSettings
from linkspan.gnn.training.engine import Engine

Tensors = dict[str, Tensor]
FloatArray = NDArray[np.float32]


class Progressed(NamedTuple):
    """Progress of a training so far.

    Attributes:
        curves: Its epochs so far.
        best: The best of them.
        best_weights: Parameters after that one; none where the last ones are kept.
    """

    curves: list[Epoch]
    best: Epoch
    best_weights: Tensors


class Checkpoint:
    """A file with all that the next epoch depends on.

    Args:
        file: Where it is kept, as safetensors; None keeps nothing.
        fingerprint: Of the snapshot.
        settings: Of the training.
        split: What was held out, or None.
        text: The vectors that it reads.
        epochs: How many there are to be, where that is known; else what the settings say.
        teacher: A network that is learned from.
    """

    def __init__(
        self,
        file: Path | None,
        fingerprint: str,
        settings: TrainSettings,
        split: Split | None,
        text: Mapping[str, FloatArray],
        epochs: int | None = None,
        teacher: FittedModel | None = None,
    ) -> None:
        self._file = file
        told = f"{fingerprint} {settings.model_dump_json()} {epochs}"
        digest = hashlib.sha256(told.encode())
        for name, vectors in sorted(text.items()) if file is not None else ():
            digest.update(name.encode() + np.ascontiguousarray(vectors).tobytes())
        for rows in (split.train, split.validation, split.test) if split else ():
            digest.update(np.ascontiguousarray(rows).tobytes() + b"/")
        if teacher is not None and file is not None:
            for name, value in sorted(teacher.model.state_dict().items()):
                digest.update(name.encode() + value.cpu().numpy().tobytes())
        self._key = digest.hexdigest()

    def save(
        self,
        progressed: Progressed,
        learned: nn.Module,
        engine: Engine,
        random: np.random.Generator,
    ) -> None:
        """Replace the file, whole or not at all."""
        if self._file is None:
            return
        if engine.place == 0:
            self._write(self._file, progressed, learned, engine, random)
        engine.saved(self._file)

    def _write(
        self,
        target: Path,
        progressed: Progressed,
        learned: nn.Module,
        engine: Engine,
        random: np.random.Generator,
    ) -> None:
        tensors = {f"model/{name}": value for name, value in learned.state_dict().items()}
        tensors |= {f"best/{name}": value for name, value in progressed.best_weights.items()}
        tensors |= {f"engine/{name}": value for name, value in engine.state().items()}
        about = {
            "key": self._key,
            "curves": [epoch._asdict() for epoch in progressed.curves],
            "best": progressed.best._asdict(),
            "random": random.bit_generator.state,
        }
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f"{target.name}.new")
        there = {name: value.detach().cpu() for name, value in tensors.items()}
        save_file(there, fresh, metadata={"about": json.dumps(about)})
        fresh.replace(target)

    def restore(
        self, learned: nn.Module, engine: Engine, random: np.random.Generator
    ) -> Progressed | None:
        """Go on from the file, if it is of this training; None if there is none such."""
        found = self._read()
        if found is None:
            return None
        tensors, about = found
        weights = _below("model/", tensors)
        if _shapes(weights) != _shapes(learned.state_dict()):  # by another version of Linkspan
            return None
        learned.load_state_dict(weights)
        engine.restore(_below("engine/", tensors))
        random.bit_generator.state = about["random"]
        curves = [Epoch(**epoch) for epoch in about["curves"]]
        return Progressed(curves, Epoch(**about["best"]), _below("best/", tensors))

    def _read(self) -> tuple[Tensors, dict[str, Any]] | None:
        if self._file is None or not self._file.exists():
            return None
        try:
            with safe_open(self._file, framework="pt") as file:
                about = json.loads(file.metadata()["about"])
                if about["key"] != self._key:
                    return None
                return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            return None  # damaged: the training begins anew


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in tensors.items()}


def _below(prefix: str, tensors: Tensors) -> Tensors:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }

"""The engine of a training: device, gradients and steps, and who else takes part in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from linkspan.gnn.network.columns import WHOLE, Columns
from linkspan.gnn.network.model import HistoryGNN
from linkspan.gnn.settings import LearningSettings
from linkspan.gnn.training.rates import Rates

IntArray = NDArray[np.int64]


class Engine:
    """One process on one device; the training step does not know what else there could be.

    Attributes:
        place: Number of this worker, from 0.
        workers: Number of workers that share the events of each batch.
        columns: Of the states, those that messages are passed for here.

    Args:
        device: Where tensors are.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.place, self.workers = 0, 1
        self.columns: Columns = WHOLE

    def start(self, learned: nn.Module, rates: Rates, settings: LearningSettings) -> None:
        """Make the optimiser.

        Args:
            learned: Everything that may be learned: the network and the objective.
            rates: Of its parameters, by name.
            settings: Learning rate and weight decay.
        """
        self._frozen = rates.frozen_rows(learned.named_parameters())
        groups = rates.groups(learned.named_parameters(), settings.learning_rate)
        self.optimizer = torch.optim.Adam(
            groups, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss to those of the parameters."""
        loss.backward()  # type: ignore[no-untyped-call]

    def mine(self, users: IntArray) -> NDArray[np.bool_]:
        """Tell which of some users' rows (B,) are learned from here."""
        mine: NDArray[np.bool_] = users % self.workers == self.place
        return mine

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Inside, torch draws for the events of this worker alone."""
        yield

    def together(self, loss: float) -> float:
        """Sum the gradients, and parts of a loss, over all workers."""
        return loss

    def mean(self, values: tuple[float, float], rows: int) -> tuple[float, float]:
        """Means over the rows of all workers, from those over so many rows here."""
        return values

    def saved(self, file: Path) -> None:
        """Hear that an epoch's checkpoint is written, by the worker at place 0."""

    def end_epoch(self, network: HistoryGNN, events: int) -> None:
        """Hear that an epoch has come to its end; parameters may be changed here.

        Args:
            network: What was learned.
            events: Number of events that it was learned from.
        """

    def step(self) -> None:
        """Change the parameters by their gradients, and forget these."""
        for parameter, rows in self._frozen:
            if parameter.grad is not None:
                parameter.grad[rows] = 0.0
        self.optimizer.step()
        self.optimizer.zero_grad()

    def state(self) -> dict[str, Tensor]:
        """All that the next step depends on beside the parameters: optimiser and generators."""
        found = {"random/cpu": torch.get_rng_state()}
        found |= {f"random/cuda/{place}": each for place, each in enumerate(_cuda_states())}
        for number, state in self.optimizer.state_dict()["state"].items():
            found |= {f"optimizer/{number}/{name}": value for name, value in state.items()}
        return found

    def restore(self, found: Mapping[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        states: dict[int, dict[str, Any]] = {}
        for name, value in found.items():
            if name.startswith("optimizer/"):
                _, number, part = name.split("/")
                states.setdefault(int(number), {})[part] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": states, "param_groups": groups})
        torch.set_rng_state(found["random/cpu"])
        count = sum(name.startswith("random/cuda/") for name in found)
        cuda = [found[f"random/cuda/{place}"] for place in range(count)]
        if len(cuda) == len(_cuda_states()):  # not on a machine with other devices
            torch.cuda.set_rng_state_all(cuda)


def _cuda_states() -> list[Tensor]:
    """The generators of all CUDA devices, which draw what is left out of histories there."""
    return torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []

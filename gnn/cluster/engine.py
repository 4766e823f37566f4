"""The engine of a training that several workers share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, distributed

from linkspan.gnn.cluster.columns import OwnColumns
from linkspan.gnn.training.engine import Engine


class ClusterEngine(Engine):
    """One of several workers that take each step together.

    All hold the whole graph and draw the same batches; each takes the gradients of the events of
    its users, and their sum is that of one process alone, so that the parameters stay the same on
    all. The workers are a process group of `torch.distributed`.

    Args:
        place: Number of this worker, from 0.
        workers: How many there are.
        on_saved: Called by each with its checkpoint's file, which is written at place 0 alone.
    """

    def __init__(self, place: int, workers: int, on_saved: Callable[[Path], None]) -> None:
        super().__init__(torch.device("cpu"))
        self.place, self.workers, self._on_saved = place, workers, on_saved
        self.columns: OwnColumns = OwnColumns(place, workers)

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Inside, torch draws by a generator of this worker's own; after, as on all others."""
        seed = int(torch.randint(2**48, ()))
        with torch.random.fork_rng():
            torch.manual_seed(seed + self.place)
            yield

    def together(self, loss: float) -> float:
        """Sum the gradients, and parts of a loss, over all workers.

        A parameter that no worker has a gradient of keeps none, as alone.
        """
        self.columns.back()
        learned = [each for group in self.optimizer.param_groups for each in group["params"]]
        there = [float(each.grad is not None) for each in learned]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in learned]
        flat = torch.cat([torch.tensor([loss, *there]), *(each.flatten() for each in gradients)])
        _sum(flat)
        sizes = [1 + len(there), *(each.numel() for each in learned)]
        found, *parts = torch.split(flat, sizes)
        total, *counts = found.tolist()
        for each, count, part in zip(learned, counts, parts, strict=True):
            each.grad = part.view_as(each) if count else None
        return float(total)

    def mean(self, values: tuple[float, float], rows: int) -> tuple[float, float]:
        """Means over the rows of all workers, from those over so many rows here."""
        sums = torch.tensor([*(rows * value for value in values), rows], dtype=torch.float64)
        _sum(sums)
        first, second, count = sums.tolist()
        return first / count, second / count

    def saved(self, file: Path) -> None:
        """Hand an epoch's checkpoint on."""
        self._on_saved(file)


def _sum(values: Tensor) -> None:
    """Replace values by their sum over all workers."""
    distributed.all_reduce(values)

"""The columns of states that a worker passes messages for; those of all are put side by side."""

from __future__ import annotations

import torch
from torch import Tensor, distributed
from torch.nn import functional

from linkspan.gnn.network.columns import Columns


class OwnColumns(Columns):
    """Every worker has as many columns, but for the last ones; they send what they make of them.

    On its way back a gradient ends at what `joined` gave, until `back` sends each worker the
    gradients of its columns: so they are sent once, in however many pieces the events of a batch
    are learned, and by a worker that has none of them, too.

    Args:
        place: Number of this worker, from 0.
        workers: How many there are.
    """

    def __init__(self, place: int, workers: int) -> None:
        self._place, self._workers = place, workers
        self._made: list[tuple[Tensor, Tensor]] = []

    def own(self, x: Tensor, dim: int = 1) -> Tensor:
        """As `Columns.own`."""
        width, size = x.shape[dim], self._size(x.shape[dim])
        start = min(self._place * size, width)
        return x.narrow(dim, start, min(size, width - start))

    def joined(self, x: Tensor, width: int) -> Tensor:
        """As `Columns.joined`; all workers have to call it."""
        rows, size = len(x), self._size(width)
        part = functional.pad(x.detach(), (0, size - x.shape[1]))
        parts = part.new_empty(self._workers * rows, size)
        distributed.all_gather_into_tensor(parts, part)
        whole = parts.view(-1, rows, size).transpose(0, 1).flatten(1)[:, :width].contiguous()
        if x.requires_grad:
            self._made.append((x, whole.requires_grad_()))
        return whole

    def back(self) -> None:
        """Take the gradients of all own columns, summed over the workers, all of which call it."""
        made, self._made = self._made, []
        if made:
            torch.autograd.backward([x for x, _ in made], [self._summed(*each) for each in made])

    def _summed(self, x: Tensor, whole: Tensor) -> Tensor:
        """Gradient of the own columns (n, K'), from what each worker has at all columns (n, K)."""
        rows, width = whole.shape
        gradient = torch.zeros_like(whole) if whole.grad is None else whole.grad
        padded = functional.pad(gradient, (0, self._workers * self._size(width) - width))
        sent = padded.view(rows, self._workers, -1).transpose(0, 1).contiguous()  # by worker
        heard = torch.empty_like(sent)
        distributed.all_to_all_single(heard, sent)
        return heard.sum(dim=0)[:, : x.shape[1]]

    def _size(self, width: int) -> int:
        """Columns of a worker, but of the last ones."""
        return -(-width // self._workers)

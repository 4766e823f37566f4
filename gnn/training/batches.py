"""Batches of events to learn from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from linkspan.gnn.events.dislikes import Dislikes
from linkspan.gnn.events.history import Histories
from linkspan.gnn.settings import LearningSettings
from linkspan.gnn.tensors.subgraph import Subgraph

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Events to be predicted, sorted by domain, so that those of one share their negatives.

    Attributes:
        users: (B,) user rows.
        domains: (B,) positions of the domains.
        history: (B, L) item rows, `PAD` where there is none.
        targets: (B,) item rows.
        disliked: (B, D) items that the users did not like, `PAD` where there are none.
        negatives: For each domain that is there: first and last event (exclusive), and item rows.
        kept: (B, L) which events of the histories count; None: all.
    """

    users: Tensor
    domains: Tensor
    history: Tensor
    targets: Tensor
    disliked: Tensor
    negatives: tuple[tuple[int, int, Tensor], ...]
    kept: Tensor | None = None

    def __len__(self) -> int:
        return len(self.users)

    def items(self) -> Tensor:
        """All items in it, each once."""
        rows = [self.history, self.targets, self.disliked, *(rows for *_, rows in self.negatives)]
        known: Tensor = torch.unique(torch.cat([each.flatten() for each in rows]))
        return known[known >= 0]

    def take(self, which: Tensor) -> Batch:
        """Some of the events, with the negatives that all of them share.

        Args:
            which: (B,), bool.
        """
        ends = functional.pad(which.cumsum(0), (1, 0)).tolist()  # events taken before each
        return Batch(
            self.users[which],
            self.domains[which],
            self.history[which],
            self.targets[which],
            self.disliked[which],
            tuple(
                (ends[start], ends[end], rows)
                for start, end, rows in self.negatives
                if ends[end] > ends[start]
            ),
            None if self.kept is None else self.kept[which],
        )

    def within(self, subgraph: Subgraph, *, users: bool) -> Batch:
        """The same events, by the rows that their items, and users if asked, have in a subgraph."""

        def place(rows: Tensor) -> Tensor:
            return subgraph.place("item", rows)

        return replace(
            self,
            users=subgraph.place("user", self.users) if users else self.users,
            history=place(self.history),
            targets=place(self.targets),
            disliked=place(self.disliked),
            negatives=tuple((start, end, place(rows)) for start, end, rows in self.negatives),
        )


class BatchBuilder:
    """Draws what the targets of a batch are ranked against.

    Args:
        pools: For each domain, its item rows.
        dislikes: What users did not like.
        settings: Numbers of negatives.
        random: Draws them.
        device: Where batches go.
    """

    def __init__(
        self,
        pools: list[IntArray],
        dislikes: Dislikes,
        settings: LearningSettings,
        random: np.random.Generator,
        device: torch.device,
    ) -> None:
        self._pools, self._dislikes, self._settings = pools, dislikes, settings
        self._random, self._device = random, device

    def build(self, histories: Histories, targets: IntArray) -> Batch:
        """A batch of targets (B,), sorted by domain, and what came before them."""
        disliked = self._disliked(histories)
        ends = np.searchsorted(histories.domains, np.arange(len(self._pools) + 1))
        negatives = tuple(
            (int(start), int(end), self._tensor(self._drawn(pool)))
            for start, end, pool in zip(ends[:-1], ends[1:], self._pools, strict=True)
            if end > start
        )
        return Batch(
            self._tensor(histories.users),
            self._tensor(histories.domains),
            self._tensor(histories.items),
            self._tensor(targets),
            self._tensor(disliked),
            negatives,
        )

    def _drawn(self, pool: IntArray) -> IntArray:
        size = self._settings.negatives
        if len(pool) <= size:
            return pool
        return pool[self._random.choice(len(pool), size, replace=False)]

    def _disliked(self, histories: Histories) -> IntArray:
        size = self._settings.dislikes
        if not (size and self._dislikes):
            return np.zeros((len(histories), 0), np.int64)
        return self._dislikes.draw(histories.users, histories.domains, size, self._random)

    def _tensor(self, array: IntArray) -> Tensor:
        return torch.from_numpy(array).to(self._device)

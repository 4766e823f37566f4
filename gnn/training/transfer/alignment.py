"""Alignment of domains by a distance between samples of their states."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from linkspan.gnn.training.objective import Step, Term
from linkspan.gnn.training.transfer.clusters import Clusters
from linkspan.gnn.training.transfer.populations import (
    FEWEST,
    Aligned,
    Groups,
    ring,
    shared_groups,
)


class Alignment(Term):
    """Mean distance between the states of two domains, of items, users or both.

    Args:
        align: Whose states.
        clusters: Clusters of tastes within which they are compared, as Zhu et al. (2021, deep
            subdomain adaptation) do; 0: over all.
        width: K.
    """

    def __init__(self, align: Aligned, clusters: int, width: int) -> None:
        super().__init__()
        self.align, self.count = align, clusters
        kinds = ("items", "users") if clusters else ()
        self.clusters = nn.ModuleDict({f"of_{kind}": Clusters(clusters, width) for kind in kinds})

    @abstractmethod
    def distance(self, one: Tensor, other: Tensor) -> Tensor:
        """Distance of two samples (n, K) and (m, K), a scalar; 0 where they are alike."""

    def forward(self, step: Step) -> Tensor:
        """Mean over pairs of domains, times the events of the batch; 0 where too few are there."""
        found = shared_groups(step, self.align)
        values = [self._of_kind(kind, groups) for kind, groups in found.items()]
        there = [each for each in values if each is not None]
        if not there:
            return step.users.new_zeros(())
        return torch.stack(there).sum() * len(step.batch)

    def _of_kind(self, kind: str, groups: Groups) -> Tensor | None:
        """Mean over pairs of domains, and over clusters if there are any."""
        pairs = ring(list(groups))
        samples = [(groups[one], groups[other]) for one, other in pairs]
        if self.count and pairs:
            of = self.clusters[f"of_{kind}"](groups)
            samples = [
                (groups[one][of[one] == cluster], groups[other][of[other] == cluster])
                for one, other in pairs
                for cluster in range(self.count)
            ]
        values = [self.distance(*each) for each in samples if min(map(len, each)) >= FEWEST]
        return torch.stack(values).mean() if values else None

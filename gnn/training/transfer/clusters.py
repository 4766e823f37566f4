"""Clusters of tastes that go across domains."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from linkspan.gnn.training.transfer.populations import Groups

_RATE = 0.1
"""Share of the way that a centre goes, at each batch, to the mean of what is next to it."""


class Clusters(nn.Module):
    """k-means over the batches as they come (Sculley, 2010, Web-scale k-means clustering).

    States are looked at less the mean of their domain: else a domain that is far off would be a
    cluster by itself, and no taste would be found in two. Nothing of it has a gradient.

    Args:
        count: Number of clusters C.
        width: K.
    """

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.centres: Tensor
        self.register_buffer("centres", torch.zeros(count, width))
        self.begun: Tensor
        self.register_buffer("begun", torch.tensor(False))

    @torch.no_grad()
    def forward(self, groups: Groups) -> dict[int, Tensor]:
        """Domain to the clusters (n,) of its states; the centres follow."""
        centred = {domain: each - each.mean(dim=0) for domain, each in groups.items()}
        states = torch.cat(list(centred.values()))
        if len(states) < len(self.centres):
            return {domain: each.new_zeros(len(each)).long() for domain, each in groups.items()}
        if not self.begun:
            self._begin(states)
        near = torch.cdist(states, self.centres).argmin(dim=1)  # (n,)
        for cluster in range(len(self.centres)):
            own = states[near == cluster]
            if len(own):
                self.centres[cluster].lerp_(own.mean(dim=0), _RATE)
        parts = torch.split(near, [len(each) for each in centred.values()])
        return dict(zip(groups, parts, strict=True))

    def _begin(self, states: Tensor) -> None:
        """Begin with states as far from each other as may be (Gonzalez, 1985)."""
        chosen = states[:1]
        for _ in range(1, len(self.centres)):
            far = torch.cdist(states, chosen).amin(dim=1).argmax()
            chosen = torch.cat([chosen, states[far][None]])
        for _ in range(10):
            near = torch.cdist(states, chosen).argmin(dim=1)
            own = [states[near == cluster] for cluster in range(len(chosen))]
            chosen = torch.stack(
                [e.mean(dim=0) if len(e) else c for e, c in zip(own, chosen, strict=True)]
            )
        self.centres.copy_(chosen)
        self.begun.fill_(True)

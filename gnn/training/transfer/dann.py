"""Domain-adversarial training."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from linkspan.gnn.training.objective import Step
from linkspan.gnn.training.transfer.clusters import Clusters
from linkspan.gnn.training.transfer.populations import Aligned, Groups, shared_groups
from linkspan.gnn.training.transfer.watched import Watched, frozen, learn, spread

RAMP = 5
"""Epochs over which the reversed gradients grow to their full size."""


class Reverse(torch.autograd.Function):
    """Identity whose gradients come back times ``-factor``."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, factor: float) -> Tensor:
        """The states as they are."""
        ctx.factor = factor
        return states.view_as(states)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Gradients turned round."""
        return -ctx.factor * gradients[0], None


class DANN(Watched):
    """A classifier learns whose domain a state is of, and the network learns to deceive it.

    Ganin et al. (2016, arXiv:1505.07818): gradients are reversed between the two, with a factor
    that grows from 0 as theirs does, so that the classifier has learned something before it is
    fought. With clusters it sees the outer product of a state and its taste, as CDAN (Long et al.,
    2018, arXiv:1705.10667) takes that of a state and what is predicted of it; domains are then made
    alike taste by taste.

    Args:
        align: Whose states.
        clusters: Clusters of tastes; 0: the classifier sees the state alone.
        domains: Number of domains D.
        width: K.
    """

    name: ClassVar[str] = "dann"

    def __init__(self, align: Aligned, clusters: int, domains: int, width: int) -> None:
        super().__init__()
        self.align, self.count, self.factor = align, clusters, 0.0
        kinds = ("items", "users") if align == "both" else (align,)
        self.classifiers = nn.ModuleDict(
            {
                f"of_{kind}": nn.Sequential(
                    spectral_norm(nn.Linear(width * max(clusters, 1), width)),
                    nn.LeakyReLU(0.2),
                    spectral_norm(nn.Linear(width, domains)),
                )
                for kind in kinds
            }
        )
        known = kinds if clusters else ()
        self.clusters = nn.ModuleDict({f"of_{kind}": Clusters(clusters, width) for kind in known})

    def begin_epoch(self, epoch: int) -> None:
        """Set the factor: 0 in the first epoch, and all but 1 after `RAMP`."""
        self.factor = 2 / (1 + math.exp(-10 * min((epoch - 1) / RAMP, 1.0))) - 1

    def forward(self, step: Step) -> Tensor:
        """Loss of the classifiers, in nats, times the events; 0 where one domain alone is there."""
        values = [
            self._of_kind(kind, groups)
            for kind, groups in shared_groups(step, self.align).items()
            if len(groups) > 1
        ]
        if not values:
            return step.users.new_zeros(())
        return torch.stack(values).sum() * len(step.batch)

    def _of_kind(self, kind: str, groups: Groups) -> Tensor:
        states = torch.cat(list(groups.values()))  # (n, K)
        own = torch.tensor(list(groups), device=states.device)
        sizes = torch.tensor([len(each) for each in groups.values()], device=states.device)
        domains = own.repeat_interleave(sizes)  # (n,)
        shown: Tensor = Reverse.apply(states, self.factor)
        if self.clusters:
            tastes = torch.cat(list(self.clusters[f"of_{kind}"](groups).values()))
            one_hot = functional.one_hot(tastes, self.count).to(shown.dtype)
            shown = (one_hot[:, :, None] * shown[:, None]).flatten(1)  # (n, C * K)
        # Each domain counts alike, however many of its states are there.
        weights = (len(states) / (len(sizes) * sizes)).repeat_interleave(sizes)
        classifier = self.classifiers[f"of_{kind}"]

        def loss_of(inputs: Tensor) -> Tensor:
            logits = classifier(inputs)
            return (functional.cross_entropy(logits, domains, reduction="none") * weights).mean()

        learn(classifier, lambda: loss_of(shown.detach()))
        with frozen(classifier):
            loss = loss_of(shown)
        self.saw(loss / math.log(len(sizes)), spread(states))
        return loss

"""Maximum mean discrepancy."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from linkspan.gnn.training.transfer.alignment import Alignment

_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Widths of the kernels, in medians of the squared distances."""


class MMD(Alignment):
    """Means of the domains' states are alike in the feature spaces of several Gaussian kernels.

    Gretton et al. (2012, A kernel two-sample test), as the loss of a network by Long et al. (2015,
    DAN, arXiv:1502.02791): all kernels count alike, their widths are multiples of the median.
    """

    name: ClassVar[str] = "mmd"

    def distance(self, one: Tensor, other: Tensor) -> Tensor:
        """Squared discrepancy, from 0 to 2: biased, so that it is never below 0."""
        states = torch.cat([one, other])
        norms = states.square().sum(dim=1)
        squares = (norms[:, None] + norms - 2 * states @ states.T).clamp(min=0)  # (n + m, n + m)
        apart = ~torch.eye(len(states), dtype=torch.bool, device=states.device)
        median = squares.detach()[apart].median().clamp(min=1e-6)
        kernel = torch.stack([torch.exp(-squares / (f * median)) for f in _FACTORS]).mean(dim=0)
        sign = torch.cat(
            [one.new_full((len(one),), 1 / len(one)), one.new_full((len(other),), -1 / len(other))]
        )
        return sign @ kernel @ sign

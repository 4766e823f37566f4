"""Correlation alignment."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from linkspan.gnn.training.transfer.alignment import Alignment


class Coral(Alignment):
    """Covariances of the domains' states are alike.

    Deep CORAL (Sun & Saenko, 2016, arXiv:1607.01719), without its factor ``1 / (4 K ** 2)``: states
    are of unit length, so that the trace of a covariance is at most 1 whatever their width.
    """

    name: ClassVar[str] = "coral"

    def distance(self, one: Tensor, other: Tensor) -> Tensor:
        """Squared Frobenius norm of the difference of the covariances."""
        return (_covariance(one) - _covariance(other)).square().sum()


def _covariance(states: Tensor) -> Tensor:
    """(K, K), unbiased."""
    centred = states - states.mean(dim=0)
    return centred.T @ centred / (len(states) - 1)

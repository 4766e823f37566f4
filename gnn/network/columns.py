"""Columns of the states that messages are passed for: all, or those of one of several workers."""

from __future__ import annotations

from torch import Tensor


class Columns:
    """All K columns of each state, as where one process is alone.

    Until the adapters no column of a state meets another one where convolutions are light, so that
    several workers can each take some of them.
    """

    def own(self, x: Tensor, dim: int = 1) -> Tensor:
        """Cut to the own columns, which the dimension ``dim`` holds: (n, K) to (n, K')."""
        return x

    def joined(self, x: Tensor, width: int) -> Tensor:
        """States of all K columns, from those of the own ones (n, K').

        Args:
            x: The own columns.
            width: K.
        """
        return x


WHOLE = Columns()

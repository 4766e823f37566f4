"""The plan of a training: which parameters, or rows of them, are learned, and at which rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class Rates:
    """Factors of the learning rate by the names of parameters.

    Attributes:
        rules: Patterns such as ``identity.*`` with a factor each; the first that fits a name
            counts, 0 freezes what it fits, and what none fits is learned at the full rate.
        rows: Name of a parameter to the rows (n,), bool, that are learned; all, where it has none.
    """

    rules: tuple[tuple[str, float], ...] = ()
    rows: Mapping[str, Tensor] = field(default_factory=dict)

    def factor(self, name: str) -> float:
        """The factor of a parameter."""
        return next((factor for pattern, factor in self.rules if fnmatchcase(name, pattern)), 1.0)

    def groups(
        self, parameters: Iterable[tuple[str, nn.Parameter]], learning_rate: float
    ) -> list[dict[str, Any]]:
        """Groups of parameters as an optimiser takes them; frozen ones need no gradient.

        Args:
            parameters: Names and parameters, as `torch.nn.Module.named_parameters` gives them.
            learning_rate: Of what has the factor 1.
        """
        found: dict[float, list[nn.Parameter]] = {}
        for name, parameter in parameters:
            factor = self.factor(name)
            parameter.requires_grad_(factor > 0)
            if factor > 0:
                found.setdefault(factor, []).append(parameter)
        return [{"params": some, "lr": learning_rate * f} for f, some in found.items()]

    def frozen_rows(
        self, parameters: Iterable[tuple[str, nn.Parameter]]
    ) -> list[tuple[nn.Parameter, Tensor]]:
        """Parameters of which some rows stay as they are, and which (n,), bool, on their device."""
        return [
            (parameter, ~self.rows[name].to(parameter.device))
            for name, parameter in parameters
            if name in self.rows
        ]


JOINT = Rates((("network.*.gate", 0.0),))
"""Everything is learned, at one rate, but the gates of the domains: learned with all the rest they
give nothing (docs/decisions.md); `adapt` learns that of the new domain."""

"""Weight of each signal of a score, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class SignalWeights:
    """Weights of the signals whose sum is a score (`linkspan.gnn.scores.hybrid`).

    Attributes:
        shared: Name of each signal to its weight over all domains.
        own: Domain to the same for it alone.
    """

    shared: Mapping[str, float]
    own: Mapping[str, Mapping[str, float]]

    @classmethod
    def read(cls, values: dict[str, Any]) -> SignalWeights:
        """From what JSON gives."""
        return cls(dict(values["shared"]), {name: dict(own) for name, own in values["own"].items()})

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)

    def of(self, domain: str) -> Mapping[str, float]:
        """Weights in a domain; in one that was not there when they were found, the shared ones."""
        return self.own.get(domain, self.shared)

"""Weight of each signal of a score, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np


@dataclass(frozen=True)
class SignalWeights:
    """Weights of the signals whose sum is a score (`linkspan.gnn.scores.hybrid`).

    Attributes:
        shared: Name of each signal to its weight over all domains.
        own: Domain to the same for it alone.
    """

    shared: Mapping[str, float]
    own: Mapping[str, Mapping[str, float]]

    def of(self, domain: str) -> Mapping[str, float]:
        """Those of a domain; of one that it does not know, the shared ones."""
        return self.own.get(domain, self.shared)

    def times(self, factor: float) -> SignalWeights:
        """All of them, scaled."""
        return SignalWeights(
            {name: weight * factor for name, weight in self.shared.items()},
            {
                domain: {name: weight * factor for name, weight in own.items()}
                for domain, own in self.own.items()
            },
        )


@dataclass(frozen=True)
class MixtureWeights:
    """Weights of a mixture, by whether the user and the item have a past in the domain.

    Attributes:
        usual: For a user who has met items of the domain, and items that were met.
        newcomers: For a user who has met none of them; None: the usual ones.
        new_items: For an item that nobody has met; None: the usual ones.
        start: Added to the score of such an item, so that it stands in one list with the others.
    """

    usual: SignalWeights
    newcomers: SignalWeights | None = None
    new_items: SignalWeights | None = None
    start: float = 0.0

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> MixtureWeights:
        """From what JSON gives."""
        cases = {
            case: found and SignalWeights(found["shared"], found["own"])
            for case, found in values.items()
            if case != "start"
        }
        return cls(**cases, start=values["start"])

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)


class Cases(NamedTuple):
    """Weights of a signal, float32, as the fields of `MixtureWeights`."""

    usual: np.float32
    newcomer: np.float32
    new_item: np.float32

"""Messages between the sites of a federation and its coordinator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

PROTOCOL = 1
"""Version of the messages; both ends have to have the same."""

BEGIN, EPOCH, STATES, END = "begin", "epoch", "states", "end"
"""Kinds that a site sends, in this order; `EPOCH` any number of times."""

WAIT, REFUSED = "wait", "refused"
"""Kinds that a coordinator answers with beside these."""


@dataclass(frozen=True)
class Message:
    """Arrays that travel, and what is said of them.

    Attributes:
        kind: One of the constants here.
        arrays: Name to array.
        about: Anything that JSON holds.
    """

    kind: str
    arrays: Mapping[str, Array] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in self.arrays.values())


class Link(Protocol):
    """A site's end of a connection."""

    def exchange(self, message: Message) -> Message:
        """Send a message, and wait for what the coordinator makes of those of all sites.

        Raises:
            ModelError: The coordinator refuses, or is gone.
        """


def is_finite(arrays: Mapping[str, Array]) -> bool:
    """Tell whether all are real numbers, and finite."""
    return all(
        array.dtype.kind == "f" and bool(np.isfinite(array).all()) for array in arrays.values()
    )

"""A stage of the work, and what it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Stage:
    """Record of what a stage did.

    Attributes:
        name: The command that does this stage.
        text: What it did, with counts.
        seconds: How long it took.
        count: How many of ``unit`` it handled, for the rate.
        unit: What was counted, such as ``rows``.
        figures: Everything worth keeping, for ``--json``.
    """

    name: str
    text: str = ""
    seconds: float = 0.0
    count: int = 0
    unit: str = ""
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> str:
        """Such as ``9,800 rows/s``; empty where nothing was counted."""
        if not self.count:
            return ""
        return f"{self.count / max(self.seconds, 1e-9):,.0f} {self.unit}/s"

"""Record of what a stage of the pipeline did, and the names of a run's methods."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MODELS = {
    "hybrid": "hybrid of history-state GNN, linear, transitions, text, relations and popularity",
    "hybrid without gnn": "linear, transitions, text, relations and popularity, by stated weights",
    "gnn": "history-state GNN",
}
"""Name of the method, as a `Run` has it."""


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

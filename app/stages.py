"""Settings, workspace and clock that all stages of the pipeline share, and what each stage did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from linkspan import gnn
from linkspan.graph.snapshot import Snapshot
from linkspan.pairs import read_parts
from linkspan.progress import SILENT, Progress
from linkspan.settings import Settings
from linkspan.workspace import Workspace

if TYPE_CHECKING:
    from linkspan.gnn import Split

MODELS = {
    "hybrid": "hybrid of history-state GNN, linear, transitions, text, relations and popularity",
    "hybrid without gnn": "linear, transitions, text, relations and popularity, by stated weights",
    "gnn": "history-state GNN",
    "private": "noised counts and steps between items, text and relations",
}
"""Name of the method, as a `Run` has it."""


@dataclass
class Stage:
    """Record of what a stage did.

    Attributes:
        name: The command that does this stage.
        text: What it did, with counts.
        notes: Sentences on what else is to be known.
        seconds: How long it took.
        count: How many of ``unit`` it handled, for the rate.
        unit: What was counted, such as ``rows``.
        figures: Everything worth keeping, for ``--json``.
    """

    name: str
    text: str = ""
    notes: list[str] = field(default_factory=list)
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


class Stages:
    """Settings, workspace and progress, and stages that are timed and reported.

    Args:
        settings: All settings.
        progress: Told of the work within each stage.
        report: Called with each stage when it is done.
    """

    def __init__(
        self,
        settings: Settings,
        progress: Progress = SILENT,
        report: Callable[[Stage], None] = lambda stage: None,
    ) -> None:
        self.settings, self.progress, self.report = settings, progress, report
        self.workspace = Workspace(settings.folder)

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Time a stage, and report it if it came to its end."""
        stage, started = Stage(name), perf_counter()
        yield stage
        stage.seconds = perf_counter() - started
        self.report(stage)

    def split(self, snapshot: Snapshot) -> Split:
        """Hold out what ``[split]`` says."""
        settings, parts = self.settings.split, None
        if settings.file is not None:
            file = self.settings.base / settings.file
            parts = read_parts(file, snapshot, self.settings.pseudonyms())
        return gnn.split_events(snapshot, settings, parts)

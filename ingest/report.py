"""Report of what an ingest did, row for row."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Line:
    """Count of what one file became in one label or type.

    Attributes:
        file: The file, as the mapping names it.
        target: Label or relationship type.
        read: Rows, or values in cells that hold several.
        written: New, or other than before.
        unchanged: Already so in the graph, or said twice.
        rejected: Not taken, as something is wrong with them.
        forgotten: Passed over, as their user was forgotten.
        seconds: Time it took.
        skipped: The file was loaded before and has not changed since.
        rejects: File with the rejected rows, if there are any.
    """

    file: str
    target: str
    read: int = 0
    written: int = 0
    unchanged: int = 0
    rejected: int = 0
    forgotten: int = 0
    seconds: float = 0.0
    skipped: bool = False
    rejects: Path | None = None

    @property
    def rate(self) -> float:
        """Rows/s."""
        return self.read / self.seconds if self.seconds else 0.0


@dataclass
class IngestReport:
    """Report of what an ingest did. In every line ``read`` is the sum of the other four.

    Attributes:
        lines: By file and target, in the order of loading.
        dry_run: Nothing was written; ``written`` says what would be sent.
        seconds: Time for all, checks included.
        next_step: What is to be done before the rows are in the graph; None where they are.
    """

    lines: list[Line] = field(default_factory=list)
    dry_run: bool = False
    seconds: float = 0.0
    next_step: str | None = None

    @property
    def read(self) -> int:
        """Sum over all lines."""
        return sum(line.read for line in self.lines)

    @property
    def written(self) -> int:
        """Sum over all lines."""
        return sum(line.written for line in self.lines)

    @property
    def unchanged(self) -> int:
        """Sum over all lines."""
        return sum(line.unchanged for line in self.lines)

    @property
    def rejected(self) -> int:
        """Sum over all lines."""
        return sum(line.rejected for line in self.lines)

    @property
    def forgotten(self) -> int:
        """Sum over all lines."""
        return sum(line.forgotten for line in self.lines)

    def line(self, file: str, target: str) -> Line:
        """The line of a file and a target; a new one the first time."""
        for line in self.lines:
            if (line.file, line.target) == (file, target):
                return line
        self.lines.append(Line(file, target))
        return self.lines[-1]

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON takes it."""
        return {
            "dry_run": self.dry_run,
            "seconds": round(self.seconds, 3),
            "next_step": self.next_step,
            "read": self.read,
            "written": self.written,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
            "forgotten": self.forgotten,
            "lines": [
                {
                    **vars(line),
                    "rejects": line.rejects and str(line.rejects),
                    "rate": round(line.rate, 1),
                }
                for line in self.lines
            ],
        }

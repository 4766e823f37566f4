"""Problems of rows, before it is known whether they stop the load."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from linkspan.errors import DataError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one row.

    Attributes:
        line: Line in the file, from 1, the header counted; or row.
        column: Column name, or None where the whole row is meant.
        value: What stands there, as text, or None.
        reason: What is wrong with it.
        hint: How to mend it.
        kind: Which policy decides; ``missing`` is none: the mapping drops such rows;
            nor is ``forgotten``: the user was (`linkspan forget`).
        cells: Column to what stands there, for all columns that the mapping names.
    """

    line: int
    column: str | None
    value: str | None
    reason: str
    hint: str
    kind: Literal["malformed", "dangling", "duplicates", "missing", "forgotten"] = "malformed"
    cells: dict[str, str | None] = field(default_factory=dict)

    def error(self, file: Path, unit: str = "line") -> DataError:
        """The same as an error, for a load that stops at the first problem."""
        return DataError(
            self.reason,
            file=file,
            line=self.line,
            column=self.column,
            value=self.value,
            hint=self.hint,
            unit=unit,
        )

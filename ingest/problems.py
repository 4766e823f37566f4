"""What is wrong with a row, before it is known whether that stops the load."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from linkspan.errors import DataError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one row.

    Attributes:
        line: Line in the file, from 1, the header counted.
        column: Column name, or None where the whole row is meant.
        value: What stands there, as text, or None.
        reason: What is wrong with it.
        hint: How to mend it.
    """

    line: int
    column: str | None
    value: str | None
    reason: str
    hint: str

    def error(self, file: Path) -> DataError:
        """The same as an error, for a load that stops at the first problem."""
        return DataError(
            self.reason,
            file=file,
            line=self.line,
            column=self.column,
            value=self.value,
            hint=self.hint,
        )

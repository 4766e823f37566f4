"""Progress reporting: the library calls it, and by default nothing is shown.

The command line puts a `Progress` with bars in its place (`linkspan.console`).
"""

from __future__ import annotations

from types import TracebackType
from typing import Self


class Task:
    """One piece of work under way; a context manager. Does nothing."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Say that ``steps`` more units are done.

        Args:
            steps: How many.
            note: Shown beside the bar, until there is another.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the task, whether it was finished or not."""


class Progress:
    """Receiver of the library's reports on what it is doing. This one is silent."""

    def task(self, name: str, total: int | None = None, unit: str = "rows") -> Task:
        """Begin a piece of work of ``total`` ``unit``s, or of unknown length."""
        return Task()


SILENT = Progress()

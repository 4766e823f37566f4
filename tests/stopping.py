"""Trainings that are broken off."""

from __future__ import annotations

from linkspan.progress import Progress, Task


class Stop(Progress):
    """Breaks a training off after some epochs, as a kill between two of them would."""

    def __init__(self, after: int) -> None:
        self.after, self.told = after, 0

    def task(self, name: str, total: int | None = None, unit: str = "rows") -> Task:
        outer = self

        class Counting(Task):
            def advance(self, steps: int = 1, note: str = "") -> None:
                outer.told += bool(note)
                if outer.told > outer.after:
                    raise KeyboardInterrupt

        return Counting()

"""Parts of a model with a privacy budget: noised counts, noised pairs, weights of low rank."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

FILE = "private.npz"


@dataclass(frozen=True)
class Budget:
    """Bound on what a model may tell of a user.

    Attributes:
        epsilon: ε.
        delta: δ.
        noise: Standard deviation of the noise, where a user adds a vector of length 1 at most.
        clipped: Users of whom not all events counted.
    """

    epsilon: float
    delta: float
    noise: float
    clipped: int = 0

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes it; ``clipped``, which no noise hides, is left out."""
        return {name: value for name, value in asdict(self).items() if name != "clipped"}


@dataclass(frozen=True)
class PrivatePart:
    """All that was learned from users, made of noised sums alone.

    Attributes:
        counts: (N,) about as many users as met each item, 0 or more.
        left: (N, r) and
        right: (N, r): ``left @ right.T`` are the weights from items to items.
        steps: Columns ``source``, ``target`` (item rows) and ``weight`` (float32): which item
            follows which, where noise left something.
        budget: What it may tell of a user.
    """

    counts: FloatArray
    left: FloatArray
    right: FloatArray
    steps: pd.DataFrame
    budget: Budget

    @property
    def transitions(self) -> sparse.csr_array:
        """(N, N) the steps, by source and target."""
        places = self.steps["source"].to_numpy(), self.steps["target"].to_numpy()
        weights, items = self.steps["weight"].to_numpy(np.float32), len(self.counts)
        return sparse.coo_array((weights, places), shape=(items, items)).tocsr()

    def moved(self, rows: IntArray) -> Self:
        """The same for items in another order.

        Args:
            rows: (M,) row here of each item; -1 for one that is new, of which nothing is known.
        """
        there = rows >= 0

        def taken(values: FloatArray) -> FloatArray:
            found = np.zeros((len(rows), *values.shape[1:]), np.float32)
            found[there] = values[rows[there]]
            return found

        counts, left, right = map(taken, (self.counts, self.left, self.right))
        place = np.full(len(self.counts), -1, np.int64)
        place[rows[there]] = np.flatnonzero(there)
        steps = self.steps.assign(
            source=place[self.steps["source"]], target=place[self.steps["target"]]
        )
        steps = steps[(steps["source"] >= 0) & (steps["target"] >= 0)].reset_index(drop=True)
        return type(self)(counts, left, right, steps, self.budget)

    def save(self, folder: Path) -> None:
        """Write as ``private.npz``."""
        np.savez(
            folder / FILE,
            counts=self.counts,
            left=self.left,
            right=self.right,
            budget=np.array(list(self.budget.as_dict().values())),
            source=self.steps["source"].to_numpy(np.int64),
            target=self.steps["target"].to_numpy(np.int64),
            weight=self.steps["weight"].to_numpy(np.float32),
        )

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Load what `save` wrote; None where there is none.

        Raises:
            OSError: The file cannot be read.
            KeyError: It is another.
        """
        if not (folder / FILE).exists():
            return None
        with np.load(folder / FILE) as kept:
            budget = Budget(*kept["budget"].tolist())
            steps = pd.DataFrame({name: kept[name] for name in ("source", "target", "weight")})
            return cls(kept["counts"], kept["left"], kept["right"], steps, budget)

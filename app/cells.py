"""Trainings that a transfer report compares with the joint one, kept on the disk.

Each is a cell in ``.linkspan/transfer/KEY``: its ranks (``ranks.parquet``) and, written last,
``cell.json``. The key says all that the ranks depend on.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import linkspan
from linkspan import gnn
from linkspan.workspace import RunFolder, Workspace, written_whole

if TYPE_CHECKING:
    from linkspan.gnn import Cell, FittedModel, Split


@dataclass(frozen=True)
class Cells:
    """Cells of all runs of one snapshot, split and settings.

    Attributes:
        folder: Where they are.
        told: What all of them depend on.
    """

    folder: Path
    told: str

    @classmethod
    def of(cls, workspace: Workspace, run: RunFolder, split: Split) -> Cells:
        """Those of a run and its split."""
        about = run.read("run")
        parts = (split.train, split.validation, split.test)
        rows = hashlib.sha256(b"/".join(np.ascontiguousarray(part).tobytes() for part in parts))
        own = {name: about.get(name) for name in ("fingerprint", "settings", "encoders")}
        told = json.dumps([linkspan.__version__, own, rows.hexdigest()], sort_keys=True)
        return cls(workspace.transfer, told)

    def load(self, cell: Cell) -> pd.DataFrame | None:
        """Ranks of a cell; None where it was not trained to the end."""
        folder = self._of(cell)
        try:
            json.loads((folder / "cell.json").read_text())
            return pd.read_parquet(folder / "ranks.parquet")
        except (OSError, ValueError):  # of a damaged file too: it is trained again
            return None

    def keep(self, cell: Cell, fitted: FittedModel, split: Split) -> pd.DataFrame:
        """Rank the test events of a cell, write it, and remove the checkpoint of its training.

        Args:
            cell: What is left out.
            fitted: Its model.
            split: What it was trained on.

        Returns:
            The ranks.
        """
        folder, ranks = self._of(cell), gnn.rank_tests(fitted, split)
        folder.mkdir(parents=True, exist_ok=True)
        with written_whole(folder / "ranks.parquet") as part:
            ranks.to_parquet(part, index=False)
        with written_whole(folder / "cell.json") as part:
            part.write_text(json.dumps(asdict(cell), indent=2))
        self.checkpoint(cell).unlink(missing_ok=True)
        return ranks

    def checkpoint(self, cell: Cell) -> Path:
        """File of a training under way."""
        return self._of(cell) / "checkpoint"

    def _of(self, cell: Cell) -> Path:
        """Folder of a cell."""
        told = f"{self.told} {json.dumps([cell.domains, cell.without, cell.method])}"
        return self.folder / hashlib.sha256(told.encode()).hexdigest()[:24]

"""Time-ordered splits of the events: what is learned from, and what is held out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkspan.errors import ModelError
from linkspan.graph.snapshot import Snapshot

IntArray = NDArray[np.int64]
Protocol = Literal["last-out", "last-out-per-domain"]

MIN_EVENTS = 3
"""A user (in one domain, for last-out-per-domain) with fewer events is trained on only."""


@dataclass(frozen=True)
class Split:
    """Positions of rows in ``Snapshot.events()``; an event is in one part or in none.

    In none: events that repeat a held-out pair of user and item, and those after a held-out event.

    Attributes:
        protocol: How it was made.
        train: Rows from which parameters are learned, ascending.
        validation: Rows on which settings and epochs are chosen, ascending.
        test: Rows on which figures are measured, ascending.
        fingerprint: Of the snapshot that was split.
    """

    protocol: str
    train: IntArray
    validation: IntArray
    test: IntArray
    fingerprint: str

    @property
    def history(self) -> IntArray:
        """Rows that are known when test rows are ranked: training and validation, ascending."""
        return np.sort(np.concatenate([self.train, self.validation]))

    def save(self, file: Path) -> None:
        """Write a Parquet file with columns ``event`` (position) and ``part``."""
        parts = ("train", "validation", "test")
        rows = [getattr(self, part) for part in parts]
        names = np.repeat(parts, [len(part) for part in rows])
        table = pa.table({"event": np.concatenate(rows), "part": names})
        about = {"protocol": self.protocol, "fingerprint": self.fingerprint}
        pq.write_table(table.replace_schema_metadata(about), file)

    @classmethod
    def load(cls, file: Path) -> Split:
        """Read what `save` wrote.

        Raises:
            ModelError: There is no such file, or it holds no split.
        """
        try:
            table = pq.read_table(file)
            about = table.schema.metadata or {}
            frame = table.to_pandas()
            parts = {
                part: frame.loc[frame["part"] == part, "event"].to_numpy(np.int64)
                for part in ("train", "validation", "test")
            }
            return cls(
                about[b"protocol"].decode(), **parts, fingerprint=about[b"fingerprint"].decode()
            )
        except (OSError, pa.ArrowException, KeyError, ValueError) as error:
            raise ModelError(f"{file}: not a readable split ({error})") from error


def last_out(snapshot: Snapshot, per_domain: bool = False) -> Split:
    """Hold out each user's last event for test and the one before it for validation.

    Only the first event of a user and an item counts; a later one repeats what is known.

    Args:
        snapshot: The graph. Where histories are sets, their order is that of the item ids.
        per_domain: Within each domain, instead of over the whole history.

    Raises:
        ModelError: No user has three events or more.
    """
    events = snapshot.events()
    events["domain"] = snapshot.items["domain"].to_numpy()[events["item"]]
    group = ["user", "domain"] if per_domain else ["user"]
    repeated = events.duplicated(["user", "item"]).to_numpy()
    fresh = events[~repeated]
    sizes = fresh.groupby(group, sort=False)["item"].transform("size").to_numpy()
    from_end = fresh.groupby(group, sort=False).cumcount(ascending=False).to_numpy()
    large = sizes >= MIN_EVENTS
    test = fresh.index.to_numpy(np.int64)[large & (from_end == 0)]
    validation = fresh.index.to_numpy(np.int64)[large & (from_end == 1)]
    if not len(test):
        raise ModelError(
            f"no user has {MIN_EVENTS} events or more, so none can be held out",
            hint="Evaluation needs longer histories",
        )
    # Nothing at or after the validation event of an event's group is learned from.
    cut = events.iloc[validation].assign(cut=validation)[[*group, "cut"]]
    cuts = events[group].merge(cut, on=group, how="left")["cut"].to_numpy()
    before = np.isnan(cuts) | (np.arange(len(events)) < cuts)
    return Split(
        protocol="last-out-per-domain" if per_domain else "last-out",
        train=np.flatnonzero(before).astype(np.int64),
        validation=validation,
        test=test,
        fingerprint=snapshot.fingerprint(),
    )

"""A snapshot without some of its users."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.graph.snapshot import Snapshot

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Erased:
    """A snapshot without some of its users.

    Attributes:
        snapshot: What is left.
        users: (M,) row now of each user there was; -1 for those that went.
        events: (E,) position now of each of ``Snapshot.events()``; -1 for those that went.
        removed: Interactions that went.
    """

    snapshot: Snapshot
    users: IntArray
    events: IntArray
    removed: int


def erase_users(snapshot: Snapshot, keys: Collection[str]) -> Erased | None:
    """Take users out, with all that they did.

    Where several keys are one user, they have one row, and nobody can tell whose the events were:
    all of it goes, and the keys that are left come back with the next snapshot.

    Returns:
        What is left; None where none of the users is in it.
    """
    gone = snapshot.users["key"].isin(keys).to_numpy(copy=True)
    aliases = snapshot.aliases.get("user")
    if aliases is not None:
        gone[aliases.loc[aliases["key"].isin(keys), "row"]] = True
    if not gone.any():
        return None
    users = np.where(gone, -1, np.cumsum(~gone) - 1)
    events = gone[snapshot.events()["user"].to_numpy()]
    interactions = {n: _kept(frame, users, "user") for n, frame in snapshot.interactions.items()}
    relations = {}
    for key, frame in snapshot.relations.items():
        for end, kind in (("source", key[0]), ("target", key[2])):
            frame = _kept(frame, users, end) if kind == "user" else frame  # noqa: PLW2901
        relations[key] = frame
    before, after = (sum(map(len, each.values())) for each in (snapshot.interactions, interactions))
    left = dict(snapshot.aliases)
    if aliases is not None:
        left["user"] = _kept(aliases, users, "row")
    return Erased(
        snapshot=replace(
            snapshot,
            users=snapshot.users[~gone].reset_index(drop=True),
            interactions=interactions,
            relations=relations,
            aliases={role: frame for role, frame in left.items() if len(frame)},
        ),
        users=users,
        events=np.where(events, -1, np.cumsum(~events) - 1),
        removed=before - after,
    )


def _kept(frame: pd.DataFrame, users: IntArray, column: str) -> pd.DataFrame:
    """Rows whose user is still there, by the rows that users have now."""
    rows = users[frame[column]]
    kept = frame[rows >= 0]
    return kept.assign(**{column: rows[rows >= 0].astype(np.int32)}).reset_index(drop=True)

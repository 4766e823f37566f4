"""What changed from one reading of the graph to the next, for those it concerns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.identities import all_keys

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Changes:
    """What changed.

    Attributes:
        users: Rows, in the later snapshot, of the users whose lists are no longer right: with other
            events than before, new ones, and those whose lists hold an item that has gone.
        events: Events that are new or other than before.
        new_users: Users that were not there.
        new_items: Items that were not there.
        gone_items: Items that are no longer there.
    """

    users: IntArray
    events: int
    new_users: int
    new_items: int
    gone_items: int


def find_changes(before: Snapshot, after: Snapshot, lists: pd.DataFrame) -> Changes:
    """Compare two snapshots.

    Args:
        before: The earlier one.
        after: The later one.
        lists: What users read, with columns ``user`` and ``item`` (keys).
    """
    keys = {role: all_keys(after, role).set_index("key")["row"] for role in ("user", "item")}
    known = {role: pd.Index(all_keys(before, role)["key"]) for role in ("user", "item")}
    fresh = {role: rows[~rows.index.isin(known[role])] for role, rows in keys.items()}
    moved = _events(before, {r: _places(getattr(before, f"{r}s"), k) for r, k in keys.items()})
    now = _events(after)
    differs = pd.concat([moved.assign(new=0), now.assign(new=1)])
    columns = [name for name in differs if name != "new"]
    differs = differs[~differs.duplicated(columns, keep=False)]
    affected = [differs.loc[differs["user"] >= 0, "user"], fresh["user"]]
    for key in sorted({*before.relations, *after.relations}):
        affected += _linked(before, after, key, keys)
    lost = lists.loc[~lists["item"].isin(keys["item"].index), "user"].unique()
    affected.append(keys["user"].reindex(lost).dropna())
    rows = np.unique(np.concatenate([np.asarray(part, np.int64) for part in affected]))
    return Changes(
        users=rows,
        events=int(differs["new"].sum()),
        new_users=len(fresh["user"]),
        new_items=len(fresh["item"]),
        gone_items=int((~known["item"].isin(keys["item"].index)).sum()),
    )


def _places(nodes: pd.DataFrame, rows: pd.Series) -> IntArray:
    """Row in the later snapshot of each node of the earlier one; -1 for those that went."""
    return rows.reindex(nodes["key"]).fillna(-1).to_numpy(np.int64)


def _events(snapshot: Snapshot, places: dict[str, IntArray] | None = None) -> pd.DataFrame:
    """All interactions of a snapshot, by rows of another one where places are given."""
    frames = []
    for name, frame in sorted(snapshot.interactions.items()):
        ends = {role: frame[role].to_numpy(np.int64) for role in ("user", "item")}
        if places is not None:
            ends = {role: places[role][rows] for role, rows in ends.items()}
        frames.append(frame[["at", "weight", "sign"]].assign(**ends, type=name))
    return pd.concat(frames, ignore_index=True)


def _linked(
    before: Snapshot, after: Snapshot, key: tuple[str, str, str], keys: dict[str, pd.Series]
) -> list[pd.Series]:
    """Users at the ends of relations of one type that are new, or no longer there."""
    if "user" not in (key[0], key[2]):
        return []
    named = []
    for snapshot in (before, after):
        frame = snapshot.relations.get(key)
        if frame is None:
            continue
        sides = (("source", key[0]), ("target", key[2]))
        named.append(pd.DataFrame({end: _keys(snapshot, kind)[frame[end]] for end, kind in sides}))
    differs = pd.concat(named)
    differs = differs[~differs.duplicated(keep=False)]
    ends = [end for end, kind in (("source", key[0]), ("target", key[2])) if kind == "user"]
    return [keys["user"].reindex(differs[end].unique()).dropna() for end in ends]


def _keys(snapshot: Snapshot, kind: str) -> NDArray[np.object_]:
    frames = {"user": snapshot.users, "item": snapshot.items, **snapshot.entities}
    found: NDArray[np.object_] = frames[kind]["key"].to_numpy(object)
    return found

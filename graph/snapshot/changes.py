"""Changes from one reading of the graph to the next, for those they concern."""

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
    """Changes between two snapshots.

    Attributes:
        users: Rows, in the later snapshot, of the users whose lists are no longer right: with other
            events than before, new ones, those who are one now or no longer, and those who met, or
            whose lists hold, an item that has gone or is other than before.
        events: Events that are new or other than before.
        new_users: Users that were not there.
        new_items: Items that were not there.
        gone_items: Items that are no longer there.
        changed_items: Items with another text, feature or relation than before, or that are one
            with others now, or no longer.
    """

    users: IntArray
    events: int
    new_users: int
    new_items: int
    gone_items: int
    changed_items: int


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
    gone = known["item"].difference(keys["item"].index)
    other = {role: _regrouped(before, after, role) for role in ("user", "item")}
    for key in sorted({*before.relations, *after.relations}):
        for role, ends in _linked(before, after, key).items():
            other[role] |= ends
    other["item"] |= _described_anew(before, after)
    changed = keys["item"].index.intersection(sorted(other["item"])).difference(fresh["item"].index)

    moved = _events(before, {r: _places(getattr(before, f"{r}s"), k) for r, k in keys.items()})
    now = _events(after)
    differs = pd.concat([moved.assign(new=0), now.assign(new=1)]).drop_duplicates()
    columns = [name for name in differs if name != "new"]
    differs = differs[~differs.duplicated(columns, keep=False)]
    met = now["item"].isin(keys["item"].reindex(changed))
    listed = lists["item"].isin(gone.union(changed))
    concerned = [*other["user"], *lists.loc[listed, "user"].unique()]
    affected = [
        differs.loc[differs["user"] >= 0, "user"],
        fresh["user"],
        now.loc[met, "user"],
        keys["user"].reindex(concerned).dropna(),
    ]
    return Changes(
        users=np.unique(np.concatenate([np.asarray(part, np.int64) for part in affected])),
        events=int(differs["new"].sum()),
        new_users=len(fresh["user"]),
        new_items=len(fresh["item"]),
        gone_items=len(gone),
        changed_items=len(changed),
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


def _regrouped(before: Snapshot, after: Snapshot, role: str) -> set[str]:
    """Keys of the users, or items, that are one with others than before."""
    groups = []
    for snapshot in (before, after):
        keys = all_keys(snapshot, role)
        shared = keys[keys["row"].duplicated(keep=False)]  # few of them
        groups.append({frozenset(each) for _, each in shared.groupby("row")["key"]})
    return set().union(*(groups[0] ^ groups[1]))


def _described_anew(before: Snapshot, after: Snapshot) -> set[str]:
    """Keys of the items with another text or other features than before."""
    told = []
    for snapshot in (before, after):
        frame = snapshot.items[["key", "domain", "text"]]
        for name, values in snapshot.features.items():
            frame = frame.assign(**{f"{name}/{column}": values[column] for column in values})
        told.append(frame)
    return set(_differing(told)["key"])


def _linked(before: Snapshot, after: Snapshot, key: tuple[str, str, str]) -> dict[str, set[str]]:
    """Keys of the users and items at ends of relations of one type that are other than before.

    A relation to an entity that is named anew is another one.
    """
    sides = (("source", key[0]), ("target", key[2]))
    if not {"user", "item"} & {kind for _, kind in sides}:
        return {}
    named = []
    for snapshot in (before, after):
        frame = snapshot.relations.get(key)
        if frame is None:
            continue
        told = {"weight": frame["weight"].to_numpy()}
        for end, kind in sides:
            nodes = _nodes(snapshot, kind).iloc[frame[end]]
            told[end] = nodes["key"].to_numpy(object)
            if "name" in nodes:
                told[f"{end} name"] = nodes["name"].to_numpy(object)
        named.append(pd.DataFrame(told))
    differs = _differing(named)
    found: dict[str, set[str]] = {}
    for end, kind in sides:
        if kind in ("user", "item"):
            found.setdefault(kind, set()).update(differs[end])
    return found


def _differing(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows that stand in one of the tables alone; those of one table are all different."""
    both = pd.concat(frames)
    return both[~both.duplicated(keep=False)]


def _nodes(snapshot: Snapshot, kind: str) -> pd.DataFrame:
    frames = {"user": snapshot.users, "item": snapshot.items, **snapshot.entities}
    return frames[kind]

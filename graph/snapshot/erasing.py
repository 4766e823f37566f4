"""A snapshot without some of its nodes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
    events = gone[snapshot.events()["user"].to_numpy()]
    left, places = without_nodes(snapshot, {"user": gone})
    before, after = (sum(map(len, each.interactions.values())) for each in (snapshot, left))
    return Erased(
        snapshot=left,
        users=places["user"],
        events=np.where(events, -1, np.cumsum(~events) - 1),
        removed=before - after,
    )


def without_domain(snapshot: Snapshot, domain: str) -> tuple[Snapshot, dict[str, IntArray]]:
    """Take a domain out: its items, their events and ties, and entities that only they have.

    Users stay, also those who have met nothing else. So does an item that is one with an item of
    another domain.

    Returns:
        What is left, and the places of `without_nodes`.
    """
    gone = (snapshot.items["domain"] == domain).to_numpy(copy=True)
    aliases = snapshot.aliases.get("item")
    if aliases is not None:
        gone[aliases.loc[aliases["domain"] != domain, "row"]] = False
    nodes = {"item": gone}
    for kind, frame in snapshot.entities.items():
        theirs, others = (np.zeros(len(frame), bool) for _ in range(2))
        for (source, _, target), ties in snapshot.relations.items():
            for one, item, entity in (
                ((source, target), "source", "target"),
                ((target, source), "target", "source"),
            ):
                if one == ("item", kind):
                    inside = gone[ties[item]]
                    theirs[ties.loc[inside, entity]] = True
                    others[ties.loc[~inside, entity]] = True
        nodes[kind] = theirs & ~others
    return without_nodes(snapshot, nodes)


def without_nodes(
    snapshot: Snapshot, gone: Mapping[str, NDArray[np.bool_]]
) -> tuple[Snapshot, dict[str, IntArray]]:
    """Take nodes out, with all events and relations that they are in.

    Args:
        snapshot: What there is.
        gone: Node type to which of its nodes go, (n,).

    Returns:
        What is left, and node type to the row now (n,) of each node there was; -1 for those that
        went.
    """
    places = {kind: np.where(rows, -1, np.cumsum(~rows) - 1) for kind, rows in gone.items()}

    def kept(frame: pd.DataFrame, **ends: str) -> pd.DataFrame:
        for column, kind in ends.items():
            if kind in places:
                frame = _kept(frame, places[kind], column)
        return frame

    def nodes(kind: str, frame: pd.DataFrame) -> pd.DataFrame:
        left: pd.DataFrame = frame[~gone[kind]].reset_index(drop=True) if kind in gone else frame
        return left

    left = replace(
        snapshot,
        users=nodes("user", snapshot.users),
        items=nodes("item", snapshot.items),
        entities={kind: nodes(kind, frame) for kind, frame in snapshot.entities.items()},
        interactions={
            name: kept(frame, user="user", item="item")
            for name, frame in snapshot.interactions.items()
        },
        relations={
            key: kept(frame, source=key[0], target=key[2])
            for key, frame in snapshot.relations.items()
        },
        aliases={
            role: left
            for role, frame in snapshot.aliases.items()
            if len(left := kept(frame, row=role))
        },
        features={name: nodes("item", frame) for name, frame in snapshot.features.items()},
    )
    return left, places


def _kept(frame: pd.DataFrame, places: IntArray, column: str) -> pd.DataFrame:
    """Rows whose node is still there, by the rows that nodes have now."""
    rows = places[frame[column]]
    kept = frame[rows >= 0]
    return kept.assign(**{column: rows[rows >= 0].astype(np.int32)}).reset_index(drop=True)

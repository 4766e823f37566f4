"""Outline of a graph: how large its domains are, and what joins each two of them."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkspan.graph.snapshot.frames import Snapshot
from linkspan.graph.snapshot.identities import all_keys

Row = dict[str, Any]
Member = NDArray[np.bool_]
"""(D, n): which of n nodes belong to each domain."""


def outline(snapshot: Snapshot) -> dict[str, list[Row]]:
    """Count what is in each domain, and what each two share.

    An item that is in several domains (``SAME_AS``) counts in each of them, with its events.

    Returns:
        ``domains``: rows of ``domain``, ``items``, ``users`` (who met one of them, liked or not)
        and ``events``. ``pairs``: rows of ``domain``, ``other``, ``items`` (that are in both),
        ``users`` (who met items of both), ``entities`` (tied to items of both) and ``relations``
        (from an item of one to an item of the other); pairs that share nothing are left out.
    """
    names = snapshot.domains
    held = _held(snapshot)
    met = [frame[["user", "item"]].to_numpy() for frame in snapshot.interactions.values()]
    users, items = np.concatenate([np.zeros((0, 2), np.int32), *met]).T
    readers = _reached(held, items, users, len(snapshot.users))
    events = [int(own[items].sum()) for own in held]
    entities = _entities(snapshot, held)
    relations = _relations(snapshot, held)
    rows = [
        {
            "domain": name,
            "items": int(held[code].sum()),
            "users": int(readers[code].sum()),
            "events": events[code],
        }
        for code, name in enumerate(names)
    ]
    pairs = [
        {
            "domain": names[one],
            "other": names[other],
            "items": _both(held, one, other),
            "users": _both(readers, one, other),
            "entities": _both(entities, one, other),
            "relations": int(relations[one, other] + relations[other, one]),
        }
        for one, other in combinations(range(len(names)), 2)
    ]
    shared = ("items", "users", "entities", "relations")
    return {"domains": rows, "pairs": [row for row in pairs if any(row[key] for key in shared)]}


def _held(snapshot: Snapshot) -> Member:
    """(D, N) items of each domain."""
    keys = all_keys(snapshot, "item")
    held = np.zeros((len(snapshot.domains), len(snapshot.items)), bool)
    held[np.searchsorted(snapshot.domains, keys["domain"].to_numpy(str)), keys["row"]] = True
    return held


def _reached(held: Member, items: Any, others: Any, count: int) -> Member:
    """(D, count) nodes that an item of each domain is joined to.

    Args:
        held: (D, N) items of each domain.
        items: (E,) rows of items.
        others: (E,) rows of what each is joined to.
        count: How many of these there are.
    """
    found = np.zeros((len(held), count), bool)
    for code, own in enumerate(held):
        found[code, others[own[items]]] = True
    return found


def _entities(snapshot: Snapshot, held: Member) -> Member:
    """(D, n) entities of all kinds that an item of each domain is tied to."""
    found = {
        kind: np.zeros((len(held), len(frame)), bool) for kind, frame in snapshot.entities.items()
    }
    for (source, _, target), frame in snapshot.relations.items():
        for item, other, kind in (("source", "target", target), ("target", "source", source)):
            if kind in found and "item" in (source, target):
                items, others = frame[item].to_numpy(), frame[other].to_numpy()
                found[kind] |= _reached(held, items, others, found[kind].shape[1])
    return np.concatenate([np.zeros((len(held), 0), bool), *found.values()], axis=1)


def _relations(snapshot: Snapshot, held: Member) -> NDArray[np.int64]:
    """(D, D) relations from an item of a domain to one of another."""
    counts = np.zeros((len(held), len(held)), np.int64)
    for (source, _, target), frame in snapshot.relations.items():
        if source == target == "item":
            starts, ends = (held[:, frame[end].to_numpy()] for end in ("source", "target"))
            for code, own in enumerate(starts):
                counts[code] += ends[:, own].sum(axis=1)
    return counts


def _both(members: Member, one: int, other: int) -> int:
    return int((members[one] & members[other]).sum())

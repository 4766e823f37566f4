"""Outline of a graph: how large its domains are, and what joins each two of them."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from linkspan.graph.snapshot.frames import Snapshot

Row = dict[str, Any]


def outline(snapshot: Snapshot) -> dict[str, list[Row]]:
    """Count what is in each domain, and what each two share.

    Returns:
        ``domains``: rows of ``domain``, ``items``, ``users`` (who met one of them, liked or not)
        and ``events``. ``pairs``: rows of ``domain``, ``other``, ``users`` (who met items of both),
        ``entities`` (tied to items of both) and ``relations`` (from an item of one to one of the
        other); pairs that share nothing are left out.
    """
    names = snapshot.domains
    of_item = snapshot.items["domain"].to_numpy(object)
    frames = [frame[["user", "item"]] for frame in snapshot.interactions.values()]
    met = pd.concat(frames) if frames else pd.DataFrame({"user": [], "item": []}, dtype=np.int32)
    met = met.assign(domain=of_item[met["item"]])
    sizes = pd.Series(of_item).value_counts()
    events = met["domain"].value_counts()
    users = met.drop_duplicates(["user", "domain"]).groupby("domain")["user"].apply(set)
    held = _entities(snapshot, of_item)
    direct = _relations(snapshot, of_item)
    pairs = [
        {
            "domain": one,
            "other": other,
            "users": len(users.get(one, set()) & users.get(other, set())),
            "entities": len(held.get(one, set()) & held.get(other, set())),
            "relations": direct.get((one, other), 0),
        }
        for one, other in combinations(names, 2)
    ]
    return {
        "domains": [
            {
                "domain": name,
                "items": int(sizes.get(name, 0)),
                "users": len(users.get(name, set())),
                "events": int(events.get(name, 0)),
            }
            for name in names
        ],
        "pairs": [row for row in pairs if row["users"] or row["entities"] or row["relations"]],
    }


def _entities(snapshot: Snapshot, of_item: Any) -> dict[str, set[tuple[str, int]]]:
    """Domain to the entities that its items are tied to: kind and row."""
    found: dict[str, set[tuple[str, int]]] = {}
    for (source, _, target), frame in snapshot.relations.items():
        if (source == "item") == (target == "item"):
            continue
        item, entity = ("source", "target") if source == "item" else ("target", "source")
        kind = target if source == "item" else source
        tied = pd.DataFrame({"domain": of_item[frame[item]], "entity": frame[entity].to_numpy()})
        for domain, rows in tied.drop_duplicates().groupby("domain")["entity"]:
            found.setdefault(str(domain), set()).update((kind, int(row)) for row in rows)
    return found


def _relations(snapshot: Snapshot, of_item: Any) -> dict[tuple[str, str], int]:
    """Pairs of domains, in the order of their names, to the relations between their items."""
    counts: Counter[tuple[str, str]] = Counter()
    for (source, _, target), frame in snapshot.relations.items():
        if source == target == "item":
            ends = np.sort([of_item[frame["source"]], of_item[frame["target"]]], axis=0)
            counts.update(zip(*ends.tolist(), strict=True))
    return dict(counts)

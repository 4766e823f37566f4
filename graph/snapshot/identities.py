"""Users and items that are one: a row in the snapshot for all of them, lists for each of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from itertools import chain
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.graph.snapshot import Snapshot

SAME_AS = "SAME_AS"
"""Relationship type between two users, or two items, that are one."""

Key = TypeVar("Key", bound=Hashable)


def components(pairs: Iterable[tuple[Key, Key]]) -> list[set[Key]]:
    """Sets of keys that pairs join, directly or through others; about 3 s for a million pairs."""
    rest = iter(pairs)
    first = next(rest, None)
    if first is None:
        return []
    from networkx.utils import UnionFind

    joined = UnionFind()
    for left, right in chain([first], rest):
        joined.union(left, right)
    return list(joined.to_sets())


def join_nodes(
    nodes: pd.DataFrame, pairs: Iterable[tuple[int, int]]
) -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.int32]]:
    """Make one row of the nodes that are one.

    Args:
        nodes: Text columns, sorted by ``key``.
        pairs: Rows of two nodes that are one.

    Returns:
        The nodes, those that are one under the smallest of their keys, with the first value that is
        not empty in the other columns; the keys that went, with columns ``row`` (int32, of the node
        that stands for it), ``key`` and, where nodes have one, ``domain``, sorted by key; and for
        each row of ``nodes`` its new row.
    """
    stands = np.arange(len(nodes))
    inside = np.zeros(len(nodes), bool)
    for members in components(pairs):
        rows = list(members)
        stands[rows], inside[rows] = min(rows), True
    kept = stands == np.arange(len(nodes))
    rows_now = (np.cumsum(kept) - 1)[stands].astype(np.int32)
    gone = nodes.loc[~kept, [name for name in ("key", "domain") if name in nodes]]
    gone.insert(0, "row", rows_now[~kept])
    filled = nodes[inside].mask(nodes[inside] == "").groupby(stands[inside]).first().fillna("")
    result = nodes.copy()
    result.loc[filled.index] = filled
    return result[kept].reset_index(drop=True), gone.reset_index(drop=True), rows_now


def all_keys(snapshot: Snapshot, role: str) -> pd.DataFrame:
    """Keys of all users, or items, in the graph.

    Args:
        snapshot: The graph as arrays.
        role: ``user`` or ``item``.

    Returns:
        Columns ``row`` (int32), ``key`` and, for items, ``domain``, sorted by key.
    """
    nodes = snapshot.users if role == "user" else snapshot.items
    own = nodes[["key"] if role == "user" else ["key", "domain"]]
    own = own.assign(row=np.arange(len(nodes), dtype=np.int32))
    return pd.concat([own, *_aliases(snapshot, role)]).sort_values("key", ignore_index=True)


def keyed_lists(snapshot: Snapshot, lists: pd.DataFrame) -> pd.DataFrame:
    """Recommendations of rows as recommendations of keys: the same list for users that are one.

    Args:
        snapshot: The graph as arrays.
        lists: ``user``, ``item`` and ``because`` (rows, -1 for none), ``domain``, and others.

    Returns:
        The same columns, sorted by user, domain and rank. ``item`` is the key that the item has in
        the list's domain.
    """
    keys = snapshot.items["key"].to_numpy()
    lists = lists.assign(
        item=_keys_in(snapshot, lists["item"], lists["domain"]),
        because=pd.Series(keys[lists["because"]], lists.index).where(lists["because"] >= 0, None),
    )
    return _for_all(lists, "user", all_keys(snapshot, "user"), ["domain", "rank"])


def keyed_similar(snapshot: Snapshot, similar: pd.DataFrame) -> pd.DataFrame:
    """Similar items of rows as similar items of keys: a list for each of the items that are one.

    Args:
        snapshot: The graph as arrays.
        similar: ``item`` and ``other`` (rows), ``inside``, ``rank``, and others.

    Returns:
        The same columns, sorted by item and rank. ``other`` is the key in the item's domain, where
        it has one there.
    """
    keys = all_keys(snapshot, "item")
    similar = similar.assign(place=np.arange(len(similar)))
    similar = _for_all(similar, "item", keys, ["place"])
    domains = similar["item"].map(keys.set_index("key")["domain"])
    others = _keys_in(snapshot, similar["other"], domains)
    return similar.assign(other=others).drop(columns="place")


def _for_all(table: pd.DataFrame, column: str, keys: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Each row once for each key of the node in a column; sorted by key, then as ``by`` says."""
    if keys["row"].is_unique:  # the keys are in the order of the rows, and so is the table
        return table.assign(**{column: keys["key"].to_numpy()[table[column]]})
    named = keys[["row", "key"]].rename(columns={"row": column, "key": "_key"})
    wide = table.merge(named, on=column).assign(**{column: lambda frame: frame["_key"]})
    return wide[table.columns].sort_values([column, *by], ignore_index=True)


def _keys_in(snapshot: Snapshot, items: pd.Series[Any], domains: pd.Series[Any]) -> Any:
    """(N,) key of each item row in a domain; where it has none there, the key of the row."""
    keys = snapshot.items["key"].to_numpy()[items]
    own = snapshot.items["domain"].to_numpy()[items]
    for aliases in _aliases(snapshot, "item"):
        elsewhere = np.flatnonzero(own != domains.to_numpy())
        first = aliases.drop_duplicates(["row", "domain"]).set_index(["row", "domain"])["key"]
        asked = pd.MultiIndex.from_arrays([items.iloc[elsewhere], domains.iloc[elsewhere]])
        found = first.index.get_indexer(asked)
        keys[elsewhere[found >= 0]] = first.to_numpy()[found[found >= 0]]
    return keys


def _aliases(snapshot: Snapshot, role: str) -> list[pd.DataFrame]:
    return [snapshot.aliases[role]] if role in snapshot.aliases else []

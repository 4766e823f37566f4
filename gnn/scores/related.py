"""Items that are like an item by what the knowledge graph says of both; free of training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from linkspan.gnn.events.domains import item_domains, rows_at_once
from linkspan.gnn.parts.relations import relation_profiles
from linkspan.gnn.scores.scoring import CHUNK
from linkspan.graph.snapshot import RelationKey, Snapshot
from linkspan.progress import SILENT, Progress

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

MOST_TIED = 5_000
"""Items of a thing, at most, as in an explanation: what more of them share makes no two alike, and
would cost its square."""

_TYPES: dict[str, Any] = {
    "item": "int32", "other": "int32", "inside": bool, "rank": "int32", "score": "float32",
}  # fmt: skip


def related_items(snapshot: Snapshot, k: int = 10, progress: Progress = SILENT) -> pd.DataFrame:
    """The items that share most with an item in the graph, in its own domain and in the others.

    The score is the cosine of the two items' profiles (`relation_profiles`), in the mean over all
    relations of items; so a rare thing in common counts more. Things of more than `MOST_TIED` items
    count nothing.

    Args:
        snapshot: The graph.
        k: Items in each of the two lists of an item; fewer where fewer share anything.
        progress: Told of each chunk of items.

    Returns:
        Sorted by item, list and rank. Columns ``item``, ``other`` (int32 rows), ``inside`` (bool:
        both are of one domain), ``rank`` (int32, from 1 in each list), ``score`` (float32, above 0
        to 1), and the thing in common without which most is lost: ``how`` (text: type of the
        relation) and ``by`` (text: name, else key, of the entity or third item; the type again
        where the relation joins the two).
    """
    profiles, domains = relation_profiles(snapshot), item_domains(snapshot)
    if not profiles:
        return pd.DataFrame(columns=[*_TYPES, "how", "by"]).astype(_TYPES)
    whole = sparse.hstack(list(profiles.values()), format="csr")  # (N, T)
    whole = whole / np.float32(np.sqrt(len(profiles)))
    counted = np.bincount(whole.indices, minlength=whole.shape[1]) <= MOST_TIED
    whole = (whole @ sparse.diags_array(counted.astype(np.float32))).tocsr()
    whole.eliminate_zeros()
    things = whole.T.tocsr()
    kinds = {target if source == "item" else source for source, _, target in profiles}
    names = {kind: _names(snapshot, kind) for kind in kinds}
    size, frames = rows_at_once(len(domains), 4, CHUNK), []
    with progress.task("related", total=len(domains), unit="items") as task:
        for start in range(0, len(domains), size):
            items = np.arange(start, min(start + size, len(domains)))
            best = _best((whole[items] @ things).tocoo(), items, domains, k)
            frames.append(best.assign(**_reasons(names, profiles, whole, best)))
            task.advance(len(items))
    return pd.concat(frames, ignore_index=True)


def _best(scores: sparse.coo_array, items: IntArray, domains: IntArray, k: int) -> pd.DataFrame:
    """The two lists of each item, by scores (B, N) of some items with all; those of 0 are out."""
    row, other = (each.astype(np.int64) for each in scores.coords)
    kept = (scores.data > 0) & (other != items[row])
    row, other, score = row[kept], other[kept], scores.data[kept]
    inside = domains[items[row]] == domains[other]
    order = np.lexsort((other, -score, ~inside, row))
    row, other, score, inside = (each[order] for each in (row, other, score, inside))
    lists = 2 * row + ~inside  # ascending
    rank = np.arange(1, len(row) + 1) - np.searchsorted(lists, lists)
    columns = dict(zip(_TYPES, (items[row], other, inside, rank, score), strict=True))
    best: pd.DataFrame = pd.DataFrame(columns).astype(_TYPES)[rank <= k]
    return best.reset_index(drop=True)


def _names(snapshot: Snapshot, kind: str) -> NDArray[np.object_]:
    """(T,) name, else key, of each item or entity of a kind."""
    nodes = snapshot.items if kind == "item" else snapshot.entities[kind]
    names = nodes["title" if kind == "item" else "name"].to_numpy(object)
    return np.where(names == "", nodes["key"].to_numpy(object), names)


def _reasons(
    names: dict[str, NDArray[np.object_]],
    profiles: dict[RelationKey, sparse.csr_array],
    whole: sparse.csr_array,
    table: pd.DataFrame,
) -> dict[str, NDArray[np.object_]]:
    """``how`` and ``by`` of each pair of a table: a score is a sum, whose largest term they are."""
    items, others = table["item"].to_numpy(), table["other"].to_numpy()
    best = whole[items].multiply(whole[others]).tocsr().argmax(axis=1)  # (P,)
    how, by = np.empty(len(table), object), np.empty(len(table), object)
    end = 0
    for (source, name, target), profile in profiles.items():
        begin, end = end, end + profile.shape[1]
        inside = np.flatnonzero((best >= begin) & (best < end))
        thing, kind = best[inside] - begin, target if source == "item" else source
        by[inside] = names[kind][thing]
        if kind == "item":
            by[inside[(thing == items[inside]) | (thing == others[inside])]] = name
        how[inside] = name
    return {"how": how, "by": by}

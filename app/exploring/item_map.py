"""A map of a run's items: places in the plane, near where the states that were learned are near."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkspan.graph.snapshot import Snapshot
from linkspan.opening import open_model
from linkspan.workspace import RunFolder, written_whole

if TYPE_CHECKING:
    from linkspan.gnn import FittedModel

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

MOST = 3_000
"""Items on a map."""
_LEAST = 20
"""Items of each domain, where it has so many."""
_FEW = 10
"""Below so many items there is no neighbourhood to keep: they stand in a circle."""
_PERPLEXITY = 30.0
_STEPS = 500
"""On goodbooks, neighbours are kept as well as by 1,000 (trustworthiness 0.963, 0.962)."""
_LEFT_OUT = b"left_out"


@dataclass(frozen=True, slots=True)
class ItemMap:
    """Items in the plane.

    Attributes:
        key: (n,) keys of the items, sorted by domain, those that most events met first.
        title: (n,) titles, empty where there is none.
        domain: (n,) names of the domains.
        x: (n,) float32 from 0 to 1.
        y: (n,) likewise, by the same scale.
        left_out: Number of items that are not on the map.
    """

    key: NDArray[np.object_]
    title: NDArray[np.object_]
    domain: NDArray[np.object_]
    x: FloatArray
    y: FloatArray
    left_out: int


def item_map(run: RunFolder, snapshot: Snapshot, fitted: FittedModel | None = None) -> ItemMap:
    """Read the map of a run; where it has none, make it, and keep it as ``map.parquet``.

    By t-SNE (van der Maaten & Hinton, 2008) of states of unit length, from their principal
    components on; the same run gives the same map. Distances within a neighbourhood mean
    something, those between far groups do not.

    Args:
        run: The run.
        snapshot: The graph that it was made of.
        fitted: Its model; None: it is opened where the map has to be made.

    Raises:
        ModelError: The model cannot be read.
    """
    file = run.folder / "map.parquet"
    if (known := _load(file)) is not None:
        return known
    fitted = fitted or open_model(run, snapshot)
    counts = np.bincount(fitted.events["item"], minlength=len(snapshot.items))
    rows = _chosen(snapshot.items["domain"].to_numpy(object), counts)
    places = _placed(fitted.item_states[rows])
    table = snapshot.items[["key", "title", "domain"]].iloc[rows].reset_index(drop=True)
    table = table.assign(x=places[:, 0], y=places[:, 1])
    left_out = len(snapshot.items) - len(rows)
    with written_whole(file) as part:
        kept = pa.Table.from_pandas(table, preserve_index=False)
        pq.write_table(kept.replace_schema_metadata({_LEFT_OUT: str(left_out)}), part)
    return _of(table, left_out)


def _of(table: pd.DataFrame, left_out: int) -> ItemMap:
    key, title, domain = (table[name].to_numpy(object) for name in ("key", "title", "domain"))
    x, y = (table[name].to_numpy(np.float32) for name in ("x", "y"))
    return ItemMap(key, title, domain, x, y, left_out)


def _load(file: Path) -> ItemMap | None:
    """The map in a file; None where it is missing or damaged."""
    try:
        found = pq.read_table(file)
        return _of(found.to_pandas(), int(found.schema.metadata[_LEFT_OUT]))
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None


def _chosen(domains: NDArray[np.object_], counts: IntArray) -> IntArray:
    """Rows of `MOST` items or fewer: of each domain its share, of those that most events met."""
    names, codes, sizes = np.unique(domains, return_inverse=True, return_counts=True)
    least = np.minimum(sizes, min(_LEAST, MOST // len(names)))
    share = min((MOST - least.sum()) / max((sizes - least).sum(), 1), 1.0)
    quotas = least + np.floor((sizes - least) * share).astype(np.int64)
    order = np.lexsort((-counts, codes))
    starts = np.cumsum(sizes) - sizes
    inside = [order[start : start + quota] for start, quota in zip(starts, quotas, strict=True)]
    return np.concatenate(inside)


def _placed(states: FloatArray) -> FloatArray:
    """(n, 2) places from 0 to 1 of states (n, d)."""
    length = np.linalg.norm(states, axis=1, keepdims=True)
    states = states / np.maximum(length, 1e-12)
    if len(states) < _FEW or float(np.ptp(states, axis=0).max()) < 1e-6:
        angles = np.linspace(0, 2 * np.pi, len(states), endpoint=False)
        flat = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    else:
        from sklearn.manifold import TSNE

        perplexity = min(_PERPLEXITY, (len(states) - 1) / 3)
        flat = TSNE(
            perplexity=perplexity, init="pca", max_iter=_STEPS, random_state=0
        ).fit_transform(states)
    low, high = flat.min(axis=0), flat.max(axis=0)
    wide = max(float((high - low).max()), 1e-12)
    placed: FloatArray = np.clip(0.5 + (flat - (low + high) / 2) / wide, 0, 1).astype(np.float32)
    return placed

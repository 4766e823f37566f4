"""The snapshot as PyG ``HeteroData``, and the check that nothing held out has reached it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from linkspan.errors import ModelError, needing
from linkspan.gnn.events.domains import item_domains
from linkspan.gnn.events.transitions import NEXT, NEXT_INSIDE, all_transitions, transition_sums
from linkspan.gnn.settings import ModelSettings
from linkspan.gnn.tensors.adjacency import add_adjacencies
from linkspan.gnn.tensors.features import Scheme, add_features
from linkspan.graph.snapshot import Snapshot

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

REVERSE = "rev_"

EdgeType = tuple[str, str, str]


def build_hetero_data(
    snapshot: Snapshot,
    events: pd.DataFrame,
    text: Mapping[str, NDArray[np.float32]],
    settings: ModelSettings,
    held_out: pd.DataFrame | None = None,
    scheme: Scheme | None = None,
    relations: Sequence[EdgeType] = (),
    kinds: Collection[str] | None = None,
) -> HeteroData:
    """The graph that messages pass over, built from the given events only.

    Node types are ``item``, ``user`` and one per entity kind, with ``text`` (n, d) where there is
    one; items also have ``domain`` (n,), a position in ``snapshot.domains``, ``count`` (n,), their
    events, and what `linkspan.gnn.tensors.features` adds. Every relation and interaction type
    is an edge type, forward and reverse (``rev_TYPE``); so are item transitions
    (`all_transitions`), unless histories are sets. Each has ``edge_index`` (2, E) of row indices,
    ``edge_weight`` (E,), and what `linkspan.gnn.tensors.adjacency` adds.

    Args:
        snapshot: The graph.
        events: Rows of ``snapshot.events()`` over which messages may pass.
        text: Node type, or ``item/NAME`` for a property, to vectors, as
            `linkspan.gnn.encoding.texts.embed_snapshot_text` gives them.
        settings: Window and decay of the transitions.
        held_out: Rows of ``snapshot.events()`` that must not be seen: relations from users to
            items lose these pairs, and `check_no_leak` is run.
        scheme: What a model knows of the features of items; without, it is found in the snapshot.
        relations: Edge types that a model reads; those that the snapshot lacks get no edges.
        kinds: Node types that a model knows; others are left out, with their relations.

    Raises:
        ModelError: A held-out pair is among ``events``, or reached the graph in another way; or the
            extra ``train`` is not installed.
    """
    with needing("train", "a model"):
        from torch_geometric.data import HeteroData  # 2 s, which only graphs are to cost
    data = HeteroData()
    codes = {domain: code for code, domain in enumerate(snapshot.domains)}
    counts = np.bincount(events["item"], minlength=len(snapshot.items))
    data["item"].num_nodes = len(snapshot.items)
    data["item"].domain = torch.tensor(snapshot.items["domain"].map(codes).to_numpy(np.int64))
    data["item"].count = torch.tensor(counts, dtype=torch.float32)
    data["user"].num_nodes = len(snapshot.users)
    for kind in snapshot.entities if kinds is None else kinds:
        if kind != "item":
            data[kind].num_nodes = len(snapshot.entities.get(kind, ()))
    for node_type in data.node_types:
        if node_type in text:
            data[node_type].text = torch.from_numpy(text[node_type])
    add_features(data["item"], snapshot, text, scheme)
    for name, frame in events.groupby("type", observed=False, sort=True):
        weight = np.ones(len(frame), np.float32)
        own = _own(("user", str(name), "item"))
        _add_both(data, own, frame["user"], frame["item"], weight)
    _add_relations(data, snapshot, held_out)
    if snapshot.timed:
        for key, moves in all_transitions(events, item_domains(snapshot), settings).items():
            _add_both(data, key, moves["source"], moves["target"], moves["weight"].to_numpy())
    for key in relations:
        if key not in data.edge_types:
            none = pd.Series(dtype=np.int64)
            _add(data, key, none, none, np.zeros(0, np.float32))
    if held_out is not None:
        check_no_leak(data, events, held_out, settings)
    add_adjacencies(data)
    return data


def _add_relations(data: HeteroData, snapshot: Snapshot, held_out: pd.DataFrame | None) -> None:
    """Those between node types that are there, without held-out pairs."""
    hidden = _pairs(held_out) if held_out is not None else pd.MultiIndex.from_arrays([[], []])
    for key, frame in sorted(snapshot.relations.items()):
        if not {key[0], key[2]} <= set(data.node_types):
            continue
        kept = frame
        if {key[0], key[2]} == {"user", "item"} and len(hidden):
            columns = ["source", "target"] if key[0] == "user" else ["target", "source"]
            kept = frame[~pd.MultiIndex.from_frame(frame[columns]).isin(hidden)]
        weights = kept["weight"].to_numpy(np.float32)
        _add_both(data, _own(key), kept["source"], kept["target"], weights)


def check_no_leak(
    data: HeteroData, events: pd.DataFrame, held_out: pd.DataFrame, settings: ModelSettings
) -> None:
    """Verify that no held-out event reached the edges or any count of ``data``.

    The sums are computed in another way than `build_hetero_data` does it: per item, how many events
    there are, and what weight of transitions it must have.

    Args:
        data: What messages pass over.
        events: The events it may have been built from.
        held_out: The events it must not have been built from.
        settings: Window and decay of the transitions.

    Raises:
        ModelError: A held-out pair, its reverse, or a parallel type is an edge; or a count holds
            more than ``events``.
    """
    hidden = _pairs(held_out)
    if _pairs(events).isin(hidden).any():
        raise ModelError("leak: a held-out event is among the events that messages pass over")
    for source, name, target in data.edge_types:
        if {source, target} != {"user", "item"}:
            continue
        edges = data[source, name, target].edge_index.numpy()
        edges = edges if source == "user" else edges[::-1]
        if pd.MultiIndex.from_arrays(edges).isin(hidden).any():
            raise ModelError(f"leak: a held-out user and item are joined by '{name}'")
    count = data["item"].count.numpy()
    items = len(count)
    if not np.array_equal(count, np.bincount(events["item"], minlength=items)):
        raise ModelError("leak: the popularity of an item is not that of the events allowed")
    domains = pd.Series(data["item"].domain.numpy()[events["item"]], events.index)
    for key, group in ((NEXT, [events["user"]]), (NEXT_INSIDE, [events["user"], domains])):
        if key not in data.edge_types:
            continue
        into, out = transition_sums(events, group, items, settings)
        edges, weight = data[key].edge_index.numpy(), data[key].edge_weight.numpy()
        # Each event that an edge sums may have rounded it by half a unit in the last place.
        near = 1e-4 + float(weight.max(initial=0.0)) * np.finfo(np.float32).eps / 2
        for row, expected in ((1, into), (0, out)):
            found = np.bincount(edges[row], weights=weight, minlength=items)
            if not np.allclose(found, expected, rtol=near, atol=1e-3):
                raise ModelError("leak: item transitions hold more than the events allowed")


def _own(key: EdgeType) -> EdgeType:
    """The edge type of a relation of the graph: no name that we give ourselves."""
    ours = key in (NEXT, NEXT_INSIDE) or key[1].startswith(REVERSE)
    return (key[0], f"stated_{key[1]}", key[2]) if ours else key


def _pairs(events: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([events["user"], events["item"]])


def _add_both(
    data: HeteroData,
    key: EdgeType,
    source: pd.Series,
    target: pd.Series,
    weight: NDArray[np.float32],
) -> None:
    """Add an edge type and its reverse."""
    _add(data, key, source, target, weight)
    _add(data, (key[2], REVERSE + key[1], key[0]), target, source, weight)


def _add(
    data: HeteroData,
    key: EdgeType,
    source: pd.Series,
    target: pd.Series,
    weight: NDArray[np.float32],
) -> None:
    """Add an edge type; equal edges become one, their weights summed."""
    from torch_geometric.utils import coalesce

    edges = torch.from_numpy(np.stack([source.to_numpy(np.int64), target.to_numpy(np.int64)]))
    nodes = max(data[key[0]].num_nodes, data[key[2]].num_nodes)
    values = torch.from_numpy(np.array(weight, np.float32))
    store = data[key]
    store.edge_index, store.edge_weight = coalesce(edges, values, num_nodes=nodes)

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
from linkspan.gnn.tensors.adjacency import REVERSE, EdgeType, add_relation, edges_of
from linkspan.gnn.tensors.features import Scheme, add_features
from linkspan.graph.snapshot import Snapshot

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


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
    (`all_transitions`), unless histories are sets. Its edges are sparse matrices, ``adj_t`` and its
    transpose, as `linkspan.gnn.tensors.adjacency.add_relation` makes them, and no ``edge_index``,
    which would take three times the memory.

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
        own = _own(("user", str(name), "item"))
        ends = frame["user"].to_numpy(), frame["item"].to_numpy()
        add_relation(data, own, *ends, np.ones(len(frame), np.float32))
    _add_relations(data, snapshot, held_out)
    if snapshot.timed:
        for key, steps in all_transitions(events, item_domains(snapshot), settings):
            sources, targets = steps.tocoo().coords
            add_relation(data, key, sources, targets, steps.data)
    for key in relations:
        if key not in data.edge_types:
            reverse = (key[2], key[1].removeprefix(REVERSE), key[0])
            own, none = reverse if key[1].startswith(REVERSE) else key, np.zeros(0, np.int64)
            add_relation(data, own, none, none, np.zeros(0, np.float32))
    if held_out is not None:
        check_no_leak(data, events, held_out, settings)
    return data


def _add_relations(data: HeteroData, snapshot: Snapshot, held_out: pd.DataFrame | None) -> None:
    """Those between node types that are there, without held-out pairs."""
    for key, frame in sorted(snapshot.relations.items()):
        if not {key[0], key[2]} <= set(data.node_types):
            continue
        ends = frame["source"].to_numpy(), frame["target"].to_numpy()
        weights = frame["weight"].to_numpy(np.float32)
        if {key[0], key[2]} == {"user", "item"} and held_out is not None:
            known = ~_are_among(held_out, *(ends if key[0] == "user" else ends[::-1]))
            ends, weights = (ends[0][known], ends[1][known]), weights[known]
        add_relation(data, _own(key), *ends, weights)


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
    if _are_among(held_out, events["user"].to_numpy(), events["item"].to_numpy()).any():
        raise ModelError("leak: a held-out event is among the events that messages pass over")
    for source, name, target in data.edge_types:
        if {source, target} != {"user", "item"}:
            continue
        edges = edges_of(data[source, name, target].adj).numpy()
        if _are_among(held_out, *(edges if source == "user" else edges[::-1])).any():
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
        edges, weight = edges_of(data[key].adj).numpy(), data[key].edge_weight.numpy()
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


def _are_among(events: pd.DataFrame, users: IntArray, items: IntArray) -> NDArray[np.bool_]:
    """(E,) whether each user and item (E,) are those of an event."""
    width = max(events["item"].max(), items.max(initial=0)) + 1 if len(events) else 1
    known = events["user"].to_numpy(np.int64) * width + events["item"].to_numpy()
    found: NDArray[np.bool_] = pd.Index(users.astype(np.int64) * width + items).isin(known)
    return found

"""Taking the edges that a batch is asked to predict out of that batch's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from linkspan.gnn.events.transitions import NEXT, all_transitions, order_within
from linkspan.gnn.settings import TrainSettings
from linkspan.gnn.tensors.adjacency import Adjacency, EdgeType, adjacencies, with_values
from linkspan.gnn.tensors.hetero_data import REVERSE

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

IntArray = NDArray[np.int64]


class Removed(NamedTuple):
    """Removed of one relation.

    Attributes:
        edges: (E',) the edges that lose something, sorted.
        lost: (E',) how much of their weight.
        out: (S,) sums of the weights that are left at the sources.
        into: (T,) the same at the targets.
    """

    edges: Tensor
    lost: Tensor
    out: Tensor
    into: Tensor


class SupervisionMask:
    """Matrices without what the events of a batch gave to them.

    An event of a user and an item is an edge between the two, of its own type and perhaps of
    others, and stands in transitions: into the item, out of it, and over it. A model that sees them
    while it is asked for that item learns to trust what will not be there (Zhang & Chen, 2018,
    arXiv:1802.09691); so the user's steps are cut at the event, as they end at the last event of a
    history. Nor may a model see the hole: what is left is normalised anew, and an item that would
    lose more than half of what comes in keeps it all. So where a batch holds most events of a small
    graph next to nothing is masked: of the steps asked for, by weight, 100 users of goodbooks keep
    all, 400 too, 1,500 keep 59%, and 10,370 keep 3%. Smaller pieces with a
    mask each changed little (docs/decisions.md, "Small graphs are hardly masked").

    Args:
        data: Built from ``events``, with adjacencies.
        events: Rows of ``snapshot.events()``, the ones that batches are drawn from.
        settings: Window and decay of the transitions, and whether to mask at all.
    """

    def __init__(self, data: HeteroData, events: pd.DataFrame, settings: TrainSettings) -> None:
        self._matrices = adjacencies(data)
        self._data = data
        self._edges: dict[EdgeType, Tensor] = {}
        self._weights: dict[EdgeType, Tensor] = {}
        if not settings.learning.mask_supervision:
            return
        users, items = events["user"].to_numpy(np.int64), events["item"].to_numpy(np.int64)
        for key in data.edge_types:
            between = {key[0], key[2]} == {"user", "item"}
            if between and not key[1].startswith(REVERSE) and len(data[key].edge_weight):
                ends = (users, items) if key[0] == "user" else (items, users)
                self._edges[key] = torch.from_numpy(_find(data, key, *ends))[:, None]  # (E, 1)
                self._weights[key] = data[key].edge_weight.cpu()[self._edges[key]]
        if NEXT in data.edge_types:
            domains = data["item"].domain.cpu().numpy()
            for key, steps in all_transitions(events, domains, settings.model).items():
                order = np.arange(len(events)) if key == NEXT else order_within(events, domains)
                edges, weights = _cut(data, key, steps, order)  # (E, S)
                self._edges[key], self._weights[key] = edges, weights
        device = data["item"].count.device
        self._edges = {key: edges.to(device) for key, edges in self._edges.items()}
        self._weights = {key: weights.to(device) for key, weights in self._weights.items()}

    def without(self, rows: Tensor) -> dict[EdgeType, Adjacency]:
        """Matrices of all edge types, less what the events at positions ``rows`` (B,) gave."""
        result = dict(self._matrices)
        for key, removed in self.removed(rows).items():
            masked = self._less(key, removed)
            result[key] = masked
            result[key[2], REVERSE + key[1], key[0]] = Adjacency(masked.adj, masked.adj_t)
        return result

    @property
    def edge_types(self) -> list[EdgeType]:
        """Those that lose something, forward ones only."""
        return list(self._edges)

    @property
    def nbytes(self) -> int:
        """Bytes held beside the matrices."""
        tensors = [*self._edges.values(), *self._weights.values()]
        return sum(each.nbytes for each in tensors)

    def removed(self, rows: Tensor) -> dict[EdgeType, Removed]:
        """Drops of relations without the events at positions ``rows`` (B,); forward ones only."""
        return {
            # (B, S) to (B * S,); `index_select` is several times as fast as brackets.
            key: self._removed(
                key,
                edges.index_select(0, rows).flatten(),
                self._weights[key].index_select(0, rows).flatten(),
            )
            for key, edges in self._edges.items()
        }

    def values_at(self, removed: dict[EdgeType, Removed], key: EdgeType, places: Tensor) -> Tensor:
        """Values of ``adj_t`` at some places, as `without` would have them.

        Args:
            removed: What `removed` gave.
            key: Edge type, forward or reverse.
            places: (E,) positions among the values of the whole ``adj_t``.
        """
        forward = (key[2], key[1].removeprefix(REVERSE), key[0])
        if key in removed:  # an edge's place in ``adj_t`` is its number in the reverse type
            reverse = self._data[key[2], REVERSE + key[1], key[0]]
            return self._values(key, removed[key], reverse.slot_t[places])
        if key[1].startswith(REVERSE) and forward in removed:
            return self._values(forward, removed[forward], places)
        return self._matrices[key].adj_t.values()[places]

    def _removed(self, key: EdgeType, chosen: Tensor, weights: Tensor) -> Removed:
        """Removed of a relation without some weight of some edges, -1 for none."""
        store, there = self._data[key], (chosen >= 0).nonzero().flatten()
        edges, place = torch.unique(chosen.index_select(0, there), return_inverse=True)  # (E',)
        sources, targets = (ends.index_select(0, edges) for ends in store.edge_index)
        # A step may stand in the cuts of two events of a batch: no edge loses more than it has.
        lost = torch.zeros(len(edges), device=edges.device)
        lost = lost.index_add_(0, place, weights.index_select(0, there))
        lost = torch.minimum(lost, store.edge_weight.index_select(0, edges))
        # The ends that are asked for: items, of which steps have two.
        ends, sums = (sources, store.out) if key[2] == "user" else (targets, store.into)
        left = sums - torch.zeros_like(sums).index_add_(0, ends, lost)  # (S,) or (T,)
        lost = lost * (left >= 0.5 * sums).index_select(0, ends)
        into = store.into - torch.zeros_like(store.into).index_add_(0, targets, lost)
        out = store.out - torch.zeros_like(store.out).index_add_(0, sources, lost)
        return Removed(edges, lost, out, into)

    def _values(self, key: EdgeType, removed: Removed, chosen: Tensor | None = None) -> Tensor:
        """Normalised weights of all edges, or of those at ``chosen`` (E,), less what is lost."""
        store = self._data[key]
        if chosen is None:
            (sources, targets), weight = store.edge_index, store.edge_weight.clone()
            weight[removed.edges] -= removed.lost
        else:
            (sources, targets), weight = store.edge_index[:, chosen], store.edge_weight[chosen]
            if len(removed.edges):
                place = torch.searchsorted(removed.edges, chosen).clamp(max=len(removed.edges) - 1)
                weight = weight - removed.lost[place] * (removed.edges[place] == chosen)
        out, into = removed.out.index_select(0, sources), removed.into.index_select(0, targets)
        values: Tensor = weight * (out * into).clamp(1e-12).rsqrt()
        return values

    def _less(self, key: EdgeType, removed: Removed) -> Adjacency:
        """A relation without what it loses."""
        store, (adj_t, adj) = self._data[key], self._matrices[key]
        values = self._values(key, removed)
        return Adjacency(
            with_values(adj_t, torch.empty_like(values).scatter_(0, store.slot_t, values)),
            with_values(adj, values),  # the edges have its order
        )


def _cut(
    data: HeteroData, key: EdgeType, steps: pd.DataFrame, order: IntArray
) -> tuple[Tensor, Tensor]:
    """Edges and weights (E, S) of the steps into, out of, and over each event; -1 where none."""
    edge = _find(data, key, steps["source"].to_numpy(), steps["target"].to_numpy())
    weight, reach = steps["weight"].to_numpy(), steps["steps"].to_numpy()
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    first = place[steps["position"].to_numpy()] - reach
    longest = int(reach.max(initial=0))
    width = sum(range(2, longest + 2))
    edges = np.full((len(order), width), -1, np.int64)
    weights = np.zeros(edges.shape, np.float32)
    column = 0
    for length in range(1, longest + 1):
        chosen = reach == length
        for between in range(length + 1):
            events = order[first[chosen] + between]
            edges[events, column], weights[events, column] = edge[chosen], weight[chosen]
            column += 1
    return torch.from_numpy(edges), torch.from_numpy(weights)


def _find(data: HeteroData, key: EdgeType, sources: IntArray, targets: IntArray) -> IntArray:
    """Position in ``edge_index`` of each pair, or -1."""
    width = data[key[2]].num_nodes
    edges = data[key].edge_index.cpu().numpy()
    codes = edges[0] * width + edges[1]
    wanted = sources.astype(np.int64) * width + targets
    if not len(codes):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(codes, kind="stable")
    place = np.minimum(np.searchsorted(codes, wanted, sorter=order), len(codes) - 1)
    found: IntArray = order[place]
    return np.where(codes[found] == wanted, found, -1)

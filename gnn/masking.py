"""Taking the edges that a batch is asked to predict out of that batch's messages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import HeteroData

from linkspan.gnn.adjacency import Adjacency, EdgeType, adjacencies, with_values
from linkspan.gnn.data import REVERSE
from linkspan.gnn.settings import TrainSettings
from linkspan.gnn.transitions import NEXT, all_transitions

IntArray = NDArray[np.int64]


class SupervisionMask:
    """Matrices without what the events of a batch gave to them.

    An event of a user and an item is an edge between the two, of its own type and perhaps of
    others, and has given weight to transitions into the item. A model that sees them while it is
    asked for that item learns to trust what will not be there (Zhang & Chen, 2018,
    arXiv:1802.09691). The normalisation is left as it is.

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
        if not settings.mask_supervision:
            return
        users, items = events["user"].to_numpy(np.int64), events["item"].to_numpy(np.int64)
        for key in data.edge_types:
            if (key[0], key[2]) == ("user", "item") and not key[1].startswith(REVERSE):
                self._edges[key] = torch.from_numpy(_find(data, key, users, items))[:, None]
                self._weights[key] = data[key].edge_weight.cpu()[self._edges[key]]
        steps = {}
        if NEXT in data.edge_types:
            steps = all_transitions(events, data["item"].domain.cpu().numpy(), settings)
        for key, moves in steps.items():
            pairs = moves[["source", "target"]].to_numpy(np.int64)
            found = _find(data, key, pairs[:, 0], pairs[:, 1])
            edges = np.full((len(events), settings.transition_window), -1, np.int64)
            weights = np.zeros(edges.shape, np.float32)
            step = moves.groupby("position").cumcount().to_numpy()
            edges[moves["position"], step] = found
            weights[moves["position"], step] = moves["weight"]
            self._edges[key] = torch.from_numpy(edges)
            self._weights[key] = torch.from_numpy(weights)
        device = data["item"].count.device
        self._edges = {key: edges.to(device) for key, edges in self._edges.items()}
        self._weights = {key: weights.to(device) for key, weights in self._weights.items()}

    def without(self, rows: Tensor) -> dict[EdgeType, Adjacency]:
        """Matrices of all edge types, less what the events at positions ``rows`` (B,) gave."""
        result = dict(self._matrices)
        for key, edges in self._edges.items():
            chosen, weights = edges[rows].flatten(), self._weights[key][rows].flatten()
            masked = self._less(key, chosen[chosen >= 0], weights[chosen >= 0])
            result[key] = masked
            result[key[2], REVERSE + key[1], key[0]] = Adjacency(masked.adj, masked.adj_t)
        return result

    def _less(self, key: EdgeType, edges: Tensor, weights: Tensor) -> Adjacency:
        """A relation without some weight of some of its edges."""
        store, (adj_t, adj) = self._data[key], self._matrices[key]
        change = -weights * store.norm[edges]
        return Adjacency(
            with_values(adj_t, adj_t.values().index_add(0, store.slot_t[edges], change)),
            with_values(adj, adj.values().index_add(0, store.slot[edges], change)),
        )


def _find(data: HeteroData, key: EdgeType, sources: IntArray, targets: IntArray) -> IntArray:
    """Position in ``edge_index`` of each pair, or -1."""
    width = data[key[2]].num_nodes
    edges = data[key].edge_index.cpu().numpy()
    codes = edges[0] * width + edges[1]
    wanted = sources * width + targets
    if not len(codes):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(codes, kind="stable")
    place = np.minimum(np.searchsorted(codes, wanted, sorter=order), len(codes) - 1)
    found: IntArray = order[place]
    return np.where(codes[found] == wanted, found, -1)

"""Taking the edges that a batch is asked to predict out of that batch's messages."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from linkspan.gnn.events.transitions import NEXT, Sequence, sequences
from linkspan.gnn.settings import TrainSettings
from linkspan.gnn.tensors.adjacency import (
    REVERSE,
    Adjacency,
    EdgeType,
    adjacencies,
    edges_of,
    with_values,
)

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

IntArray = NDArray[np.int64]


class _Steps(NamedTuple):
    """Edges of the steps that begin at each event, from which follow those of any cut.

    Attributes:
        edges: (E, G) int32, the edge of the step over g events from the event at each place, at
            column g - 1; -1 where there is none.
        weights: (G,) of a step over g events.
        places: (E,) int32 place of each event; None where it is that of its row.
    """

    edges: Tensor
    weights: Tensor
    places: Tensor | None

    def cut(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Edges, -1 where none, and weights of the steps into, out of, and over events.

        Args:
            rows: (B,) of the events.

        Returns:
            (B, S) both, for the S pairs of g and the place within the step.
        """
        longest, device = self.edges.shape[1], rows.device
        reach = [g for g in range(1, longest + 1) for _ in range(g + 1)]
        before = [each for g in range(1, longest + 1) for each in range(g + 1)]
        columns = torch.tensor(reach, device=device) - 1  # (S,)
        places = rows if self.places is None else self.places[rows].long()
        first = places[:, None] - torch.tensor(before, device=device)  # (B, S)
        edges = self.edges[first.clamp(min=0), columns].long()
        weights = self.weights[columns].expand(edges.shape)
        return edges.masked_fill(first < 0, -1), weights


class _Pairs(NamedTuple):
    """Edges that are events.

    Attributes:
        edges: (E,) int32, -1 where there is none.
        weights: Of all edges of the relation.
    """

    edges: Tensor
    weights: Tensor

    def cut(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Edges and weights, as `_Steps.cut` gives them; (B, 1) both."""
        edges = self.edges[rows].long()[:, None]
        return edges, self.weights[edges]


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
        read: Edge types that messages pass over; others are left as they are.
    """

    def __init__(
        self,
        data: HeteroData,
        events: pd.DataFrame,
        settings: TrainSettings,
        read: Collection[EdgeType] | None = None,
    ) -> None:
        self._matrices = adjacencies(data)
        self._data = data
        self._cuts: dict[EdgeType, _Steps | _Pairs] = {}
        if not settings.learning.mask_supervision:
            return
        device = data["item"].count.device
        users, items = events["user"].to_numpy(np.int64), events["item"].to_numpy(np.int64)
        passed = set(data.edge_types if read is None else read)
        masked = {key for key in data.edge_types if passed & {key, _reverse(key)}}
        for key in data.edge_types:
            if key not in masked:
                continue
            between = {key[0], key[2]} == {"user", "item"}
            if between and not key[1].startswith(REVERSE) and len(data[key].edge_weight):
                ends = (users, items) if key[0] == "user" else (items, users)
                edges = torch.from_numpy(_Edges(data, key).find(*ends)).to(device)
                self._cuts[key] = _Pairs(edges, data[key].edge_weight)
        if NEXT in data.edge_types:
            window, decay = settings.model.transition_window, settings.model.transition_decay
            weights = torch.tensor([decay**steps for steps in range(window)], device=device)
            for key, order in sequences(events, data["item"].domain.cpu().numpy()):
                if key not in masked:
                    continue
                edges, places = _edges_of(data, key, order, window)
                self._cuts[key] = _Steps(
                    edges.to(device), weights, None if places is None else places.to(device)
                )

    def without(self, rows: Tensor) -> dict[EdgeType, Adjacency]:
        """Matrices of all edge types, less what the events at positions ``rows`` (B,) gave."""
        result = dict(self._matrices)
        for key, removed in self.removed(rows).items():
            masked = self._less(key, removed)
            result[key] = masked
            result[_reverse(key)] = Adjacency(masked.adj, masked.adj_t)
        return result

    @property
    def edge_types(self) -> list[EdgeType]:
        """Those that lose something, forward ones only."""
        return list(self._cuts)

    @property
    def nbytes(self) -> int:
        """Bytes held beside the matrices."""
        own = [t for c in self._cuts.values() for t in (c.edges, getattr(c, "places", None))]
        return sum(each.nbytes for each in own if each is not None)

    def removed(self, rows: Tensor) -> dict[EdgeType, Removed]:
        """Drops of relations without the events at positions ``rows`` (B,); forward ones only."""
        return {
            # (B, S) to (B * S,).
            key: self._removed(key, *(each.flatten() for each in cuts.cut(rows)))
            for key, cuts in self._cuts.items()
        }

    def values_at(self, removed: dict[EdgeType, Removed], key: EdgeType, places: Tensor) -> Tensor:
        """Values of ``adj_t`` at some places, as `without` would have them.

        Args:
            removed: What `removed` gave.
            key: Edge type, forward or reverse.
            places: (E,) positions among the values of the whole ``adj_t``.
        """
        forward = (key[2], key[1].removeprefix(REVERSE), key[0])
        if key in removed:
            return self._values(key, removed[key], self._data[key].order_t[places].long())
        if key[1].startswith(REVERSE) and forward in removed:
            return self._values(forward, removed[forward], places)
        return self._matrices[key].adj_t.values()[places]

    def _removed(self, key: EdgeType, chosen: Tensor, weights: Tensor) -> Removed:
        """Removed of a relation without some weight of some edges, -1 for none."""
        store, there = self._data[key], (chosen >= 0).nonzero().flatten()
        edges, place = torch.unique(chosen.index_select(0, there), return_inverse=True)  # (E',)
        sources, targets = _ends(store.adj, edges)
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
            weight = store.edge_weight.clone()
            weight[removed.edges] -= removed.lost
            sizes = store.adj.crow_indices().diff()
            out = removed.out.repeat_interleave(sizes, output_size=len(weight))
            into = removed.into.index_select(0, store.adj.col_indices())
        else:
            (sources, targets), weight = _ends(store.adj, chosen), store.edge_weight[chosen]
            out, into = removed.out[sources], removed.into[targets]
            if len(removed.edges):
                place = torch.searchsorted(removed.edges, chosen).clamp(max=len(removed.edges) - 1)
                weight = weight - removed.lost[place] * (removed.edges[place] == chosen)
        values: Tensor = weight * (out * into).clamp(1e-12).rsqrt()
        return values

    def _less(self, key: EdgeType, removed: Removed) -> Adjacency:
        """A relation without what it loses."""
        store, (adj_t, adj) = self._data[key], self._matrices[key]
        values = self._values(key, removed)
        return Adjacency(
            with_values(adj_t, values.index_select(0, store.order_t)), with_values(adj, values)
        )


def _reverse(key: EdgeType) -> EdgeType:
    """The edge type of the same edges, from their targets to their sources."""
    return key[2], REVERSE + key[1], key[0]


def _edges_of(
    data: HeteroData, key: EdgeType, sequence: Sequence, window: int
) -> tuple[Tensor, Tensor | None]:
    """``edges`` and ``places`` of `_Steps`."""
    edges, known = np.full((len(sequence.items), window), -1, np.int32), _Edges(data, key)
    for steps, first, sources, targets in sequence.steps(window):
        edges[first, steps - 1] = known.find(sources, targets)
    if sequence.order is None:
        return torch.from_numpy(edges), None
    places = np.empty(len(edges), np.int32)
    places[sequence.order] = np.arange(len(edges), dtype=np.int32)
    return torch.from_numpy(edges), torch.from_numpy(places)


def _ends(adj: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
    """Sources and targets (P,) of edges (P,), by their numbers."""
    starts = adj.crow_indices()
    sources = torch.searchsorted(starts, edges.to(starts.dtype), right=True) - 1
    return sources, adj.col_indices()[edges].long()


class _Edges:
    """Numbers of the edges of a relation, by their ends."""

    def __init__(self, data: HeteroData, key: EdgeType) -> None:
        sources, targets = edges_of(data[key].adj).cpu().numpy()
        self._width = data[key[2]].num_nodes
        self._codes = sources * self._width + targets  # sorted, as the edges are

    def find(self, sources: IntArray, targets: IntArray) -> NDArray[np.int32]:
        """(P,) number of the edge of each pair (P,), or -1."""
        wanted, codes = sources.astype(np.int64) * self._width + targets, self._codes
        if not len(codes):
            return np.full(len(wanted), -1, np.int32)
        place = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        return np.where(codes[place] == wanted, place, -1).astype(np.int32)

"""One hop of message passing over typed relations: light sums, or convolutions of PyG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from linkspan.gnn.settings import HEADS, Convolution
from linkspan.gnn.tensors.adjacency import Adjacency, EdgeType, edges_of, weighted_sum

_NOTHING = 1e-7
"""Least weight of an edge that is there; what rounding leaves of a masked one is less."""


def build_hop(kind: Convolution, keys: Sequence[EdgeType], width: int) -> nn.Module:
    """The module of a hop over some edge types, states of one width in and out."""
    if kind == "light":
        return LightHop(keys)
    if kind == "hgt":
        return TransformerHop(keys, width)
    return RelationHop(keys, kind, width)


class LightHop(nn.Module):
    """Sums over the edges of each relation, times a learned weight of the relation.

    Args:
        keys: Edge types.
    """

    def __init__(self, keys: Sequence[EdgeType]) -> None:
        super().__init__()
        self.edge_types = list(keys)
        self.weight = nn.Parameter(torch.full((len(keys),), 0.3))

    def forward(
        self, x: Mapping[str, Tensor], matrices: Mapping[EdgeType, Adjacency]
    ) -> dict[str, Tensor]:
        """Messages (T, K) by target type.

        Args:
            x: States (S, K) by node type; users have none at first.
            matrices: The edges.
        """
        places: dict[str, list[int]] = {}
        for place, key in enumerate(self.edge_types):
            places.setdefault(key[2], []).append(place)
        return {
            target: weighted_sum(
                [matrices[self.edge_types[place]] for place in chosen],
                self.weight[chosen],
                [x[self.edge_types[place][0]] for place in chosen],
            )
            for target, chosen in places.items()
        }


class EdgeConv(nn.Module):
    """A convolution of PyG over the edges of one relation; weights of edges do not count.

    Args:
        kind: ``sage`` (Hamilton et al., 2017, arXiv:1706.02216) or ``gat`` (Veličković et al.,
            2018, arXiv:1710.10903).
        width: K.
    """

    def __init__(self, kind: Convolution, width: int) -> None:
        from torch_geometric.nn import GATConv, SAGEConv

        super().__init__()
        size = (width, width)
        if kind == "sage":
            self.conv = SAGEConv(size, width, root_weight=False)
        else:
            self.conv = GATConv(size, width, heads=HEADS, concat=False, add_self_loops=False)

    def forward(self, x: Tensor, adjacency: Adjacency) -> Tensor:
        """States of the sources (S, K) to messages (T, K) at the targets."""
        targets, sources = adjacency.adj_t.shape
        size = (sources, targets)
        messages: Tensor = self.conv((x, None), unmasked_edges(adjacency), size=size)
        return messages


class RelationHop(nn.ModuleDict):
    """A convolution for each relation, its messages summed.

    Args:
        keys: Edge types.
        kind: Of the convolutions.
        width: K.
    """

    def __init__(self, keys: Sequence[EdgeType], kind: Convolution, width: int) -> None:
        super().__init__({_name(key): EdgeConv(kind, width) for key in keys})
        self.edge_types = list(keys)

    def forward(
        self, x: Mapping[str, Tensor], matrices: Mapping[EdgeType, Adjacency]
    ) -> dict[str, Tensor]:
        """As `LightHop.forward`."""
        sums: dict[str, Tensor] = {}
        for key in self.edge_types:
            messages: Tensor = self[_name(key)](x[key[0]], matrices[key])
            sums[key[2]] = sums[key[2]] + messages if key[2] in sums else messages
        return sums


class TransformerHop(nn.Module):
    """Attention over all relations at once (HGT: Hu et al., 2020, arXiv:2003.01332).

    Args:
        keys: Edge types.
        width: K, a multiple of `HEADS`.
    """

    def __init__(self, keys: Sequence[EdgeType], width: int) -> None:
        from torch_geometric.nn import HGTConv

        super().__init__()
        self.edge_types = list(keys)
        kinds = sorted({kind for source, _, target in keys for kind in (source, target)})
        self.conv = HGTConv(width, width, (kinds, self.edge_types), heads=HEADS)

    def forward(
        self, x: Mapping[str, Tensor], matrices: Mapping[EdgeType, Adjacency]
    ) -> dict[str, Tensor]:
        """As `LightHop.forward`."""
        states = dict(x)
        for key in self.edge_types:
            if key[2] not in states:  # users, before anything has reached them
                some = states[key[0]]
                states[key[2]] = some.new_zeros(matrices[key].adj_t.shape[0], some.shape[1])
        edges = {key: unmasked_edges(matrices[key]) for key in self.edge_types}
        known = {kind: states[kind] for kind in self.conv.node_types}
        found: dict[str, Tensor] = self.conv(known, edges)
        reached = {key[2] for key in self.edge_types}
        return {kind: messages for kind, messages in found.items() if kind in reached}


def unmasked_edges(adjacency: Adjacency) -> Tensor:
    """(2, E) source and target rows of the edges that are not masked."""
    there = adjacency.adj_t.values() > _NOTHING  # (E',), true for E
    return edges_of(adjacency.adj_t).flip(0)[:, there]


def _name(key: EdgeType) -> str:
    """A name that a module may have, which is any without a full stop."""
    return "__".join(key).replace(".", "\N{MIDDLE DOT}")

"""Parts of the graph: the surroundings of some nodes, a bounded number of edges at each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from linkspan.gnn.tensors.adjacency import Adjacency, EdgeType, build_adjacency

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

Values = Callable[[EdgeType, Tensor], Tensor]
"""Edge type and places (E,) among the values of its ``adj_t`` to the values that count."""


class Subgraph(NamedTuple):
    """Nodes around some others, the latter first.

    Attributes:
        data: Their texts, features and domains, and as ``rows`` (n,) their rows in the whole graph.
        matrices: Edges among them.
    """

    data: HeteroData
    matrices: dict[EdgeType, Adjacency]

    def place(self, kind: str, rows: Tensor) -> Tensor:
        """Rows in the whole graph as rows here; those below 0 stay as they are.

        Args:
            kind: Node type.
            rows: Any shape; all of them have to be here.
        """
        known, order = self.data[kind].rows.sort()
        if not len(known):
            return rows
        found = order[torch.searchsorted(known, rows.clamp(min=0)).clamp(max=len(known) - 1)]
        return torch.where(rows < 0, rows, found)


def draw_subgraph(
    data: HeteroData,
    relations: Sequence[Sequence[EdgeType]],
    seeds: Mapping[str, Tensor],
    fan_out: int,
    values: Values,
) -> Subgraph:
    """All that messages to some nodes come from, or a sample of it.

    Of the edges into a node, at most some (`hop_fan_out`) of each type are drawn, and weigh as much
    as all of them: the sum of messages is right in the mean (neighbour sampling: Hamilton et al.,
    2017, arXiv:1706.02216). A node has the same edges in each hop.

    Args:
        data: The whole graph, with adjacencies.
        relations: Edge types of each hop, the first hop first.
        seeds: Node type to the rows (n,), each once, whose states are asked for.
        fan_out: F, edges of a type into each of the seeds.
        values: What the edges weigh.
    """
    device = data["item"].count.device
    nodes, known = {}, {}
    for kind in data.node_types:
        nodes[kind] = seeds.get(kind, torch.zeros(0, dtype=torch.int64, device=device))
        known[kind] = torch.zeros(data[kind].num_nodes, dtype=torch.bool, device=device)
        known[kind][nodes[kind]] = True
    edges: dict[EdgeType, list[tuple[Tensor, Tensor, Tensor]]] = {
        key: [] for keys in relations for key in keys
    }
    done = dict.fromkeys(edges, 0)
    for distance, keys in enumerate(reversed(relations)):
        some = hop_fan_out(fan_out, distance)
        sizes = {kind: len(rows) for kind, rows in nodes.items()}
        for key in keys:
            source, _, target = key
            wanted = nodes[target][done[key] : sizes[target]]
            places, owners, scale = _draw(data[key].adj_t.crow_indices(), wanted, some)
            rows = data[key].adj_t.col_indices()[places].long()  # (E,)
            edges[key].append((owners + done[key], rows, values(key, places) * scale))
            done[key] = sizes[target]
            fresh = rows[~known[source][rows]].unique()
            known[source][fresh] = True
            nodes[source] = torch.cat([nodes[source], fresh])
    part = _take(data, nodes)
    subgraph = Subgraph(part, {})
    for key, found in edges.items():
        owners, rows, weights = (torch.cat(each) for each in zip(*found, strict=True))  # (E,)
        shape = len(nodes[key[2]]), len(nodes[key[0]])
        sources = subgraph.place(key[0], rows)
        subgraph.matrices[key] = build_adjacency(owners, sources, weights, shape)
    return subgraph


def hop_fan_out(fan_out: int, distance: int) -> int:
    """Edges of a type that are drawn into a node so many hops away: a quarter for each, or one."""
    return max(1, fan_out >> 2 * distance)


def _draw(starts: Tensor, targets: Tensor, fan_out: int) -> tuple[Tensor, Tensor, Tensor]:
    """Places, owners (positions in ``targets``) and scales (E,) of edges into the targets.

    One edge is drawn from each of F equal stretches of a row, by numbers of the CPU, which a
    checkpoint keeps.
    """
    first = starts[targets].long()
    sizes = starts[targets + 1].long() - first
    counts = sizes.clamp(max=fan_out)  # (T,)
    owners = torch.repeat_interleave(counts)  # (E,)
    step = torch.arange(len(owners), device=owners.device) - (counts.cumsum(0) - counts)[owners]
    scale = sizes[owners].double() / counts[owners]
    chance = torch.rand(len(owners), dtype=torch.float64).to(owners.device)
    inside = torch.where(scale > 1, ((step + chance) * scale).floor().long(), step)
    places = first[owners] + torch.minimum(inside, sizes[owners] - 1)
    return places, owners, scale.float()


def _take(data: HeteroData, nodes: Mapping[str, Tensor]) -> HeteroData:
    """Some nodes with all that stands on them."""
    from torch_geometric.data import HeteroData

    part = HeteroData()
    for kind, rows in nodes.items():
        size = data[kind].num_nodes
        for name, value in data[kind].items():
            each = isinstance(value, Tensor) and value.dim() and len(value) == size
            part[kind][name] = value[rows] if each else value
        part[kind].num_nodes, part[kind].rows = len(rows), rows
    return part

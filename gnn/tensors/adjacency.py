"""Normalised adjacency as sparse CSR, each with its transpose, and fast products with it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

EdgeType = tuple[str, str, str]


class Adjacency(NamedTuple):
    """One relation as a matrix that takes source states to target states.

    Attributes:
        adj_t: Sparse CSR (targets, sources), int32 indices (MKL is far faster on them).
        adj: Its transpose, likewise; the product's gradient needs it.
    """

    adj_t: Tensor
    adj: Tensor


class _WeightedSum(torch.autograd.Function):
    """Sums the products in place, and takes the gradients without transposing anything.

    A product and a sum for each relation would read and write the states three times as often, and
    the states, not the edges, are most of what a hop moves.
    """

    @staticmethod
    def forward(ctx: Any, adjacencies: Sequence[Adjacency], weights: Tensor, *x: Tensor) -> Tensor:
        ctx.adjacencies = adjacencies
        ctx.save_for_backward(weights, *x)
        total = x[0].new_zeros(adjacencies[0].adj_t.shape[0], x[0].shape[1])  # (T, K)
        for adjacency, weight, states in zip(adjacencies, weights.tolist(), x, strict=True):
            total.addmm_(adjacency.adj_t, states, alpha=weight)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weights, *x = ctx.saved_tensors
        back = [adjacency.adj @ grads[0] for adjacency in ctx.adjacencies]  # (S, K) each
        slopes = torch.stack([(g * states).sum() for g, states in zip(back, x, strict=True)])
        by_states = [g.mul_(weight) for g, weight in zip(back, weights.tolist(), strict=True)]
        return None, slopes, *by_states


def weighted_sum(adjacencies: Sequence[Adjacency], weights: Tensor, x: Sequence[Tensor]) -> Tensor:
    """Messages of several relations into one node type, each times its weight.

    Args:
        adjacencies: R of them, to the same T targets.
        weights: (R,).
        x: States (S, K) of the sources of each.

    Returns:
        (T, K); differentiable in ``weights`` and ``x``, not in the values of the matrices.
    """
    total: Tensor = _WeightedSum.apply(adjacencies, weights, *x)
    return total


def add_adjacencies(data: HeteroData) -> None:
    """Give each edge type ``adj_t`` and ``adj`` (`Adjacency`), and the slots of its edges in one.

    An edge (s, t) of weight w becomes ``w / sqrt(out(s) * in(t))``; ``out`` and ``in`` are the sums
    of weights at its two ends (the symmetric normalisation of Kipf & Welling, arXiv:1609.02907, for
    a bipartite graph). Edges must be unique and sorted by source and target, the order of the
    values of ``adj``; ``slot_t`` (E,) says where each stands among those of ``adj_t``.
    """
    for source, name, target in data.edge_types:
        store = data[source, name, target]
        rows, columns = store.edge_index
        sources, targets = data[source].num_nodes, data[target].num_nodes
        out = torch.zeros(sources).index_add_(0, rows, store.edge_weight)  # (S,)
        into = torch.zeros(targets).index_add_(0, columns, store.edge_weight)  # (T,)
        store.out, store.into = out, into
        values = store.edge_weight * (out[rows] * into[columns]).clamp(min=1e-12).rsqrt()
        store.adj_t, store.slot_t = _csr(columns, rows, values, (targets, sources))
        store.adj, _ = _csr(rows, columns, values, (sources, targets))


def build_adjacency(
    targets: Tensor, sources: Tensor, values: Tensor, shape: tuple[int, int]
) -> Adjacency:
    """A relation from its edges (E,) and their values; equal ones add up.

    Args:
        targets: Rows of the targets.
        sources: Rows of the sources.
        values: Of the edges.
        shape: Numbers of targets and sources.
    """
    return Adjacency(
        _csr(targets, sources, values, shape)[0], _csr(sources, targets, values, shape[::-1])[0]
    )


def adjacencies(data: HeteroData) -> dict[EdgeType, Adjacency]:
    """The matrices of all edge types."""
    return {key: Adjacency(data[key].adj_t, data[key].adj) for key in data.edge_types}


def with_values(matrix: Tensor, values: Tensor) -> Tensor:
    """A CSR matrix of the same pattern with other values."""
    return torch.sparse_csr_tensor(
        matrix.crow_indices(), matrix.col_indices(), values, matrix.shape, check_invariants=False
    )


def _csr(
    rows: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """CSR matrix and, for each edge, its place among the values."""
    order = torch.argsort(rows * shape[1] + columns, stable=True)
    starts = torch.zeros(shape[0] + 1, dtype=torch.int64, device=rows.device)
    starts[1:] = torch.cumsum(torch.bincount(rows, minlength=shape[0]), 0)
    slot = torch.empty_like(order)
    slot[order] = torch.arange(len(order), device=rows.device)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        matrix = torch.sparse_csr_tensor(
            starts.int(), columns[order].int(), values[order], shape, check_invariants=False
        )
    return matrix, slot

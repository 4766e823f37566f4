"""Normalised adjacency as sparse CSR, each with its transpose, and fast products with it."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import torch
from torch import Tensor
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


class _SparseProduct(torch.autograd.Function):
    """``adj_t @ x``; the gradient is ``adj @ grad``, without transposing anything on the way."""

    @staticmethod
    def forward(ctx: Any, adj_t: Tensor, adj: Tensor, x: Tensor) -> Tensor:
        ctx.adj = adj
        return adj_t @ x

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.adj @ grads[0]


def sparse_product(adjacency: Adjacency, x: Tensor) -> Tensor:
    """States (sources, K) to sums of messages (targets, K); differentiable in ``x`` only."""
    product: Tensor = _SparseProduct.apply(adjacency.adj_t, adjacency.adj, x)
    return product


def add_adjacencies(data: HeteroData) -> None:
    """Give each edge type ``adj_t`` and ``adj`` (`Adjacency`), and the slots of its edges in them.

    An edge (s, t) of weight w becomes ``w / sqrt(out(s) * in(t))``; ``out`` and ``in`` are the sums
    of weights at its two ends (the symmetric normalisation of Kipf & Welling, arXiv:1609.02907, for
    a bipartite graph). ``slot_t`` and ``slot`` (E,) say where each edge of ``edge_index`` stands
    among the values of ``adj_t`` and ``adj``. Edges must be unique.
    """
    for source, name, target in data.edge_types:
        store = data[source, name, target]
        rows, columns = store.edge_index
        sources, targets = data[source].num_nodes, data[target].num_nodes
        out = torch.zeros(sources).index_add_(0, rows, store.edge_weight)
        into = torch.zeros(targets).index_add_(0, columns, store.edge_weight)
        scale = (out[rows] * into[columns]).clamp(min=1e-12).rsqrt()
        store.norm = scale
        values = store.edge_weight * scale
        store.adj_t, store.slot_t = _csr(columns, rows, values, (targets, sources))
        store.adj, store.slot = _csr(rows, columns, values, (sources, targets))


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
    starts = torch.zeros(shape[0] + 1, dtype=torch.int64)
    starts[1:] = torch.cumsum(torch.bincount(rows, minlength=shape[0]), 0)
    slot = torch.empty_like(order)
    slot[order] = torch.arange(len(order))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        matrix = torch.sparse_csr_tensor(
            starts.int(), columns[order].int(), values[order], shape, check_invariants=False
        )
    return matrix, slot

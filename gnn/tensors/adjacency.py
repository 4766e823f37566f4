"""Normalised adjacency as sparse CSR, each with its transpose, and fast products with it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

EdgeType = tuple[str, str, str]

_CACHED = 2**21
"""Numbers of float32 in the states that a product reads at once: 8 MiB, part of a usual cache."""

REVERSE = "rev_"
"""Before the name of an edge type: the same edges, from their targets to their sources."""


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
        totals = []
        for columns in _slices(x):
            cut = {id(states): states[:, columns].contiguous() for states in x}
            total = x[0].new_zeros(adjacencies[0].adj_t.shape[0], columns.stop - columns.start)
            for adjacency, weight, states in zip(adjacencies, weights.tolist(), x, strict=True):
                total.addmm_(adjacency.adj_t, cut[id(states)], alpha=weight)
            totals.append(total)
        return _joined(totals)  # (T, K)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weights, *x = ctx.saved_tensors
        cuts = [grads[0][:, columns].contiguous() for columns in _slices(grads)]
        # (S, K) each.
        back = [_joined([each.adj @ cut for cut in cuts]) for each in ctx.adjacencies]
        slopes = torch.stack([(g * states).sum() for g, states in zip(back, x, strict=True)])
        by_states = [g.mul_(weight) for g, weight in zip(back, weights.tolist(), strict=True)]
        return None, slopes, *by_states


def _slices(x: Sequence[Tensor]) -> list[slice]:
    """Columns of states that products are made of at once, so that a processor's cache holds them.

    A product reads the states of the sources in the order of the edges, each many times: from
    memory, it takes twice as long.
    """
    width, most = x[0].shape[1], max(len(states) for states in x)
    if x[0].device.type != "cpu" or most * width <= 2 * _CACHED:
        return [slice(0, width)]
    size = max(_CACHED // most // 8 * 8, 8)  # 8: what a processor reads at once
    return [slice(start, min(start + size, width)) for start in range(0, width, size)]


def _joined(pieces: Sequence[Tensor]) -> Tensor:
    return pieces[0] if len(pieces) == 1 else torch.cat(list(pieces), dim=1)


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


def add_relation(
    data: HeteroData,
    key: EdgeType,
    sources: NDArray[np.integer],
    targets: NDArray[np.integer],
    weights: NDArray[np.float32],
) -> None:
    """Add an edge type and its reverse, as matrices; equal edges become one, their weights summed.

    An edge (s, t) of weight w becomes ``w / sqrt(out(s) * into(t))``; ``out`` and ``into`` are the
    sums of weights at its two ends (the symmetric normalisation of Kipf & Welling,
    arXiv:1609.02907, for a bipartite graph). Edges are numbered by source, then target, which is
    the order of the values of ``adj``.

    Args:
        data: The graph; the edge type gets ``adj_t`` and ``adj`` (`Adjacency`), ``edge_weight``
            (E,), ``order_t`` (E,) int32, the numbers of the edges in the order of the values of
            ``adj_t``, ``out`` (S,) and ``into`` (T,). The reverse type shares the matrices.
        key: Edge type.
        sources: (P,) rows.
        targets: (P,) rows.
        weights: (P,).
    """
    source, name, target = key
    shape = data[source].num_nodes, data[target].num_nodes
    summed = sparse.coo_array((weights.astype(np.float32), (sources, targets)), shape).tocsr()
    summed.sum_duplicates()
    numbers = np.arange(summed.nnz, dtype=np.int32)
    turned = sparse.csr_array((numbers, summed.indices, summed.indptr), shape).tocsc()
    store, reverse = data[key], data[target, REVERSE + name, source]
    store.edge_weight, store.order_t = map(torch.from_numpy, (summed.data, turned.data))
    store.out, store.into = (torch.from_numpy(summed.sum(axis=axis)) for axis in (1, 0))
    columns = torch.from_numpy(summed.indices)
    starts = torch.from_numpy(summed.indptr)
    scale = store.out.repeat_interleave(starts.diff()) * store.into.index_select(0, columns)
    values = store.edge_weight * scale.clamp(min=1e-12).rsqrt()
    store.adj = _csr(starts, columns, values, shape)
    store.adj_t = _csr(
        torch.from_numpy(turned.indptr),
        torch.from_numpy(turned.indices),
        values.index_select(0, store.order_t),
        shape[::-1],
    )
    reverse.adj_t, reverse.adj = store.adj, store.adj_t


def edges_of(matrix: Tensor) -> Tensor:
    """(2, E) rows and columns of the entries of a CSR matrix, int64."""
    sizes = matrix.crow_indices().diff().long()
    rows = torch.arange(len(sizes), device=sizes.device).repeat_interleave(sizes)
    return torch.stack([rows, matrix.col_indices().long()])


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
        _sorted(targets, sources, values, shape), _sorted(sources, targets, values, shape[::-1])
    )


def adjacencies(data: HeteroData) -> dict[EdgeType, Adjacency]:
    """The matrices of all edge types."""
    return {key: Adjacency(data[key].adj_t, data[key].adj) for key in data.edge_types}


def with_values(matrix: Tensor, values: Tensor) -> Tensor:
    """A CSR matrix of the same pattern with other values."""
    return _csr(
        matrix.crow_indices(), matrix.col_indices(), values, (matrix.shape[0], matrix.shape[1])
    )


def _sorted(rows: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """CSR matrix from entries (E,) in any order."""
    order = torch.argsort(rows * shape[1] + columns, stable=True)
    starts = torch.zeros(shape[0] + 1, dtype=torch.int32, device=rows.device)
    starts[1:] = torch.cumsum(torch.bincount(rows, minlength=shape[0]), 0)
    return _csr(starts, columns[order].int(), values[order], shape)


def _csr(starts: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """CSR matrix from its parts."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        matrix: Tensor = torch.sparse_csr_tensor(
            starts, columns, values, shape, check_invariants=False
        )
    return matrix

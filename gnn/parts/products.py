"""Scores that are inner products of a vector of the user with one of the item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linkspan.gnn.parts.values import Values, spread

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


class Moments(NamedTuple):
    """Mean (d,) and covariance (d, d) of the vectors of a domain's items."""

    mean: FloatArray
    covariance: FloatArray

    @classmethod
    def of(cls, vectors: FloatArray) -> Moments:
        """Those of vectors (N, d)."""
        mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        centred = vectors - mean
        return cls(mean, centred.T @ centred / np.float32(max(len(vectors), 1)))


class Products(Values):
    """Inner products of a vector of each user with one of each item.

    Args:
        states: (B, d) of the users.
        vectors: (N, d) of the items, on the device where products are made.
        moments: Of the items' vectors.
    """

    def __init__(self, states: FloatArray, vectors: Tensor, moments: Moments) -> None:
        self.states, self.vectors = states, vectors
        self.mean = states @ moments.mean
        square = np.einsum("bd,bd->b", states @ moments.covariance, states)
        self.deviation = spread(square, self.mean)

    def add(self, scores: FloatArray, scale: FloatArray) -> None:
        """As `Values.add`."""
        add_products(scores, self.states * scale[:, None], self.vectors)

    def at(self, columns: IntArray) -> FloatArray:
        """As `Values.at`."""
        states = torch.from_numpy(self.states).to(self.vectors.device)
        found = np.empty(columns.shape, np.float32)
        for place, column in enumerate(columns.T):  # (B, k, d) at once would be large
            rows = torch.from_numpy(np.ascontiguousarray(column)).to(self.vectors.device)
            found[:, place] = (self.vectors.index_select(0, rows) * states).sum(dim=1).cpu()
        return found

    def among(self, columns: IntArray) -> FloatArray:
        """As `Values.among`."""
        found = np.zeros((len(self.states), len(columns)), np.float32)
        rows = torch.from_numpy(columns).to(self.vectors.device)
        add_products(found, self.states, self.vectors.index_select(0, rows))
        return found


def add_products(scores: FloatArray, states: FloatArray, vectors: Tensor) -> None:
    """Add inner products of states (B, d) and vectors (N, d) to scores (B, N), in place."""
    known = torch.from_numpy(np.ascontiguousarray(states, np.float32)).to(vectors.device)
    if vectors.device.type == "cpu":
        torch.from_numpy(scores).addmm_(known, vectors.T)
    else:
        scores += (known @ vectors.T).cpu().numpy()


class Vectors:
    """Vectors of all items, cut to each domain's once.

    Args:
        vectors: (N, d).
        rows: Domain to the rows of its items, ascending.
    """

    def __init__(self, vectors: FloatArray | Tensor, rows: Mapping[str, IntArray]) -> None:
        self._vectors, self._rows = torch.as_tensor(vectors), rows
        self._known: dict[str, tuple[Tensor, Moments]] = {}

    def inside(self, domain: str) -> tuple[Tensor, Moments]:
        """Vectors of a domain's items, and their moments."""
        if domain not in self._known:
            rows = self._rows[domain]
            if len(rows) and rows[-1] - rows[0] + 1 == len(rows):  # no copy
                cut = self._vectors[int(rows[0]) : int(rows[-1]) + 1]
            else:
                cut = self._vectors[torch.from_numpy(rows).to(self._vectors.device)]
            self._known[domain] = cut, Moments.of(cut.cpu().numpy())
        return self._known[domain]

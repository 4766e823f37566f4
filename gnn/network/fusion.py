"""The parts of an item beside its id (text, images, vectors, other features) as one state."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from linkspan.gnn.network.columns import WHOLE, Columns
from linkspan.gnn.settings import Fusion
from linkspan.gnn.tensors.features import TABLE, TEXT, item_parts


def build_fusion(store: Any, width: int, kind: Fusion) -> ItemFusion | None:
    """Module that joins the parts of the nodes ``item``, or None.

    A weighted text alone is a projection, which needs nothing to join it with.
    """
    names = list(item_parts(store)) + [TABLE] * ("codes" in store)
    if not names or (kind == "weighted" and names == [TEXT]):
        return None
    return {"weighted": Weighted, "concat": Concat, "attention": Attention}[kind](store, width)


class ItemFusion(nn.Module):
    """Projects each part (N, d) of an item to (N, K); those of one item are then joined.

    Categories are learned vectors, summed, and belong to the part of the numbers. A part that an
    item lacks is zero.

    Args:
        store: ``data["item"]``, for the widths of the parts.
        width: K.
    """

    def __init__(self, store: Any, width: int) -> None:
        super().__init__()
        parts = item_parts(store)
        self.names = list(dict.fromkeys([*parts, *[TABLE] * ("codes" in store)]))
        self.project = nn.ModuleList(
            nn.Linear(parts[name].shape[1], width, bias=False) if name in parts else nn.Identity()
            for name in self.names
        )
        self.categories = None
        if "codes" in store:
            self.categories = nn.EmbeddingBag(
                store.scheme.codes + 1, width, mode="sum", padding_idx=0
            )
        for weight in self.parameters():  # rows have lengths near 1, and so have their projections
            nn.init.normal_(weight, std=width**-0.5)
        if self.categories is not None:
            nn.init.zeros_(self.categories.weight[0])

    def projected(self, store: Any, columns: Columns = WHOLE) -> tuple[Tensor, Tensor]:
        """Parts (N, P, K), of the columns asked for, and whether an item has them (N, P)."""
        parts = item_parts(store)
        states, there = [], []
        for name, project in zip(self.names, self.project, strict=True):
            if name in parts:
                weight = columns.own(project.get_parameter("weight"), dim=0)
                states.append(functional.linear(parts[name], weight))  # (N, K)
                there.append((parts[name] != 0).any(dim=1))  # (N,)
            if name == TABLE and self.categories is not None:
                # (N, C) codes to (N, K), and to (N,).
                summed = columns.own(self.categories(store.codes))
                known = (store.codes != 0).any(dim=1)
                states = [*states[:-1], states[-1] + summed] if name in parts else [*states, summed]
                there = [*there[:-1], there[-1] | known] if name in parts else [*there, known]
        return torch.stack(states, dim=1), torch.stack(there, dim=1)


class Weighted(ItemFusion):
    """The sum of the parts, each with one learned weight."""

    def __init__(self, store: Any, width: int) -> None:
        super().__init__(store, width)
        self.weights = nn.Parameter(torch.ones(len(self.names)))

    def forward(self, store: Any, columns: Columns = WHOLE) -> Tensor:
        """(N, K), of the columns asked for."""
        states, _ = self.projected(store, columns)
        return torch.einsum("npk,p->nk", states, self.weights)


class Concat(ItemFusion):
    """A network of two layers over all parts side by side, and over which are there."""

    def __init__(self, store: Any, width: int) -> None:
        super().__init__(store, width)
        self.layers = nn.Sequential(
            nn.Linear(len(self.names) * (width + 1), 2 * width),
            nn.ReLU(),
            nn.Linear(2 * width, width, bias=False),
        )

    def forward(self, store: Any, columns: Columns = WHOLE) -> Tensor:
        """(N, K), of the columns asked for."""
        states, there = self.projected(store)
        # (N, P, K) and (N, P) to (N, P * (K + 1)).
        joined: Tensor = self.layers(torch.cat([states.flatten(1), there.to(states.dtype)], dim=1))
        return columns.own(joined)


class Attention(ItemFusion):
    """A mean of the parts that are there, weighed by what they hold.

    After the attention over kinds of paths of Wang et al. (2019, arXiv:1903.07293), with weights of
    each item's own.
    """

    def __init__(self, store: Any, width: int) -> None:
        super().__init__(store, width)
        self.look = nn.Linear(width, width)
        self.ask = nn.Parameter(torch.randn(len(self.names), width) * width**-0.5)

    def forward(self, store: Any, columns: Columns = WHOLE) -> Tensor:
        """(N, K), of the columns asked for, zero where an item has no part."""
        states, there = self.projected(store)
        logits = (torch.tanh(self.look(states)) * self.ask).sum(dim=2)  # (N, P)
        shares = torch.softmax(logits.masked_fill(~there, -1e9), dim=1) * there
        return columns.own((shares[:, :, None] * states).sum(dim=1))

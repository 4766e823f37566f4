"""A fitted model together with the graph it is used on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch_geometric.data import HeteroData

from linkspan.errors import ModelError
from linkspan.gnn.events.domains import item_domains
from linkspan.gnn.events.known import Pasts
from linkspan.gnn.network.model import HistoryGNN, States
from linkspan.gnn.parts.linear import Linear
from linkspan.gnn.parts.walks import Walks
from linkspan.gnn.settings import Device, TrainSettings
from linkspan.gnn.tensors.adjacency import adjacencies
from linkspan.gnn.tensors.hetero_data import build_hetero_data
from linkspan.graph.snapshot import Snapshot

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


class Weights(NamedTuple):
    """What each feature of a score counts.

    Attributes:
        features: (F,) their names.
        domains: (D,) names.
        shared: (F,) over all domains.
        own: (D, F) of each domain.
    """

    features: tuple[str, ...]
    domains: tuple[str, ...]
    shared: tuple[float, ...]
    own: tuple[tuple[float, ...], ...]

    @classmethod
    def read(cls, values: dict[str, Any]) -> Weights:
        """From what JSON gives."""
        own = tuple(tuple(row) for row in values["own"])
        names = tuple(values["features"]), tuple(values["domains"])
        return cls(*names, tuple(values["shared"]), own)

    def of(self, domain: str) -> tuple[float, ...]:
        """(F,) weights in a domain."""
        return self.own[self.domains.index(domain)]


class Epoch(NamedTuple):
    """One pass over the events.

    Attributes:
        epoch: From 1.
        loss: Mean over events, in nats.
        hit_rate: HR@10 on validation rows, from 0 to 1; None where there are none.
        ndcg: NDCG@10 on validation rows, likewise.
    """

    epoch: int
    loss: float
    hit_rate: float | None
    ndcg: float | None


@dataclass(frozen=True)
class FittedModel:
    """Parameters, and the events over which they are used.

    Attributes:
        snapshot: The graph.
        settings: Those it was trained with.
        text: Node type, or ``item/NAME`` for a property, to vectors (n, d).
        events: Known events, rows of ``snapshot.events()``: histories, messages and counts are made
            of them, and they are what a user has seen.
        data: Built from them.
        model: The parameters, in evaluation mode.
        curves: Loss and validation figures by epoch.
        best_epoch: The epoch, from 1, whose parameters these are.
        bounded: How training stayed within ``settings.memory``; empty where it would have anyway.
        linear: (N, N) weights from items to items; None where the network is alone.
        weights: Name of a mixture (`linkspan.gnn.scores.hybrid`) to the weights of its parts.
    """

    snapshot: Snapshot
    settings: TrainSettings
    text: dict[str, FloatArray]
    events: pd.DataFrame
    data: HeteroData
    model: HistoryGNN
    curves: tuple[Epoch, ...] = field(default=())
    best_epoch: int = 0
    bounded: str = ""
    linear: Linear | None = None
    weights: Mapping[str, Weights] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.model.bias.device

    @cached_property
    def states(self) -> States:
        """States of all nodes, without gradients; computed once."""
        with torch.no_grad():
            return self.model.encode(self.data, adjacencies(self.data))

    @cached_property
    def walks(self) -> Walks:
        """Walks over the known events."""
        return Walks(self.events, len(self.snapshot.users), len(self.snapshot.items))

    @cached_property
    def item_states(self) -> FloatArray:
        """(N, d) states of the items, of unit length: near ones are `similar_items`."""
        states: FloatArray = self.states.items[:-1].cpu().numpy()
        return states

    @cached_property
    def pasts(self) -> Pasts:
        """The known events, over all domains and within each."""
        return Pasts(self.events, item_domains(self.snapshot), timed=self.snapshot.timed)

    @cached_property
    def prior(self) -> FloatArray:
        """(N,) part of an item's score that is the same for all users."""
        with torch.no_grad():
            values: FloatArray = self.model.prior(self.data["item"].count).cpu().numpy()
        return values

    def with_events(
        self, events: pd.DataFrame, held_out: pd.DataFrame | None = None
    ) -> FittedModel:
        """The same parameters over other known events: no training.

        Args:
            events: Rows of ``snapshot.events()``, in its order.
            held_out: Events that must not be among them, checked in every edge and count.

        Raises:
            ModelError: A held-out event would be seen.
        """
        scheme = self.data["item"].scheme
        data = build_hetero_data(self.snapshot, events, self.text, self.settings, held_out, scheme)
        return replace(self, events=events, data=data.to(self.device))


def choose_device(wanted: Device) -> torch.device:
    """The device of a setting.

    Raises:
        ModelError: CUDA is asked for and absent.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ModelError(
            "device 'cuda' is asked for, and torch finds no CUDA device",
            hint="Set device to 'auto' or 'cpu', or install a CUDA build of torch",
        )
    use_cuda = wanted != "cpu" and torch.cuda.is_available()
    return torch.device("cuda" if use_cuda else "cpu")

"""Learned part of a model, apart from the graph that it is used on; and the two together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from linkspan.errors import ModelError
from linkspan.gnn.encoding.texts import unit_rows
from linkspan.gnn.events.domains import rows_by_domain
from linkspan.gnn.events.known import KnownEvents
from linkspan.gnn.models.device import choose_device
from linkspan.gnn.models.keys import NodeKeys
from linkspan.gnn.models.view import View
from linkspan.gnn.models.weights import MixtureWeights
from linkspan.gnn.network.model import (
    DOMAIN_PARAMETERS,
    HistoryGNN,
    States,
    node_parameters,
    text_parameter,
)
from linkspan.gnn.parts.foreign import ForeignPart
from linkspan.gnn.parts.linear import Linear, move_linear
from linkspan.gnn.parts.private import PrivatePart
from linkspan.gnn.parts.products import Vectors
from linkspan.gnn.parts.walks import Walks
from linkspan.gnn.settings import TrainSettings
from linkspan.gnn.tensors.adjacency import EdgeType, adjacencies
from linkspan.gnn.tensors.features import Scheme, check_vectors
from linkspan.graph.snapshot import Snapshot

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

FloatArray = NDArray[np.float32]


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
class Learned:
    """Parameters by the keys of what they belong to: saved without a graph, used on any.

    Attributes:
        settings: Those of the training.
        keys: Nodes and domains, in the order of the rows of the parameters.
        relations: Edge types of each hop.
        scheme: What is known of the features of items.
        parameters: Name to tensor, on the CPU.
        start: Part of the score of an item that is new: the mean of those least met.
        linear: (N, N) weights from items to items; None where the network is alone.
        weights: Name of a mixture (`linkspan.gnn.scores.hybrid`) to the weights of its signals.
        curves: Loss and validation figures by epoch.
        best_epoch: The epoch, from 1, whose parameters these are.
        alone: Domain to what was learned of its events only, where its lists come from that.
        adapted: Domain that was learned on top of ``base``; None where all were learned at once.
        base: What scores all other domains, as if ``adapted`` were not there.
        beginnings: Name of a parameter of domains to where a new domain begins with it; empty
            where nothing was learned of that.
        private: All that was learned, where a privacy budget bounds it; else None.
        foreign: Users' states at other sites of a federation; None where none came.
    """

    settings: TrainSettings
    keys: NodeKeys
    relations: tuple[tuple[EdgeType, ...], ...]
    scheme: Scheme
    parameters: Mapping[str, Tensor]
    start: float
    linear: Linear | None = None
    weights: Mapping[str, MixtureWeights] = field(default_factory=dict)
    curves: tuple[Epoch, ...] = ()
    best_epoch: int = 0
    alone: Mapping[str, Learned] = field(default_factory=dict)
    adapted: str | None = None
    base: Learned | None = None
    beginnings: Mapping[str, Tensor] = field(default_factory=dict)
    private: PrivatePart | None = None
    foreign: ForeignPart | None = None

    def on(self, view: View, device: torch.device | None = None) -> FittedModel:
        """Use what was learned on a graph: with other events, of another day, or of another shop.

        A user is a history, so new users and events need nothing. Items, entities and domains are
        met by their keys. A new item or entity has no id part: its text, its features and what it
        is tied to make its state; so it is with an item that nobody had met, which has learned how
        to be a negative. A new domain has the shared parameters and weights alone. A type of
        relation that is new is not read; one that has gone has no edges.

        Args:
            view: The graph, the vectors of its texts, and the known events.
            device: Where to; by default CUDA where it is there.

        Raises:
            ModelError: Texts or features do not fit, events have an order and had none (or the
                other way round), or a held-out event would be seen.
        """
        check_vectors(view.snapshot, view.vectors)
        # Of a private model nothing may come from events, not even which items were met.
        read = view if self.private is None else view.over(view.events.iloc[:0])
        data = read.tensors(
            self.settings.model, self.scheme, self.relations, tuple(self.keys.nodes)
        )
        with torch.device("meta"):  # no memory, and no random number is drawn
            network = HistoryGNN(data, len(view.keys.domains), self.settings, self.relations)
        try:
            network.load_state_dict(self._parameters_on(view, data), assign=True)
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise ModelError(
                f"the parameters do not fit the graph as it is now ({reason})",
                hint="Do a full run",
            ) from error
        place = device or choose_device("auto")
        return FittedModel(
            view=view,
            settings=self.settings,
            data=data.to(place),
            model=network.to(place).eval(),
            linear=None if self.linear is None else self._linear_on(view, self.linear),
            weights=self.weights,
            curves=self.curves,
            best_epoch=self.best_epoch,
            alone={
                domain: each.on(view.within(domain), place)
                for domain, each in self.alone.items()
                if domain in view.keys.domains
            },
            adapted=self.adapted,
            base=None
            if self.base is None or self.adapted is None
            else self.base.on(view.without(self.adapted), place),
            beginnings=self.beginnings,
            private=self.private and self.private.moved(self.keys.rows_of(view.keys, "item")),
            foreign=self.foreign and self.foreign.moved(self.keys.rows_of(view.keys, "item")),
        )

    def _parameters_on(self, view: View, data: HeteroData) -> dict[str, Tensor]:
        """The parameters, those of nodes and domains in the order of a view."""
        found, met = dict(self.parameters), self.parameters["met"]
        rows = {
            kind: torch.from_numpy(self.keys.rows_of(view.keys, kind)) for kind in self.keys.nodes
        }
        items = rows["item"]
        rows["item"] = torch.where(met[items.clamp(min=0)] > 0, items, -1)
        for name, kind in node_parameters(self.keys.nodes).items():
            found[name] = _taken(found[name], rows[kind], self.start if name == "bias" else 0.0)
        for kind in self.keys.nodes.keys() - view.keys.nodes.keys():
            found.pop(text_parameter(kind), None)  # a kind that has gone has no texts
        domains = torch.from_numpy(self.keys.domain_rows(view.keys))
        for name in DOMAIN_PARAMETERS:
            if name in found:
                found[name] = _taken(found[name], domains)
        found["met"] = torch.maximum(_taken(met, items), (data["item"].count > 0).float())
        return found

    def _linear_on(self, view: View, linear: Linear) -> Linear:
        """The weights in the order of a view; none for new items."""
        rows = self.keys.rows_of(view.keys, "item")
        known = self.keys.count("item")
        if len(rows) == known and np.array_equal(rows, np.arange(known)):
            return linear
        place = np.full(known, -1, np.int64)
        place[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
        return move_linear(linear, place, len(rows))


@dataclass(frozen=True)
class FittedModel:
    """A learned model on a view; its rows are those of the view.

    Attributes:
        view: The graph and the known events.
        settings: Those it was trained with.
        data: The view as tensors.
        model: The network, in evaluation mode.
        curves: Loss and validation figures by epoch.
        best_epoch: The epoch, from 1, whose parameters these are.
        bounded: How training stayed within the memory allowed; empty where it would have anyway.
        linear: (N, N) weights from items to items; None where the network is alone.
        weights: Name of a mixture (`linkspan.gnn.scores.hybrid`) to the weights of its signals.
        alone: Domain to the model of its events only, where its lists come from that.
        adapted: Domain that was learned on top of ``base``; None where all were learned at once.
        base: Model that scores all other domains, on the view without ``adapted``.
        beginnings: Name of a parameter of domains to where a new domain begins with it.
        private: All that was learned, where a privacy budget bounds it; else None.
        foreign: Users' states at other sites of a federation; None where none came.
    """

    view: View
    settings: TrainSettings
    data: HeteroData
    model: HistoryGNN
    curves: tuple[Epoch, ...] = ()
    best_epoch: int = 0
    bounded: str = ""
    linear: Linear | None = None
    weights: Mapping[str, MixtureWeights] = field(default_factory=dict)
    alone: Mapping[str, FittedModel] = field(default_factory=dict)
    adapted: str | None = None
    base: FittedModel | None = None
    beginnings: Mapping[str, Tensor] = field(default_factory=dict)
    private: PrivatePart | None = None
    foreign: ForeignPart | None = None

    @property
    def is_trained(self) -> bool:
        """True where the network learned anything; one that did not scores nothing."""
        return self.best_epoch > 0

    @property
    def snapshot(self) -> Snapshot:
        """The graph."""
        return self.view.snapshot

    @property
    def text(self) -> Mapping[str, FloatArray]:
        """Vectors of the view."""
        return self.view.vectors

    @property
    def events(self) -> pd.DataFrame:
        """Known events of the view."""
        return self.view.events

    @property
    def known_events(self) -> KnownEvents:
        """The known events, over all domains and within each."""
        return self.view.known_events

    @property
    def walks(self) -> Walks:
        """Walks over the known events."""
        return self.view.walks

    @property
    def device(self) -> torch.device:
        """Device where the parameters are."""
        return self.model.bias.device

    @property
    def gates(self) -> dict[str, dict[str, float]]:
        """Domain to how much of its own ``items`` and ``users`` take, 1 at first; or nothing.

        There is nothing where the domains have no adapters.
        """
        if self.model.item_adapters is None or self.model.user_adapters is None:
            return {}
        items, users = self.model.item_adapters.gate, self.model.user_adapters.gate
        pairs = zip(items.tolist(), users.tolist(), strict=True)
        return {
            domain: {"items": of_items, "users": of_users}
            for domain, (of_items, of_users) in zip(self.view.keys.domains, pairs, strict=True)
        }

    @cached_property
    def learned(self) -> Learned:
        """Learned part, apart from the view."""
        parameters = {name: value.cpu() for name, value in self.model.state_dict().items()}
        counts = self.data["item"].count.cpu()
        least = counts == counts[counts > 0].min() if counts.any() else counts < 0
        bias = parameters["bias"][least]
        return Learned(
            settings=self.settings,
            keys=self.view.keys,
            relations=tuple(map(tuple, self.model.relations)),
            scheme=self.data["item"].scheme,
            parameters=parameters,
            start=float(bias.mean()) if len(bias) else 0.0,
            linear=self.linear,
            weights=self.weights,
            curves=self.curves,
            best_epoch=self.best_epoch,
            alone={domain: each.learned for domain, each in self.alone.items()},
            adapted=self.adapted,
            base=None if self.base is None else self.base.learned,
            beginnings=self.beginnings,
            private=self.private,
            foreign=self.foreign,
        )

    @cached_property
    def states(self) -> States:
        """States of all nodes, without gradients; computed once."""
        with torch.no_grad():
            return self.model.encode(self.data, adjacencies(self.data))

    @cached_property
    def item_states(self) -> FloatArray:
        """(N, d) states of the items, of unit length: near ones are `similar_items`.

        Where the network is untrained, the vectors of their texts; zeros without one.
        """
        if not self.is_trained:
            empty = np.zeros((len(self.snapshot.items), 1), np.float32)
            return unit_rows(self.text.get("item", empty))
        states: FloatArray = self.states.items[:-1].cpu().numpy()
        if self.base is not None:
            states = states.copy()
            states[self.rows_of_base >= 0] = self.base.item_states
        return states

    @cached_property
    def item_vectors(self) -> Vectors:
        """States of the items by domain, as users' states are multiplied with them."""
        return Vectors(self.states.items, rows_by_domain(self.snapshot))

    @cached_property
    def rows_of_base(self) -> NDArray[np.int64]:
        """(N,) row in ``base`` of each item; -1 for those that came with the adapted domain."""
        assert self.base is not None, "the model was adapted to no domain"
        return self.base.view.keys.rows_of(self.view.keys, "item")

    @cached_property
    def prior(self) -> FloatArray:
        """(N,) part of an item's score that is the same for all users."""
        with torch.no_grad():
            values: FloatArray = self.model.prior(self.data["item"].count).cpu().numpy()
        return values


def _taken(value: Tensor, rows: Tensor, start: float = 0.0) -> Tensor:
    """Some rows (n,) of a parameter; ``start`` where the row is -1."""
    if not len(value):
        return torch.full((len(rows), *value.shape[1:]), start, dtype=value.dtype)
    new = (rows < 0).reshape(-1, *(1,) * (value.ndim - 1))
    return torch.where(new, torch.tensor(start, dtype=value.dtype), value[rows.clamp(min=0)])

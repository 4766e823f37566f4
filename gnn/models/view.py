"""The graph that a model is used on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.gnn.events.domains import event_domains, item_domains
from linkspan.gnn.events.known import KnownEvents
from linkspan.gnn.models.keys import NodeKeys
from linkspan.gnn.parts.walks import Walks
from linkspan.gnn.settings import ModelSettings
from linkspan.gnn.tensors.adjacency import EdgeType
from linkspan.gnn.tensors.features import Scheme
from linkspan.gnn.tensors.hetero_data import build_hetero_data
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.erasing import without_domain

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class View:
    """A snapshot with the vectors of its texts, and the events that are known.

    Attributes:
        snapshot: The graph.
        vectors: Node type, or ``item/NAME`` for a property, to vectors (n, d), as
            `linkspan.gnn.encoding` makes them.
        events: Known events, rows of ``snapshot.events()`` in its order: histories, messages and
            counts are made of them, and they are what a user has seen.
        held_out: Events that must not be among them, checked in every edge and count; None where
            nothing is held out.
    """

    snapshot: Snapshot
    vectors: Mapping[str, FloatArray]
    events: pd.DataFrame
    held_out: pd.DataFrame | None = None

    @classmethod
    def whole(cls, snapshot: Snapshot, vectors: Mapping[str, FloatArray]) -> View:
        """All events of a snapshot."""
        return cls(snapshot, vectors, snapshot.events())

    def over(self, events: pd.DataFrame, held_out: pd.DataFrame | None = None) -> View:
        """The same graph with other known events."""
        return replace(self, events=events, held_out=held_out)

    def within(self, domain: str) -> View:
        """The same graph with the known events of one domain only; held-out ones likewise."""

        def inside(events: pd.DataFrame) -> pd.DataFrame:
            chosen: pd.DataFrame = events[event_domains(self.snapshot, events) == domain]
            return chosen

        held_out = self.held_out
        return self.over(inside(self.events), None if held_out is None else inside(held_out))

    def without(self, domain: str) -> View:
        """The graph as it was before a domain came: rows of items and entities are its own.

        Rows of users are the same.
        """
        snapshot, places = without_domain(self.snapshot, domain)

        def left(events: pd.DataFrame) -> pd.DataFrame:
            rows = places["item"][events["item"]]
            return events[rows >= 0].assign(item=rows[rows >= 0].astype(np.int32))

        return View(
            snapshot,
            {
                name: part[places[kind] >= 0] if kind in places else part
                for name, part in self.vectors.items()
                for kind in [name.split("/")[0]]
            },
            left(self.events),
            None if self.held_out is None else left(self.held_out),
        )

    @cached_property
    def keys(self) -> NodeKeys:
        """Keys of its nodes."""
        return NodeKeys.of(self.snapshot)

    @cached_property
    def known_events(self) -> KnownEvents:
        """The known events, over all domains and within each."""
        return KnownEvents(self.events, item_domains(self.snapshot), timed=self.snapshot.timed)

    @cached_property
    def walks(self) -> Walks:
        """Walks over the known events."""
        return Walks(self.events, len(self.snapshot.users), len(self.snapshot.items))

    def tensors(
        self,
        settings: ModelSettings,
        scheme: Scheme | None = None,
        relations: Sequence[Sequence[EdgeType]] = (),
        kinds: Collection[str] | None = None,
    ) -> HeteroData:
        """Nodes and edges that messages pass over.

        Args:
            settings: Window and decay of the transitions.
            scheme: What a model knows of the features of items; without, it is found here.
            relations: Edge types that a model reads; those that are not here have no edges.
            kinds: Node types that it knows, beside ``user``; without, those of the snapshot.

        Raises:
            ModelError: A held-out event would be seen, or features do not fit the scheme.
        """
        return build_hetero_data(
            self.snapshot,
            self.events,
            self.vectors,
            settings,
            self.held_out,
            scheme,
            [key for keys in relations for key in keys],
            kinds,
        )

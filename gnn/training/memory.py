"""Estimate, from shapes alone, of the memory that training takes, and how to bound it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from linkspan import machine
from linkspan.errors import ModelError
from linkspan.gnn.network.model import HistoryGNN
from linkspan.gnn.settings import HEADS, TrainSettings
from linkspan.gnn.tensors.adjacency import EdgeType
from linkspan.gnn.tensors.masking import SupervisionMask
from linkspan.gnn.tensors.subgraph import hop_fan_out

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

MIB = 2**20
FAN_OUTS = (16, 8, 4, 2, 1)
"""Edges of a type that are drawn into a node."""
SMALLEST = 16
"""Events at once, at least."""
_FLOAT, _LONG = 4, 8
_SHARE = 0.75
"""Of the memory of a machine, what tensors are proposed to take; the rest is for all else."""


@dataclass(frozen=True)
class Plan:
    """Way in which messages are passed while training.

    Attributes:
        rows: Events whose users and candidates are scored at once; a batch is cut into such pieces.
        fan_out: Edges of a type that are drawn into a node around each piece; 0: messages pass over
            the whole graph, once a batch.
        bytes: What this takes at most, as estimated.
        whole: What whole batches over the whole graph would take.
    """

    rows: int
    fan_out: int
    bytes: int
    whole: int

    def note(self) -> str:
        """Tell what is done to stay within the bound, in words; empty if nothing had to be."""
        if self.bytes == self.whole:
            return ""
        how = f"subgraphs of {self.fan_out} edges a node and type, " if self.fan_out else ""
        return f"{how}{self.rows:,} events at once (~{_mib(self.bytes):,} MiB)"


def choose_plan(
    data: HeteroData,
    model: HistoryGNN,
    mask: SupervisionMask,
    settings: TrainSettings,
    batch: int,
    taught: int = 0,
) -> Plan:
    """The first way to train that stays within ``settings.machine.memory``.

    That is: whole batches over the whole graph; batches in pieces, which changes nothing but the
    draw of negatives; subgraphs around pieces. Without a bound it is the first one, so that a run
    does not depend on the machine: where this has too little memory for it, that is an error.

    Args:
        data: The graph, with adjacencies.
        model: Not yet trained.
        mask: Of the batches.
        settings: Those of the training.
        batch: Events of the largest batch (B).
        taught: Width of the states of a network that is learned from; 0 without.

    Raises:
        ModelError: Nothing stays within it, or the machine has less than is needed without it.
    """
    estimate = Estimate(data, model, mask, settings, taught)
    memory, whole = settings.machine.memory, estimate.whole(batch)
    has = _memory(model.bias.device)
    if whole <= (memory * MIB or has):
        return Plan(batch, 0, whole, whole)
    smaller = [
        Plan(rows, fan_out, estimate.around(rows, fan_out), whole)
        if fan_out
        else Plan(rows, 0, estimate.whole(batch, rows), whole)
        for fan_out in (0, *FAN_OUTS)
        for rows in _halves(batch)
    ]
    room = memory * MIB or _SHARE * has
    fits = next((plan for plan in smaller if plan.bytes <= room), None)
    if memory and fits:
        return fits
    least = _mib(min(plan.bytes for plan in smaller))
    fewer = "lower 'embedding_size', 'history_length', 'negatives' or 'transition_window'"
    if memory:
        raise ModelError(
            f"training needs about {least:,} MiB at least, and 'memory' in [train.machine] "
            f"allows {memory:,}",
            hint=f"Raise 'memory', or {fewer}",
        )
    raise ModelError(
        f"training would take about {_mib(whole):,} MiB, and there are {has // MIB:,}",
        hint=f"With 'memory = {_mib(fits.bytes)}' in [train.machine] it takes no more"
        if fits
        else f"It takes {least:,} at least: {fewer}",
    )


def _memory(device: torch.device) -> int:
    """Bytes that a device has in all."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return machine.memory()


class Estimate:
    """Bytes that tensors take while training, from shapes.

    Attributes:
        before: What is held before the first step.

    Args:
        data: The graph, with adjacencies.
        model: The network.
        mask: Of the batches.
        settings: Those of the training.
        taught: Width of the states of a network that is learned from; 0 without.
    """

    def __init__(
        self,
        data: HeteroData,
        model: HistoryGNN,
        mask: SupervisionMask,
        settings: TrainSettings,
        taught: int = 0,
    ) -> None:
        self._model, self._taught = model, taught
        self._chosen, self._learning = settings.model, settings.learning
        self._nodes = {kind: int(data[kind].num_nodes) for kind in data.node_types}
        self._edges = {key: len(data[key].adj.values()) for key in data.edge_types}
        self._masked = mask.edge_types
        self._width = settings.model.embedding_size
        self._places = len(model.between) if model.ordered else model.length
        self._domains = int(data["item"].domain.max()) + 1
        # What stands on a node: texts, features, its domain, its count.
        self._input = {
            kind: sum(
                value[:1].nbytes
                for value in data[kind].values()
                if isinstance(value, Tensor) and value.dim()
            )
            for kind in data.node_types
        }
        # A relation and its reverse have the same matrices.
        held = {id(value): value for store in data.stores for value in store.values()}
        graph = sum(map(_bytes, held.values()))
        self._parameters = sum(each.nbytes for each in model.parameters())
        # Gradients, two means of Adam, and a copy of the best; and a second one, or Adam's own
        # products, for a moment.
        self.before = graph + mask.nbytes + self._parameters
        if taught:
            self.before += graph + 3 * sum(self._nodes.values()) * taught * _FLOAT
        self._held = self.before + 5 * self._parameters

    def whole(self, batch: int, rows: int | None = None) -> int:
        """With messages over the whole graph, a batch in pieces of some rows."""
        pieces = rows is not None and rows < batch
        masked = sum(self._edges[key] for key in self._masked)
        largest = max((self._edges[key] for key in self._masked), default=0)
        kept = 2 * _FLOAT * masked + self._kept(self._nodes, self._edges)
        ends = self._nodes["item"] * self._width * _FLOAT * 2 * pieces
        step = kept + ends + max(self._scores(rows or batch), self._back(self._nodes, self._edges))
        masking = 2 * _FLOAT * masked + 6 * _FLOAT * largest
        return int(self._held + max(step, masking, self._evaluation()))

    def around(self, rows: int, fan_out: int) -> int:
        """With subgraphs around so many rows."""
        nodes, edges = self._surroundings(rows, fan_out)
        inputs = sum(count * (self._input[kind] + _LONG) for kind, count in nodes.items())
        matrices = sum(edges.values()) * 2 * (_FLOAT + _FLOAT)
        drawing = max(edges.values()) * 12 * _LONG + sum(edges.values()) * (2 * _LONG + _FLOAT)
        # The gradient of the id parts is as large as they are, each time.
        kept = inputs + matrices + self._kept(nodes, edges) + self._parameters
        step = kept + max(self._scores(rows), self._back(nodes, edges))
        return self._held + max(step, inputs + matrices + drawing, self._evaluation())

    def _surroundings(self, rows: int, fan_out: int) -> tuple[dict[str, int], dict[EdgeType, int]]:
        """Most nodes and edges of a subgraph."""
        learning, model = self._learning, self._model
        items = rows * (1 + self._places + learning.dislikes)
        items += learning.negatives * min(self._domains, rows)
        nodes = dict.fromkeys(self._nodes, 0)
        nodes["item"] = min(items, self._nodes["item"])
        if any(key[2] == "user" for key in model.relations[-1]):
            nodes["user"] = min(rows, self._nodes["user"])
        edges: dict[EdgeType, int] = {}
        done: dict[EdgeType, int] = {}
        for distance, keys in enumerate(reversed(model.relations)):
            sizes = dict(nodes)
            for key in keys:
                some = (sizes[key[2]] - done.get(key, 0)) * hop_fan_out(fan_out, distance)
                done[key] = sizes[key[2]]
                edges[key] = min(edges.get(key, 0) + some, self._edges[key])
                nodes[key[0]] = min(nodes[key[0]] + some, self._nodes[key[0]])
        return nodes, edges

    def _kept(self, nodes: Mapping[str, int], edges: Mapping[EdgeType, int]) -> int:
        """Bytes that the passing of messages keeps until gradients have come back."""
        count, width, model = nodes["item"], self._width, self._model
        floats = sum(size for kind, size in nodes.items() if kind != "user") * width
        if model.fusion is not None:
            floats += count * len(model.fusion.names) * (2 * width + 1)
        for keys in model.relations:
            floats += sum(nodes[kind] for kind in {key[2] for key in keys}) * width
            floats += sum(edges.get(key, 0) for key in keys) * self._edge_floats()
        rank = self._chosen.adapter_size
        floats += count * (3 * self._domains * rank + width) if rank else 0
        return (floats + 2 * count * width) * _FLOAT  # of unit length, and padded

    def _edge_floats(self) -> int:
        """Floats that a convolution keeps for an edge; the light one keeps nothing."""
        width = self._width
        return {"light": 0, "sage": 4, "gat": 2 * HEADS * width + 16, "hgt": 4 * width + 16}[
            self._chosen.convolution
        ]

    def _back(self, nodes: Mapping[str, int], edges: Mapping[EdgeType, int]) -> int:
        """Bytes that gradients take on their way back through a hop, beside what is kept."""
        width, most = self._width, 0
        for keys in self._model.relations:
            for kind in {key[2] for key in keys}:
                into = [key for key in keys if key[2] == kind]
                states = sum(nodes[key[0]] for key in into) + max(nodes[key[0]] for key in into)
                each = 0 if self._chosen.convolution == "light" else 2 * width
                passing = max(edges.get(key, 0) for key in into) * (each + self._edge_floats())
                most = max(most, states * width + passing)
        return (most + 2 * sum(nodes.values()) * width) * _FLOAT

    def _scores(self, rows: int) -> int:
        """Bytes that users and the scores of candidates take."""
        learning, width, places = self._learning, self._width, self._places
        rank = self._chosen.adapter_size
        state = 6 * width + 3 * self._domains * rank + learning.dislikes * width
        # The items of histories, as queries and keys, and attention; each then gets a gradient.
        history = places * (2 * width + 2 * places)
        candidates = min(learning.negatives, self._nodes["item"]) + learning.dislikes + 1
        kept = state + history + 12 * places
        items = 3 * self._nodes["item"] * width  # gradients of states that histories look up
        scores, theirs = 4 * candidates, places * (2 * self._taught + 2 * places)
        if self._taught:  # the other's scores, both softmaxes, and where there is no candidate
            kept, scores = kept + self._taught, scores + 6 * candidates
            history = max(history, theirs)
        return int((rows * (kept + max(history, scores)) + items) * _FLOAT)

    def _evaluation(self) -> int:
        """States of all nodes, without gradients."""
        width, kept = self._width, 0 if self._chosen.convolution == "light" else 3 * self._width
        edges = max(self._edges.values()) * (self._edge_floats() + kept)
        return int((4 * sum(self._nodes.values()) * width + edges) * _FLOAT)


def _halves(batch: int) -> Iterator[int]:
    rows = batch
    while rows > SMALLEST:
        yield rows
        rows = (rows + 1) // 2
    yield min(SMALLEST, batch)


def _bytes(value: object) -> int:
    """Of a tensor, dense or CSR."""
    if not isinstance(value, Tensor):
        return 0
    if value.layout == torch.sparse_csr:
        parts = value.crow_indices(), value.col_indices(), value.values()
        return sum(part.nbytes for part in parts)
    return int(value.nbytes)


def _mib(size: int) -> int:
    return -(-size // MIB)

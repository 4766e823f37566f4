"""The history-state graph neural network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from linkspan.gnn.events.history import PAD, SET_LENGTH
from linkspan.gnn.events.transitions import NEXT, NEXT_INSIDE
from linkspan.gnn.network.columns import WHOLE, Columns
from linkspan.gnn.network.convolutions import build_hop
from linkspan.gnn.network.fusion import build_fusion
from linkspan.gnn.settings import TrainSettings
from linkspan.gnn.tensors.adjacency import Adjacency, EdgeType

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

DOMAIN_PARAMETERS = tuple(
    f"{adapters}.{part}"
    for adapters in ("item_adapters", "user_adapters", "newcomers")
    for part in ("down", "up", "gate")
)
"""Names of the parameters that have a row for each domain; as far as there are any."""

NODES = "identity."
"""Beginning of the names of the id parts, which have a state for each node."""


class States(NamedTuple):
    """States that message passing makes of the graph.

    Attributes:
        items: (N + 1, K) states of unit length, the last row zero: the place of `PAD` in a history.
        users: (M + 1, K) messages to users over relations that are not interactions (friends,
            followed authors), the last row zero; or None where there are no such relations.
        domains: (N + 1,) position of each item's domain, the last -1.
        shared: (N, K) states of the items before the adapters of their domains; None where nothing
            is learned.
    """

    items: Tensor
    users: Tensor | None
    domains: Tensor
    shared: Tensor | None = None


class DomainAdapters(nn.Module):
    """A residual for each domain: ``x + gate * (x @ down @ up)``, of low rank, zero at first.

    Linear, so that a state stays a sum of what each event of the history gave.
    After Houlsby et al. (2019, arXiv:1902.00751), without the non-linearity. The gate, one number
    for each domain, says how much of its own the domain takes; 1 at first.
    """

    def __init__(self, domains: int, width: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(domains, width, rank) * width**-0.5)
        self.up = nn.Parameter(torch.zeros(domains, rank, width))
        self.gate = nn.Parameter(torch.ones(domains))

    def forward(self, x: Tensor, domains: Tensor) -> Tensor:
        """States (B, K) of the domains (B,) to states (B, K)."""
        # All domains at once, and those of others set to zero: gathering rows costs more.
        narrow = x @ self.down.transpose(0, 1).flatten(1)  # (B, D * R)
        own = functional.one_hot(domains, len(self.down)).to(x.dtype) * self.gate  # (B, D)
        narrow = narrow * own.repeat_interleave(self.down.shape[2], dim=1)
        return torch.addmm(x, narrow, self.up.flatten(0, 1))  # by (D * R, K)


class HistoryGNN(nn.Module):
    """Items and entities are nodes; a user is a history.

    A node starts as a learned id part plus its projected text; an item with other features, plus
    what `linkspan.gnn.network.fusion` makes of all of them. In each of ``layers`` hops every
    edge type adds its messages, with a learned weight of its own for each hop (weighted LightGCN,
    He et al., 2020, arXiv:2002.02126, over typed edges as in R-GCN, Schlichtkrull et al., 2018,
    arXiv:1703.06103). Users have no id part: the last hop, from items to a user, is an attention
    over the user's latest events: learned weights by position and by whether the item is of the
    domain asked for, and self-attention (Vaswani et al., 2017, arXiv:1706.03762) that mixes the
    positions. The score is ``cosine / temperature + weight * log(1 + count) + bias``.

    Args:
        data: The graph, for the numbers of nodes, the widths of texts, and the edge types.
        domains: Number of domains.
        settings: Widths and numbers of layers.
        relations: Edge types of each hop; without, all that lead to a score.
    """

    def __init__(
        self,
        data: HeteroData,
        domains: int,
        settings: TrainSettings,
        relations: Sequence[Sequence[EdgeType]] | None = None,
    ) -> None:
        super().__init__()
        chosen = settings.model
        width, self.ordered = chosen.embedding_size, NEXT in data.edge_types
        self.length = chosen.history_length if self.ordered else SET_LENGTH
        found = _useful_relations(data, chosen.layers) if relations is None else relations
        self.relations = [list(keys) for keys in found]
        # Learned where there was one domain, it knows of no inside, also where there are more now.
        self.inside = any(NEXT_INSIDE in keys for keys in self.relations)
        length = self.length * (1 + self.inside) if self.ordered else 1
        self.temperature = chosen.temperature
        self.kinds = known = [kind for kind in data.node_types if kind != "user"]
        self.identity = nn.ParameterDict(
            {
                _nodes(kind): nn.Parameter(torch.randn(data[kind].num_nodes, width) * 0.1)
                for kind in known
            }
        )
        self.fusion = build_fusion(data["item"], width, chosen.fusion)
        self.project = nn.ModuleDict(
            {
                _nodes(kind): nn.Linear(data[kind].text.shape[1], width, bias=False)
                for kind in known
                if "text" in data[kind] and (kind != "item" or self.fusion is None)
            }
        )
        self.light = chosen.convolution == "light"
        self.convs = nn.ModuleList(
            build_hop(chosen.convolution, keys, width) for keys in self.relations
        )
        if self.ordered:
            steps = torch.arange(length, dtype=torch.float32) % self.length
            self.position = nn.Parameter(0.7**steps)
            self.position_inside = nn.Parameter(torch.zeros(length))
        else:  # items of a set count alike, those of the domain asked for by a factor above zero
            self.log_inside = nn.Parameter(torch.zeros(1))
        self.query = nn.Linear(width, width // 2, bias=False)
        self.key = nn.Linear(width, width // 2, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.value.weight)
        self.between = nn.Parameter(torch.zeros(length, length))
        rank = chosen.adapter_size
        self.item_adapters = DomainAdapters(domains, width, rank) if rank else None
        self.user_adapters = DomainAdapters(domains, width, rank) if rank else None
        # Of full rank: nothing says that what users like elsewhere is written alike here.
        maps = settings.transfer.maps_users
        self.newcomers = DomainAdapters(domains, width, width) if maps else None
        self.history_dropout = settings.learning.dropout
        self.popularity = nn.Parameter(torch.tensor(0.3))
        self.bias = nn.Parameter(torch.zeros(data["item"].num_nodes))
        # What nobody met has learned nothing of its own but how to be a negative.
        self.met: Tensor
        self.register_buffer("met", (data["item"].count > 0).float())

    def encode(
        self,
        data: HeteroData,
        matrices: Mapping[EdgeType, Adjacency],
        columns: Columns = WHOLE,
    ) -> States:
        """Pass messages.

        Args:
            data: The graph, or a part of it (`linkspan.gnn.tensors.subgraph`); texts and domains
                are read from it.
            matrices: Its edges, as `linkspan.gnn.tensors.adjacency` gives them, or with some of
                them masked.
            columns: Which of the states' columns messages are passed for here, where convolutions
                are light; else for all.
        """
        columns, width = columns if self.light else WHOLE, self.query.in_features
        x = {kind: self._node_input(kind, data, columns) for kind in self.kinds}
        context: Tensor | None = None
        for hop in self.convs:
            messages: dict[str, Tensor] = hop(x, matrices)
            if hop is self.convs[-1]:
                context = messages.pop("user", None)
            x = {
                **x,
                **{kind: x[kind] + sums if kind in x else sums for kind, sums in messages.items()},
            }
        items, domains = columns.joined(x["item"], width), data["item"].domain
        context = None if context is None else columns.joined(context, width)
        shared = items if self.training else None
        if self.item_adapters is not None:
            items = self.item_adapters(items, domains)
        items = functional.pad(functional.normalize(items, dim=1), (0, 0, 0, 1))  # (N + 1, K)
        context = None if context is None else functional.pad(context, (0, 0, 0, 1))
        return States(items, context, functional.pad(domains, (0, 1), value=PAD), shared)

    def draw_kept(self, history: Tensor) -> Tensor | None:
        """Draw (B, L) which events of histories (B, L) are not left out; None: all count."""
        if not (self.training and self.history_dropout):
            return None
        there = history != PAD
        kept = there & (torch.rand(there.shape, device=there.device) >= self.history_dropout)
        return torch.where(kept.any(dim=1, keepdim=True), kept, there)

    def user_states(
        self,
        states: States,
        users: Tensor,
        domains: Tensor,
        history: Tensor,
        kept: Tensor | None = None,
    ) -> Tensor:
        """States of users at a moment, for one domain each.

        Args:
            states: What `encode` gave.
            users: (B,) user rows; -1 for a user whom the graph does not have.
            domains: (B,) positions of the domains asked for.
            history: (B, L) item rows, latest first, then `PAD`.
            kept: What `draw_kept` gave, while training.

        Returns:
            (B, K), of unit length; zero where there is no history and no context.
        """
        state = self.history_states(states, users, domains, history, kept)
        if self.newcomers is not None:
            inside = states.domains[_padded(states, history)] == domains[:, None]  # (B, L)
            mapped = self.newcomers(state, domains)
            state = torch.where(inside.any(dim=1, keepdim=True), state, mapped)
        if self.user_adapters is not None:
            state = self.user_adapters(state, domains)
        return functional.normalize(state, dim=1)

    def history_states(
        self,
        states: States,
        users: Tensor,
        domains: Tensor,
        history: Tensor,
        kept: Tensor | None = None,
    ) -> Tensor:
        """States (B, K) of users before what is a domain's own, as `user_states` takes them."""
        direct, mixed = self._shares(states, domains, history, kept)  # (B, L) both
        met = functional.embedding(_padded(states, history), states.items)  # (B, L, K)
        state: Tensor = (direct[:, None] @ met)[:, 0]  # (B, K)
        state = state + self.value((mixed[:, None] @ met)[:, 0])
        if states.users is not None:
            state = state + states.users[users]
        return state

    def prior(self, counts: Tensor) -> Tensor:
        """Part of the score that is the same for all users, from the items' events (N,)."""
        prior: Tensor = self.popularity * torch.log1p(counts) + self.bias * self.met
        return prior

    def _node_input(self, kind: str, data: HeteroData, columns: Columns) -> Tensor:
        identity: Tensor = columns.own(self.identity[_nodes(kind)])
        met = self.met
        if "rows" in data[kind]:  # a part of the graph
            identity = functional.embedding(data[kind].rows, identity)  # (n, K)
            met = met[data[kind].rows] if kind == "item" else met
        if kind == "item":
            identity = identity * met[:, None]
        if kind == "item" and self.fusion is not None:
            fused: Tensor = self.fusion(data["item"], columns)
            return identity + fused
        if _nodes(kind) not in self.project:
            return identity
        weight = columns.own(self.project[_nodes(kind)].get_parameter("weight"), dim=0)
        return identity + functional.linear(data[kind].text, weight)

    def _shares(
        self, states: States, domains: Tensor, history: Tensor, kept: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Weights (B, L) with which the events enter a state directly and by self-attention."""
        rows = _padded(states, history)
        there = (history != PAD if kept is None else kept).to(states.items.dtype)
        inside = (states.domains[rows] == domains[:, None]).to(there.dtype)  # (B, L)
        # With one weight of each kind none may fall below zero: it would turn round the state of
        # whoever has met only items of that kind, which no loss sees where few such are learned.
        if self.ordered:
            direct = (self.position + self.position_inside * inside) * there
        else:
            direct = torch.exp(self.log_inside * inside) * there
        query, key = (self._projected(each, states, rows) for each in (self.query, self.key))
        logits = query @ key.transpose(1, 2) / query.shape[2] ** 0.5 + self.between  # (B, L, L)
        attention = torch.softmax(logits.masked_fill(there[:, None] == 0, -1e9), dim=2)
        return direct, (direct[:, None] @ attention)[:, 0] * there

    def _projected(self, project: nn.Linear, states: States, rows: Tensor) -> Tensor:
        """(B, L, K / 2) of items at rows (B, L): each of the graph's once, or each of the rows."""
        if rows.numel() < len(states.items):
            gathered: Tensor = project(functional.embedding(rows, states.items))
            return gathered
        return functional.embedding(rows, project(states.items))


def node_parameters(kinds: Iterable[str]) -> dict[str, str]:
    """Names of the parameters that have a row for each node, and of what kind the nodes are."""
    return {"bias": "item", **{f"{NODES}{_nodes(kind)}": kind for kind in kinds}}


def text_parameter(kind: str) -> str:
    """Name of the parameter that projects the texts of nodes of a kind."""
    return f"project.{_nodes(kind)}.weight"


def _useful_relations(data: HeteroData, layers: int) -> list[list[EdgeType]]:
    """Edge types of each hop: those whose source has a state, and whose target reaches a score.

    The last hop ends at items, and at users from other users and entities: a user's own items come
    in by the history, where the one to be predicted is not among them.
    """
    result: list[list[EdgeType]] = []
    reached = {kind for kind in data.node_types if kind != "user"}
    for layer in range(1, layers + 1):
        keys = [key for key in data.edge_types if key[0] in reached]
        if layer == layers:
            keys = [k for k in keys if k[2] == "item" or (k[2] == "user" and k[0] != "item")]
        result.append(keys)
        reached = reached | {key[2] for key in keys}
    return result


def _nodes(kind: str) -> str:
    """A name that a parameter may have, and that is not a method of the container."""
    return f"{kind}_nodes".replace(".", "\N{MIDDLE DOT}")


def _padded(states: States, history: Tensor) -> Tensor:
    """Rows in ``states.items``, the zero row for `PAD`."""
    return torch.where(history == PAD, len(states.items) - 1, history)

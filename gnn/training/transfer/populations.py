"""States of the items and users of each domain, as the terms of domain adaptation see them."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from linkspan.gnn.events.history import PAD
from linkspan.gnn.network.model import States
from linkspan.gnn.training.objective import Step

SAMPLE = 256
"""States of a domain that are drawn from a batch, at most."""
FEWEST = 8
"""States of a domain without which a batch says nothing of it."""

Groups = dict[int, Tensor]
"""Position of a domain to states (n, K) of unit length."""
Aligned = Literal["items", "users", "both"]


def shared_groups(step: Step, align: Aligned) -> dict[str, Groups]:
    """States before what is a domain's own, so that this may still tell tastes and domains apart.

    Args:
        step: The batch.
        align: Whose states.

    Returns:
        ``items`` and ``users``, as asked for, to a sample by domain; domains with too few are left
        out. A user's state in a domain is what the history there makes.
    """
    shared = step.states.shared
    if shared is None:
        return {}
    shared = functional.pad(functional.normalize(shared, dim=1), (0, 0, 0, 1))  # (N + 1, K)
    found: dict[str, Groups] = {}
    if align != "users":
        rows = {d: drawn(step.states.domains == d) for d in domains_of(step)}
        found["items"] = {d: shared[each] for d, each in rows.items() if len(each) >= FEWEST}
    if align != "items":
        found["users"] = user_groups(step, step.states._replace(items=shared))
    return found


def domains_of(step: Step) -> list[int]:
    """Positions of the domains of a batch's items."""
    found = torch.unique(step.states.domains).tolist()
    return [domain for domain in found if domain != PAD]


def user_groups(step: Step, states: States) -> Groups:
    """States of users made of what they did in each domain.

    Args:
        step: The batch.
        states: Of its nodes, adapted or not.
    """
    found = {}
    for domain in domains_of(step):
        own, _ = split_histories(step, domain)
        rows = drawn((own != PAD).any(dim=1))
        if len(rows) >= FEWEST:
            found[domain] = history_states(step, states, rows, own[rows], domain)
    return found


def split_histories(step: Step, domain: int) -> tuple[Tensor, Tensor]:
    """Histories (B, L) inside a domain, and outside of it; `PAD` where an event is not there."""
    batch, model = step.batch, step.model
    history = batch.history
    rows = torch.where(history == PAD, len(step.states.domains) - 1, history)
    inside = step.states.domains[rows] == domain
    own, others = history.where(inside, PAD), history.where(~inside, PAD)
    if model.inside:  # the second half is what was done in the domain asked for, if it is this one
        others[:, model.length :] = PAD
        own[:, model.length :] = own[:, model.length :].where(
            (batch.domains == domain)[:, None], PAD
        )
    return own, others


def history_states(step: Step, states: States, rows: Tensor, history: Tensor, to: int) -> Tensor:
    """States (n, K) of unit length that some histories make for a domain.

    Args:
        step: The batch.
        states: Of its nodes.
        rows: (n,) positions in the batch.
        history: (n, L) item rows.
        to: The domain asked for.
    """
    domains = torch.full_like(rows, to)
    kept = step.model.draw_kept(history)
    made = step.model.history_states(states, step.batch.users[rows], domains, history, kept)
    return functional.normalize(made, dim=1)


def newcomer_states(step: Step, source: Tensor, to: int) -> Tensor:
    """States (n, K) of unit length that the map of newcomers makes for a domain.

    Args:
        step: The batch.
        source: (n, K) states that histories elsewhere make.
        to: The domain asked for.
    """
    newcomers = step.model.newcomers
    assert newcomers is not None
    domains = torch.full((len(source),), to, device=source.device)
    return functional.normalize(newcomers(source, domains), dim=1)


def drawn(which: Tensor) -> Tensor:
    """Positions of at most `SAMPLE` of those that are True, by a generator of the CPU."""
    rows = which.nonzero()[:, 0]
    if len(rows) <= SAMPLE:
        return rows
    return rows[torch.randperm(len(rows))[:SAMPLE].to(rows.device)]


def ring(domains: list[int]) -> list[tuple[int, int]]:
    """Pairs of domains in which each stands twice: neighbours in a circle of random order.

    All pairs would cost the square of the number of domains; over many batches they all come.
    """
    order = [domains[place] for place in torch.randperm(len(domains)).tolist()]
    pairs = list(zip(order, order[1:] + order[:1], strict=True))
    return pairs if len(pairs) > 2 else pairs[: len(pairs) // 2]

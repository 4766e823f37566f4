"""A learned map between domains."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from linkspan.gnn.events.history import PAD
from linkspan.gnn.training.objective import Step, Term
from linkspan.gnn.training.transfer.populations import (
    FEWEST,
    domains_of,
    drawn,
    history_states,
    newcomer_states,
    split_histories,
)


class Mapping(Term):
    """Map of what users did elsewhere to the state that they have in a domain.

    EMCDR (Man et al., 2017, Cross-domain recommendation: an embedding and mapping approach): the
    map is learned on users who are in both. As there, states are given and the map alone is learned
    from them: a network that may move both ends would make all states one. The map is a part of the
    network (`HistoryGNN.newcomers`), which uses it for users without a past in a domain.
    """

    name: ClassVar[str] = "mapping"

    def forward(self, step: Step) -> Tensor:
        """Mean of 1 less the cosine over domains, times the events; 0 where no users are shared."""
        states, values = step.states, []
        for domain in domains_of(step):
            own, others = split_histories(step, domain)
            rows = drawn((own != PAD).any(dim=1) & (others != PAD).any(dim=1))
            if len(rows) < FEWEST:
                continue
            with torch.no_grad():
                source = history_states(step, states, rows, others[rows], domain)
                target = history_states(step, states, rows, own[rows], domain)
            mapped = newcomer_states(step, source, domain)
            values.append(1 - (mapped * target).sum(dim=1).mean())
        if not values:
            return step.users.new_zeros(())
        return torch.stack(values).mean() * len(step.batch)

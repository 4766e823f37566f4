"""An adversarial map between domains."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from linkspan.gnn.events.history import PAD
from linkspan.gnn.training.objective import Step
from linkspan.gnn.training.transfer.populations import (
    FEWEST,
    drawn,
    history_states,
    newcomer_states,
    split_histories,
    user_groups,
)
from linkspan.gnn.training.transfer.watched import Watched, frozen, learn, spread


class GAN(Watched):
    """A generator makes states that users without a past in a domain could have there.

    The generator is the map `HistoryGNN.newcomers`, of the state that the history elsewhere makes;
    a critic tells what it makes from states that histories in the domain make (Goodfellow et al.,
    2014, arXiv:1406.2661), with the hinge loss and spectral norm (Miyato et al., 2018,
    arXiv:1802.05957), without which it would not train. No user need be in both domains. Both sides
    take their step at once; the states themselves are given.

    Args:
        domains: Number of domains D.
        width: K.
    """

    name: ClassVar[str] = "gan"

    def __init__(self, domains: int, width: int) -> None:
        super().__init__()
        self.critic = nn.Sequential(
            spectral_norm(nn.Linear(width, 2 * width)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Linear(2 * width, domains)),
        )

    def forward(self, step: Step) -> Tensor:
        """Loss of critic and generator, mean over domains, times the events; 0 without states."""
        values = []
        with torch.no_grad():
            groups = user_groups(step, step.states)
        for domain, real in groups.items():
            _, others = split_histories(step, domain)
            rows = drawn((others != PAD).any(dim=1))
            if len(rows) < FEWEST:
                continue
            with torch.no_grad():
                source = history_states(step, step.states, rows, others[rows], domain)
            made = newcomer_states(step, source, domain)

            def telling(domain: int = domain, real: Tensor = real, made: Tensor = made) -> Tensor:
                right, wrong = (self.critic(each)[:, domain] for each in (real, made.detach()))
                return functional.relu(1 - right).mean() + functional.relu(1 + wrong).mean()

            told = learn(self.critic, telling)
            with frozen(self.critic):
                values.append(-self.critic(made)[:, domain].mean())
            self.saw(told / 2, spread(made) / spread(real).clamp(min=1e-6))
        if not values:
            return step.users.new_zeros(())
        return torch.stack(values).mean() * len(step.batch)

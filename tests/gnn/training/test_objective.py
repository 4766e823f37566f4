"""How parameters are learned: terms of the objective, and the plan of what is learned."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from linkspan.gnn import TrainSettings, View, train_all, train_further
from linkspan.gnn.tensors.adjacency import adjacencies
from linkspan.gnn.training.objective import Objective, Ranking, Step, Term
from linkspan.gnn.training.rates import Rates
from linkspan.gnn.training.trainer import Trainer
from linkspan.graph.snapshot import Snapshot


def test_frozen_parameters_stay_to_the_last_bit(
    planted: Snapshot, text_of: Callable[..., dict[str, np.ndarray]], settings: TrainSettings
) -> None:
    base = train_all(planted, text_of(planted), settings, epochs=1)
    before = {name: value.clone() for name, value in base.model.state_dict().items()}
    only = Rates((("network.user_adapters.*", 1.0), ("*", 0.0)))
    after = train_further(base, 1, rates=only).model.state_dict()
    moved = {name for name, value in after.items() if not value.equal(before[name])}
    assert moved == {"user_adapters.down", "user_adapters.up", "user_adapters.gate"}
    assert all(value.equal(before[name]) for name, value in base.model.state_dict().items())


def test_frozen_rows_stay_to_the_last_bit(
    planted: Snapshot, text_of: Callable[..., dict[str, np.ndarray]], settings: TrainSettings
) -> None:
    base = train_all(planted, text_of(planted), settings, epochs=1)
    before = base.model.state_dict()["bias"]
    learned = torch.arange(len(before)) % 3 == 0
    only = Rates((("network.bias", 1.0), ("*", 0.0)), {"network.bias": learned})
    after = train_further(base, 2, rates=only).model.state_dict()["bias"]
    assert after[~learned].equal(before[~learned])
    assert (after[learned] != before[learned]).any()


def test_a_rate_of_its_own_makes_smaller_steps() -> None:
    module = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 2), "b": torch.nn.Linear(2, 2)})
    groups = Rates((("a.*", 0.5), ("b.bias", 0.0))).groups(module.named_parameters(), 0.01)
    assert [(len(each["params"]), each["lr"]) for each in groups] == [(2, 0.005), (1, 0.01)]
    assert not module["b"].bias.requires_grad and module["b"].weight.requires_grad


def test_terms_add_up_by_their_weights(
    planted: Snapshot, text_of: Callable[..., dict[str, np.ndarray]], settings: TrainSettings
) -> None:
    """A second term with parameters of its own pulls at the network, and is learned with it."""

    class Pull(Term):
        name = "pull"

        def __init__(self) -> None:
            super().__init__()
            self.place = torch.nn.Parameter(torch.ones(settings.model.embedding_size))

        def forward(self, step: Step) -> torch.Tensor:
            return (step.users - self.place).square().sum()

    trainer = Trainer(View.whole(planted, text_of(planted)), settings)
    pull = Pull()
    states = trainer.model.encode(trainer.data, adjacencies(trainer.data))
    prior = trainer.model.prior(trainer.data["item"].count)
    batch = trainer.learner._build(np.arange(8), trainer._histories().take(np.arange(8)))
    both = Objective([(Ranking("softmax"), 1.0), (pull, 0.25)])
    found = both(trainer.model, states, prior, batch)
    alone = Objective([(Ranking("softmax"), 1.0)])(trainer.model, states, prior, batch)
    users = trainer.model.user_states(states, batch.users, batch.domains, batch.history)
    expected = 0.25 * (users - 1).square().sum()
    torch.testing.assert_close(found["pull"], expected)
    assert found["ranking"].equal(alone["ranking"]) and list(found) == ["ranking", "pull"]
    sum(found.values()).backward()
    assert pull.place.grad is not None and pull.place.grad.abs().sum() > 0

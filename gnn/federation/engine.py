"""Engine of a training whose shared parameters are averaged with those of other sites."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from linkspan.gnn.federation.messages import BEGIN, EPOCH, Array, Link, Message
from linkspan.gnn.network.model import DOMAIN_PARAMETERS, HistoryGNN, node_parameters
from linkspan.gnn.settings import LearningSettings
from linkspan.gnn.training.engine import Engine
from linkspan.gnn.training.rates import Rates


class FederatedEngine(Engine):
    """One site: after each epoch its shared parameters become the average of all sites'.

    Shared is what belongs to no node and no domain: how texts are projected, what each type of
    relation and each place of a history counts. Id parts, biases and adapters stay.

    Args:
        device: Where tensors are.
        link: To the coordinator.
        about: What the site says of itself.
        heard: Called with the names of all sites, when they begin.
    """

    def __init__(
        self,
        device: torch.device,
        link: Link,
        about: Mapping[str, Any],
        heard: Callable[[list[str]], object] = lambda sites: None,
    ) -> None:
        super().__init__(device)
        self._link, self._about, self._heard = link, dict(about), heard
        self._common: set[str] = set()

    def start(self, learned: nn.Module, rates: Rates, settings: LearningSettings) -> None:
        """Make the optimiser, and begin where all others do."""
        super().start(learned, rates, settings)
        network = learned.get_submodule("network")
        assert isinstance(network, HistoryGNN)
        answer = self._link.exchange(Message(BEGIN, shared_arrays(network), self._about))
        self._common = _take(network, answer.arrays)
        self._heard(list(answer.about["sites"]))

    def end_epoch(self, network: HistoryGNN, events: int) -> None:
        """Send the shared parameters, and take the average."""
        shared = shared_arrays(network)
        own = {name: array for name, array in shared.items() if name in self._common}
        answer = self._link.exchange(Message(EPOCH, own, {"events": events}))
        _take(network, answer.arrays)


def shared_arrays(network: HistoryGNN) -> dict[str, Array]:
    """Name to value of the parameters that belong to no node and no domain."""
    own = {*node_parameters(network.kinds), *DOMAIN_PARAMETERS}
    return {
        name: parameter.detach().cpu().numpy().copy()
        for name, parameter in network.named_parameters()
        if name not in own
    }


def _take(network: HistoryGNN, arrays: Mapping[str, Array]) -> set[str]:
    """Write values over parameters of the same names and shapes; returns which these are."""
    taken = set()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name in arrays and arrays[name].shape == parameter.shape:
                parameter.copy_(torch.from_numpy(arrays[name].copy()))
                taken.add(name)
    return taken

"""Engine of a training whose shared parameters are averaged with those of other sites."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from linkspan.gnn.federation.messages import BEGIN, EPOCH, Array, Link, Message
from linkspan.gnn.network.convolutions import LightHop, RelationHop
from linkspan.gnn.network.model import DOMAIN_PARAMETERS, HistoryGNN, node_parameters
from linkspan.gnn.settings import LearningSettings
from linkspan.gnn.training.engine import Engine
from linkspan.gnn.training.rates import Rates
from linkspan.progress import SILENT, Progress


class FederatedEngine(Engine):
    """One site: after each epoch its shared parameters become the average of all sites'.

    Args:
        device: Where tensors are.
        link: To the coordinator.
        about: What the site says of itself.
        heard: Called with the names of all sites, when they begin.
        progress: Told that the others are waited for.
    """

    def __init__(
        self,
        device: torch.device,
        link: Link,
        about: Mapping[str, Any],
        heard: Callable[[list[str]], object] = lambda sites: None,
        progress: Progress = SILENT,
    ) -> None:
        super().__init__(device)
        self._link, self._about, self._heard = link, dict(about), heard
        self._progress, self._steps = progress, 0
        self._common: set[str] = set()

    def start(self, learned: nn.Module, rates: Rates, settings: LearningSettings) -> None:
        """Make the optimiser, and begin where all others do."""
        super().start(learned, rates, settings)
        network = learned.get_submodule("network")
        assert isinstance(network, HistoryGNN)
        with self._progress.task("wait for the other sites", unit="sites") as task:
            answer = self._link.exchange(Message(BEGIN, _arrays(network), self._about))
            task.advance(len(answer.about["sites"]))
        self._common = _take(network, answer.arrays)
        self._heard(list(answer.about["sites"]))

    def step(self) -> None:
        """Change the parameters by their gradients; counted, for it says how far they can go."""
        super().step()
        self._steps += 1

    def end_epoch(self, network: HistoryGNN, events: int) -> None:
        """Send the shared parameters, and take the average."""
        own = {name: array for name, array in _arrays(network).items() if name in self._common}
        about = {"events": events, "steps": self._steps}
        answer = self._link.exchange(Message(EPOCH, own, about))
        _take(network, answer.arrays)
        self._steps = 0


def shared_views(network: HistoryGNN) -> dict[str, Tensor]:
    """Name to the place of what means the same at every site, and is of no node and no domain.

    That is how texts are projected, what each type of relation and each place of a history counts,
    and attention. Id parts, biases and adapters have rows of nodes and domains; what is made of
    features goes by the properties of a site (`linkspan.gnn.network.fusion`), and HGT stacks
    relations by their places: these stay.

    Returns:
        Views of the parameters: what is written into them is the network's.
    """
    own = {*node_parameters(network.kinds), *DOMAIN_PARAMETERS}
    found = {
        name: parameter.detach()
        for name, parameter in network.named_parameters()
        if name not in own and name.split(".")[0] not in ("convs", "fusion")
    }
    for number, hop in enumerate(network.convs):
        if isinstance(hop, LightHop):  # one number for each edge type, in this site's order
            weights = hop.weight.detach()
            for place, key in enumerate(hop.edge_types):
                found[f"convs.{number}.{' '.join(key)}"] = weights[place]
        elif isinstance(hop, RelationHop):  # a module for each edge type, by its name
            for name, parameter in hop.named_parameters():
                found[f"convs.{number}.{name}"] = parameter.detach()
    return found


def _arrays(network: HistoryGNN) -> dict[str, Array]:
    """Name to a copy of what is shared."""
    return {name: view.cpu().numpy().copy() for name, view in shared_views(network).items()}


def _take(network: HistoryGNN, arrays: Mapping[str, Array]) -> set[str]:
    """Write values over what has the same names and shapes; returns which these are."""
    taken = set()
    for name, view in shared_views(network).items():
        if name in arrays and arrays[name].shape == tuple(view.shape):
            view.copy_(torch.from_numpy(arrays[name].copy()))
            taken.add(name)
    return taken

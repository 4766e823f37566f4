"""Beginning of the training of a domain's own part, with all else frozen."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.network.model import DOMAIN_PARAMETERS, HistoryGNN
from linkspan.gnn.training.rates import Rates
from linkspan.gnn.training.trainer import Trainer, seeded

BATCH = 4096
"""Events of a step."""


class Part(NamedTuple):
    """Items whose own parameters are learned, with the adapters of their domain.

    Attributes:
        domain: Name of the domain.
        items: (N,) which items of the graph.
    """

    domain: str
    items: NDArray[np.bool_]


def begin_part(
    fitted: FittedModel, part: Part, bias: float, beginnings: Mapping[str, Tensor]
) -> Trainer:
    """A training of what is a part's own, as if the model had never met it.

    Id parts begin at zero, adapters with what `linkspan.gnn.training.meta` found, if it did.

    Args:
        fitted: The model; it stays as it is.
        part: Its events alone are learned from.
        bias: Of an item that is new.
        beginnings: As `Learned` has them.
    """
    model, settings = copy.deepcopy(fitted.model), fitted.settings
    settings = settings.changed(batch_size=BATCH, weight_decay=0.0)
    rows = _own_rows(model, fitted, part)
    named = dict(model.named_parameters())
    with seeded(settings), torch.no_grad():
        for name, own in rows.items():
            parameter, kind = named[name], name.rpartition(".")[2]
            if name in beginnings:
                parameter[own] = beginnings[name].to(parameter.device)
            elif kind == "down":
                width = parameter.shape[1]
                parameter[own] = (
                    torch.randn(parameter.shape[1:], device=parameter.device) * width**-0.5
                )
            else:
                parameter[own] = {"bias": bias, "gate": 1.0}.get(kind, 0.0)
    rules = (*((f"network.{name}", 1.0) for name in rows), ("*", 0.0))
    rates = Rates(rules, {f"network.{name}": own for name, own in rows.items()})
    inside = part.items[fitted.events["item"]]
    return Trainer(fitted.view, settings, replace(fitted, model=model), rates, inside)


def domain_rows(trainer: Trainer, domain: str) -> dict[str, Tensor]:
    """Name to what a training has made of the parameters of a domain."""
    place = trainer.view.keys.domains.index(domain)
    named = dict(trainer.model.named_parameters())
    return {
        name: named[name][place].detach().cpu().clone()
        for name in DOMAIN_PARAMETERS
        if name in named
    }


def _own_rows(model: HistoryGNN, fitted: FittedModel, part: Part) -> dict[str, Tensor]:
    """Name of a parameter to the rows (n,), bool, of what is a part's own."""
    items = torch.from_numpy(part.items)
    place = torch.tensor([name == part.domain for name in fitted.view.keys.domains])
    found = {"bias": items, "identity.item_nodes": items}
    found |= dict.fromkeys(DOMAIN_PARAMETERS, place)
    there = dict(model.named_parameters())
    return {name: rows for name, rows in found.items() if name in there}

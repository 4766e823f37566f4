"""Meta-learning: a beginning from which a new domain is learned in few steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from linkspan.gnn.events.domains import item_domains
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.training.beginning import Part, begin_part, domain_rows
from linkspan.progress import SILENT, Progress

FEW = 4
"""Number of domains below which halves of them are the tasks."""

_STEPS, _SHARE = 5, 0.5


def learn_beginnings(fitted: FittedModel, rounds: int, progress: Progress = SILENT) -> FittedModel:
    """Find where the adapters of a new domain shall begin, by Reptile.

    Reptile (Nichol et al., 2018, arXiv:1803.02999): a task is a known domain, taken as if it were
    new; its own part is learned for `_STEPS` steps of the optimiser, all else is frozen, and the
    beginning moves `_SHARE` of the way to where its adapters came. The model itself stays.

    Args:
        fitted: The model, with all its events.
        rounds: Times that each task is gone through.
        progress: Told of each task.

    Returns:
        The model with `FittedModel.beginnings`; as it was where the domains have no adapters.
    """
    bias, beginnings = fitted.learned.start, dict[str, Tensor]()
    tasks = _tasks(fitted)
    with progress.task("meta-learn", total=rounds * len(tasks), unit="tasks") as task:
        for _ in range(rounds):
            for part in tasks:
                trainer = begin_part(fitted, part, bias, beginnings)
                before = domain_rows(trainer, part.domain)
                for _ in range(max(round(_STEPS / trainer.steps), 1)):
                    trainer.run_epoch()
                after = domain_rows(trainer, part.domain)
                beginnings = {
                    name: was + _SHARE * (after[name] - was) for name, was in before.items()
                }
                task.advance()
    return replace(fitted, beginnings=beginnings)


def _tasks(fitted: FittedModel) -> list[Part]:
    """Domains with events, or halves of the items of each, that can be learned from."""
    domains, names = item_domains(fitted.snapshot), fitted.view.keys.domains
    met = np.zeros(len(domains), bool)
    histories = fitted.events.groupby("user")["item"].transform("size") > 1
    met[fitted.events.loc[histories, "item"]] = True
    whole = [(name, (domains == code) & met) for code, name in enumerate(names)]
    whole = [(name, items) for name, items in whole if items.sum() > 1]
    if len(whole) >= FEW:
        return [Part(name, items) for name, items in whole]
    halves = np.cumsum(met) % 2 == 1
    return [Part(name, items & half) for name, items in whole for half in (halves, ~halves)]

"""A new domain on top of a trained model: its own part is learned, and all else is frozen."""

from __future__ import annotations

import math
from dataclasses import replace
from difflib import get_close_matches

import numpy as np
import torch
from numpy.typing import NDArray

from linkspan.errors import ModelError
from linkspan.gnn.events.domains import event_domains
from linkspan.gnn.events.split import Split, some_validation
from linkspan.gnn.models.learned import Epoch, FittedModel, Learned
from linkspan.gnn.models.view import View
from linkspan.gnn.scores.hybrid import with_weights
from linkspan.gnn.scores.weighing import fit_hybrid
from linkspan.gnn.training.beginning import Part, begin_part
from linkspan.gnn.training.train import validate
from linkspan.gnn.training.trainer import Trainer, seeded
from linkspan.graph.snapshot import Snapshot
from linkspan.progress import SILENT, Progress

FloatArray = NDArray[np.float32]

STEPS = 20
_CHECKS = 5
"""Times that parameters are measured on validation rows; each takes about as long as two steps."""


def adapt(
    base: Learned,
    snapshot: Snapshot,
    split: Split,
    text: dict[str, FloatArray],
    domain: str,
    steps: int = STEPS,
    progress: Progress = SILENT,
) -> FittedModel:
    """Learn a domain that a model does not know, from its events in ``split.train``.

    Learned are the id parts and biases of the domain's items, and the domain's adapters with their
    gate; all else stays to the last bit, and so do the scores of all other domains, which come from
    ``base``. Those parameters are kept that rank the domain's validation rows best, those at the
    start among them; on these rows the parts of the score are weighed, too.

    Args:
        base: What was learned before.
        snapshot: The graph, with the new domain.
        split: Of this snapshot; only held-out events of the domain are ranked.
        text: Node type to vectors (n, d), by the encoder that ``base`` was trained with.
        domain: The new one.
        steps: Steps of the optimiser, of 4,096 events each.
        progress: Told of each pass over the domain's events.

    Raises:
        ModelError: The domain is not in the graph, has no events to learn from, or was learned
            before; the model is untrained; or the split is of another snapshot.
    """
    check_adaptable(base, snapshot, split, domain)
    own = split_within(split, snapshot, domain)
    events = snapshot.events()
    held_out = events.iloc[np.sort(np.concatenate([split.validation, split.test]))]
    view = View(snapshot, text, events.iloc[split.train], held_out)
    validation = some_validation(own, events, base.settings.learning.seed)
    trainer = _begin(base, view, domain)
    best = Epoch(base.best_epoch, math.inf, *validate(trainer, validation))
    curves, kept = list(base.curves[: base.best_epoch]), trainer.weights()
    passes = math.ceil(steps / trainer.steps)
    total = passes * trainer.steps
    with seeded(base.settings), progress.task("adapt", total=total, unit="steps") as task:
        for number in range(1, passes + 1):
            epoch = Epoch(base.best_epoch + number, trainer.run_epoch(task), None, None)
            if number == passes or number % math.ceil(passes / _CHECKS) == 0:
                epoch = Epoch(*epoch[:2], *validate(trainer, validation))
                if epoch.ndcg is None or best.ndcg is None or epoch.ndcg > best.ndcg:
                    best, kept = epoch, trainer.weights()
            curves.append(epoch)
    trainer.learned.load_state_dict(kept)
    fitted = _joined(base, trainer, domain, curves, best.epoch)
    if not base.weights:
        return fitted
    # Without rows to weigh the parts on, they count what they count in other domains.
    return (
        fit_hybrid(fitted, own, progress) if len(validation) else with_weights(fitted, base.weights)
    )


def adapt_all(base: Learned, found: FittedModel) -> FittedModel:
    """Learn a domain from all its events, as `adapt` found best: the model to publish.

    Args:
        base: As for `adapt`.
        found: What `adapt` gave.
    """
    domain, curves = str(found.adapted), list(base.curves[: base.best_epoch])
    trainer = _begin(base, View.whole(found.snapshot, found.text), domain)
    with seeded(base.settings):
        for number in range(base.best_epoch + 1, found.best_epoch + 1):
            curves.append(Epoch(number, trainer.run_epoch(), None, None))
    fitted = _joined(base, trainer, domain, curves, found.best_epoch)
    return with_weights(fitted, found.weights) if found.weights else fitted


def split_within(split: Split, snapshot: Snapshot, domain: str) -> Split:
    """The split with held-out events of one domain only."""
    domains = event_domains(snapshot, snapshot.events())
    validation, test = (rows[domains[rows] == domain] for rows in (split.validation, split.test))
    return replace(split, validation=validation, test=test)


def check_adaptable(base: Learned, snapshot: Snapshot, split: Split, domain: str) -> None:
    """See that a model can be adapted to a domain.

    Args:
        base: The model.
        snapshot: The graph, with the domain.
        split: Of this snapshot.
        domain: The new one.

    Raises:
        ModelError: It cannot, for the reasons that `adapt` names.
    """
    if split.fingerprint != snapshot.fingerprint():
        raise ModelError("the split is of another snapshot", hint="Split the snapshot again")
    if domain not in snapshot.domains:
        near = get_close_matches(domain, snapshot.domains, 1)
        known = ", ".join(snapshot.domains)
        raise ModelError(
            f"there is no domain '{domain}' in the snapshot, which has {known}",
            hint=f"Did you mean '{near[0]}'?"
            if near
            else "After 'linkspan ingest', take a new one with 'linkspan snapshot'",
        )
    if not base.best_epoch:
        raise ModelError(
            "the run's network is untrained, so there is nothing to adapt", hint="Train again"
        )
    rows = torch.from_numpy(base.keys.rows_of(View.whole(snapshot, {}).keys, "item"))
    inside = torch.from_numpy(snapshot.items["domain"].to_numpy(object) == domain)
    if (base.parameters["met"][rows[inside & (rows >= 0)]] > 0).any():
        raise ModelError(
            f"the run has learned domain '{domain}' already",
            hint="'linkspan train' learns all domains from all events; or name a run from before "
            "it came, with --run",
        )
    events = snapshot.events().iloc[split.train]
    if not (event_domains(snapshot, events) == domain).any():
        raise ModelError(
            f"domain '{domain}' has no events to learn from",
            hint="Its items are served by their texts and relations: 'linkspan refresh'",
        )


def _begin(base: Learned, view: View, domain: str) -> Trainer:
    items = view.snapshot.items["domain"].to_numpy(object) == domain
    return begin_part(base.on(view), Part(domain, items), base.start, base.beginnings)


def _joined(
    base: Learned, trainer: Trainer, domain: str, curves: list[Epoch], best_epoch: int
) -> FittedModel:
    """The model of the domain, with what scores the others."""
    return replace(
        trainer.fitted(curves, best_epoch),
        settings=base.settings,
        adapted=domain,
        base=base.on(trainer.view.without(domain)),
    )

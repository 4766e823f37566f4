"""Guard against joint learning where it hurts: such a domain is served by a model of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.gnn.evaluation.baselines import build_baselines
from linkspan.gnn.evaluation.ranking import has_choice, rank_events
from linkspan.gnn.evaluation.transfer import (
    JOINT,
    LEAST_LISTS,
    OTHER,
    Cell,
    difference,
    leave_out,
    why_unlearnable,
)
from linkspan.gnn.events.domains import event_domains
from linkspan.gnn.events.split import Split, some_validation
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.scores.components import Component
from linkspan.gnn.scores.hybrid import Mixture, published, with_weights
from linkspan.gnn.scores.weighing import fit_hybrid
from linkspan.gnn.training.train import train, train_all
from linkspan.progress import SILENT, Progress, Task

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
Row = dict[str, Any]

SIMPLE, OWN_PAST = ("popularity", "ease-target"), "own past"
RIVALS = (*SIMPLE, OWN_PAST)
"""Methods that the joint model is surely above where learning together helps: baselines of the
domain's own events, and itself when it sees no event of another domain."""


def guard_domains(
    fitted: FittedModel,
    split: Split,
    progress: Progress = SILENT,
    on_alone: Callable[[Cell, FittedModel, Split], object] = lambda cell, model, own: None,
) -> tuple[FittedModel, list[Row]]:
    """Give domains that joint learning hurts a model of their own events.

    A domain is in doubt where the joint model is not above all `RIVALS` on its validation rows by
    more than the 95% interval. For such a domain the same settings are trained on its events only;
    where that is above the joint model by more than the interval, on the same rows, it scores the
    domain. Both had their weights found on these rows. Where all domains are in doubt, their
    events add up to those of the joint training, and the epochs of each may be more.

    Args:
        fitted: A hybrid that was trained on ``split.train``.
        split: Of the same snapshot.
        progress: Told of each training, and of which domain it is.
        on_alone: Called with each such training that has test events of its own, which a transfer
            report would train again: what it was trained on, the model, and its split.

    Returns:
        The model, with `FittedModel.alone`, and a row for each domain in doubt: ``domain``, the
        figures of `linkspan.gnn.evaluation.transfer.difference`, ``not_above`` (names of `RIVALS`)
        and ``hurt`` (bool).
    """
    events, snapshot = fitted.snapshot.events(), fitted.snapshot
    validation = some_validation(split, events, fitted.settings.learning.seed)
    several = len(set(event_domains(snapshot, fitted.events))) > 1
    if not (several and len(validation) and fitted.weights and fitted.is_trained):
        return fitted, []
    doubts = {
        domain: (doubt, own)
        for domain, doubt in _find_doubts(fitted, validation).items()
        for _, own in [leave_out(snapshot, split, Cell((domain,)))]
        if not why_unlearnable(snapshot, own)
    }
    rows: list[Row] = []
    alone: dict[str, FittedModel] = {}
    for domain, (doubt, own) in doubts.items():
        told = _Named(progress, f"{domain} alone ({len(rows) + 1} of {len(doubts)})")
        model = train(snapshot, own, dict(fitted.text), fitted.settings, told)
        model = fit_hybrid(model, own, told)
        if len(own.test):
            on_alone(Cell((domain,)), model, own)
        inside = validation[event_domains(snapshot, validation) == domain]
        theirs = _rank(model, inside, {OTHER: published(model)})
        found = difference(doubt.ranks.assign(**{OTHER: theirs[OTHER].to_numpy()}))
        hurt = bool(found["certain"]) and found["gain"] < 0
        rows.append({"domain": domain, **found, "not_above": doubt.not_above, "hurt": hurt})
        if hurt:
            alone[domain] = model
    return replace(fitted, alone=alone), rows


class OwnPast:
    """Mixture that sees of each user only what they did in the domain asked for; a component.

    Args:
        mixture: Of a model.
        fitted: The model.
    """

    name = OWN_PAST

    def __init__(self, mixture: Mixture, fitted: FittedModel) -> None:
        domains = event_domains(fitted.snapshot, fitted.events)
        everyone = np.arange(len(fitted.snapshot.users))
        self._within = {
            name: mixture.over(fitted.events[domains == name], everyone)
            for name in fitted.snapshot.domains
        }

    def score(self, users: IntArray, domain: str) -> FloatArray:
        """Scores (B, N) of the domain's items, in row order, for users (B,)."""
        return self._within[domain].score(users, domain)


class _Doubt(NamedTuple):
    """Rivals that the joint model is not surely above in a domain, and ranks of its rows."""

    not_above: list[str]
    ranks: pd.DataFrame


class _Named(Progress):
    """Progress whose tasks say what they are for."""

    def __init__(self, progress: Progress, what: str) -> None:
        self._progress, self._what = progress, what

    def task(self, name: str, total: int | None = None, unit: str = "rows") -> Task:
        return self._progress.task(f"{self._what}: {name}", total, unit)


def refit_alone(
    final: FittedModel, guarded: Mapping[str, FittedModel], progress: Progress = SILENT
) -> FittedModel:
    """The model to publish, with models of all events of the domains that are guarded.

    Args:
        final: Parameters learned from all events.
        guarded: Domain to its model, as `guard_domains` found it.
        progress: Told of each epoch.
    """
    alone = {}
    for domain, model in guarded.items():
        whole = train_all(
            final.snapshot,
            dict(final.text),
            final.settings,
            model.best_epoch,
            progress,
            domain=domain,
        )
        alone[domain] = with_weights(whole, model.weights)
    return replace(final, alone=alone)


def _rank(
    fitted: FittedModel, events: pd.DataFrame, methods: Mapping[str, Component]
) -> pd.DataFrame:
    """Ranks of the rows where the user had a choice."""
    table = rank_events(fitted, events, methods).table
    return table[has_choice(table)]


def _find_doubts(fitted: FittedModel, validation: pd.DataFrame) -> dict[str, _Doubt]:
    """Domains where the joint model is not surely above all `RIVALS`."""
    joint = published(fitted)
    rivals: list[Component] = build_baselines(fitted, fitted.events, SIMPLE)
    rivals.append(OwnPast(joint, fitted))
    methods: dict[str, Component] = {JOINT: joint, **{each.name: each for each in rivals}}
    doubts: dict[str, _Doubt] = {}
    for domain, ours in _rank(fitted, validation, methods).groupby("domain"):
        if len(ours) < LEAST_LISTS:
            continue
        names = [n for n in RIVALS if difference(ours.assign(**{OTHER: ours[n]}))["low"] <= 0]
        if names:
            doubts[str(domain)] = _Doubt(names, ours)
    return doubts

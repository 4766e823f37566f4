"""Guard against joint learning where it hurts: such a domain is served by a model of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

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
from linkspan.gnn.scores.hybrid import published, with_weights
from linkspan.gnn.scores.weighing import fit_hybrid
from linkspan.gnn.training.train import train, train_all
from linkspan.progress import SILENT, Progress

FloatArray = NDArray[np.float32]
Row = dict[str, Any]

SIMPLE = ("popularity", "ease-target")
"""Baselines of a domain's own events; where the joint model is surely above both, all is well."""


def guard_domains(
    fitted: FittedModel, split: Split, progress: Progress = SILENT
) -> tuple[FittedModel, list[Row]]:
    """Give domains that joint learning hurts a model of their own events.

    A domain is in doubt where the joint model is not above both `SIMPLE` baselines on its
    validation rows by more than the 95% interval. For such a domain the same settings are trained
    on its events only; where that is above the joint model by more than the interval, on the same
    rows, it scores the domain. Both had their weights found on these rows.

    Args:
        fitted: A hybrid that was trained on ``split.train``.
        split: Of the same snapshot.
        progress: Told of each training.

    Returns:
        The model, with `FittedModel.alone`, and a row for each domain in doubt: ``domain``, the
        figures of `linkspan.gnn.evaluation.transfer.difference`, and ``hurt`` (bool).
    """
    events, snapshot = fitted.snapshot.events(), fitted.snapshot
    validation = some_validation(split, events, fitted.settings.learning.seed)
    several = len(set(event_domains(snapshot, fitted.events))) > 1
    if not (several and len(validation) and fitted.weights and fitted.is_trained):
        return fitted, []
    baselines = build_baselines(fitted, fitted.events, SIMPLE)
    methods: dict[str, Component] = {JOINT: published(fitted)}
    ranks = _rank(fitted, validation, {**methods, **{each.name: each for each in baselines}})
    rows: list[Row] = []
    alone: dict[str, FittedModel] = {}
    for domain, ours in ranks.groupby("domain"):
        if len(ours) < LEAST_LISTS or _is_surely_better(ours):
            continue
        _, own = leave_out(snapshot, split, Cell((str(domain),)))
        if why_unlearnable(snapshot, own):
            continue
        model = train(snapshot, own, dict(fitted.text), fitted.settings, progress)
        model = fit_hybrid(model, own, progress)
        inside = validation[event_domains(snapshot, validation) == domain]
        theirs = _rank(model, inside, {OTHER: published(model)})
        found = difference(ours.assign(**{OTHER: theirs[OTHER].to_numpy()}))
        hurt = bool(found["certain"]) and found["gain"] < 0
        rows.append({"domain": str(domain), **found, "hurt": hurt})
        if hurt:
            alone[str(domain)] = model
    return replace(fitted, alone=alone), rows


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


def _is_surely_better(ranks: pd.DataFrame) -> bool:
    """Tell whether the joint model is above all simple baselines by more than the interval."""
    return all(difference(ranks.assign(**{OTHER: ranks[name]}))["low"] > 0 for name in SIMPLE)

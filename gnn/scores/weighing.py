"""Finds what each part of the score counts, from validation rows alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from linkspan.errors import ModelError
from linkspan.gnn.events.domains import item_domains, rows_by_domain
from linkspan.gnn.events.known import KnownEvents
from linkspan.gnn.events.sampling import at_most
from linkspan.gnn.events.split import Split, some_validation
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.models.weights import MixtureWeights, SignalWeights
from linkspan.gnn.parts.foreign import Foreign
from linkspan.gnn.parts.historic import Historic
from linkspan.gnn.scores.components import Cosine, Seen
from linkspan.gnn.scores.examples import Examples, draw_examples
from linkspan.gnn.scores.hybrid import with_linear
from linkspan.gnn.scores.new_items import fit_new_items
from linkspan.gnn.scores.signals import GNN, HYBRID, SIMPLE, Signal, build_signals
from linkspan.gnn.scores.weight_search import fit_weights
from linkspan.gnn.scores.workers import how_many, in_order
from linkspan.progress import SILENT, Progress

_STATED = {"popularity": 1.0, "text": 1.0, "linear": 1.0, "transitions": 1.0, "relations": 1.0}
"""Weights of the parts where there are no rows to find them on."""

NEWCOMERS = 3_000
"""Most validation rows, over all domains, that are asked as if their users were new to it."""

_log = logging.getLogger(__name__)


def fit_hybrid(fitted: FittedModel, split: Split, progress: Progress = SILENT) -> FittedModel:
    """Learn the linear part from training events, and the weights of all parts on validation rows.

    Args:
        fitted: A network that was trained on ``split.train``.
        split: Of the same snapshot.
        progress: Told of each domain.

    Returns:
        The model with both. Without validation rows it has neither, which is logged: its network
        scores alone, without walks. Where the network is untrained, the weights are stated ones.

    Raises:
        ModelError: The split is of another snapshot.
    """
    if split.fingerprint != fitted.snapshot.fingerprint():
        raise ModelError(
            "the split was made from another snapshot than the model's",
            hint="Split the snapshot again",
        )
    if not fitted.is_trained:
        fitted = with_linear(fitted)
        return replace(fitted, weights={SIMPLE: MixtureWeights(stated_weights(fitted))})
    events = fitted.snapshot.events()
    validation = some_validation(split, events, fitted.settings.learning.seed)
    if not len(validation):
        _log.warning("there are no validation events to weigh the parts on: the network is alone")
        return fitted
    fitted = with_linear(fitted)
    signals = build_signals(fitted)
    usual, newcomers = _draw(fitted, signals[HYBRID], validation, progress)
    every = [signal.name for signal in signals[HYBRID]]

    def fit(task: tuple[str, dict[str, list[Examples]]]) -> SignalWeights:
        name, examples = task
        # Other sites tell nothing of who has a past here (docs/decisions.md).
        all_count = examples is newcomers
        chosen = [each.name for each in signals[name] if all_count or not isinstance(each, Foreign)]
        places = [every.index(one) for one in chosen]
        return fit_weights(_choose(examples, places), chosen)

    names = (HYBRID, SIMPLE, GNN)
    tasks = [(name, kind) for kind in (usual, newcomers) if kind for name in names]
    found = list(in_order(fit, tasks, how_many(fitted.device)))
    weights = {
        name: MixtureWeights(found[place], found[len(names) + place] if newcomers else None)
        for place, name in enumerate(names)
    }
    fitted = replace(fitted, weights=weights)
    return fit_new_items(fitted, signals, validation, progress)


def _draw(
    fitted: FittedModel, signals: Sequence[Signal], validation: pd.DataFrame, progress: Progress
) -> tuple[dict[str, list[Examples]], dict[str, list[Examples]]]:
    """Domain to `draw_examples` of its rows: as users are, and as if they were new to the domain.

    A newcomer is anyone whose events of the domain are taken away; their parameters were learned
    from, but of the row's own item nothing was. None where there is one domain only, and no state
    of another site.
    """
    domains, seen = item_domains(fitted.snapshot), Seen(fitted)
    rows_of = rows_by_domain(fitted.snapshot)
    others = len(rows_of) > 1 or fitted.foreign is not None
    random = np.random.default_rng(fitted.settings.learning.seed)
    most = max(NEWCOMERS // len(rows_of), 1)
    usual: dict[str, list[Examples]] = {}
    newcomers: dict[str, list[Examples]] = {}
    of_item, of_event = domains[validation["item"]], domains[fitted.events["item"]]
    with progress.task("weigh the parts", total=len(rows_of), unit="domains") as task:
        for code, (domain, rows) in enumerate(rows_of.items()):
            inside = validation[of_item == code]
            usual[domain] = draw_examples(signals, inside, domain, rows, seen, random)
            if others:
                gone = (of_event == code) & fitted.events["user"].isin(inside["user"]).to_numpy()
                known = KnownEvents(fitted.events[~gone], domains, timed=fitted.snapshot.timed)
                away = [
                    signal.over(known) if isinstance(signal, Cosine | Historic) else signal
                    for signal in signals
                ]
                inside = at_most(inside, most, random)
                newcomers[domain] = draw_examples(away, inside, domain, rows, seen, random)
            task.advance()
    return usual, newcomers


def _choose(
    examples: Mapping[str, Sequence[Examples]], places: Sequence[int]
) -> dict[str, list[Examples]]:
    """Some signals only."""
    return {domain: [one.choose(places) for one in each] for domain, each in examples.items()}


def stated_weights(fitted: FittedModel) -> SignalWeights:
    """Weights of the simple parts where no row says any: popularity as much as all texts.

    Args:
        fitted: A model with a linear part.
    """
    signals = build_signals(fitted)[SIMPLE]
    parts = [signal.part for signal in signals]
    return SignalWeights(
        {s.name: _STATED.get(s.part, 0.0) / parts.count(s.part) for s in signals}, {}
    )

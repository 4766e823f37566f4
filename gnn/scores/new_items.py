"""Weights of what is known of an item that nobody has met: found by hiding items that some have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.gnn.events.domains import item_domains, rows_by_domain
from linkspan.gnn.events.known import KnownEvents
from linkspan.gnn.events.sampling import at_most
from linkspan.gnn.metrics import kth_largest
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.models.weights import SignalWeights
from linkspan.gnn.parts.likeness import Likeness
from linkspan.gnn.parts.relations import Association
from linkspan.gnn.scores.components import Component, Cosine, Seen
from linkspan.gnn.scores.examples import (
    Collected,
    Examples,
    draw_examples,
    drawn_places,
    in_chunks,
    join,
)
from linkspan.gnn.scores.hybrid import Mixture
from linkspan.gnn.scores.signals import HYBRID, SIMPLE, Signal
from linkspan.gnn.scores.weight_search import fit_logit, fit_weights
from linkspan.progress import Progress

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

FOLDS = 5
"""Parts of the items that are hidden in turn."""

ROWS = 3_000
"""Most rows of hidden items, over all parts."""

NETWORK_SHARE = 0.25
"""Of the sum of the weights of a new item; from 0.2 to 0.35 all are alike on goodbooks. It was
chosen on held-out rows there, not on validation rows (docs/decisions.md)."""

_PLACED = 1_000
"""Most validation rows that the scale of new items is found on; it has three numbers."""

_TOP = 20


def fit_new_items(
    fitted: FittedModel,
    signals: Mapping[str, Sequence[Signal]],
    validation: pd.DataFrame,
    progress: Progress,
) -> FittedModel:
    """Find weights for items that nobody has met, of what they are and of the network.

    Items are hidden in turn, a part of them at a time, with all their events; each user's last
    event with a hidden item is a row, ranked among the hidden items of its domain. So the signals
    that nothing is learned for are weighed, texts and relations. The network knows more of an item
    that was hidden than of one that is new, and would be weighed too high: its weight is stated,
    `NETWORK_SHARE` of the sum. Then the scores of hidden items are brought to the scale of the
    others, on validation rows.

    Args:
        fitted: A model with weights; ``validation`` is not among its events.
        signals: Its own, as `build_signals` gives them.
        validation: Columns ``user`` and ``item``.
        progress: Told of each part.

    Returns:
        The model with them; as it was where items have neither text nor relations.
    """
    random = np.random.default_rng(fitted.settings.learning.seed)
    contents = [one for one in signals[SIMPLE] if isinstance(one, Likeness | Association)]
    if not contents:
        return fitted
    fold = random.permutation(np.arange(len(fitted.snapshot.items)) % FOLDS)
    examples = _hidden_rows(fitted, contents, fold, random, progress)
    if not any(len(found[0].starts) > 1 for found in examples.values()):
        return fitted
    found = fit_weights(examples, [signal.name for signal in contents])
    validation = at_most(validation, _PLACED, random)
    hidden = fold == 0
    events = fitted.events[~hidden[fitted.events["item"]]]
    everyone = np.arange(len(fitted.snapshot.users))
    weights = dict(fitted.weights)
    for name in (SIMPLE, HYBRID):
        weighed = _with_network(found) if name == HYBRID else found
        cases = replace(weights[name], new_items=weighed)
        whole = Mixture(name, fitted, signals[name], cases, hidden)
        scale, start = _place(whole.over(events, everyone), fitted, hidden, validation, random)
        weights[name] = replace(weights[name], new_items=weighed.times(scale), start=start)
    return replace(fitted, weights=weights)


def _with_network(found: SignalWeights) -> SignalWeights:
    """The weights with the network's own, `NETWORK_SHARE` of their sum."""

    def add(weights: Mapping[str, float]) -> dict[str, float]:
        network = sum(weights.values()) * NETWORK_SHARE / (1 - NETWORK_SHARE)
        return {Cosine.name: network, **weights}

    return SignalWeights(add(found.shared), {domain: add(own) for domain, own in found.own.items()})


def _hidden_rows(
    fitted: FittedModel,
    contents: list[Likeness | Association],
    fold: IntArray,
    random: np.random.Generator,
    progress: Progress,
) -> dict[str, list[Examples]]:
    """Domain to `draw_examples` of its rows, over all parts of the items."""
    domains, rows_of = item_domains(fitted.snapshot), rows_by_domain(fitted.snapshot)
    found: dict[str, list[list[Examples]]] = {domain: [] for domain in rows_of}
    with progress.task("hide items", total=FOLDS, unit="parts") as task:
        for part in range(FOLDS):
            hidden = fold == part
            out = hidden[fitted.events["item"]]
            kept, gone = fitted.events[~out], fitted.events[out]
            gone = gone[gone["user"].isin(kept["user"])]
            last = gone[~gone["user"].duplicated(keep="last")]
            last = at_most(last, ROWS // FOLDS, random)
            known = KnownEvents(kept, domains, timed=fitted.snapshot.timed)
            seen, signals = Seen(fitted, less=last), [each.over(known) for each in contents]
            for code, (domain, rows) in enumerate(rows_of.items()):
                inside = last[domains[last["item"]] == code]
                found[domain].append(
                    draw_examples(signals, inside, domain, rows, seen, random, hidden[rows])
                )
            task.advance()
    return {
        domain: [join(each) for each in zip(*parts, strict=True)] for domain, parts in found.items()
    }


def _place(
    mixture: Component,
    fitted: FittedModel,
    hidden: NDArray[np.bool_],
    validation: pd.DataFrame,
    random: np.random.Generator,
) -> tuple[float, float]:
    """Scale and offset of the scores of hidden items that put them in one list with the others.

    A logit over validation rows of all items, hidden or not, whose candidates are the first of both
    kinds and some drawn by chance: three weights, those of either kind's score and of being hidden.
    """
    seen, rows_of = Seen(fitted), rows_by_domain(fitted.snapshot)
    domains = item_domains(fitted.snapshot)
    collected = Collected(3)
    for code, (domain, rows) in enumerate(rows_of.items()):
        inside = validation[domains[validation["item"]] == code]
        new = hidden[rows]  # (N,)
        for asked, column in in_chunks(inside, rows, 16):
            scores = mixture.score(asked, domain)  # (B, N)
            places = drawn_places(len(asked), len(rows), random)
            unmet = scores.copy()
            seen.hide(unmet, asked, domain)
            for kind in (new, ~new):
                if kind.any():
                    of_kind = np.where(kind, unmet, -np.inf)
                    places |= of_kind >= kth_largest(of_kind, min(_TOP, int(kind.sum())))
            being_new = np.broadcast_to(new, scores.shape).astype(np.float32)
            collected.add([scores * ~new, scores * new, being_new], column, places, unmet)
    examples = collected.examples()
    usual, of_new, being = fit_logit(examples, [(1e-3, None), (0.0, None), (None, None)])
    return float(of_new / usual), float(being / usual)

"""One score from several parts: each standardised per user, weighed by what validation rows say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from linkspan.gnn.encoding.texts import unit_rows
from linkspan.gnn.events.domains import item_domains, rows_by_domain
from linkspan.gnn.events.known import KnownEvents
from linkspan.gnn.events.transitions import NEXT_INSIDE, all_transitions
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.models.weights import MixtureWeights
from linkspan.gnn.parts.dual_ease import Dual, DualWeights
from linkspan.gnn.parts.historic import (
    Historic,
    ItemMatrix,
    Likeness,
    Popular,
    by_domain,
    forward_steps,
    mutual_steps,
)
from linkspan.gnn.parts.linear import learn_linear
from linkspan.gnn.parts.relations import Association, item_profiles
from linkspan.gnn.parts.walks import Walked
from linkspan.gnn.scores.components import Component, Cosine, Prior

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

HYBRID, SIMPLE, GNN = "hybrid", "hybrid without gnn", "gnn"
"""Names in the figures: of the sum of all parts, of the simple parts, of the network alone."""


class Decays(NamedTuple):
    """Rates at which histories fade: over all domains, and within the domain asked for."""

    all: tuple[float, ...]
    inside: tuple[float, ...]


LINEAR_DECAYS = Decays((1.0, 0.7, 0.4), (0.7, 0.4))
STEP_DECAYS = Decays((0.8, 0.3), (0.3,))
OWN_STEP_DECAYS = Decays((0.8,), (0.3,))
MUTUAL_DECAYS = Decays((0.3,), (0.3,))
TEXT_DECAYS = (0.9, 0.7, 0.4)
"""The weights choose among the rates."""

RELATION_DECAY = 0.9

STEP_PRIOR = 5.0


class Signal(Component, Protocol):
    """A component that is weighed; its name tells it from the others."""

    @property
    def part(self) -> str:
        """Name in `PARTS` of the part that its share is counted in."""
        ...


class Cases(NamedTuple):
    """Weights of a signal, float32, as the fields of `MixtureWeights`."""

    usual: np.float32
    newcomer: np.float32
    new_item: np.float32


class Mixture:
    """The weighted sum of signals; a component.

    Users who have met no item of a domain, and items that nobody has met, may have weights of their
    own: of a newcomer the whole past counts, of a new item what it is.

    Args:
        name: What the figures call it.
        fitted: Whose known events count.
        signals: Those that are summed.
        weights: As `linkspan.gnn.scores.weighing` finds them; without, the signals are summed as
            they are. A signal that they do not name counts nothing.
        new_items: (N,) the items that count as new; by default those without a known event.
        alone: Domain to the mixture that scores it in place of this one.
    """

    def __init__(
        self,
        name: str,
        fitted: FittedModel,
        signals: Sequence[Signal],
        weights: MixtureWeights | None = None,
        new_items: NDArray[np.bool_] | None = None,
        alone: Mapping[str, Mixture] | None = None,
    ) -> None:
        self.name, self.signals = name, tuple(signals)
        self._fitted, self._weights, self._alone = fitted, weights, dict(alone or {})
        self._owners: IntArray | None = None
        met = np.bincount(fitted.events["item"], minlength=len(fitted.snapshot.items)) > 0
        self._unmet = ~met if new_items is None else new_items
        self._rows = rows_by_domain(fitted.snapshot)

    def parts(self, users: IntArray, domain: str) -> dict[str, FloatArray]:
        """Part to its share (B, N) of the scores of a domain's items."""
        if domain in self._alone:
            return self._alone[domain].parts(users, domain)
        parts: dict[str, FloatArray] = {}
        unmet = self._unmet[self._rows[domain]]  # (N,)
        newcomers = self._newcomers(users, domain)
        for signal, weights in self._weighed(domain):
            if self._weights is None:
                share = signal.score(users, domain)
            else:
                share = self._share(signal, weights, users, domain, newcomers, unmet)
            known = parts.get(signal.part)
            parts[signal.part] = share if known is None else known + share
        if not parts:  # no signal counts in this domain
            last = self.signals[-1]
            parts[last.part] = np.zeros_like(last.score(users, domain))
        if self._weights is not None and self._weights.start and unmet.any():
            any_part = next(iter(parts.values()))
            prior = parts.setdefault("popularity", np.zeros_like(any_part))
            prior[:, unmet] += np.float32(self._weights.start)
        return parts

    def _share(
        self,
        signal: Signal,
        weights: Cases,
        users: IntArray,
        domain: str,
        newcomers: NDArray[np.bool_],
        unmet: NDArray[np.bool_],
    ) -> FloatArray:
        """(B, N) weighed scores of a signal, made for those users only for whom it counts."""
        of_user = np.where(newcomers, weights.newcomer, weights.usual)  # (B,)
        asked = (of_user > 0) | (bool(unmet.any()) and weights.new_item > 0)
        share = np.zeros((len(users), len(unmet)), np.float32)
        if asked.any():
            found = standardized(signal.score(users[asked], domain))
            new = found[:, unmet] * weights.new_item
            found *= of_user[asked, None]
            found[:, unmet] = new
            share[asked] = found
        return share

    def score(self, users: IntArray, domain: str) -> FloatArray:
        """(B, N) scores of the domain's items."""
        return total(self.parts(users, domain))

    def at(self, users: IntArray, domain: str, items: IntArray) -> FloatArray:
        """(B, k) scores of some items (B, k), less what is the same for every history."""
        if domain in self._alone:
            return self._alone[domain].at(users, domain, items)
        total = np.zeros(items.shape, np.float32)
        unmet = self._unmet[items]  # (B, k)
        newcomers = self._newcomers(users, domain)[:, None]  # (B, 1)
        for signal, weights in self._weighed(domain):
            if isinstance(signal, Cosine | Historic):
                values, mean, deviation = signal.at(users, domain, items)  # (B, k), (B,), (B,)
                if self._weights is not None:
                    there = (deviation > 1e-6)[:, None]
                    centred = values - mean[:, None]
                    values = np.divide(
                        centred, deviation[:, None], out=np.zeros_like(centred), where=there
                    )
                met = np.where(newcomers, weights.newcomer, weights.usual)
                total += np.where(unmet, weights.new_item, met) * values
        return total

    def over(self, events: pd.DataFrame, owners: IntArray) -> Mixture:
        """The same parts and weights for other histories: no training.

        Who is new to a domain stays so: the weights are those for the owner's own history.

        Args:
            events: Columns ``user`` and ``item``, sorted by user and in time order within each;
                their users are asked for by their rows here.
            owners: (U,) row in the graph of each of them.
        """
        snapshot, other = self._fitted.snapshot, copy(self)
        known_events = KnownEvents(events, item_domains(snapshot), timed=snapshot.timed)
        other._owners = owners
        names = snapshot.items["domain"].to_numpy(object)[events["item"]]
        other._alone = {
            domain: each.over(events[names == domain], owners)
            for domain, each in self._alone.items()
        }
        other.signals = tuple(
            signal.over(known_events, owners) if isinstance(signal, Cosine | Historic) else signal
            for signal in self.signals
        )
        return other

    def _newcomers(self, users: IntArray, domain: str) -> NDArray[np.bool_]:
        """(B,) whether each user has met no item of a domain."""
        code = self._fitted.snapshot.domains.index(domain)
        owners = users if self._owners is None else self._owners[users]
        newcomers: NDArray[np.bool_] = self._fitted.known_events.over(code).lengths(owners) == 0
        return newcomers

    def _weighed(self, domain: str) -> Iterator[tuple[Signal, Cases]]:
        """The signals that count in a domain, with their weights."""
        if self._weights is None:
            yield from ((signal, Cases(*np.ones(3, np.float32))) for signal in self.signals)
            return
        usual, others = self._weights.usual, self._weights
        cases = [
            (found or usual).of(domain) for found in (usual, others.newcomers, others.new_items)
        ]
        for signal in self.signals:
            weights = Cases(*(np.float32(case.get(signal.name, 0.0)) for case in cases))
            if any(weight > 0 for weight in weights):
                yield signal, weights


def total(parts: Mapping[str, FloatArray]) -> FloatArray:
    """(B, N) the sum of the parts, a new array."""
    first, *others = parts.values()
    result = np.array(first, np.float32)
    for part in others:
        result += part
    return result


def standardized(scores: FloatArray) -> FloatArray:
    """Scores (B, N) less their mean over the items, over their standard deviation.

    A user for whom all items score the same gets zeros.
    """
    centred = scores - scores.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    deviation = np.sqrt(np.mean(np.square(centred), axis=1, keepdims=True))  # (B, 1)
    deviation[deviation <= 1e-6 * np.abs(scores).max(axis=1, keepdims=True, initial=1e-12)] = 0.0
    result: FloatArray = np.divide(
        centred, deviation, out=np.zeros_like(centred), where=deviation > 0
    )
    return result


def with_weights(fitted: FittedModel, weights: Mapping[str, MixtureWeights]) -> FittedModel:
    """The model with known weights of the signals, and the linear part learned from its events."""
    return replace(with_linear(fitted), weights=weights)


def with_linear(fitted: FittedModel) -> FittedModel:
    """The model with the linear part learned from its known events."""
    linear = learn_linear(fitted.snapshot, fitted.events, fitted.settings.model)
    return replace(fitted, linear=linear)


def build_signals(fitted: FittedModel) -> dict[str, list[Signal]]:
    """The signals of a model that has a linear part.

    Returns:
        `SIMPLE` and `GNN` to the signals of each; `HYBRID` to all of them.
    """
    snapshot, events, known_events = fitted.snapshot, fitted.events, fitted.known_events
    items, rows = len(snapshot.items), rows_by_domain(snapshot)
    several = len(rows) > 1
    simple: list[Signal] = []

    def add(part: str, name: str, matrix: sparse.csr_array, decays: Decays) -> None:
        matrices = by_domain(matrix, rows)
        for decay in decays.all if snapshot.timed else decays.all[:1]:
            simple.append(
                ItemMatrix(part, f"{name} {decay:g}", matrices, known_events, rows, decay)
            )
        for decay in decays.inside if several else ():
            own = f"{name} {decay:g} inside"
            simple.append(ItemMatrix(part, own, matrices, known_events, rows, decay, inside=True))

    assert fitted.linear is not None, "the model has no linear part"
    if isinstance(fitted.linear, DualWeights):
        simple.append(Dual("linear", fitted.linear, known_events, rows))
        if several:
            simple.append(Dual("linear inside", fitted.linear, known_events, rows, inside=True))
    elif not snapshot.timed:
        add("linear", "linear", fitted.linear, Decays((1.0,), (1.0,)))
    else:
        add("linear", "linear", fitted.linear, LINEAR_DECAYS)
        own = fitted.settings.model
        for key, steps in all_transitions(events, item_domains(snapshot), own).items():
            within = key == NEXT_INSIDE
            forward = forward_steps(steps, items, STEP_PRIOR)
            name = "forward within" if within else "forward"
            add("transitions", name, forward, OWN_STEP_DECAYS if within else STEP_DECAYS)
            if not within:
                add("transitions", "mutual", mutual_steps(steps, items), MUTUAL_DECAYS)
    simple += content_signals(fitted)
    simple.append(Popular(events, rows, items))
    network = _trained(fitted)
    network.append(Walked(fitted.walks, known_events, rows))
    if snapshot.timed:  # the network reads the latest events; of a newcomer the whole past counts
        network.append(Likeness(fitted.item_states, known_events, rows, 1.0, "gnn", "states"))
    return {SIMPLE: simple, GNN: network, HYBRID: [*network, *simple]}


def content_signals(fitted: FittedModel) -> list[Likeness | Association]:
    """Signals of what an item is, whoever met it: its text, and what the graph ties it to."""
    snapshot, known_events = fitted.snapshot, fitted.known_events
    rows = rows_by_domain(snapshot)
    signals: list[Likeness | Association] = []
    if has_text(fitted):
        text = unit_rows(fitted.text["item"])
        decays = TEXT_DECAYS if snapshot.timed else TEXT_DECAYS[:1]
        signals += [Likeness(text, known_events, rows, decay) for decay in decays]
    for name, profile in item_profiles(snapshot).items():
        signals.append(Association(name, profile, known_events, rows, RELATION_DECAY))
    return signals


def has_text(fitted: FittedModel) -> bool:
    """Tell whether any item has a text."""
    return "item" in fitted.text and bool(fitted.text["item"].any())


def _trained(fitted: FittedModel) -> list[Signal]:
    return [Cosine(fitted), Prior(fitted)]


def published(fitted: FittedModel) -> Mixture:
    """Component that a model's lists are scored with."""
    return next(iter(mixtures(fitted).values()))


def method(fitted: FittedModel) -> str:
    """Name of the mixture that a model's lists are scored with."""
    return SIMPLE if fitted.weights and not fitted.is_trained else HYBRID if fitted.weights else GNN


def mixtures(fitted: FittedModel) -> dict[str, Mixture]:
    """Components that a model scores with: `HYBRID` and `SIMPLE` if it has weights, and `GNN`.

    A network that is untrained is left out.

    The first one is what is published.
    """
    if not fitted.is_trained and fitted.weights:
        simple = build_signals(fitted)[SIMPLE]
        return {SIMPLE: Mixture(SIMPLE, fitted, simple, fitted.weights[SIMPLE])}
    if not fitted.weights:
        return {GNN: Mixture(GNN, fitted, _trained(fitted))}
    signals = build_signals(fitted)
    alone = {domain: published(each) for domain, each in fitted.alone.items()}
    return {
        name: Mixture(
            name,
            fitted,
            signals[name],
            fitted.weights.get(name),
            alone=alone if name == HYBRID else None,
        )
        for name in (HYBRID, SIMPLE, GNN)
    }

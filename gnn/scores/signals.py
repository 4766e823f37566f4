"""Signals that a score is summed of, by the parts that they belong to."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from linkspan.gnn.encoding.texts import unit_rows
from linkspan.gnn.events.domains import item_domains, rows_by_domain
from linkspan.gnn.events.known import count_users
from linkspan.gnn.events.transitions import NEXT_INSIDE, all_transitions
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.parts.dual_ease import Dual, DualWeights
from linkspan.gnn.parts.foreign import Foreign
from linkspan.gnn.parts.historic import ItemMatrix, Popular, by_domain, forward_steps, mutual_steps
from linkspan.gnn.parts.likeness import Likeness
from linkspan.gnn.parts.private import PrivatePart
from linkspan.gnn.parts.products import Vectors
from linkspan.gnn.parts.relations import Association, item_profiles
from linkspan.gnn.parts.values import Values
from linkspan.gnn.parts.walks import Walked
from linkspan.gnn.scores.components import Component, Cosine, Prior

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
PRIVATE_DECAYS = (1.0, 0.8, 0.4)
"""The weights choose among the rates."""

RELATION_DECAY = 0.9

STEP_PRIOR = 5.0


class Signal(Component, Protocol):
    """A component that is weighed; its name tells it from the others."""

    @property
    def part(self) -> str:
        """Name in `PARTS` of the part that its share is counted in."""
        ...

    def values(self, users: IntArray, domain: str) -> Values:
        """Scores of all items of a domain for users (B,), as a sum takes them."""
        ...


def build_signals(fitted: FittedModel) -> dict[str, list[Signal]]:
    """The signals of a model that has a linear part.

    Returns:
        `SIMPLE` and `GNN` to the signals of each; `HYBRID` to all of them.
    """
    if fitted.private is not None:
        return _private_signals(fitted, fitted.private)
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
        for key, steps in all_transitions(events, item_domains(snapshot), own):
            within = key == NEXT_INSIDE
            forward = forward_steps(steps, STEP_PRIOR)
            name = "forward within" if within else "forward"
            add("transitions", name, forward, OWN_STEP_DECAYS if within else STEP_DECAYS)
            if not within:
                add("transitions", "mutual", mutual_steps(steps), MUTUAL_DECAYS)
    if fitted.foreign is not None:
        simple.append(Foreign(fitted.foreign, snapshot, rows))
    simple += _content_signals(fitted)
    simple.append(Popular(count_users(events, items), rows))
    network = network_signals(fitted)
    network.append(Walked(fitted.walks, known_events, rows))
    if snapshot.timed:  # the network reads the latest events; of a newcomer the whole past counts
        network.append(Likeness(fitted.item_states, known_events, rows, 1.0, "gnn", "states"))
    return {SIMPLE: simple, GNN: network, HYBRID: [*network, *simple]}


def _private_signals(fitted: FittedModel, part: PrivatePart) -> dict[str, list[Signal]]:
    """The signals of a model with a privacy budget: no event but the user's own is read."""
    known_events, rows = fitted.known_events, rows_by_domain(fitted.snapshot)
    decays = PRIVATE_DECAYS if fitted.snapshot.timed else PRIVATE_DECAYS[:1]
    onto = Vectors(part.right, rows)
    simple: list[Signal] = [
        Likeness(part.left, known_events, rows, decay, "linear", "linear", onto) for decay in decays
    ]
    steps = part.transitions
    for name, matrix in (
        ("forward", forward_steps(steps, STEP_PRIOR)),
        ("mutual", mutual_steps(steps)),
    ):
        decay, matrices = decays[-1], by_domain(matrix, rows)
        own = f"{name} {decay:g}"
        simple.append(ItemMatrix("transitions", own, matrices, known_events, rows, decay))
    simple += _content_signals(fitted)
    simple.append(Popular(part.counts, rows))
    return {SIMPLE: simple, GNN: [], HYBRID: simple}


def _content_signals(fitted: FittedModel) -> list[Likeness | Association]:
    """Signals of what an item is, whoever met it: its text, and what the graph ties it to."""
    snapshot, known_events = fitted.snapshot, fitted.known_events
    rows = rows_by_domain(snapshot)
    signals: list[Likeness | Association] = []
    if has_text(fitted):
        text = unit_rows(fitted.text["item"])
        decays, onto = TEXT_DECAYS if snapshot.timed else TEXT_DECAYS[:1], Vectors(text, rows)
        signals += [Likeness(text, known_events, rows, decay, onto=onto) for decay in decays]
    for name, profile in item_profiles(snapshot).items():
        signals.append(Association(name, profile, known_events, rows, RELATION_DECAY))
    return signals


def has_text(fitted: FittedModel) -> bool:
    """Tell whether any item has a text."""
    return "item" in fitted.text and bool(fitted.text["item"].any())


def network_signals(fitted: FittedModel) -> list[Signal]:
    """The signals that are trained, whose sum is the network's own score."""
    return [Cosine(fitted), Prior(fitted)]

"""One score from several parts: each standardised per user, weighed by what validation rows say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.gnn.events.domains import item_domains, rows_by_domain
from linkspan.gnn.events.history import PAD
from linkspan.gnn.events.known import KnownEvents
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.models.weights import Cases, MixtureWeights
from linkspan.gnn.parts.foreign import Foreign
from linkspan.gnn.parts.historic import Historic, Scattered
from linkspan.gnn.parts.linear import learn_linear
from linkspan.gnn.parts.values import Values
from linkspan.gnn.scores.components import Cosine
from linkspan.gnn.scores.signals import GNN, HYBRID, SIMPLE, Signal, build_signals, network_signals
from linkspan.gnn.scores.summing import Scored, Summand

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


class People(NamedTuple):
    """Users whose histories are scored.

    Attributes:
        graph: (U,) their rows in the graph; -1 for whom it does not have.
        walks: (U,) rows of the users over whom no walk of theirs goes; -1 for none.
    """

    graph: IntArray
    walks: IntArray


class Other(NamedTuple):
    """A mixture that scores some domains in place of another.

    Attributes:
        mixture: It has the same users, and of each domain the same items in the same order.
        rows: (N,) its row of each item of the other; None where they are the same.
    """

    mixture: Mixture
    rows: IntArray | None = None

    def places(self, items: IntArray) -> IntArray:
        """Its rows of some items."""
        return items if self.rows is None else self.rows[items]

    def back(self, items: IntArray) -> IntArray:
        """The rows of the other that some of its items have; `PAD` stays."""
        if self.rows is None:
            return items
        known = np.flatnonzero(self.rows >= 0)
        order = np.append(known[np.argsort(self.rows[known])], PAD)
        return order[items]


class Mixture:
    """The weighted sum of signals; a component.

    Users who have met no item of a domain, and items that nobody has met, may have weights of their
    own: of a newcomer the whole past counts, of a new item what it is.

    Attributes:
        events: Histories that are scored.
        known_events: The same, over all domains and within each.
        rows: Domain to the rows of its items.
        codes: Domain to its position.
        length: Latest events of a history that the network looks at.

    Args:
        name: What the figures call it.
        fitted: Whose known events count.
        signals: Those that are summed.
        weights: As `linkspan.gnn.scores.weighing` finds them; without, the signals are summed as
            they are. A signal that they do not name counts nothing.
        new_items: (N,) the items that count as new; by default those without a known event.
        others: Domains to what scores them in place of this one, and sees only their events.
    """

    def __init__(
        self,
        name: str,
        fitted: FittedModel,
        signals: Sequence[Signal],
        weights: MixtureWeights | None = None,
        new_items: NDArray[np.bool_] | None = None,
        others: Mapping[tuple[str, ...], Other] | None = None,
    ) -> None:
        self.name, self.signals = name, tuple(signals)
        self.events = fitted.events[["user", "item"]].astype(np.int64)
        self.known_events = fitted.known_events
        self._fitted, self._weights, self._others = fitted, weights, dict(others or {})
        self._domains, self.length = item_domains(fitted.snapshot), fitted.model.length
        self._people: People | None = None
        self._owned: tuple[Mixture, IntArray] | None = None
        met = np.bincount(fitted.events["item"], minlength=len(fitted.snapshot.items)) > 0
        self._unmet = ~met if new_items is None else new_items
        self.rows = rows_by_domain(fitted.snapshot)
        self.codes = {domain: code for code, domain in enumerate(self.rows)}

    def scored(self, users: IntArray, domain: str) -> Scored:
        """Scores of users (B,) for the items of a domain, to be summed."""
        if (other := self.other(domain)) is not None:
            return other.mixture.scored(users, domain)
        groups = [(places, list(each)) for places, each in self._groups(users, domain)]
        return self._scored(groups, users, domain)

    def score(self, users: IntArray, domain: str) -> FloatArray:
        """(B, N) scores of the domain's items."""
        return self.scored(users, domain).all()

    def at(self, users: IntArray, domain: str, items: IntArray) -> FloatArray:
        """(B, k) scores of some items (B, k), less what is the same for every history."""
        if (other := self.other(domain)) is not None:
            return other.mixture.at(users, domain, other.places(items))
        groups = self._groups(users, domain, moving=True)  # one signal at a time
        columns = np.searchsorted(self.rows[domain], items)
        return self._scored(groups, users, domain).moving(columns)

    def _scored(
        self, groups: Iterable[tuple[IntArray, Iterable[Summand]]], users: IntArray, domain: str
    ) -> Scored:
        start = self._weights.start if self._weights is not None else 0.0
        unmet = self._unmet[self.rows[domain]]
        return Scored(groups, self.signals[-1].part, unmet, start, len(users))

    def _groups(
        self, users: IntArray, domain: str, *, moving: bool = False
    ) -> Iterator[tuple[IntArray, Iterator[Summand]]]:
        """Places of the users who are new to a domain, and of the others, with what is summed."""
        newcomers = self._newcomers(users, domain)
        for newcomer in np.unique(newcomers):
            places = np.flatnonzero(newcomers == newcomer)
            yield places, self._summands(users[places], domain, bool(newcomer), moving)

    def _summands(
        self, users: IntArray, domain: str, newcomer: bool, moving: bool
    ) -> Iterator[Summand]:
        """The signals that count; where ``moving``, those that depend on histories."""
        unmet = self._unmet[self.rows[domain]].any()
        for signal, weights in self._weighed(domain):
            usual = weights.newcomer if newcomer else weights.usual
            of_new = weights.new_item if unmet else np.float32(0)
            moves = isinstance(signal, Cosine | Historic)
            if (usual or of_new) and (moves or not moving):
                values = signal.values(users, domain)
                yield Summand(signal.part, moves, usual, of_new, values, *self._standard(values))

    def _standard(self, values: Values) -> tuple[FloatArray, FloatArray]:
        """(B,) both: what values are multiplied by, less the other: as they are without weights."""
        if self._weights is None:
            return np.ones_like(values.mean), np.zeros_like(values.mean)
        there = values.deviation > 0
        scale = np.divide(1, values.deviation, out=np.zeros_like(values.deviation), where=there)
        return scale, values.mean

    def over(self, events: pd.DataFrame, owners: IntArray, *, lacking: bool = False) -> Mixture:
        """The same parts and weights for other histories of the same users: no training.

        Who is new to a domain stays so: the weights are those for the owner's own history.

        Args:
            events: Columns ``user`` and ``item``, sorted by user and in time order within each;
                their users are asked for by their rows here.
            owners: (U,) row of each of them among the users of this mixture.
            lacking: Whether each history is its owner's but for a few events: what these gave is
                taken off the owner's sums, where that is sooner done than summing again.
        """
        people = self._people
        other = self._with(
            events,
            People(owners, owners)
            if people is None
            else People(people.graph[owners], people.walks[owners]),
        )
        if lacking:
            other.signals = tuple(
                signal.lacking(whole, owners)
                if isinstance(signal, Scattered) and isinstance(whole, Scattered)
                else signal
                for signal, whole in zip(other.signals, self.signals, strict=True)
            )
        other._owned = self, owners
        other._others = {
            domains: each._replace(
                mixture=each.mixture.over(self._inside(events, domains), owners, lacking=lacking)
            )
            for domains, each in self._others.items()
        }
        return other

    def for_visitor(self, events: pd.DataFrame) -> Mixture:
        """The same parts and weights for someone whom the graph does not have: no training.

        Walks do not go over a user who met just the same items, whom a visitor may well be: so the
        scores are those that this user gets.

        Args:
            events: As for `over`; one visitor's, whose row here is 0.
        """
        return self._of_one(events, None)

    def for_user(self, events: pd.DataFrame, user: int) -> Mixture:
        """The same parts and weights for a user of another past: no training.

        Who is new to a domain, this past says.

        Args:
            events: As for `over`; the user's, whose row here is 0.
            user: Row in the graph.
        """
        return self._of_one(events, user)

    def _of_one(self, events: pd.DataFrame, user: int | None) -> Mixture:
        """The mixture for one past, of a user or of a visitor."""
        if user is None:
            items = events["item"].to_numpy(np.int64)
            same = -1 if self._fitted.private else self._fitted.walks.user_of(items)
            other = self._with(events, People(np.array([-1]), np.array([same])))
        else:
            other = self._with(events, People(np.array([user]), np.array([user])))
        other._owned = None
        other._others = {
            domains: each._replace(
                mixture=each.mixture._of_one(self._inside(events, domains), user)
            )
            for domains, each in self._others.items()
        }
        return other

    def other(self, domain: str) -> Other | None:
        """The mixture that scores a domain in place of this one, if one does."""
        return next((each for domains, each in self._others.items() if domain in domains), None)

    def _inside(self, events: pd.DataFrame, domains: tuple[str, ...]) -> pd.DataFrame:
        """The events with items of some domains, by the rows of what scores these."""
        codes = [self.codes[domain] for domain in domains]
        chosen = events[np.isin(self._domains[events["item"]], codes)]
        return chosen.assign(item=self._others[domains].places(chosen["item"].to_numpy(np.int64)))

    def _with(self, events: pd.DataFrame, people: People) -> Mixture:
        """The mixture with other histories."""
        other = copy(self)
        other.events, other._people = events, people
        other.known_events = KnownEvents(events, self._domains, timed=self._fitted.snapshot.timed)
        signals: list[Signal] = []
        for signal in self.signals:
            if isinstance(signal, Cosine):
                signals.append(signal.over(other.known_events, people.graph))
            elif isinstance(signal, Historic):
                signals.append(signal.over(other.known_events, people.walks))
            elif isinstance(signal, Foreign):
                signals.append(signal.of(people.graph))
            else:
                signals.append(signal)
        other.signals = tuple(signals)
        return other

    def _newcomers(self, users: IntArray, domain: str) -> NDArray[np.bool_]:
        """(B,) whether each user has met no item of a domain."""
        if self._owned is not None:
            mixture, owners = self._owned
            return mixture._newcomers(owners[users], domain)
        own = self.known_events.over(self.codes[domain])
        newcomers: NDArray[np.bool_] = own.lengths(users) == 0
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


def with_weights(fitted: FittedModel, weights: Mapping[str, MixtureWeights]) -> FittedModel:
    """The model with known weights of the signals, and the linear part learned from its events."""
    return replace(with_linear(fitted), weights=weights)


def with_linear(fitted: FittedModel) -> FittedModel:
    """The model with the linear part learned from its known events."""
    linear = learn_linear(fitted.snapshot, fitted.events, fitted.settings.model)
    return replace(fitted, linear=linear)


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
    if fitted.weights:
        signals = build_signals(fitted)
        names = (HYBRID, SIMPLE, GNN) if fitted.is_trained else (SIMPLE,)
    else:
        signals, names = {GNN: network_signals(fitted)}, (GNN,)
    others: dict[str, dict[tuple[str, ...], Other]] = {name: {} for name in names}
    if fitted.alone:
        others[HYBRID] = {(domain,): Other(published(m)) for domain, m in fitted.alone.items()}
    if fitted.base is not None:
        known = tuple(name for name in fitted.snapshot.domains if name != fitted.adapted)
        for name, mixture in mixtures(fitted.base).items():
            others[name][known] = Other(mixture, fitted.rows_of_base)
    return {
        name: Mixture(name, fitted, signals[name], fitted.weights.get(name), others=others[name])
        for name in names
    }

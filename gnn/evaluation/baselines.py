"""Baselines that any model must beat, each a component of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from linkspan.errors import ModelError
from linkspan.gnn.encoding.texts import unit_rows
from linkspan.gnn.events.domains import item_domains, rows_by_domain
from linkspan.gnn.events.known import KnownEvents, count_users
from linkspan.gnn.events.transitions import Sequence
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.parts.ease import item_cosines, item_weights
from linkspan.gnn.parts.historic import ItemMatrix, by_domain, forward_steps
from linkspan.gnn.parts.likeness import Likeness
from linkspan.gnn.parts.walks import Walked
from linkspan.gnn.scores.components import Component
from linkspan.gnn.scores.signals import STEP_PRIOR, has_text

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

BASELINES = (
    "popularity",
    "item-knn",
    "ease-target",
    "ease-joint",
    "ease-decay",
    "transitions",
    "walks",
    "als",
    "text",
)
"""Names of all baselines; the last ones only where there are times, the package, or texts."""

_DECAY, _STEP_DECAY, _TEXT_DECAY, _FACTORS = 0.6, 0.4, 0.7, 64

_EASE_KEEP, _EASE_LEAST, _EASE_ALL = 1_000, 50, 100_000_000
"""Weights of EASE kept for each item: a baseline must not lose by what the hybrid saves. Of many
items fewer, so that all together stay near the last number (0.8 GB), but not below the second."""


def build_baselines(
    fitted: FittedModel, learned: pd.DataFrame, names: tuple[str, ...] = BASELINES
) -> list[Component]:
    """Baselines on the graph of a model.

    Args:
        fitted: Its known events are the histories, and its settings give λ of EASE.
        learned: Events that parameters are learned from, columns ``user`` and ``item``.
        names: Of `BASELINES`. Those that are in the order of events need times, ``text`` needs
            texts; without, they are left out, as is ``als`` without the package `implicit`.

    Raises:
        ModelError: A name is unknown.
    """
    unknown = [name for name in names if name not in BASELINES]
    if unknown:
        raise ModelError(
            f"there is no baseline '{unknown[0]}'", hint=f"There are {', '.join(BASELINES)}"
        )
    maker = _Maker(fitted, learned)
    made = (maker.makers[name]() for name in BASELINES if name in names)
    return [each for each in made if each is not None]


def weights_kept(items: int) -> int:
    """Number of weights of an item that baselines of EASE keep, where there are so many items."""
    return min(_EASE_KEEP, max(_EASE_LEAST, _EASE_ALL // max(items, 1)))


class Popularity:
    """Number of users of an item.

    Args:
        rows: Domain to item rows.
        events: Known events; columns ``user`` and ``item``.
        items: Number of items.
    """

    name = "popularity"

    def __init__(self, rows: Mapping[str, IntArray], events: pd.DataFrame, items: int) -> None:
        counts = count_users(events, items).astype(np.float32)
        self._counts = {domain: counts[chosen] for domain, chosen in rows.items()}

    def score(self, users: IntArray, domain: str) -> FloatArray:
        """Scores (B, N) of the domain's items, in row order, for users (B,)."""
        return np.tile(self._counts[domain], (len(users), 1))


class Factors:
    """Products of vectors of users and items.

    Args:
        name: What the figures call it.
        users: (U, K).
        items: (N, K).
        rows: Domain to item rows.
    """

    def __init__(
        self, name: str, users: FloatArray, items: FloatArray, rows: Mapping[str, IntArray]
    ) -> None:
        self.name, self._users, self._items, self._rows = name, users, items, rows

    def score(self, users: IntArray, domain: str) -> FloatArray:
        """Scores (B, N) of the domain's items, in row order, for users (B,)."""
        scores: FloatArray = self._users[users] @ self._items[self._rows[domain]].T
        return scores


class _Maker:
    """Makes the baselines by name; None where one cannot be had."""

    def __init__(self, fitted: FittedModel, learned: pd.DataFrame) -> None:
        self.fitted, self.snapshot, self.learned = fitted, fitted.snapshot, learned
        self.rows = rows_by_domain(self.snapshot)
        self.users, self.items = len(self.snapshot.users), len(self.snapshot.items)
        self.known = fitted.events
        once = self.known.drop_duplicates(["user", "item"])
        self.known_events = KnownEvents(
            once, item_domains(self.snapshot), timed=self.snapshot.timed
        )
        self.makers: dict[str, Callable[[], Component | None]] = {
            "popularity": lambda: Popularity(self.rows, self.known, self.items),
            "item-knn": self._neighbours,
            "ease-target": self._ease_target,
            "ease-joint": lambda: self._faded("ease-joint", self._joint, 1.0),
            "ease-decay": self._ease_decay,
            "transitions": self._transitions,
            "walks": self._walks,
            "als": self._als,
            "text": self._text,
        }

    def _faded(self, name: str, weights: sparse.csr_array, decay: float) -> Component:
        return ItemMatrix(
            "", name, by_domain(weights, self.rows), self.known_events, self.rows, decay
        )

    def _ease(self, events: pd.DataFrame) -> sparse.csr_array:
        strength = self.fitted.settings.model.linear_regularization
        return item_weights(
            events,
            self.users,
            self.items,
            regularization=strength,
            keep=weights_kept(self.items),
            domains=item_domains(self.snapshot),
        )

    @cached_property
    def _joint(self) -> sparse.csr_array:
        return self._ease(self.learned)

    def _ease_target(self) -> Component:
        items = self.learned["item"].to_numpy()
        matrices = {
            domain: self._ease(self.learned[np.isin(items, rows)])[:, rows]
            for domain, rows in self.rows.items()
        }
        return ItemMatrix("", "ease-target", matrices, self.known_events, self.rows, 1.0)

    def _ease_decay(self) -> Component | None:
        if not self.snapshot.timed:
            return None
        return self._faded("ease-decay", self._joint, _DECAY)

    def _neighbours(self) -> Component:
        return self._faded("item-knn", item_cosines(self.learned, self.users, self.items), 1.0)

    def _transitions(self) -> Component | None:
        if not self.snapshot.timed:
            return None
        settings = self.fitted.settings.model
        window, decay = settings.transition_window, settings.transition_decay
        users, items = self.known["user"].to_numpy(), self.known["item"].to_numpy()
        steps = Sequence(None, users, items).transitions(self.items, window, decay)
        return self._faded("transitions", forward_steps(steps, STEP_PRIOR), _STEP_DECAY)

    def _walks(self) -> Component:
        return Walked(self.fitted.walks, self.known_events, self.rows)

    def _als(self) -> Component | None:
        try:
            from implicit.als import AlternatingLeastSquares
            from threadpoolctl import threadpool_limits
        except ImportError:
            return None
        pairs = self.known[["user", "item"]].drop_duplicates()
        ones = np.ones(len(pairs), np.float32)
        shape = (self.users, self.items)
        met = sparse.csr_matrix((ones, (pairs["user"], pairs["item"])), shape=shape)
        with threadpool_limits(1, "blas"):  # its own threads are slowed down by those of BLAS
            model = AlternatingLeastSquares(
                factors=_FACTORS, random_state=self.fitted.settings.learning.seed, use_gpu=False
            )
            model.fit(met, show_progress=False)
        return Factors("als", model.user_factors, model.item_factors, self.rows)

    def _text(self) -> Component | None:
        if not has_text(self.fitted):
            return None
        text = unit_rows(self.fitted.text["item"])
        likeness = Likeness(text, self.known_events, self.rows, _TEXT_DECAY)
        likeness.name = "text"
        return likeness

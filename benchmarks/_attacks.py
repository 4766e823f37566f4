"""Attacks on private models of a sample of goodbooks, beside what each budget allows.

Each attacker knows all events of all others, and sees what was learned once with noise. Of the
exact sums nothing is copied that does not change from one data set to its neighbour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from attacks import (
    FREE,
    Share,
    advantage,
    figures_of_pair,
    fit_ratio,
    log_ratios,
    most_ranked_above,
    most_right,
    moved,
    proven_epsilon,
    ranked_above,
    share_of,
    signs_of_items,
)
from numpy.typing import NDArray

from linkspan import gnn
from linkspan.gnn.events.domains import item_domains, rows_by_domain
from linkspan.gnn.events.known import count_users
from linkspan.gnn.models.view import View
from linkspan.gnn.models.weights import MixtureWeights
from linkspan.gnn.parts.private import Budget, PrivatePart
from linkspan.gnn.private.features import public_features
from linkspan.gnn.private.fitting import WEIGHING_SHARE, build_part
from linkspan.gnn.private.statistics import sum_statistics
from linkspan.gnn.scores.reranking import Choice
from linkspan.gnn.scores.signals import SIMPLE
from linkspan.gnn.scores.weighing import stated_weights
from linkspan.gnn.training.train import untrained
from linkspan.pipeline import Pipeline

FloatArray = NDArray[np.float64]

SAMPLE = 2_000
"""Users among whom an attack hides one."""

CANARY = 20
"""Times that a planted user meets the same two items in turn."""

CHOICES = 10
"""Items of which one stands in a user's past."""

LEAST = 5
"""Items of a user whose past is guessed."""


SEEN = ("noised sums", "model folder", "item weights in it", "a list")
"""Releases that membership is guessed from."""


class Sample:
    """Some users of a snapshot, and exact sums over them.

    Args:
        pipeline: Of the data set.
        snapshot: Its graph.
    """

    def __init__(self, pipeline: Pipeline, snapshot: Any) -> None:
        self.snapshot, self.timed = snapshot, snapshot.timed
        self._settings, self._text = pipeline.settings.train, pipeline.embed(snapshot)
        self.features = public_features(snapshot, self._text)
        self.random = np.random.default_rng(0)
        users = self.random.choice(len(snapshot.users), SAMPLE, replace=False)
        events = snapshot.events()[["user", "item"]]
        self.events: pd.DataFrame = events[events["user"].isin(users)]
        self.sums = sum_statistics(self.events, self.features, timed=self.timed)

        self._weights: dict[str, MixtureWeights] = {}  # of any part the same

    def share(self, history: Sequence[int]) -> Share:
        """The share of a user with this past."""
        return share_of(history, self.features, timed=self.timed)

    @cached_property
    def _bare(self) -> gnn.FittedModel:
        """A model that knows of no user and has learned nothing."""
        return untrained(
            View(self.snapshot, self._text, self.snapshot.events().iloc[:0]), self._settings
        )

    def ranking(self, part: PrivatePart, met: int, asked: int) -> FloatArray:
        """(2,) place and score of an item in the list of someone who met another.

        The list holds all of the domain, as more than what is published shows; the weights of the
        parts are the stated ones, which spend nothing.
        """
        fitted = replace(self._bare, private=part)
        if not self._weights:
            self._weights[SIMPLE] = MixtureWeights(stated_weights(fitted))
        fitted = replace(fitted, weights=self._weights)
        domain = self.snapshot.items["domain"].iloc[asked]
        ranker = gnn.Ranker(fitted, Choice()).for_visitor(np.array([met]))
        items = len(rows_by_domain(self.snapshot)[domain])
        found = ranker.lists(np.array([0]), domain, items).set_index("item")
        scores = found["score"].to_numpy(np.float64)
        own = found.loc[asked]
        return np.array([np.log(own["rank"]), (own["score"] - scores.mean()) / scores.std()])


@dataclass(frozen=True)
class Claim:
    """A budget, and the noise that keeps it; ε of infinity: none."""

    epsilon: float
    delta: float

    @cached_property
    def noise(self) -> float:
        """Of the sums."""
        if np.isinf(self.epsilon):
            return FREE
        return float(gnn.noise_for(self.epsilon, self.delta) / (1 - WEIGHING_SHARE) ** 0.5)

    @property
    def told(self) -> str:
        """ε as a table has it."""
        return "none" if np.isinf(self.epsilon) else f"{self.epsilon:g}"


def membership(sample: Sample, claims: Sequence[Claim], models: int) -> Iterator[str]:
    """Rows of a table: was a user there whose past is two items that nobody else has met?"""
    items = len(sample.snapshot.items)
    first, second = np.flatnonzero(count_users(sample.events, items) == 0)[:2].tolist()
    share = sample.share([first, second] * CANARY)
    sides = (sample.sums, moved(sample.sums, share, 1))
    for claim in claims:
        budget = Budget(claim.epsilon, claim.delta, claim.noise)
        sums = np.zeros((2, models))
        folders, lists = np.zeros((2, models, 6)), np.zeros((2, models, 2))
        seen = dict(zip(SEEN[1:], (folders, folders[:, :, 2:4], lists), strict=True))
        for side, exact in enumerate(sides):
            for model in range(models):
                released = exact.noised(claim.noise, sample.random)
                part = build_part(released, sample.features, budget, claim.noise)
                sums[side, model] = log_ratios(released, sample.sums, [share], claim.noise)[0]
                folders[side, model] = figures_of_pair(part, first, second)
                lists[side, model] = sample.ranking(part, first, second)
        scores = {SEEN[0]: (sums[0], sums[1])}
        for name, (outside, inside) in seen.items():
            ratio = fit_ratio(outside[: models // 2], inside[: models // 2])
            scores[name] = ratio(outside), ratio(inside)
        bound = min(np.tanh(claim.epsilon / 2) + claim.delta, 1.0)
        found = [
            f"{advantage(*both):+.2f} ({proven_epsilon(*both, claim.delta):.2f})"
            for both in (scores[name] for name in SEEN)
        ]
        yield f"| {claim.told} | {bound:.2f} | {' | '.join(found)} |"


def past(sample: Sample, claims: Sequence[Claim], targets: int) -> Iterator[str]:
    """Rows of a table: which item did a user also meet, and which items at all?"""
    right = np.zeros((len(claims), 2))
    signs: list[list[tuple[FloatArray, FloatArray]]] = [[] for _ in claims]
    met: list[NDArray[np.int64]] = []
    domains = item_domains(sample.snapshot)
    histories = sample.events.groupby("user")["item"].apply(np.array)
    histories = histories[histories.map(lambda each: len(np.unique(each)) >= LEAST)]
    for user in sample.random.choice(histories.index, targets, replace=False):
        history = histories[user].astype(np.int64)
        without = moved(sample.sums, sample.share(history), -1)
        item = sample.random.choice(history)
        others = np.setdiff1d(np.flatnonzero(domains == domains[item]), history)
        choices = [item, *sample.random.choice(others, CHOICES - 1, replace=False)]
        pasts = [np.where(history == item, each, history) for each in choices]
        shares = [sample.share(each) for each in pasts]
        truth, other = sample.random.choice(CHOICES, 2, replace=False)
        within = moved(without, shares[truth], 1)
        met.append(np.unique(pasts[truth]))
        for place, claim in enumerate(claims):
            released = within.noised(claim.noise, sample.random)
            found = log_ratios(released, without, shares, claim.noise)
            right[place] += found[truth] > found[other], np.argmax(found) == truth
            empty = without.noised(claim.noise, sample.random)
            both = (signs_of_items(each, without, sample.features) for each in (released, empty))
            signs[place].append(tuple(each.astype(np.float32) for each in both))  # type: ignore[arg-type]
    for place, claim in enumerate(claims):
        two, ten = right[place] / targets
        bounds = [most_right(claim.epsilon, claim.delta, count) for count in (2, CHOICES)]
        area, found, chance = rebuilt(signs[place], met)
        likely = min(np.exp(claim.epsilon) * rate(met, len(domains)) + claim.delta, 1.0)
        most = most_ranked_above(claim.epsilon, claim.delta, max(chance, 0.5))
        yield (
            f"| {claim.told} | {two:.0%} | {bounds[0]:.0%} | {ten:.0%} | {bounds[1]:.0%} "
            f"| {area:.3f} | {chance:.3f} | {most:.3f} | {found:.1%} | {likely:.1%} |"
        )


def rate(met: Sequence[NDArray[np.int64]], items: int) -> float:
    """Share of users' items that as many guesses by chance find."""
    return float(np.mean([len(each) / items for each in met]))


def rebuilt(
    signs: Sequence[tuple[FloatArray, FloatArray]], met: Sequence[NDArray[np.int64]]
) -> tuple[float, float, float]:
    """Area under the curve and share of items found, and the area on releases without the user.

    The first half of the users are shadows, from which the attacker learns what the signs weigh.
    """
    half = len(met) // 2
    inside = [each[0][items] for each, items in zip(signs[:half], met[:half], strict=True)]
    rest = [
        np.delete(each[0], items, axis=0)[::20]
        for each, items in zip(signs[:half], met[:half], strict=True)
    ]
    ratio = fit_ratio(
        np.concatenate(rest).astype(np.float64), np.concatenate(inside).astype(np.float64)
    )
    figures = [
        (*ranked_above(ratio(with_user), items), ranked_above(ratio(empty), items)[0])
        for (with_user, empty), items in zip(signs[half:], met[half:], strict=True)
    ]
    area, found, chance = np.mean(figures, axis=0)
    return float(area), float(found), float(chance)

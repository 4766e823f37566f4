"""A model from noised sums, and weights of its parts from noised gradients."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from linkspan.errors import ModelError
from linkspan.gnn.events.domains import item_domains, rows_by_domain
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.models.view import View
from linkspan.gnn.models.weights import MixtureWeights, SignalWeights
from linkspan.gnn.parts.private import Budget, PrivatePart
from linkspan.gnn.private.accounting import noise_for
from linkspan.gnn.private.features import CONSTANT, public_features
from linkspan.gnn.private.statistics import Statistics, count_noise, sum_statistics
from linkspan.gnn.scores.components import Seen
from linkspan.gnn.scores.examples import Examples, draw_examples, join
from linkspan.gnn.scores.signals import SIMPLE, build_signals
from linkspan.gnn.scores.weighing import stated_weights
from linkspan.gnn.settings import PrivacySettings, TrainSettings
from linkspan.gnn.training.train import untrained
from linkspan.graph.snapshot import Snapshot
from linkspan.progress import SILENT, Progress

FloatArray = NDArray[np.float32]

LEAST_USERS = 200
"""Users below which noise leaves nothing, and which a training refuses."""

WEIGHING_SHARE = 0.1
"""Share of the budget, as one over the square of the noise, that the weights take."""

LEAST_WEIGHING = 50
"""Users, as noise counts them, below which the weights are stated ones."""

COUNTED = 0.1
"""Share of each user's gradient that counts the user."""

GRADIENT_BOUND = 16.0
"""Length from which the gradient of a user is scaled down: 2 of 100 are on goodbooks. Where it is
nearer, what tells most about few users gets no weight, whatever the noise."""

STEPS, RATE, MOMENTUM = 80, 0.03, 0.8
"""Steps of the descent on the weights, their length along the mean gradient, and what stays of the
steps before."""

RANK, RIDGE = 64, 0.003


def fit_private(
    snapshot: Snapshot,
    vectors: Mapping[str, FloatArray],
    events: pd.DataFrame,
    settings: TrainSettings,
    privacy: PrivacySettings,
    progress: Progress = SILENT,
    random: np.random.Generator | None = None,
) -> FittedModel:
    """Fit a model that is (ε, δ)-differentially private: whatever one user did, it may be this one.

    Of all events but each user's last it reads noised sums (`linkspan.gnn.private.statistics`), of
    the last ones noised gradients of a few weights; both together spend the budget. All else is
    made from these, and from what is public: the items, their texts, and what the graph ties them
    to. A user's own list is made from the user's own past and from this model: joint differential
    privacy (Kearns et al., 2014, doi:10.1145/2554797.2554834). It has no network and no walks.

    Args:
        snapshot: The graph; users, and relations of users, are not read from it.
        vectors: Node type to vectors (n, d) of texts.
        events: Rows of ``snapshot.events()`` to learn from.
        settings: Of the training; they say nothing of what is learned here.
        privacy: ε and δ.
        progress: Told of each step.
        random: Draws the noise; for tests alone. Without, a generator of a secret seed, so that no
            two trainings are the same.

    Raises:
        ModelError: There are too few users, δ is above one over their number, or no budget is
            given.
    """
    if privacy.epsilon is None:
        raise ModelError("there is no budget", hint="Set 'epsilon' in [privacy]")
    users = np.unique(events["user"])
    if len(users) < LEAST_USERS:
        raise ModelError(
            f"{len(users)} users are too few to learn from with a privacy budget (at least "
            f"{LEAST_USERS}): noise that hides one of them hides all",
            hint="Take more users in, or train without [privacy]",
        )
    if privacy.delta * len(users) > 1:
        raise ModelError(
            f"a delta of {privacy.delta:g} lets a training with {len(users):,} users give one of "
            "them away",
            hint=f"Set 'delta' in [privacy] well below {1 / len(users):.1g}",
        )
    random = random or np.random.default_rng(secrets.randbits(128))
    with progress.task("learn with noise", total=3, unit="steps") as task:
        noise = noise_for(privacy.epsilon, privacy.delta)
        features = public_features(snapshot, vectors)
        last = ~events["user"].duplicated(keep="last").to_numpy()
        last &= events["user"].duplicated(keep="first").to_numpy()
        task.advance()
        exact = sum_statistics(events[~last], features, timed=snapshot.timed)
        own_noise = noise / (1.0 - WEIGHING_SHARE) ** 0.5
        budget = Budget(privacy.epsilon, privacy.delta, noise, exact.clipped)
        part = build_part(exact.noised(own_noise, random), features, budget, own_noise)
        task.advance()
        nobody = View(snapshot, vectors, events.iloc[:0])
        fitted = replace(untrained(nobody, settings), private=part)
        past = replace(fitted, view=nobody.over(events[~last]))
        step_noise = noise * (STEPS / WEIGHING_SHARE) ** 0.5
        # Each user is in one of the two groups, so that both together spend what one would.
        new = _newcomers(past, events[last])
        usual, newcomers = (
            _find_weights(past, events[last][chosen], step_noise, random) for chosen in (~new, new)
        )
        task.advance()
    fitted = replace(fitted, view=nobody.over(events))
    return replace(fitted, weights={SIMPLE: MixtureWeights(usual, newcomers)})


def build_part(
    released: Statistics, features: FloatArray, budget: Budget, noise: float
) -> PrivatePart:
    """Counts and item weights from noised sums; no event is needed.

    The counts are drawn to what the features say of them, as far as the noise outweighs what is
    left (empirical Bayes). Of two items that follow each other the chance is ``p q (1 + f W g)``
    with their counts and features, of which the noised sums of products tell W by least squares.

    Args:
        released: Noised sums.
        features: (N, d) as `public_features` gives them.
        budget: Of the whole training.
        noise: Of the sums, where a user's share has length 1 at most.
    """
    counts = _smoothed(released.counts, features, count_noise(noise))
    share = counts / counts.sum()
    wide = features.astype(np.float64)
    total = max(float(released.steps[0, 0]) / CONSTANT**2, 1.0)
    steps = released.steps / total
    chance = np.outer(steps[:, 0], steps[0]) / CONSTANT**2
    second = (wide * share[:, None]).T @ wide + RIDGE * np.eye(wide.shape[1])
    values, vectors = np.linalg.eigh(second)
    whitened = (vectors * values**-0.5) @ vectors.T
    left, sizes, right = np.linalg.svd(whitened @ (steps - chance) @ whitened)
    root = np.sqrt(sizes[:RANK])
    return PrivatePart(
        counts.astype(np.float32),
        (wide @ (whitened @ left[:, :RANK] * root)).astype(np.float32),
        (wide @ (whitened @ right[:RANK].T * root)).astype(np.float32),
        _as_steps(released.pairs),
        budget,
    )


def _as_steps(pairs: sparse.csr_array) -> pd.DataFrame:
    """Columns ``source``, ``target`` and ``weight``."""
    found = pairs.tocoo()
    source, target = (rows.astype(np.int64) for rows in found.coords)
    return pd.DataFrame(
        {"source": source, "target": target, "weight": found.data.astype(np.float32)}
    )


def _smoothed(
    counts: NDArray[np.float64], features: FloatArray, noise: float
) -> NDArray[np.float64]:
    """(N,) counts with less noise, all above 0."""
    wide = features.astype(np.float64)
    square = wide.T @ wide + np.eye(wide.shape[1])
    told = wide @ np.linalg.solve(square, wide.T @ counts)
    left = counts - told
    own = max(float(left.var()) - noise**2, 0.0)
    return np.maximum(told + left * own / max(own + noise**2, 1e-12), 0.1)


def _newcomers(past: FittedModel, asked: pd.DataFrame) -> NDArray[np.bool_]:
    """(R,) whether the user of each event had met no item of its domain before."""
    domains, known = item_domains(past.snapshot), past.known_events
    users, codes = asked["user"].to_numpy(np.int64), domains[asked["item"]]
    new = np.zeros(len(asked), bool)
    for code in np.unique(codes):
        inside = codes == code
        new[inside] = known.over(int(code)).lengths(users[inside]) == 0
    return new


def _find_weights(
    past: FittedModel, asked: pd.DataFrame, noise: float, random: np.random.Generator
) -> SignalWeights:
    """Weights of the parts, from one more event of each user.

    Gradient descent on the conditional logit of `linkspan.gnn.scores.weight_search.fit_logit`; the
    gradient of each user is bounded, and their sum gets noise (Song et al., 2013,
    doi:10.1109/GlobalSIP.2013.6736861; Abadi et al., 2016, arXiv:1607.00133).

    Args:
        past: A model on what the users had met before.
        asked: One event each of some users.
        noise: Of each step, where a user's share has length 1 at most.
        random: Draws it, and candidates.
    """
    signals, seen = build_signals(past)[SIMPLE], Seen(past)
    codes = item_domains(past.snapshot)[asked["item"]]
    rows = [
        draw_examples(signals, asked[codes == code], domain, items, seen, random)[0]
        for code, (domain, items) in enumerate(rows_by_domain(past.snapshot).items())
    ]
    examples = join(rows)
    weights, counted = np.full(len(signals), 0.05), 0.0
    mean = np.zeros(len(signals) + 1)
    kept: list[NDArray[np.float64]] = []
    for step in range(1, STEPS + 1):
        total = sum_gradients(examples, weights)
        total += random.normal(0.0, noise, total.shape)
        mean = MOMENTUM * mean + (1.0 - MOMENTUM) * total
        counted += (total[-1] / COUNTED - counted) / step
        slope = GRADIENT_BOUND * mean[:-1] / max(counted, 1.0)
        weights = np.maximum(weights - RATE * slope, 0.0)
        if step > STEPS // 2:
            kept.append(weights)
    if counted < LEAST_WEIGHING:
        return stated_weights(past)
    found = np.mean(kept, axis=0)
    return SignalWeights({s.name: float(w) for s, w in zip(signals, found, strict=True)}, {})


def sum_gradients(examples: Examples, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F + 1,) sum of the gradients of rows, in units of `GRADIENT_BOUND`, and their count.

    Each row is one user's, and adds a vector of length 1 at most.

    Args:
        examples: One row a user.
        weights: (F,) of the signals.
    """
    first, sizes = examples.starts[:-1], np.diff(examples.starts)
    if not len(first):
        return np.zeros(len(weights) + 1)
    signals = examples.signals.astype(np.float64)
    scores = signals @ weights
    powers = np.exp(scores - np.repeat(np.maximum.reduceat(scores, first), sizes))
    chances = powers / np.repeat(np.add.reduceat(powers, first), sizes)
    found = np.add.reduceat(signals * chances[:, None], first) - signals[first]
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    found *= (1.0 - COUNTED**2) ** 0.5 / np.maximum(lengths, GRADIENT_BOUND)
    return np.append(found.sum(axis=0), COUNTED * len(first))

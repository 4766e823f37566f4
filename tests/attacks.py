"""Attacks on what was learned with a privacy budget, and what each budget lets an attack reach.

Three attackers know all events of all others. One guesses whether a user was there (membership);
one knows the rest of a user's past, and guesses what is missing (attribute); one guesses all of it
(reconstruction). Of noised sums the likelihoods are known; of what is made from them, as a model or
a list, they are fitted to shadow models that the attacker makes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import beta, norm

from linkspan.gnn.parts.private import PrivatePart
from linkspan.gnn.private import statistics as module
from linkspan.gnn.private.statistics import Statistics, sum_statistics

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FREE = 1e-6
"""Noise that hides nothing."""


def proven_epsilon(outside: FloatArray, inside: FloatArray, delta: float) -> float:
    """Largest ε that the guesses of an attack prove, with 95% confidence.

    After Jagielski et al. (2020, arXiv:2006.07709): the first half of the scores chooses the
    threshold, the second half counts; bounds of the two error rates are Clopper and Pearson's.

    Args:
        outside: (R,) scores of releases without a user.
        inside: (R,) scores of releases with the user.
        delta: δ of the claim.
    """
    half, best = len(outside) // 2, 0.0
    for sign in (1.0, -1.0):
        low, high = sign * outside[:half], sign * inside[:half]
        cuts = np.quantile(np.concatenate([low, high]), np.linspace(0.01, 0.99, 99))
        rates = [((high > cut).mean() + 1e-3) / ((low > cut).mean() + 1e-3) for cut in cuts]
        cut, count = cuts[int(np.argmax(rates))], len(outside) - half
        hits = int((sign * inside[half:] > cut).sum())
        wrong = int((sign * outside[half:] > cut).sum())
        least, most = interval(hits, count)[0], interval(wrong, count)[1]
        if least > delta:
            best = max(best, float(np.log((least - delta) / most)))
    return best


def interval(hits: int, count: int) -> tuple[float, float]:
    """Bounds of a rate after Clopper and Pearson, each with an error of 2.5%."""
    least = beta.ppf(0.025, hits, count - hits + 1) if hits else 0.0
    most = beta.ppf(0.975, hits + 1, count - hits) if hits < count else 1.0
    return float(least), float(most)


def advantage(outside: FloatArray, inside: FloatArray) -> float:
    """Difference of the rates at which an attack says "inside".

    The first half of the scores chooses the threshold, the second is measured, so that chance alone
    gives 0 on average.
    """
    half = len(outside) // 2
    cuts = np.concatenate([outside[:half], inside[:half]])
    above = [(inside[:half] > cut).mean() - (outside[:half] > cut).mean() for cut in cuts]
    best = int(np.argmax(np.abs(above)))
    found = (inside[half:] > cuts[best]).mean() - (outside[half:] > cuts[best]).mean()
    return float(np.sign(above[best]) * found)


def fit_ratio(outside: FloatArray, inside: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Logarithm of the ratio of two normal densities, fitted to what shadow models show.

    After Carlini et al. (2022, arXiv:2112.03570), for several figures of a model at a time.

    Args:
        outside: (R, F) figures of shadow models without a user.
        inside: (S, F) figures of shadow models with the user.

    Returns:
        Scores (M,) of figures (M, F).
    """
    spread = np.concatenate([outside - outside.mean(axis=0), inside - inside.mean(axis=0)])
    least = np.diag(1e-3 * spread.var(axis=0) + 1e-12)
    fitted = []
    for part in (outside, inside):
        values, vectors = np.linalg.eigh(np.cov(part, rowvar=False).reshape(least.shape) + least)
        fitted.append((part.mean(axis=0), vectors * values**-0.5, np.log(values).sum()))

    def ratio(figures: FloatArray) -> FloatArray:
        found: list[FloatArray] = []
        for middle, whitened, size in fitted:
            found.append((((figures - middle) @ whitened) ** 2).sum(axis=1) + size)
        return 0.5 * (found[0] - found[1])

    return ratio


def stretched(statistics: Statistics) -> FloatArray:
    """(N + d * d + N * N,) all blocks where a user's share has length 1 at most; dense."""
    blocks = (
        statistics.counts * module._COUNTS,
        statistics.steps * module._STEPS,
        statistics.pairs.toarray() * module._PAIRS,
    )
    return np.concatenate([block.ravel() for block in blocks])


@dataclass(frozen=True)
class Share:
    """All that one user adds to the sums.

    Attributes:
        items: (n,) rows of the user's items.
        counts: (n,) what each gets.
        steps: (d, d).
        pairs: Rows, columns and values of the pairs.
    """

    items: IntArray
    counts: FloatArray
    steps: FloatArray
    pairs: tuple[IntArray, IntArray, FloatArray]


def share_of(history: Sequence[int], features: NDArray[np.float32], *, timed: bool) -> Share:
    """The share of a user with this history, the oldest item first; takes milliseconds."""
    items, places = np.unique(np.asarray(history, np.int64), return_inverse=True)
    events = pd.DataFrame({"user": np.zeros(len(places), np.int32), "item": places})
    own = sum_statistics(events.astype(np.int32), features[items], timed=timed)
    pairs = own.pairs.tocoo()
    rows, columns = (items[places] for places in pairs.coords)
    return Share(items, own.counts, own.steps, (rows, columns, pairs.data))


def moved(statistics: Statistics, share: Share, times: float) -> Statistics:
    """Sums with a user (``times`` 1), or without (-1)."""
    counts = statistics.counts.copy()
    counts[share.items] += times * share.counts
    rows, columns, values = share.pairs
    own = sparse.coo_array((times * values, (rows, columns)), shape=statistics.pairs.shape)
    pairs = (statistics.pairs + own.tocsr()).tocsr()
    return replace(
        statistics, counts=counts, steps=statistics.steps + times * share.steps, pairs=pairs
    )


def log_ratios(
    released: Statistics, without: Statistics, shares: Sequence[Share], noise: float
) -> FloatArray:
    """(C,) logarithm of how much likelier a release is with each share than without any.

    No attack on one release tells more (Neyman and Pearson). Only cells where a share is not 0 are
    looked at. A pair that was not kept is known to have stayed below the limit.

    Args:
        released: What the attacker sees.
        without: Exact sums over all others.
        shares: What a user may have added.
        noise: Of the release, where a user's share has length 1 at most.
    """
    chance = min(module.FALSE_PAIRS / max(len(without.counts) - 1, 1), 0.5)
    limit = float(norm.isf(chance))
    sizes = (noise / module._COUNTS, noise / module._STEPS, noise / module._PAIRS)
    left = (released.counts - without.counts, released.steps - without.steps)
    found = np.zeros(len(shares))
    for place, share in enumerate(shares):
        rows, columns, values = share.pairs
        seen, before = released.pairs[rows, columns], without.pairs[rows, columns]
        kept, room = seen > 0, limit - before / sizes[2]
        low, added = room[~kept], values[~kept] / sizes[2]
        found[place] = (
            _normal(left[0][share.items], share.counts, sizes[0])
            + _normal(left[1], share.steps, sizes[1])
            + _normal((seen - before)[kept], values[kept], sizes[2])
            + float((norm.logcdf(low - added) - norm.logcdf(low)).sum())
        )
    return found


def _normal(left: FloatArray, added: FloatArray, size: float) -> float:
    """Logarithm of the ratio of normal densities around ``added`` and around 0."""
    return float(((left - added / 2) * added).sum()) / size**2


def figures_of_pair(part: PrivatePart, first: int, second: int) -> FloatArray:
    """(6,) all that a model says of two items: counts, weights and steps both ways."""
    places = part.steps["source"].to_numpy(), part.steps["target"].to_numpy()
    ways = ((first, second), (second, first))
    weights = [float(part.left[source] @ part.right[target]) for source, target in ways]
    chosen = [(places[0] == source) & (places[1] == target) for source, target in ways]
    steps = [float(part.steps["weight"].to_numpy()[each].sum()) for each in chosen]
    return np.array([*np.log1p(part.counts[[first, second]]), *weights, *steps])


def most_right(epsilon: float, delta: float, choices: int) -> float:
    """Largest rate of right guesses among so many items, each as likely, that a budget allows.

    With one item instead of another a user leaves and another comes, which costs ε twice; and each
    item's guess is at most e^ε as likely as without the user. The lower of both is the bound.
    """
    with np.errstate(over="ignore"):
        rare, rarer = np.exp(-epsilon), np.exp(-2 * epsilon)
        twice = (1 + (choices - 1) * (rarer + rare) * delta) / (1 + (choices - 1) * rarer)
        return float(min(twice, np.exp(epsilon) / choices + delta, 1.0))


def signs_of_items(
    released: Statistics, without: Statistics, features: NDArray[np.float32]
) -> FloatArray:
    """(N, 3) figures of each item that are larger if the user met it, in counts, pairs and steps.

    Args:
        released: What the attacker sees.
        without: Exact sums over all others, which the attacker takes from it.
        features: (N, d) of the items.
    """
    found = released.pairs.tocoo()
    more = found.data - without.pairs[found.coords[0], found.coords[1]]
    items = len(without.counts)
    pairs = sum(np.bincount(places, more, minlength=items) for places in found.coords)
    steps = released.steps - without.steps
    alike = ((features @ steps.astype(np.float32)) * features).sum(axis=1)
    return np.stack([released.counts - without.counts, pairs, alike], axis=1)


def ranked_above(scores: FloatArray, met: IntArray) -> tuple[float, float]:
    """Area under the curve of a user's items among all, and the share of them that n guesses find.

    Args:
        scores: (N,) of all items; higher is likelier.
        met: (n,) rows of the user's items.
    """
    order = pd.Series(scores).rank().to_numpy()
    rest = len(scores) - len(met)
    area = (order[met].sum() - len(met) * (len(met) + 1) / 2) / (len(met) * rest)
    guessed = np.argsort(-scores, kind="stable")[: len(met)]
    return float(area), float(np.isin(guessed, met).mean())


def most_ranked_above(epsilon: float, delta: float, chance: float = 0.5) -> float:
    """Largest area under the curve that a budget allows.

    Args:
        epsilon: ε.
        delta: δ.
        chance: Area of the same attack on a release without the user.
    """
    return 1 - float(np.exp(-epsilon)) * (1 - chance - delta)

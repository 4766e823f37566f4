"""Membership inference: how much of a budget an attack proves to be spent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

FloatArray = NDArray[np.float64]


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
        least = beta.ppf(0.025, hits, count - hits + 1) if hits else 0.0
        most = beta.ppf(0.975, wrong + 1, count - wrong) if wrong < count else 1.0
        if least > delta:
            best = max(best, float(np.log((least - delta) / most)))
    return best


def advantage(outside: FloatArray, inside: FloatArray) -> float:
    """Largest difference of the rates at which an attack says "inside", over all thresholds."""
    cuts = np.concatenate([outside, inside])
    above = [(inside > cut).mean() - (outside > cut).mean() for cut in cuts]
    return float(np.abs(above).max())

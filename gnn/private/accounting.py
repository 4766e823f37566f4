"""Noise that keeps a privacy budget, and the budget that several releases spend together.

A release is the Gaussian mechanism (Dwork & Roth, 2014, doi:10.1561/0400000042, appendix A) on a
sum to which each user adds a vector of length 1 at most; that one user is added or removed is what
must not show. The mathematics is that of ``dp-accounting`` (privacy loss distributions, Koskela et
al., 2020, arXiv:1906.03049).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache

from absl import logging as absl_logging
from dp_accounting import (
    ComposedDpEvent,
    DpEvent,
    GaussianDpEvent,
    SelfComposedDpEvent,
    calibrate_dp_mechanism,
)
from dp_accounting.pld import PLDAccountant

# absl, which dp-accounting logs by, keeps what sys.stderr is when it is imported, and closes that
# where all handlers of logs are replaced, as a server does: under pytest, its file of outputs.
absl_logging.get_absl_handler().python_handler.stream = sys.__stderr__


@cache
def noise_for(epsilon: float, delta: float, releases: int = 1) -> float:
    """Standard deviation of the noise of each of several releases that spend (ε, δ) together.

    Takes some seconds for a large ε; kept for the next time.

    Args:
        epsilon: ε, above 0.
        delta: δ, above 0.
        releases: How many there are.
    """
    found: float = calibrate_dp_mechanism(
        PLDAccountant,
        lambda noise: SelfComposedDpEvent(GaussianDpEvent(noise), releases),
        epsilon,
        delta,
    )
    return found


def epsilon_of(noises: Sequence[float], delta: float) -> float:
    """ε that several releases spend together, for a given δ.

    Args:
        noises: Standard deviation of each release's noise; none spends nothing.
        delta: δ, above 0.
    """
    if not noises:
        return 0.0
    events: list[DpEvent] = [GaussianDpEvent(noise) for noise in noises]
    accountant = PLDAccountant()
    accountant.compose(ComposedDpEvent(events))
    return float(accountant.get_epsilon(delta))

"""Finds what each part of the score counts, from validation rows alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

from linkspan.gnn.components import Seen
from linkspan.gnn.domains import rows_by_domain
from linkspan.gnn.fitted import FittedModel, Weights
from linkspan.gnn.hybrid import HYBRID, SIMPLE, Feature, build_features, standardized, with_linear
from linkspan.gnn.split import Split
from linkspan.progress import SILENT, Progress

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

CANDIDATES = 500
"""Items beside the row's own among which the weights are fitted."""

MOST_ROWS = 3_000
"""Validation rows of a domain that the weights are fitted on, drawn if there are more."""

_CHUNK, _MET = 512, -50.0


def fit_hybrid(fitted: FittedModel, split: Split, progress: Progress = SILENT) -> FittedModel:
    """Learn the linear part from training events, and the weights of all parts on validation rows.

    Args:
        fitted: A network that was trained on ``split.train``.
        split: Of the same snapshot.
        progress: Told of each domain.

    Returns:
        The model with both. Without validation rows it has no weights: its network scores alone.
    """
    fitted = with_linear(fitted)
    validation = fitted.snapshot.events().iloc[split.validation]
    if not len(validation):
        return fitted
    features, seen = build_features(fitted), Seen(fitted)
    names = fitted.snapshot.items["domain"].to_numpy()[validation["item"]]
    random = np.random.default_rng(fitted.settings.seed)
    examples = {}
    rows_of = rows_by_domain(fitted.snapshot)
    with progress.task("weigh the parts", total=len(rows_of), unit="domains") as task:
        for domain, rows in rows_of.items():
            inside = validation[names == domain]
            drawn = draw_examples(features[HYBRID], inside, domain, rows, seen, random)
            examples[domain] = drawn
            task.advance()
    every = [feature.name for feature in features[HYBRID]]
    weights = {}
    for name in (HYBRID, SIMPLE):
        chosen = [feature.name for feature in features[name]]
        places = [every.index(one) for one in chosen]
        weights[name] = fit_weights({d: rows[..., places] for d, rows in examples.items()}, chosen)
    return replace(fitted, weights=weights)


def draw_examples(
    features: Sequence[Feature],
    events: pd.DataFrame,
    domain: str,
    rows: IntArray,
    seen: Seen,
    random: np.random.Generator,
) -> FloatArray:
    """Standardised features of validation rows: of the row's item, then of others drawn uniformly.

    Args:
        features: F of them.
        events: Validation rows of this domain; columns ``user`` and ``item``.
        domain: Its name.
        rows: (N,) ascending rows of its items.
        seen: What users have met; such candidates score far below all others.
        random: Draws rows and candidates.

    Returns:
        (R, C + 1, F).
    """
    if len(events) > MOST_ROWS:
        events = events.iloc[np.sort(random.choice(len(events), MOST_ROWS, replace=False))]
    users = events["user"].to_numpy(np.int64)
    own = np.searchsorted(rows, events["item"].to_numpy(np.int64))
    others = random.integers(0, len(rows), (len(users), min(CANDIDATES, len(rows))))
    columns = np.concatenate([own[:, None], others], axis=1)
    result = np.zeros((*columns.shape, len(features)), np.float32)
    for start in range(0, len(users), _CHUNK):
        part = slice(start, start + _CHUNK)
        asked, places = users[part], columns[part]
        for number, feature in enumerate(features):
            scores, _ = standardized(feature.score(asked, domain))
            result[part, :, number] = np.take_along_axis(scores, places, 1)
        met = np.zeros((len(asked), len(rows)), np.float32)
        seen.hide(met, asked, domain)
        gone = np.isneginf(np.take_along_axis(met, places, 1)) | (places == places[:, :1])
        gone[:, 0] = False
        result[part][gone] = _MET
    return result


def fit_weights(
    examples: Mapping[str, FloatArray], names: Sequence[str], ridge: float = 50.0
) -> Weights:
    """Weights of the features, for all domains and for each.

    A conditional logit (McFadden, 1974): the chance of the row's item among its candidates is the
    softmax of the weighted features. Weights are 0 or more. Those over all rows are found first,
    then each domain's, drawn towards those.

    Args:
        examples: Domain to features (R, C, F), as `draw_examples` gives them.
        names: (F,) names of the features.
        ridge: Penalty on the squared distance of a domain's weights from the shared ones, in rows.
    """
    parts = [rows for rows in examples.values() if len(rows)]
    shared = _fit(parts, np.zeros(len(names)), 1.0)
    own = [_fit([rows], shared, ridge) if len(rows) else shared for rows in examples.values()]
    return Weights(
        tuple(names),
        tuple(examples),
        tuple(shared.tolist()),
        tuple(tuple(weights.tolist()) for weights in own),
    )


def _fit(
    parts: Sequence[FloatArray], centre: NDArray[np.float64], ridge: float
) -> NDArray[np.float64]:
    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        away = weights - centre
        total, gradient = ridge * float(away @ away), 2.0 * ridge * away
        for rows in parts:
            scores = rows @ weights.astype(np.float32)
            top = scores.max(axis=1, keepdims=True)
            powers = np.exp(scores - top)
            sums = powers.sum(axis=1, keepdims=True)
            total += float(np.sum(np.log(sums) + top) - scores[:, 0].sum())
            expected = np.einsum("rc,rcf->f", powers / sums, rows)
            gradient = gradient + expected - rows[:, 0].sum(axis=0)
        return total, gradient

    start = np.maximum(centre, 0.1)
    bounds = [(0.0, None)] * len(start)
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    result: NDArray[np.float64] = found.x
    return result

"""Evaluation by full ranking in the domain of the test item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.errors import ModelError
from linkspan.gnn.baselines import Popularity
from linkspan.gnn.components import Component, Seen
from linkspan.gnn.domains import rows_by_domain
from linkspan.gnn.fitted import FittedModel
from linkspan.gnn.hybrid import mixtures
from linkspan.gnn.metrics import hit_rate, mean_reciprocal_rank, midranks, ndcg
from linkspan.gnn.split import Split
from linkspan.progress import SILENT, Progress

IntArray = NDArray[np.int64]

CHUNK = 1024
"""Rows ranked at once; memory grows with this times the items of the largest domain."""


@dataclass(frozen=True)
class Evaluation:
    """Ranks of the test items by each method.

    Attributes:
        ranks: One row per test event: ``user``, ``item`` (int32 rows), ``domain``, ``history``
            (bool: the user has known events in this domain), and a column of ranks (from 1, in
            steps of one half) for each method.
        methods: Names of those columns, that of what is published first.
    """

    ranks: pd.DataFrame
    methods: tuple[str, ...]

    def table(self, k: int = 10) -> pd.DataFrame:
        """Figures by method and segment.

        Returns:
            Columns ``method``, ``segment`` (``all``; ``macro``, the mean over domains;
            ``with history`` and ``without history`` in the domain; or ``domain``), ``domain``
            (empty but for that segment), ``rows``, ``hr`` and ``ndcg`` at ``k``, and ``mrr``, from
            0 to 1.
        """
        parts = [("all", "", self.ranks)]
        by_domain = [("domain", str(name), part) for name, part in self.ranks.groupby("domain")]
        for segment, known in (("with history", True), ("without history", False)):
            parts.append((segment, "", self.ranks[self.ranks["history"] == known]))
        table = []
        for method in self.methods:
            rows = [_figures(method, *part, k) for part in parts if len(part[2])]
            domains = [_figures(method, *part, k) for part in by_domain]
            means = {
                name: np.mean([row[name] for row in domains]) for name in ("hr", "ndcg", "mrr")
            }
            macro = {"segment": "macro", "domain": "", "rows": len(self.ranks)}
            table += [*rows, {"method": method, **macro, **means}, *domains]
        return pd.DataFrame(table)

    def figures(self, method: str | None = None, k: int = 10) -> dict[str, float]:
        """``hr``, ``ndcg`` at ``k`` and ``mrr`` over all rows, from 0 to 1; of the first method."""
        found = _figures(method or self.methods[0], "all", "", self.ranks, k)
        return {name: found[name] for name in ("hr", "ndcg", "mrr")}


def evaluate(
    fitted: FittedModel,
    split: Split,
    baselines: Sequence[Component] | None = None,
    progress: Progress = SILENT,
) -> Evaluation:
    """Rank the test items; validation events are part of histories, messages and counts.

    Args:
        fitted: Parameters learned from ``split.train``; they stay as they are.
        split: Of the same snapshot.
        baselines: Other methods to rank with, made from the events ``split.history``; popularity
            by default.
        progress: Told of each chunk of rows.

    Raises:
        ModelError: The split is of another snapshot, or a test event would be seen.
    """
    if split.fingerprint != fitted.snapshot.fingerprint():
        raise ModelError(
            "the split was made from another snapshot than the model's",
            hint="Split the snapshot again",
        )
    events = fitted.snapshot.events()
    known, held_out = events.iloc[split.history], events.iloc[split.test]
    tested = fitted.with_events(known, held_out)
    others = [Popularity(fitted.snapshot, known)] if baselines is None else list(baselines)
    methods: dict[str, Component] = {**mixtures(tested), **{other.name: other for other in others}}
    ranks = rank_events(tested, held_out, methods, progress)
    return Evaluation(ranks, tuple(methods))


def rank_events(
    fitted: FittedModel,
    events: pd.DataFrame,
    methods: Mapping[str, Component],
    progress: Progress = SILENT,
) -> pd.DataFrame:
    """Rank each event's item among those of its domain that the user has not met.

    Args:
        fitted: Its known events are what users have met.
        events: Columns ``user`` and ``item``; none of them is known.
        methods: Name to what scores.
        progress: Told of each chunk of rows.

    Returns:
        The table of `Evaluation.ranks`, in the order of ``events``.
    """
    seen, rows_of = Seen(fitted), rows_by_domain(fitted.snapshot)
    names = fitted.snapshot.items["domain"].to_numpy()
    users, items = events["user"].to_numpy(np.int64), events["item"].to_numpy(np.int64)
    known = pd.MultiIndex.from_arrays([fitted.events["user"], names[fitted.events["item"]]])
    asked = pd.MultiIndex.from_arrays([users, names[items]])
    table: dict[str, Any] = {
        "user": users.astype(np.int32),
        "item": items.astype(np.int32),
        "domain": names[items],
        "history": asked.isin(known),
        **{name: np.zeros(len(events)) for name in methods},
    }
    with progress.task("rank", total=len(events), unit="rows") as task:
        for domain, candidates in rows_of.items():
            rows = np.flatnonzero(names[items] == domain)
            for start in range(0, len(rows), CHUNK):
                chunk = rows[start : start + CHUNK]
                column = np.searchsorted(candidates, items[chunk])
                for name, method in methods.items():
                    scores = method.score(users[chunk], domain)
                    target = scores[np.arange(len(chunk)), column]
                    seen.hide(scores, users[chunk], domain)
                    table[name][chunk] = midranks(scores, target)
                task.advance(len(chunk))
    return pd.DataFrame(table)


def _figures(method: str, segment: str, domain: str, ranks: pd.DataFrame, k: int) -> dict[str, Any]:
    found = ranks[method].to_numpy(np.float64)
    return {
        "method": method,
        "segment": segment,
        "domain": domain,
        "rows": len(found),
        "hr": hit_rate(found, k),
        "ndcg": ndcg(found, k),
        "mrr": mean_reciprocal_rank(found),
    }

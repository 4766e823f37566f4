"""Notes on an evaluation, and what guards a publish where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from linkspan import gnn
from linkspan.figures import records
from linkspan.graph.asking.wording import counted
from linkspan.progress import Progress

if TYPE_CHECKING:
    from linkspan.gnn import Evaluation, FittedModel, Split

_MANY_TIED = 0.2
_RIVALS = {
    "popularity": "popularity",
    "ease-target": "EASE of its own events",
    "own past": "itself without what users did in other domains",
}


def evaluation_note(evaluation: Evaluation, protocol: str) -> str:
    """Sentence on how many events were ranked, which were not, and what chance decided."""
    note = f"{len(evaluation.ranks):,} held-out events ranked"
    if evaluation.unranked:
        count, names = sum(evaluation.unranked.values()), ", ".join(evaluation.unranked)
        note += (
            f"; {counted(count, 'other')} left out, where nothing but the held-out items was left "
            f"to meet ({names})"
        )
    tied = float(evaluation.ranks["tied"].mean())
    if tied > _MANY_TIED and protocol.startswith("last-out"):
        note += (
            f"; {tied:.0%} of them have the same time as the event before: which was held out is "
            "chance"
        )
    return note


def guard_notes(doubted: Sequence[dict[str, Any]]) -> list[str]:
    """Sentences on the domains that were in doubt, why, and what became of each.

    Args:
        doubted: Rows of `linkspan.gnn.training.guarding.guard_domains`.
    """
    notes = [
        f"domain {row['domain']}: joint learning hurts there ({100 * row['gain']:+.1f} points of "
        f"NDCG@10, {100 * row['low']:.1f} to {100 * row['high']:.1f}, on validation rows; "
        f"{_why(row)}): its lists are of its own events"
        for row in doubted
        if row["hurt"]
    ]
    kept = [f"{row['domain']} ({_why(row)})" for row in doubted if not row["hurt"]]
    if kept:
        notes.append(
            "in doubt on validation rows, and learned jointly all the same, as a model of its own "
            f"events is not surely better: {', '.join(kept)}"
        )
    return notes


def _why(row: dict[str, Any]) -> str:
    """Reason why a domain was in doubt; runs of earlier versions do not tell which baseline."""
    names = [_RIVALS[name] for name in row.get("not_above", ())]
    return f"not surely above {' and '.join(names) or 'simple baselines'}"


def apart_notes(domains: Sequence[str]) -> list[str]:
    """Sentence on the domains that nothing joins to another, where there are any."""
    if not domains:
        return []
    one = len(domains) == 1
    return [
        f"nothing can pass to {'domain' if one else 'domains'} {', '.join(domains)}: no user, "
        f"relation or text joins {'it' if one else 'them'} to another, so all that is known of "
        f"{'it' if one else 'each'} is its own events"
    ]


def guard(
    model: FittedModel, split: Split, progress: Progress
) -> tuple[dict[str, float] | None, str]:
    """NDCG@10 by method on validation rows, to guard publishing alone, and what to say of it.

    The weights were found on these rows, so that they flatter: they are no figures of a model.
    """
    rows = replace(split, validation=np.zeros(0, np.int64), test=split.validation)
    try:
        found = gnn.evaluate(model, rows, ("popularity",), progress)
    except gnn.UnmeasuredError:
        return None, "publishing does not compare it with popularity"
    means = [row for row in records(found.table()) if row["segment"] == "macro"]
    return {row["method"]: row["ndcg"] for row in means}, "validation rows guard publishing"

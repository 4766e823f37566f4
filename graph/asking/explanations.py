"""From what the database says of a recommendation to an `Explanation`, in words too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from linkspan.graph.asking import wording
from linkspan.graph.asking.results import Explanation, PastItem, Path, Results

RELATED = "WRITTEN_BY|IN_SERIES|TAGGED"
"""Text that stands in ``why.cypher`` for all types of relations."""

_OURS = ("RECOMMENDED", "SIMILAR", "FEEDBACK")


def build_explanation(found: Mapping[str, Any], paths: Results[Path]) -> Explanation:
    """From what the database says.

    Args:
        found: The row of the query ``explained``.
        paths: Rows of the query ``why``.
    """
    past = []
    if found["because"] is not None:
        names = ("because", "because_title", "because_domain", "because_met")
        past = [PastItem(*(found[name] for name in names))]
    same = ("user", "item", "title", "domain", "met", "said", "rank", "score", "run")
    return complete(
        Explanation(
            **{name: found[name] for name in same},
            place=None,
            parts=found["parts"] or {},
            past=past,
            paths=paths,
        )
    )


def complete(found: Explanation) -> Explanation:
    """The explanation with what follows from the rest: whether domains are crossed, and words."""
    others = any(each.domain != found.domain for each in found.past[:1])
    return replace(
        found,
        cross_domain=others or any(path.cross_domain for path in found.paths),
        because=wording.because(found),
        words=wording.tell(found),
    )


def relation_types(known: Sequence[str], interactions: Sequence[str]) -> list[str]:
    """The types of a graph that are relations; ``SAME_AS`` where there are none.

    Args:
        known: All types of the graph.
        interactions: Those from users to items.
    """
    return sorted(set(known) - {*interactions, *_OURS}) or ["SAME_AS"]

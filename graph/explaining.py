"""Why an item is recommended: its place, the parts of its score, past items, paths in the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from linkspan.graph import wording
from linkspan.graph.results import Path, Results

RELATED = "WRITTEN_BY|IN_SERIES|TAGGED"
"""What stands in ``why.cypher`` for all types of relations."""

_OURS = ("RECOMMENDED", "SIMILAR", "FEEDBACK")


@dataclass(frozen=True, slots=True)
class PastItem:
    """An item of a user's past that counted for a recommendation.

    Attributes:
        item: Its key.
        title: Its title, where it has one.
        domain: Its domain.
        met: Type of the interaction, such as ``SAVED``, where it is known.
        loss: How much lower the score is without it, everything computed again; below 0 where it
            speaks against the item. None where only the database was asked.
    """

    item: str
    title: str | None
    domain: str
    met: str | None = None
    loss: float | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an item is recommended to a user, or how it would stand.

    Attributes:
        user: Key of the user.
        item: Key of the item.
        title: Its title, where it has one.
        domain: Its domain.
        met: How the user met the item already, such as ``SAVED``; None where they did not.
        said: ``negative`` or ``hidden`` where feedback of the user took the item out of the list.
        rank: Its place in the user's list of the domain, from 1, as it was published; None where
            it is in no list.
        place: Its place among all items of the domain that the user has not met, as the model of
            the run says; None where only the database was asked, or the user has met it.
        score: Its score; None where it is in no list and no model was asked.
        run: Id of the run whose lists the user reads; None before the first.
        parts: Name of each part to its share of the score; they add up to it. Empty without score.
        past: The past items that gave most, the first one is ``because``. The database knows that
            one alone.
        paths: What ties the item to the user's past in the graph, the strongest first.
        cross_domain: Whether the first of ``past``, or any path, is of another domain.
        because: Such as ``because you saved Alien (films)``; empty where no past item is known.
        words: All of it in sentences: where the item stands, because of what, and each tie.
    """

    user: str
    item: str
    title: str | None
    domain: str
    met: str | None
    said: str | None
    rank: int | None
    place: int | None
    score: float | None
    run: str | None
    parts: dict[str, float]
    past: list[PastItem]
    paths: Results[Path]
    cross_domain: bool = False
    because: str = ""
    words: list[str] = field(default_factory=list)


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

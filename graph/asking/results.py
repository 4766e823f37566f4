"""Results of the client: typed rows, and lists of them that turn into a pandas frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeVar, get_args

import pandas as pd

from linkspan.errors import PublishError

Row = TypeVar("Row")
Likeness = Literal["states", "relations"]
"""By what items are like one: what was learned of them, or what they share in the graph."""


class Results(list[Row]):
    """A list of typed rows.

    Args:
        rows: The rows.
        kind: Their class, which gives an empty list its columns; None in what `dataclasses.asdict`
            makes of a list within another result.
    """

    def __init__(self, rows: Iterable[Row], kind: type[Row] | None = None) -> None:
        super().__init__(rows)
        self.kind = kind

    def to_pandas(self) -> pd.DataFrame:
        """One row a result, one column a field."""
        rows = [asdict(row) for row in self]  # type: ignore[call-overload]
        return pd.DataFrame(rows, columns=None if self.kind is None else _columns(self.kind))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Callable[[Any], Any]) -> Any:
        """To pydantic, as in the REST server's answers, it is a list of such rows."""
        return handler(list[get_args(source)])  # type: ignore[misc]


class Lists(dict[str, "Results[Recommendation]"]):
    """User to recommendations, in the order in which the users were asked for."""

    def to_pandas(self) -> pd.DataFrame:
        """One row a recommendation: a column ``user``, then one a field."""
        rows = [{"user": user, **asdict(row)} for user, found in self.items() for row in found]
        return pd.DataFrame(rows, columns=["user", *_columns(Recommendation)])


@dataclass(frozen=True, slots=True)
class Recommendation:
    """An item recommended to a user.

    Attributes:
        item: Key of the item, ``domain/id``.
        title: Its title, where it has one.
        domain: Its domain.
        rank: Place among the user's recommendations in the domain, from 1.
        score: The score; higher is better; compare it only within one user.
        because: Title of the past item that counted most; None where none counted.
        because_item: Its key.
        run: Id of the run that computed it; None for a popular item in place of a list.
        gnn: Part of the score from the graph neural network.
        linear: Part from the linear item-item model.
        transitions: Part from what follows what.
        text: Part from likeness of text.
        relations: Part from what the graph ties both the item and the past to.
        popularity: Part from how popular the item is. The parts add up to ``score``.
    """

    item: str
    title: str | None
    domain: str
    rank: int
    score: float
    because: str | None
    because_item: str | None
    run: str | None
    gnn: float
    linear: float
    transitions: float
    text: float
    relations: float
    popularity: float


def popular_item(
    item: str, title: str | None, domain: str, rank: int, events: int
) -> Recommendation:
    """A popular item in place of a recommendation; its score is the number of its events."""
    parts = dict.fromkeys(("gnn", "linear", "transitions", "text", "relations"), 0.0)
    score = float(events)
    return Recommendation(
        item, title, domain, rank, score, None, None, None, **parts, popularity=score
    )


@dataclass(frozen=True, slots=True)
class SimilarItem:
    """An item that is like another.

    Attributes:
        item: Key of the item, ``domain/id``.
        title: Its title, where it has one.
        domain: Its domain.
        rank: Place among the items of the same list, from 1.
        score: Cosine of the two item embeddings, -1 to 1; of relations, that of what the graph ties
            the two to, 0 to 1.
        run: Id of the run that computed it.
        how: Of relations, the type of the one that ties them most; None for states.
        by: Name of what ties them so: an entity, a third item, or the type again where the relation
            joins the two; None for states.
    """

    item: str
    title: str | None
    domain: str
    rank: int
    score: float
    run: str
    how: str | None
    by: str | None


@dataclass(frozen=True, slots=True)
class FoundItem:
    """An item that a search found.

    Attributes:
        item: Key of the item, ``domain/id``.
        title: Its title, where it has one.
        domain: Its domain.
        score: By meaning: cosine of the vectors of text and item, -1 to 1. By title: the share of
            the title that the text makes up, to 1.
        rank: Place among what was found, from 1.
        run: Id of the run whose vectors were searched; None for titles.
    """

    item: str
    title: str | None
    domain: str
    score: float
    rank: int
    run: str | None


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """An item that a user has met.

    Attributes:
        item: Key of the item.
        title: Its title, where it has one.
        domain: Its domain.
        interaction: Type of the interaction.
        at: Time in milliseconds UTC, or a position; None where the graph has no time.
    """

    item: str
    title: str | None
    domain: str
    interaction: str
    at: int | None


@dataclass(frozen=True, slots=True)
class Path:
    """Tie between a recommended item and one item of the user's past.

    Attributes:
        past: Key of the past item.
        past_title: Its title, where it has one.
        past_domain: Its domain.
        item_title: Title of the recommended item, where it has one.
        cross_domain: Whether the two items are of two domains.
        kind: ``User`` for fellow users, ``Item`` for a direct relation, ``Text`` for likeness of
            text, else the entity's kind.
        by: The entity's name, the relation, or how many fellow users.
        how: Relationship type along the path.
        ties: Items that the entity has (5,000 at most are counted), or number of fellow users.
        strength: 0 to 1; what is more specific ties more (docs/explanations.md has the formulas).
    """

    past: str
    past_title: str | None
    past_domain: str
    item_title: str | None
    cross_domain: bool
    kind: str
    by: str
    how: str
    ties: int
    strength: float


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
    """Reasons why an item is recommended to a user, or how it would stand.

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
        because: Such as ``because you saved Alien (films)``; empty where nothing is known.
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


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was published.

    Attributes:
        run: Its id.
        state: ``publishing``, ``active``, ``refresh`` (of the active run, for some users),
            ``superseded`` or ``failed``.
        created: When it was trained, ISO 8601.
        model: Name of the model.
        metrics: JSON text of what `linkspan evaluate` measured.
        kept: Whether its lists are in the graph; a superseded run that is kept can be rolled back
            to.
        reason: Why its publishing failed, or None.
        base: Id of the run that it refreshed, for some users; None for a run of its own. It comes
            and goes with that one.
        privacy: JSON text of the budget (ε, δ) that bounds what its lists tell of other users, or
            None.
    """

    run: str
    state: str
    created: str
    model: str
    metrics: str
    kept: bool
    reason: str | None
    base: str | None
    privacy: str | None


def active_run(runs: Iterable[Run]) -> str:
    """Id of the active one of the runs.

    Raises:
        PublishError: None is.
    """
    for run in runs:
        if run.state == "active":
            return run.run
    raise PublishError("no run is active", hint="Publish one with 'linkspan run'")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Count of what became of what a run showed in a domain; an item counts once for each user.

    Attributes:
        run: Id of the run.
        domain: Name of the domain.
        shown: Users and items of which there is feedback of any kind.
        clicked: Those of them that were clicked on, or accepted.
        accepted: Those that were accepted.
        shown_1: Those that stood at rank 1.
        accepted_1: Those of these that were accepted.
        shown_5: Those that stood at rank 1 to 5.
        accepted_5: Those of these that were accepted.
        shown_10: Those that stood at rank 1 to 10.
        accepted_10: Those of these that were accepted.
    """

    run: str
    domain: str
    shown: int
    clicked: int
    accepted: int
    shown_1: int
    accepted_1: int
    shown_5: int
    accepted_5: int
    shown_10: int
    accepted_10: int

    @property
    def click_through(self) -> float:
        """Share of what was shown that was clicked on, from 0 to 1."""
        return self.clicked / self.shown

    def precision(self, k: int) -> float | None:
        """Share of what was shown at ranks 1 to k (1, 5 or 10) that was accepted; None: nothing."""
        shown: int = getattr(self, f"shown_{k}")
        accepted: int = getattr(self, f"accepted_{k}")
        return accepted / shown if shown else None


def _columns(kind: Any) -> list[str]:
    return [field.name for field in fields(kind)]

"""What the client returns: typed rows, and lists of them that turn into a pandas frame."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TypeVar

import pandas as pd

Row = TypeVar("Row")


class Results(list[Row]):
    """A list of typed rows."""

    def to_pandas(self) -> pd.DataFrame:
        """One row a result, one column a field."""
        return pd.DataFrame([asdict(row) for row in self])  # type: ignore[call-overload]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """An item recommended to a user.

    Attributes:
        item: Key of the item, ``domain/id``.
        title: Its title, where it has one.
        domain: Its domain.
        rank: Place among the user's recommendations in the domain, from 1.
        score: The score; higher is better; compare it only within one user.
        because: Title of the past item that counted most, or None for a user without a past.
        because_item: Its key.
        run: Id of the run that computed it.
        gnn: Part of the score from the graph neural network.
        linear: Part from the linear item-item model.
        transitions: Part from what follows what.
        text: Part from likeness of text.
        popularity: Part from how popular the item is. The five parts add up to ``score``.
    """

    item: str
    title: str | None
    domain: str
    rank: int
    score: float
    because: str | None
    because_item: str | None
    run: str
    gnn: float
    linear: float
    transitions: float
    text: float
    popularity: float


@dataclass(frozen=True, slots=True)
class SimilarItem:
    """An item that is like another.

    Attributes:
        item: Key of the item, ``domain/id``.
        title: Its title, where it has one.
        domain: Its domain.
        rank: Place among the items of the same list, from 1.
        score: Cosine of the two item embeddings, -1 to 1.
        run: Id of the run that computed it.
    """

    item: str
    title: str | None
    domain: str
    rank: int
    score: float
    run: str


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
    """What ties a recommended item to one item of the user's past.

    Attributes:
        past: Key of the past item.
        past_title: Its title, where it has one.
        kind: ``User`` for fellow users, ``Item`` for a direct relation, else the entity's kind.
        by: The entity's name, the relation, or how many fellow users.
        how: Relationship type along the path.
        ties: Items that the entity has, or number of fellow users.
        strength: 0 to 1; what is rarer ties more.
    """

    past: str
    past_title: str | None
    kind: str
    by: str
    how: str
    ties: int
    strength: float


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was published.

    Attributes:
        run: Its id.
        state: ``publishing``, ``active``, ``superseded`` or ``failed``.
        created: When it was trained, ISO 8601.
        model: Name of the model.
        metrics: JSON text of what `linkspan evaluate` measured.
    """

    run: str
    state: str
    created: str
    model: str
    metrics: str

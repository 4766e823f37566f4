"""Questions of visitors, whom the graph does not have: a model answers them, and no query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from linkspan.errors import ArgumentError, ConfigError
from linkspan.graph.asking.questions import number
from linkspan.graph.asking.results import Recommendation, Results

Past = Sequence[str | tuple[str, str]]
"""Items that were met, the oldest first: keys, or pairs of domain and id."""


class Recommender(Protocol):
    """Recommends to whoever has met some items."""

    def recommend(
        self, history: Sequence[str], domain: str | None, k: int
    ) -> Results[Recommendation]:
        """The best items.

        Args:
            history: Keys of items, the oldest first.
            domain: Only from this domain; None: the best of each domain first, then the second.
            k: At most this many, 1 or more.

        Raises:
            ArgumentError: There is no such item, or domain.
        """
        ...


def recommend_visitor(
    model: Recommender | None, user: str | None, history: Past | None, domain: str | None, k: int
) -> Results[Recommendation]:
    """The best items by a history in place of a user.

    Raises:
        ArgumentError: There are both or none of them, the history is no list of items, ``k`` is
            below 1, or there is no such item or domain.
        ConfigError: There is no model.
    """
    if history is None:
        raise ArgumentError("there is neither a user nor a history", hint="Give one of them")
    if user is not None:
        raise ArgumentError("there are both a user and a history", hint="Give one of them")
    keys, k = _keys(history), number(k)
    if model is None:
        raise ConfigError(
            "recommending by a history needs a model, and none was opened",
            hint="Open it with connect(model=True), or serve with 'linkspan serve --model'",
        )
    return model.recommend(keys, domain, k)


def _keys(history: Past) -> list[str]:
    """Keys of the items of a history."""
    if isinstance(history, str) or not isinstance(history, Sequence):
        raise ArgumentError(f"history is {history!r}", hint="Give a list of keys, the oldest first")
    keys = []
    for item in history:
        pair = (item,) if isinstance(item, str) else item
        if (
            not isinstance(pair, Sequence)
            or len(pair) not in (1, 2)
            or not all(isinstance(part, str) for part in pair)
        ):
            raise ArgumentError(
                f"history holds {item!r}", hint="An item is a key, domain/id, or (domain, id)"
            )
        keys.append("/".join(pair))
    return keys

"""Lists of a user as they would be, had something in the past not happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkspan.errors import ArgumentError
from linkspan.loading import LoadedRun, some_of

IntArray = NDArray[np.int64]
Row = dict[Any, Any]
Ranked = dict[tuple[str, int], Row]
"""Domain and item row to a row of `Ranker.lists`."""
_KEPT = 64
"""Users whose lists with the whole past are kept: who asks about one often asks again."""


@dataclass(frozen=True, slots=True)
class Change:
    """An item of a user's list, before something was taken away or after.

    Attributes:
        item: Key that it has in the domain.
        title: Its title, where it has one.
        domain: The list's domain.
        before: Rank with the whole past, from 1; None outside the list.
        after: Rank without what was taken away; None outside the list.
        score_before: Score with the whole past; None outside the list.
        score_after: Score without what was taken away; None outside the list. Scores are relative
            to the other items of a domain, and those of two pasts can be compared as such only.
        because_after: Title of the past item that counts most then; None without one.
        taken: True for an item that was taken away itself: it is no longer known, so that it may be
            recommended.
    """

    item: str
    title: str | None
    domain: str
    before: int | None
    after: int | None
    score_before: float | None
    score_after: float | None
    because_after: str | None
    taken: bool


@dataclass(frozen=True, slots=True)
class Supposed:
    """A user's lists before and after.

    Attributes:
        run: Id of the run.
        user: Key of the user, as asked for.
        history: Events of the whole past.
        taken: Events that were taken away.
        unknown: Keys of the items that were named, and that the run does not know of the user: they
            were met since.
        changes: All that is in the lists before or after, sorted by domain, then by the rank
            before, then by the one after; None is last.
    """

    run: str
    user: str
    history: int
    taken: int
    unknown: list[str]
    changes: list[Change]


class Supposing:
    """Recommends again by what is left of a user's past; safe to share between threads.

    Parameters and the states of items stay as they were trained, with all events: it is the user's
    history that is another, as if the user had come with it after the training.

    Attributes:
        run: The run that is asked.
    """

    def __init__(self, run: LoadedRun) -> None:
        self.run = run
        self._whole = lru_cache(_KEPT)(self._lists)

    def without(
        self, user: str, items: Sequence[str] = (), domains: Sequence[str] = (), k: int = 10
    ) -> Supposed:
        """The lists of all published domains, with the whole past and without a part of it.

        Those with the whole past are the user's lists as `linkspan.gnn.score_top` makes them, by
        the rules of ``[publish]`` but for ``total``.

        Args:
            user: Key, as it is in the graph.
            items: Keys of past items to take away, each with all its events, also those that the
                user did not like.
            domains: Names of domains of which all past items are taken away.
            k: Items of a list, at most.

        Raises:
            ArgumentError: The run knows no such user or domain, or ``k`` is below 1.
        """
        run = self.run
        if k < 1:
            raise ArgumentError(f"k is {k}", hint="Give 1 or more")
        row = run.user_rows.get(user)
        if row is None:
            raise ArgumentError(
                f"run {run.id} knows no user {user!r}: there is none, or the user is newer than "
                "the run",
                hint=f"It knows {some_of(run.user_rows)}; who is new is met by 'linkspan refresh'",
            )
        past = self._past(row)
        met = np.union1d(past, run.fitted.snapshot.not_liked_by(row))
        taken, unknown = self._taken(met, items, domains)
        before = self._whole(row, k)
        after = self._lists(row, k, taken) if len(taken) else before
        gone = set(taken.tolist())
        changes = [
            self._change(place, before.get(place), after.get(place), gone)
            for place in dict.fromkeys([*before, *after])
        ]
        changes.sort(key=lambda each: (each.domain, _last(each.before), _last(each.after)))
        count = int(np.isin(past, taken).sum())
        return Supposed(run.id, user, len(past), count, unknown, changes)

    def _past(self, user: int) -> IntArray:
        """(L,) item rows of a user's events, the oldest first."""
        events = self.run.fitted.events
        own = slice(*np.searchsorted(events["user"].to_numpy(), [user, user + 1]))
        return events["item"].to_numpy(np.int64)[own]

    def _taken(
        self, met: IntArray, items: Sequence[str], domains: Sequence[str]
    ) -> tuple[IntArray, list[str]]:
        """Rows of the items that are named, each once, and the keys that are none of those met."""
        run, own = self.run, set(met.tolist())
        rows, unknown = [], []
        for key in dict.fromkeys(items):
            row = run.item_rows.get(key)
            if row in own:
                rows.append(row)
            else:
                unknown.append(key)
        for domain in dict.fromkeys(domains):
            run.check_domain(domain)
            rows += np.intersect1d(met, run.rows_by_domain[domain]).tolist()
        return np.unique(np.array(rows, np.int64)), unknown

    def _lists(self, user: int, k: int, taken: IntArray | None = None) -> Ranked:
        """The lists of a user, without some items."""
        ranker = self.run.ranker.for_user(user, taken)
        return {
            (domain, row["item"]): row
            for domain in self.run.domains
            for row in ranker.lists(np.zeros(1, np.int64), domain, k).to_dict("records")
        }

    def _change(
        self,
        place: tuple[str, int],
        before: Row | None,
        after: Row | None,
        gone: set[int],
    ) -> Change:
        run, (domain, item) = self.run, place
        return Change(
            item=run.key(item, domain),
            title=run.title(item),
            domain=domain,
            before=None if before is None else before["rank"],
            after=None if after is None else after["rank"],
            score_before=None if before is None else before["score"],
            score_after=None if after is None else after["score"],
            because_after=None if after is None else run.title(after["because"]),
            taken=item in gone,
        )


def _last(rank: int | None) -> float:
    return float("inf") if rank is None else rank

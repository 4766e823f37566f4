"""Scores for all users, for pairs, and between items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.errors import ModelError
from linkspan.gnn.events.domains import item_domains, rows_at_once, rows_by_domain
from linkspan.gnn.metrics import top_columns
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.scores.components import PARTS, Component, Seen
from linkspan.gnn.scores.hybrid import Mixture, published, total
from linkspan.gnn.scores.nearest import find_nearest
from linkspan.gnn.scores.reasons import find_drops, score_with_drops
from linkspan.gnn.scores.reranking import Choice, Chooser
from linkspan.gnn.scores.workers import how_many, in_order
from linkspan.progress import SILENT, Progress

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

CHUNK = 384
"""Users scored at once, at most; fewer where a domain has many items (`rows_at_once`).

As many whoever scores them: the last digit of a score depends on it. So few that several processes
have nearly as many each; fewer would take longer.
"""

_ASKED = 2**14
"""Items whose nearest are looked for at once, at most."""

_ARRAYS = len(PARTS) + 4
"""Arrays of scores of a domain at the same time, or what takes as much: of signals most of which
are zero, their sum, and what a choice makes."""


def score_top(
    fitted: FittedModel,
    k: int | Mapping[str, int] = 10,
    domains: Sequence[str] | None = None,
    users: IntArray | None = None,
    progress: Progress = SILENT,
    choice: Choice | None = None,
) -> pd.DataFrame:
    """The ``k`` best items of each domain for each user, those that the user knows left out.

    Args:
        fitted: Its known events are what a user has seen, and what the user did not like.
        k: Items per user and domain, in all or by domain (10 where it is not named); fewer where
            fewer are left.
        domains: Names; all by default.
        users: User rows; all by default. A user without events gets the popularity prior alone.
        progress: Told of each chunk of users.
        choice: Which items may be in a list, and in which order they stand; by default all, the
            best first. ``rank`` follows it, ``score`` does not.

    Returns:
        Sorted by user, domain and rank. Columns ``user``, ``item`` (int32 rows), ``domain`` (text),
        ``rank`` (int32, from 1), ``score`` (float32), its parts ``gnn``, ``linear``,
        ``transitions``, ``text``, ``relations``, ``popularity`` (float32, they add up to
        ``score``), ``because`` (int32 row of the past item that gave most; -1 where none gave
        anything, as without a history), and ``eligible`` (int32: how many items of the domain the
        list could be chosen from).

    Raises:
        ModelError: A domain is unknown, ``k`` is below 1, or a score is not finite.
    """
    wanted = _known_domains(fitted, domains)
    lengths = {domain: k if isinstance(k, int) else k.get(domain, 10) for domain in wanted}
    if min(lengths.values()) < 1:
        raise ModelError(f"k must be 1 or more, found {min(lengths.values())}")
    choice = choice or Choice()
    ranker = Ranker(fitted, choice)
    chosen = np.arange(len(fitted.snapshot.users)) if users is None else np.asarray(users, np.int64)
    rows_of = rows_by_domain(fitted.snapshot)
    processes = how_many(fitted.device)
    size = rows_at_once(max(len(rows_of[domain]) for domain in wanted), _ARRAYS, CHUNK)
    chunks = [chosen[start : start + size] for start in range(0, max(len(chosen), 1), size)]

    def lists(chunk: IntArray) -> list[pd.DataFrame]:
        return [ranker.lists(chunk, domain, lengths[domain]) for domain in wanted]

    frames = []
    with progress.task("score", total=len(chosen), unit="users") as task:
        for chunk, found in zip(chunks, in_order(lists, chunks, processes), strict=True):
            frames += found
            task.advance(len(chunk))
    table = pd.concat(frames, ignore_index=True)
    if choice.total is not None:
        table = table.sort_values(["user", "rank", "score"], ascending=[True, True, False])
        table = table.groupby("user", sort=False).head(choice.total)
    table = table.sort_values(["user", "domain", "rank"], kind="stable", ignore_index=True)
    return table[["user", "item", "domain", "rank", "score", *PARTS, "because", "eligible"]]


class Ranker:
    """Ranks items for users; what does not depend on them is made once.

    Args:
        fitted: Its known events are what a user has seen, and what the user did not like.
        choice: Which items may be in a list, and in which order they stand.
    """

    def __init__(self, fitted: FittedModel, choice: Choice) -> None:
        self._fitted, self._choice = fitted, choice
        self._mixture, self._chooser = published(fitted), Chooser(fitted, choice)
        self._seen, self._alone = Seen(fitted, not_liked=True), False

    def for_visitor(self, items: IntArray) -> Ranker:
        """The same for someone whom the graph does not have, whose row is 0.

        Nothing is trained, and the scores are those that a user of this history gets.

        Args:
            items: (L,) item rows of the history, the oldest first; there may be none.
        """
        if not self._fitted.snapshot.timed:  # a set, in the order of those of the graph
            items = np.unique(items)
            items = items[np.argsort(self._fitted.snapshot.id_order[items])]
        events = _of_one(items)
        choice = replace(self._choice, matches=())
        return self._for_one(self._mixture.for_visitor(events), choice, events, events)

    def for_user(self, user: int, without: IntArray | None = None) -> Ranker:
        """The same for one user, whose row is 0, as if some items had never been met.

        Nothing is trained: what the user's events gave to items, and to others, stays.

        Args:
            user: Row in the graph.
            without: (T,) item rows, all events of which are left out; by default none, and the
                lists are those of `score_top`.
        """
        gone = np.zeros(0, np.int64) if without is None else without
        known = self._fitted.events
        past = slice(*np.searchsorted(known["user"].to_numpy(), [user, user + 1]))
        met = known["item"].to_numpy(np.int64)[past]
        events = _of_one(met[~np.isin(met, gone)])
        matches = [(codes[[user]], of_items) for codes, of_items in self._choice.matches]
        hidden = self._fitted.snapshot.not_liked_by(user)
        hidden = np.append(events["item"].to_numpy(), hidden[~np.isin(hidden, gone)])
        choice = replace(self._choice, matches=matches)
        return self._for_one(self._mixture.for_user(events, user), choice, _of_one(hidden), events)

    def _for_one(
        self, mixture: Mixture, choice: Choice, hidden: pd.DataFrame, events: pd.DataFrame
    ) -> Ranker:
        """The ranker of one past, whose row is 0; ``hidden`` is in no list."""
        other = copy(self)
        other._alone, other._mixture, other._choice = True, mixture, choice
        other._chooser = self._chooser.for_visitor(events)
        other._seen = self._seen.for_visitor(hidden)
        return other

    def lists(self, users: IntArray, domain: str, k: int) -> pd.DataFrame:
        """The best items of a domain for each user.

        Args:
            users: (B,) user rows.
            domain: Name of the domain.
            k: Items of each list, at most.

        Returns:
            Columns as those of `score_top`, sorted by user and rank.

        Raises:
            ModelError: A score is not finite.
        """
        rows = self._mixture.rows[domain]
        if self._alone:
            scores, parts_at, drops_of = score_with_drops(self._mixture, domain)
        else:
            scored = self._mixture.scored(users, domain)
            scores, parts_at = scored.all(), scored.parts
            drops_of = partial(find_drops, self._mixture, users, domain)
        if not np.isfinite(scores).all():
            raise ModelError(f"scores in domain '{domain}' are not finite")
        self._seen.hide(scores, users, domain)
        self._choice.hide(scores, users, rows)
        eligible = np.isfinite(scores).sum(axis=1, keepdims=True)
        best = self._chooser.best(scores, users, rows, k)
        items, hidden = rows[best], np.isneginf(np.take_along_axis(scores, best, 1))  # (B, k)
        parts, none = parts_at(best), np.zeros(best.shape, np.float32)
        columns: dict[str, NDArray[Any]] = {name: parts.get(name, none) for name in PARTS}
        columns["score"] = np.where(hidden, -np.inf, total(parts)).astype(np.float32)
        columns["because"] = drops_of(items).because()
        columns["eligible"] = np.broadcast_to(eligible, best.shape)
        return _lists(users, "user", items, "item", columns).assign(domain=domain)


def score_pairs(
    fitted: FittedModel,
    users: IntArray,
    items: IntArray,
    method: Component | None = None,
    domains: IntArray | None = None,
) -> FloatArray:
    """Scores of any pairs, seen or not.

    Args:
        fitted: The model.
        users: (P,) user rows; -1 for a user whom the graph does not have.
        items: (P,) item rows; those of -1 are not scored.
        method: What scores; by default what is published.
        domains: (P,) positions in ``snapshot.domains`` of the domain that each item is asked for
            in, which must have it; by default that of its own key.

    Returns:
        (P,) scores, the same that `score_top` gives; NaN where there is no item.
    """
    own = np.append(item_domains(fitted.snapshot), -1)[items]
    domains = own if domains is None else np.where(items < 0, -1, domains)
    rows_of, scorer = rows_by_domain(fitted.snapshot), method or published(fitted)
    result = np.full(len(users), np.nan, np.float32)
    for code, domain in enumerate(fitted.snapshot.domains):
        pairs = np.flatnonzero(domains == code)
        columns = np.searchsorted(rows_of[domain], items[pairs])
        distinct, row = np.unique(users[pairs], return_inverse=True)
        order = np.argsort(row, kind="stable")
        size = rows_at_once(len(rows_of[domain]), _ARRAYS, CHUNK)
        for start in range(0, len(distinct), size):
            chunk = distinct[start : start + size]
            inside = order[slice(*np.searchsorted(row[order], [start, start + size]))]
            scores = scorer.score(chunk, domain)
            result[pairs[inside]] = scores[row[inside] - start, columns[inside]]
    return result


def similar_items(fitted: FittedModel, k: int = 10, progress: Progress = SILENT) -> pd.DataFrame:
    """The nearest items by cosine of their states, in their own domain and in the others.

    Args:
        fitted: The model.
        k: Items in each of the two lists of an item; fewer where fewer are there.
        progress: Told of each chunk of items.

    Returns:
        Sorted by item, list and rank. Columns ``item``, ``other`` (int32 rows), ``inside`` (bool:
        both are of one domain), ``rank`` (int32, from 1 in each list), ``score`` (float32 cosine).
    """
    states, domains = fitted.item_states, item_domains(fitted.snapshot)
    rows = [np.flatnonzero(domains == code) for code in range(len(fitted.snapshot.domains))]
    vectors, frames = [states[inside] for inside in rows], []
    size = rows_at_once((k + 1) * len(rows), 8, _ASKED)
    pieces = [
        (own, items[start : start + size])
        for own, items in enumerate(rows)
        for start in range(0, len(items), size)
    ]
    with progress.task("similar", total=len(domains), unit="items") as task:
        for own, items in pieces:
            # Of its own domain one more, the item itself.
            found = [
                find_nearest(each, states[items], k + (at == own))
                for at, each in enumerate(vectors)
            ]
            others = [inside[each.places] for inside, each in zip(rows, found, strict=True)]
            for inside in (True, False):
                if not (some := [at for at in range(len(rows)) if (at == own) == inside]):
                    continue  # there is no other domain
                other = np.concatenate([others[at] for at in some], axis=1)  # (B, k')
                scores = np.concatenate([found[at].scores for at in some], axis=1)
                if not fitted.is_trained:  # texts alone: an item without one is like none
                    scores[scores == 0] = -np.inf
                scores[other == items[:, None]] = -np.inf
                best = top_columns(scores, k)
                columns = {"score": np.take_along_axis(scores, best, 1)}
                best = np.take_along_axis(other, best, 1)
                frame = _lists(items, "item", best, "other", columns)
                frames.append(frame.assign(inside=inside))
            task.advance(len(items))
    table = pd.concat(frames, ignore_index=True)
    by = ["item", "inside", "rank"]
    table = table.sort_values(by, ascending=[True, False, True], ignore_index=True)
    return table[["item", "other", "inside", "rank", "score"]]


def _of_one(items: IntArray) -> pd.DataFrame:
    """Events with some items of a user whose row is 0."""
    return pd.DataFrame({"user": np.zeros(len(items), np.int64), "item": items})


def _known_domains(fitted: FittedModel, domains: Sequence[str] | None) -> list[str]:
    known = fitted.snapshot.domains
    unknown = [domain for domain in domains or () if domain not in known]
    if unknown:
        raise ModelError(f"unknown domain '{unknown[0]}'", hint=f"Known are: {', '.join(known)}")
    return known if domains is None else list(domains)


def _lists(
    owners: IntArray, owner: str, best: IntArray, other: str, columns: dict[str, NDArray[Any]]
) -> pd.DataFrame:
    """Lists as a long table, without entries whose score is ``-inf``.

    Args:
        owners: (B,) rows whose lists these are.
        owner: Name of their column.
        best: (B, k) rows in the lists, best first.
        other: Name of their column.
        columns: Name to values (B, k); ``score`` among them.
    """
    keep = ~np.isneginf(columns["score"])
    ranks = np.broadcast_to(np.arange(1, best.shape[1] + 1, dtype=np.int32), best.shape)
    table = {
        owner: np.repeat(owners, keep.sum(axis=1)).astype(np.int32),
        other: best[keep].astype(np.int32),
        "rank": ranks[keep],
    }
    for name, values in columns.items():
        table[name] = values[keep].astype(np.int32 if values.dtype.kind == "i" else np.float32)
    return pd.DataFrame(table)

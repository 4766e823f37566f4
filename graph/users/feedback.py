"""What users say of what they were shown: kept in the graph, and read by the next snapshot.

Each is a relationship ``(:User)-[:FEEDBACK {kind, counts, at, run, rank, domain}]->(:Item)``. One
that counts as positive is an interaction of the graph's own type, too, with ``from_feedback``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

import neo4j.time
import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from linkspan import cypher
from linkspan.cypher import Names
from linkspan.errors import ArgumentError, ConfigError, DataError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.roles import Condition, Roles
from linkspan.graph.users.forgetting import read_forgotten
from linkspan.graph.writing.writer import BATCH_ROWS, write_rows

Counts = Literal["shown", "clicked", "positive", "negative", "hidden"]
"""What a kind of feedback counts as.

``shown`` and ``clicked`` only tell what became of a list. ``positive`` is an interaction. After
``positive``, ``negative`` (a dislike, from which training learns) and ``hidden`` (no more of this,
from which it learns nothing) the item leaves the user's lists.
"""

KINDS: dict[str, Counts] = {
    "view": "shown",
    "click": "clicked",
    "accept": "positive",
    "dislike": "negative",
    "dismiss": "hidden",
}
"""The kinds there are without a setting."""

MARK = "from_feedback"
"""Property of the interactions that feedback wrote: no file has them."""
MOMENT = 1_000
"""The same of one user and item within so many milliseconds is one: a button pressed twice."""
_SIGNS = {"positive": 1, "negative": -1, "hidden": 0}


class FeedbackRules(BaseModel):
    """How feedback is written into a graph; kept in its `Run`, so that a client needs no settings.

    Attributes:
        kinds: Kind to what it counts as.
        type: Relationship type of the interactions that positive feedback becomes.
        at: Their property that holds the time; None: they have none.
        repeat: Whether a user and an item may have several of them.
        properties: Their further properties: what makes them positive.
        shared: Whether one user is one in all domains.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: dict[str, Counts] = KINDS
    type: str = "SAVED"
    at: str | None = "at"
    repeat: bool = False
    properties: dict[str, float] = {}
    shared: bool = True


def build_rules(
    roles: Roles, kinds: dict[str, Counts], interaction: str | None, *, timed: bool, shared: bool
) -> FeedbackRules:
    """The rules for a graph.

    Args:
        roles: Of the graph.
        kinds: Kinds beside, or in place of, those in `KINDS`.
        interaction: Type that positive feedback becomes; None: the first one of the roles.
        timed: Whether its events have times.
        shared: Whether one user is one in all domains.

    Raises:
        ConfigError: The graph has no interactions of this type.
    """
    known = {role.type: role for role in roles.interactions}
    if interaction is not None and interaction not in known:
        raise ConfigError(
            f"[feedback] interaction: the graph has no interactions of type '{interaction}'",
            hint=f"It has {', '.join(known)}",
        )
    role = known[interaction] if interaction else roles.interactions[0]
    return FeedbackRules(
        kinds={**KINDS, **kinds},
        type=role.type,
        at=role.at if timed else None,
        repeat=role.repeat,
        properties={role.positive.property: _least(role.positive)} if role.positive else {},
        shared=shared,
    )


def _least(condition: Condition) -> float:
    """The number nearest to a condition's that fulfils it."""
    step = {">": 1.0, "<": -1.0, "!=": 1.0}.get(condition.operator, 0.0)
    value = condition.value + step
    return int(value) if value == int(value) else value


@dataclass(frozen=True, slots=True)
class Event:
    """What a user said of an item.

    Attributes:
        user: Key of the user.
        item: Key of the item.
        kind: One of the rules' kinds.
        at: Milliseconds UTC; None: now.
        run: Id of the run whose list was shown; None: the one the user reads now.
    """

    user: str
    item: str
    kind: str
    at: int | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Feedback:
    """What was written.

    Attributes:
        user: Key of the user.
        item: Key of the item.
        kind: What was said.
        at: Milliseconds UTC.
        run: Id of the run in whose list of the user the item stood; None: in none.
        rank: Its place there.
    """

    user: str
    item: str
    kind: str
    at: int
    run: str | None
    rank: int | None


class FeedbackWriter:
    """Writes feedback into a graph.

    Args:
        database: The graph; the rules are those of its active run, asked for once.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, events: Iterable[Event], *, create: bool = False) -> list[Feedback]:
        """Write events; with several batches, each is a transaction.

        Args:
            events: In any order.
            create: Whether to make the users that the graph does not have.

        Returns:
            Those that are new; the others were there, within `MOMENT`. In no order.

        Raises:
            ConfigError: A kind is unknown, or users would have to be made in an adopted graph.
            DataError: The graph lacks a user or an item; nothing is written.
            DatabaseError: The server failed; the same again writes what is missing.
        """
        now = time.time_ns() // 1_000_000
        rows = [self._row(event, now) for event in events]
        rows.sort(key=lambda row: (row["user"], row["item"], row["kind"], row["at"]))
        rows = [row for row, last in zip(rows, [None, *rows], strict=False) if not _same(row, last)]
        if len(rows) > 1 or create:
            self._see_keys(rows, create=create)
        written = []
        for start in range(0, len(rows), BATCH_ROWS):
            batch = [{**row, "place": n} for n, row in enumerate(rows[start : start + BATCH_ROWS])]
            for found in self._database.write_read(self._query, rows=batch, moment=MOMENT):
                row = batch[found["place"]]
                said = (row["user"], row["item"], row["kind"], row["at"])
                written.append(Feedback(*said, found["run"], found["rank"]))
        if not written:
            self._see_keys(rows, create=False)
        return written

    @cached_property
    def _active(self) -> tuple[FeedbackRules, Names | None]:
        found = self._database.read(cypher.load("read_feedback_rules"))
        if found:
            names, rules = found[0]["names"], found[0]["rules"]
            adopted = Names.model_validate_json(names) if names else None
            if rules:
                return FeedbackRules.model_validate_json(rules), adopted
            types = found[0]["types"]
        else:
            adopted = None
            types = self._database.read(cypher.load("interaction_types"))[0]["types"]
        if len(types) != 1:
            raise ConfigError(
                f"the graph has {len(types) or 'no'} types of interactions, and no run says which "
                "of them feedback becomes",
                hint="Publish a run first",
            )
        return FeedbackRules(type=types[0]), adopted

    @cached_property
    def _query(self) -> str:
        rules, names = self._active
        return cypher.load("write_feedback", {"SAVED": rules.type}, names)

    @cached_property
    def _time(self) -> type:
        """What the times of the graph's own interactions are; whole numbers unless adopted."""
        rules, names = self._active
        if names is None or rules.at is None:
            return int
        query = cypher.load("some_time", {"SAVED": rules.type})
        found = self._database.read(query, at=rules.at)
        return type(found[0]["at"]) if found else int

    def _row(self, event: Event, now: int) -> dict[str, Any]:
        rules, _ = self._active
        counts = rules.kinds.get(event.kind)
        if counts is None:
            raise ArgumentError(
                f"there is no kind of feedback {event.kind!r}",
                hint=f"There are {', '.join(rules.kinds)}; more in [feedback.kinds]",
            )
        at = now if event.at is None else int(event.at)
        properties: dict[str, Any] = {}
        if counts == "positive":
            properties = {**rules.properties, MARK: event.kind}
            if rules.at is not None:
                properties[rules.at] = self._moment(at)
        return {
            "user": event.user,
            "item": event.item,
            "kind": event.kind,
            "counts": counts,
            "at": at,
            "run": event.run,
            "repeat": rules.repeat,
            "properties": properties,
        }

    def _moment(self, at: int) -> Any:
        """Milliseconds as the graph keeps time."""
        if self._time not in (neo4j.time.DateTime, neo4j.time.Date):
            return at
        when = datetime.fromtimestamp(at / 1000, UTC)
        return when if self._time is neo4j.time.DateTime else when.date()

    def _see_keys(self, rows: Sequence[dict[str, Any]], *, create: bool) -> None:
        """See that the graph has all users, or make them, and all items."""
        rules, names = self._active
        for role, label in (("item", "Item"), ("user", "User")):
            wanted = list(dict.fromkeys(row[role] for row in rows))
            missing = self._missing(label, wanted)
            if not missing:
                continue
            if role == "item" or not create:
                more = f", and {len(missing) - 1:,} more" if len(missing) > 1 else ""
                hint = "Items come from 'linkspan ingest'; a key is domain/id"
                if role == "user":
                    hint = "New users can be made: create=True, or --create on the command line"
                raise DataError(f"the graph has no {role} {missing[0]!r}{more}", hint=hint)
            if names is not None:
                raise ConfigError(
                    f"the graph has no user {missing[0]!r}, and users of an adopted graph are not "
                    "Linkspan's to make",
                    hint="Add the user there first",
                )
            if any(map(read_forgotten(self._database).has, missing)):
                raise DataError(
                    "a user who was forgotten is not made again", hint="Leave this user out"
                )
            new = [{"key": key, "properties": _about(key, rules.shared)} for key in missing]
            write_rows(self._database, cypher.load("write_users"), new)

    def _missing(self, label: str, keys: list[str]) -> list[str]:
        query = cypher.load("known_keys", {"Item": label}, self._active[1])
        known: set[str] = set()
        for start in range(0, len(keys), BATCH_ROWS):
            batch = keys[start : start + BATCH_ROWS]
            known |= {row["key"] for row in self._database.read(query, keys=batch)}
        return [key for key in keys if key not in known]


def _same(row: dict[str, Any], last: dict[str, Any] | None) -> bool:
    """Whether a row says again what the one before it said."""
    return (
        last is not None
        and all(row[name] == last[name] for name in ("user", "item", "kind"))
        and row["at"] - last["at"] < MOMENT
    )


def _about(key: str, shared: bool) -> dict[str, str]:
    domain, slash, name = key.partition("/")
    return {"id": key} if shared or not slash else {"id": name, "domain": domain}


def with_feedback(
    interactions: dict[str, pd.DataFrame], said: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Interactions together with what users said: their last word on an item counts.

    After a negative one, earlier events of the user and the item are negative. One that is hidden
    changes no event. Where there is none, each of the two is one.

    Args:
        interactions: As `linkspan.graph.snapshot.Snapshot` has them.
        said: Columns ``user``, ``item`` (int32 rows), ``at`` (ms UTC) and ``counts``.

    Returns:
        The same tables, in the same order of rows.
    """
    timed = any(frame["at"].any() for frame in interactions.values())
    last = said.sort_values(["user", "item", "at", "counts"])
    last = last.drop_duplicates(["user", "item"], keep="last")
    last = last.assign(sign=last["counts"].map(_SIGNS).astype(np.int8))
    last = last[last["sign"] <= 0]
    if last.empty:
        return interactions
    pairs = pd.MultiIndex.from_frame(last[["user", "item"]])
    met = np.zeros(len(last), bool)
    result = {}
    for name, frame in interactions.items():
        place = pairs.get_indexer(pd.MultiIndex.from_frame(frame[["user", "item"]]))
        met[place[place >= 0]] = True
        disliked = (place >= 0) & (last["sign"].to_numpy()[place] < 0)
        if timed:
            disliked &= frame["at"].to_numpy() <= last["at"].to_numpy()[place]
        result[name] = frame.assign(sign=frame["sign"].mask(disliked, -1).astype(np.int8))
    home = next(iter(interactions))
    new = last.loc[~met, ["user", "item", "at", "sign"]].assign(weight=np.float32(1))
    if not timed:
        new["at"] = 0
    columns = list(interactions[home].columns)
    grown = pd.concat([result[home], new[columns].astype(interactions[home].dtypes)])
    result[home] = grown.sort_values(["user", "item", "at"], ignore_index=True)
    return result

"""Feedback of users on what they were shown: kept in the graph, and read by the next snapshot.

Each is a relationship ``(:User)-[:FEEDBACK {kind, counts, at, run, rank, domain}]->(:Item)``. One
that counts as positive is an interaction of the graph's own type, too, with ``from_feedback``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import neo4j.time
from pydantic import BaseModel, ConfigDict

from linkspan import cypher
from linkspan.cypher import Names
from linkspan.errors import ArgumentError, ConfigError, DataError
from linkspan.graph.conditions import Condition, Value
from linkspan.graph.connecting.connection import Database
from linkspan.graph.roles import Roles
from linkspan.graph.users.forgetting import read_forgotten
from linkspan.graph.writing.writer import BATCH_ROWS, write_rows

Counts = Literal["shown", "clicked", "positive", "negative", "hidden"]
"""Meaning that a kind of feedback counts as.

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
_FRESH_SECONDS = 60.0


class FeedbackRules(BaseModel):
    """Rules to write feedback into a graph; kept in its `Run`, so that a client needs no settings.

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
    properties: dict[str, Value] = {}
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
        properties={role.positive.property: _fulfilling(role.positive)} if role.positive else {},
        shared=shared,
    )


def _fulfilling(condition: Condition) -> bool | float | str:
    """A value that fulfils a condition: of numbers the one nearest to the condition's."""
    value, differs = condition.value, condition.operator == "!="
    if isinstance(value, bool):
        return value is not differs
    if isinstance(value, str):
        if not differs:
            return value
        return "accept" if value != "accept" else "positive"
    value += {">": 1.0, "<": -1.0, "!=": 1.0}.get(condition.operator, 0.0)
    return int(value) if value == int(value) else value


@dataclass(frozen=True, slots=True)
class Event:
    """Feedback of a user on an item, to be written.

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
    """Feedback as it was written.

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


@dataclass(frozen=True)
class _Means:
    """Facts that a writer needs to know of its graph.

    Attributes:
        rules: How feedback is written.
        names: What the roles are called in an adopted graph.
        time: What the times of the graph's interactions are; whole numbers unless adopted.
    """

    rules: FeedbackRules
    names: Names | None
    time: type


class FeedbackWriter:
    """Writes feedback into a graph.

    Args:
        database: The graph; the rules are those of its active run, asked for with every write, as
            another run may have been published since.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._times: dict[tuple[str, str], tuple[float, type | None]] = {}

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
        now, means = time.time_ns() // 1_000_000, self._means()
        rows = _once([_row(event, now, means) for event in events], means.rules)
        if len(rows) > 1 or create:
            self._see_keys(rows, means, create=create)
        query = cypher.load("write_feedback", {"SAVED": means.rules.type}, means.names)
        written = []
        for start in range(0, len(rows), BATCH_ROWS):
            batch = [{**row, "place": n} for n, row in enumerate(rows[start : start + BATCH_ROWS])]
            for found in self._database.write_read(query, rows=batch, moment=MOMENT):
                row = batch[found["place"]]
                said = (row["user"], row["item"], row["kind"], row["at"])
                written.append(Feedback(*said, found["run"], found["rank"]))
        if not written:
            self._see_keys(rows, means, create=False)
        return written

    def _means(self) -> _Means:
        """Facts that the active run states; without one, what the graph shows."""
        found = self._database.read(cypher.load("read_feedback_rules"))
        names = found[0]["names"] if found else None
        adopted = Names.model_validate_json(names) if names else None
        if found and found[0]["rules"]:
            rules = FeedbackRules.model_validate_json(found[0]["rules"])
            kept = self._time(rules.type, rules.at) if adopted is not None and rules.at else int
            return _Means(rules, adopted, kept or int)
        types = (found or self._database.read(cypher.load("interaction_types")))[0]["types"]
        if len(types) != 1:
            raise ConfigError(
                f"the graph has {len(types) or 'no'} types of interactions, and no run says which "
                "of them feedback becomes",
                hint="Publish a run first",
            )
        # A time would bring order into histories that have none.
        kept = self._time(types[0], "at")
        return _Means(FeedbackRules(type=types[0], at="at" if kept else None), adopted, kept or int)

    def _time(self, kind: str, name: str) -> type | None:
        """Type of the times of interactions that feedback did not write; None: they have none.

        To see that they have none all of them are read, so it is asked once a minute.
        """
        now = time.monotonic()
        asked, known = self._times.get((kind, name), (-_FRESH_SECONDS, None))
        if now - asked < _FRESH_SECONDS:
            return known
        found = self._database.read(cypher.load("some_time", {"SAVED": kind}), at=name, mark=MARK)
        known = type(found[0]["at"]) if found else None
        self._times[kind, name] = now, known
        return known

    def _see_keys(self, rows: Sequence[dict[str, Any]], means: _Means, *, create: bool) -> None:
        """See that the graph has all users, or make them, and all items."""
        for role, label in (("item", "Item"), ("user", "User")):
            wanted = list(dict.fromkeys(row[role] for row in rows))
            missing = self._missing(label, wanted, means.names)
            if not missing:
                continue
            if role == "item" or not create:
                more = f", and {len(missing) - 1:,} more" if len(missing) > 1 else ""
                hint = "Items come from 'linkspan ingest'; a key is domain/id"
                if role == "user":
                    hint = "New users can be made: create=True, or --create on the command line"
                raise DataError(f"the graph has no {role} {missing[0]!r}{more}", hint=hint)
            if means.names is not None:
                raise ArgumentError(
                    f"the graph has no user {missing[0]!r}, and users of an adopted graph are not "
                    "Linkspan's to make",
                    hint="Add the user there first",
                )
            if any(map(read_forgotten(self._database).has, missing)):
                raise DataError(
                    "a user who was forgotten is not made again", hint="Leave this user out"
                )
            new = [{"key": key, "properties": _about(key, means.rules.shared)} for key in missing]
            write_rows(self._database, cypher.load("write_users"), new)

    def _missing(self, label: str, keys: list[str], names: Names | None) -> list[str]:
        query = cypher.load("known_keys", {"Item": label}, names)
        known: set[str] = set()
        for start in range(0, len(keys), BATCH_ROWS):
            batch = keys[start : start + BATCH_ROWS]
            known |= {row["key"] for row in self._database.read(query, keys=batch)}
        return [key for key in keys if key not in known]


def _row(event: Event, now: int, means: _Means) -> dict[str, Any]:
    """An event as a row of ``write_feedback``."""
    rules = means.rules
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
            properties[rules.at] = _moment(at, means.time)
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


def _moment(at: int, kept: type) -> Any:
    """Milliseconds as the graph keeps time."""
    if kept not in (neo4j.time.DateTime, neo4j.time.Date):
        return at
    try:
        when = datetime.fromtimestamp(at / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ArgumentError(
            f"at is {at:,}, and dates end with the year 9999", hint="Give milliseconds since 1970"
        ) from error
    return when if kept is neo4j.time.DateTime else when.date()


def _once(rows: list[dict[str, Any]], rules: FeedbackRules) -> list[dict[str, Any]]:
    """Rows without those that say the same again, in time order of each user.

    Of those of one user and item the first positive one ``adds`` an interaction; where a type
    repeats, the first of each time does.
    """
    rows.sort(key=lambda row: (row["user"], row["item"], row["kind"], row["at"]))
    kept: list[dict[str, Any]] = []
    for row in rows:
        same = kept and all(row[name] == kept[-1][name] for name in ("user", "item", "kind"))
        if not same or row["at"] - kept[-1]["at"] >= MOMENT:
            kept.append(row)
    kept.sort(key=lambda row: (row["user"], row["at"], row["item"], row["kind"]))
    pairs = set()
    for row in kept:
        pair = (row["user"], row["item"], row["at"] if rules.repeat else None)
        row["adds"] = row["counts"] == "positive" and pair not in pairs
        if row["adds"]:
            pairs.add(pair)
    return kept


def _about(key: str, shared: bool) -> dict[str, str]:
    domain, slash, name = key.partition("/")
    return {"id": key} if shared or not slash else {"id": name, "domain": domain}

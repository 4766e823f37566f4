"""Writes a run's lists into the graph, so that every reader sees a whole list of one run.

Both servers read committed data, so a list that is replaced in place is seen half old and half new.
Therefore new relationships are written beside the old ones first; then each user is switched by
one property, ``User.run``, in later transactions; and the run before stays until the next publish.
How far it has come is kept in the ``Run`` node, in the same transaction as each batch, so a publish
that was killed goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

from linkspan import cypher
from linkspan.cypher import Names
from linkspan.errors import PublishError
from linkspan.graph.client import Client
from linkspan.graph.connection import Database
from linkspan.graph.feedback import FeedbackRules
from linkspan.graph.schema import prepare_adopted
from linkspan.graph.writer import BATCH_ROWS, write_rows
from linkspan.progress import SILENT, Progress

PARTS = ("gnn", "linear", "transitions", "text", "popularity")
"""The parts of a score; they add up to it."""


@dataclass(frozen=True)
class RunRecord:
    """What the graph keeps of a run beside its lists.

    Attributes:
        id: Id of the run.
        model: Name of the model.
        created: When it was trained, ISO 8601.
        fingerprint: Of the snapshot it was trained on.
        metrics: What was measured.
        config: The settings in force.
        interactions: Relationship types from users to items, for the client.
        names: What the roles are called in an adopted graph, for the client and for publishing.
        feedback: How feedback is written, for the client.
    """

    id: str
    model: str
    created: str
    fingerprint: str
    metrics: dict[str, Any]
    config: dict[str, Any]
    interactions: list[str]
    names: Names | None = None
    feedback: FeedbackRules | None = None

    def properties(self) -> dict[str, Any]:
        """As properties of the ``Run`` node; the two dicts as JSON."""
        return {
            "model": self.model,
            "created": self.created,
            "fingerprint": self.fingerprint,
            "metrics": json.dumps(self.metrics),
            "config": json.dumps(self.config),
            "interactions": self.interactions,
            "names": self.names and self.names.model_dump_json(),
            "feedback": self.feedback and self.feedback.model_dump_json(),
        }


@dataclass(frozen=True)
class PublishReport:
    """What a publish did.

    Attributes:
        run: Id of the run.
        users: Users with a list.
        recommendations: ``RECOMMENDED`` relationships of the run.
        similar: ``SIMILAR`` relationships of the run.
        written: Relationships written now; less than the two together where it went on from before.
        seconds: How long all of it took.
    """

    run: str
    users: int
    recommendations: int
    similar: int
    written: int
    seconds: float


def check_lists(lists: pd.DataFrame) -> None:
    """Refuse lists that no reader should see.

    Args:
        lists: As for `publish`.

    Raises:
        PublishError: There are none, a score is not finite, the parts do not add up, an item stands
            twice in a list, ranks have gaps, or nearly everyone gets the same few items.
    """
    if lists.empty:
        raise PublishError("there are no recommendations to publish")
    scores = lists[["score", *PARTS]].to_numpy(np.float64)
    if not np.isfinite(scores).all():
        raise PublishError(f"{int((~np.isfinite(scores)).any(1).sum()):,} scores are not finite")
    gap = np.abs(scores[:, 0] - scores[:, 1:].sum(1))
    if gap.max() > 1e-4 * max(1.0, np.abs(scores).max()):
        raise PublishError(f"the parts of a score miss it by {gap.max():.2g}")
    if lists.duplicated(["user", "item"]).any():
        raise PublishError("an item stands twice in a user's list")
    per_list = lists.groupby(["user", "domain"], sort=False)["rank"].agg(["min", "max", "size"])
    if (per_list["min"] != 1).any() or (per_list["max"] != per_list["size"]).any():
        raise PublishError("the ranks of a list have gaps")
    for domain, part in lists[lists["because"].notna()].groupby("domain"):
        users, items = part["user"].nunique(), part["item"].nunique()
        if users >= 100 and items <= int(part["rank"].max()):
            raise PublishError(
                f"the model collapsed: {users:,} users get the same {items} items in '{domain}'",
                hint="Train again with other settings",
            )


def publish(
    database: Database,
    run: RunRecord,
    users: list[str],
    lists: pd.DataFrame,
    similar: pd.DataFrame,
    progress: Progress = SILENT,
) -> PublishReport:
    """Write a run's lists, switch every user to them, and make the run the active one.

    Args:
        database: The graph that the snapshot was read from.
        run: The run. A run that was broken off goes on where it stopped; one that is already
            active is left as it is.
        users: Keys of all users, with a list or not; they are switched in this order.
        lists: Columns ``user``, ``item``, ``domain``, ``rank``, ``score``, `PARTS`, ``because``
            (keys of users and items; null where there is no reason), sorted by user, domain, rank.
        similar: Columns ``item``, ``other``, ``rank``, ``score``, sorted by item and rank.
        progress: Told of each batch.

    Raises:
        PublishError: The lists are refused by `check_lists`, or the graph lost users or items.
        DatabaseError: The server failed; call again to go on.
    """
    started = perf_counter()
    check_lists(lists)
    names = run.names
    if names is not None:
        prepare_adopted(database, names)
    state = database.run(cypher.load("publish_run"), run=run.id, properties=run.properties())[0]
    written = 0
    if state["state"] != "active":
        database.write(cypher.load("fail_runs"), run=run.id)
        _clear(database, names, [run.id, *_runs_in(database, "active")], progress)
        query = cypher.load("publish_recommended", None, names)
        written += _write(database, query, run.id, _rows(lists), state["users"], progress)
        query = cypher.load("publish_similar", None, names)
        written += _write(database, query, run.id, _others(similar), state["items"], progress)
        fresh = state["users"] == state["items"] == 0
        if fresh and written != len(lists) + len(similar):
            raise PublishError(
                f"{len(lists) + len(similar) - written:,} rows found no user or item in the graph",
                hint="It changed after the snapshot: train again",
            )
        with progress.task("Switching users", len(users), "users") as task:
            query = cypher.load("switch_users", None, names)
            write_rows(database, query, users, task=task, run=run.id)
        database.write(cypher.load("switch_run"), run=run.id)
    return PublishReport(
        run=run.id,
        users=lists["user"].nunique(),
        recommendations=len(lists),
        similar=len(similar),
        written=written,
        seconds=perf_counter() - started,
    )


def rollback(database: Database) -> tuple[str, str]:
    """Bring the run before back.

    Args:
        database: The graph.

    Returns:
        The id of the run that was active, and of the one that is now.

    Raises:
        PublishError: There is no run before, or its lists are gone.
    """
    names = Client(database).names
    active, before = _runs_in(database, "active"), _runs_in(database, "superseded")
    kept = {row["run"] for row in database.read(cypher.load("kept_runs", None, names))}
    usable = [run for run in before if run in kept]
    if not active or not usable:
        raise PublishError("there is no run to go back to", hint="See 'linkspan runs'")
    users = [row["key"] for row in database.read(cypher.load("read_users", None, names))]
    switch = cypher.load("switch_users", None, names)
    write_rows(database, switch, sorted(users), run=usable[0])
    database.write(cypher.load("switch_run"), run=usable[0])
    return active[0], usable[0]


def _runs_in(database: Database, state: str) -> list[str]:
    """Ids of the runs in a state, the latest first."""
    return [run["run"] for run in database.read(cypher.load("runs")) if run["state"] == state]


def _clear(database: Database, names: Names | None, keep: list[str], progress: Progress) -> None:
    """Remove the lists of all runs but those kept."""
    for stale, delete in (("stale_users", "delete_recommended"), ("stale_items", "delete_similar")):
        keys = [row["key"] for row in database.read(cypher.load(stale, None, names), keep=keep)]
        with progress.task("Removing old lists", len(keys), "lists") as task:
            query = cypher.load(delete, None, names)
            write_rows(database, query, sorted(keys), batch_size=200, task=task, keep=keep)


def _write(
    database: Database,
    query: str,
    run: str,
    rows: Iterator[tuple[int, dict[str, Any]]],
    done: int,
    progress: Progress,
) -> int:
    """Send lists in batches of about `BATCH_ROWS` relationships, after the first ``done`` lists."""
    written = 0
    remaining = islice(rows, done, None)
    with progress.task("Publishing", None, "relationships") as task:
        while batch := _take(remaining):
            done += len(batch)
            counters = database.write(query, run=run, done=done, rows=batch)
            written += counters.relationships_created
            task.advance(counters.relationships_created)
    return written


def _take(rows: Iterator[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    """The next lists, until they hold `BATCH_ROWS` relationships."""
    batch, size = [], 0
    for count, row in rows:
        batch.append(row)
        size += count
        if size >= BATCH_ROWS:
            break
    return batch


def _rows(lists: pd.DataFrame) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each user's list as one row of ``publish_recommended``, with its length."""
    columns = ["item", "domain", "rank", "score", *PARTS, "because"]
    yield from _grouped(lists, "user", columns, "items")


def _others(similar: pd.DataFrame) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each item's similar items as one row of ``publish_similar``, with their number."""
    renamed = similar.rename(columns={"item": "of", "other": "item"})
    for count, row in _grouped(renamed, "of", ["item", "rank", "score"], "others"):
        yield count, {"item": row["of"], "others": row["others"]}


def _grouped(
    frame: pd.DataFrame, by: str, columns: list[str], name: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Runs of equal ``by`` as one row each; the frame is sorted by it."""
    keys = frame[by].to_numpy(object)
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else np.empty(0, int)
    ends = np.r_[starts[1:], len(keys)]
    values = [
        frame[column].astype(object).where(frame[column].notna(), None).tolist()
        for column in columns
    ]
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        members = [
            dict(zip(columns, row, strict=True))
            for row in zip(*(column[start:end] for column in values), strict=True)
        ]
        yield end - start, {by: keys[start], name: members}

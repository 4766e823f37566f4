"""Writes a run's lists into the graph, so that every reader sees a whole list of one run.

Both servers read committed data, so a list that is replaced in place is seen half old and half new.
Therefore new relationships are written beside the old ones first; then each user is switched by
one property, ``User.run``, in later transactions; and the run before stays until the next publish.
How far it has come is kept in the ``Run`` node, in the same transaction as each batch, so a publish
that was killed goes on where it stopped. One at a time may publish
(`linkspan.graph.writing.lease`).

A ``Run`` is ``publishing``, then ``active``, then ``superseded`` by the next one; ``failed`` where
its publishing ended in an error, kept as ``reason``. Publishing a failed run again goes on with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from linkspan import cypher
from linkspan.cypher import Names
from linkspan.errors import LinkspanError, PublishError
from linkspan.graph.asking.client import Client
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.clearing import clear_lists
from linkspan.graph.publishing.lists import (
    PARTS,
    ListRow,
    ListSource,
    check_lists,
    count_kinds,
    list_rows,
    similar_rows,
)
from linkspan.graph.publishing.undoing import (
    assign_readers,
    refreshes,
    restore_refreshes,
    undo_refresh,
)
from linkspan.graph.publishing.vectors import ItemVectors, await_indexes, other_slot, write_vectors
from linkspan.graph.users.feedback import FeedbackRules
from linkspan.graph.writing.ahead import ahead
from linkspan.graph.writing.constraints import prepare_adopted
from linkspan.graph.writing.lease import Lease
from linkspan.graph.writing.writer import BATCH_ROWS, write_rows
from linkspan.progress import SILENT, Progress

__all__ = ["PARTS", "PublishReport", "RunRecord", "check_lists", "publish", "rollback"]


@dataclass(frozen=True)
class RunRecord:
    """Record that the graph keeps of a run beside its lists.

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
        encoder: Name of the text encoder, where items get vectors.
        outline: How large the domains are and what joins them, for who looks at the graph.
        privacy: ε, δ and noise, where a privacy budget bounds what the lists tell of other users;
            fingerprint, metrics and outline, which tell of all events together, are then withheld.
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
    encoder: str | None = None
    outline: dict[str, Any] | None = None
    privacy: dict[str, Any] | None = None

    def properties(self) -> dict[str, Any]:
        """As properties of the ``Run`` node; the dicts as JSON.

        Without vectors no encoder is named: a run that has some from before keeps them.
        """
        encoder = {} if self.encoder is None else {"encoder": self.encoder}
        told = (
            self
            if self.privacy is None
            else replace(self, fingerprint="", metrics={}, outline=None)
        )
        return {
            "model": self.model,
            "created": self.created,
            "fingerprint": told.fingerprint,
            "metrics": json.dumps(told.metrics),
            "config": json.dumps(self.config),
            "interactions": self.interactions,
            "names": self.names and self.names.model_dump_json(),
            "feedback": self.feedback and self.feedback.model_dump_json(),
            "outline": told.outline and json.dumps(told.outline),
            "privacy": self.privacy and json.dumps(self.privacy),
            **encoder,
        }


@dataclass(frozen=True)
class PublishReport:
    """Record of what a publish did.

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


def publish(
    database: Database,
    run: RunRecord,
    users: list[str],
    lists: ListSource,
    similar: ListSource,
    progress: Progress = SILENT,
    vectors: ItemVectors | None = None,
) -> PublishReport:
    """Write a run's lists, switch every user to them, and make the run the active one.

    Args:
        database: The graph that the snapshot was read from.
        run: The run. A run that was broken off goes on where it stopped; one that is already
            active is left as it is, but where its lists are others now, such as by other rules,
            they are published beside it as ``ID.2``, ``ID.3`` and so on. Vectors that it lacks are
            written.
        users: Keys of all users, with a list or not; they are switched in this order.
        lists: Columns ``user``, ``item``, ``domain``, ``rank``, ``score``, `PARTS`, ``because``
            (keys of users and items; null where there is no reason), each user's rows together and
            sorted by domain and rank; where a column ``eligible`` says how many items could have
            been in the list, one that holds them all is no sign of a collapse. A file is read in
            pieces: memory does not grow with it.
        similar: Columns ``item``, ``other``, ``rank``, ``score``, each item's rows together, sorted
            by rank; where they are there, ``kind`` (``states`` or ``relations``) and what the two
            share, ``how`` and ``by``.
        progress: Told of each batch.
        vectors: Of the items; they go into the slot that the active run does not use.

    Raises:
        PublishError: The lists are refused by `check_lists`, the graph lost users or items, or
            another publishes.
        DatabaseError: The server failed; call again to go on.
    """
    started = perf_counter()
    counts, kinds = check_lists(lists), count_kinds(similar)
    others = sum(kinds.values())
    digest = f"{counts.digest:016x}-{kinds.pop('states', 0)}"  # as of runs that had no others
    digest += "".join(f"-{kinds[kind]} {kind}" for kind in sorted(kinds))
    if run.names is not None:
        prepare_adopted(database, run.names)
    written = 0
    with Lease(database, f"publish of run {run.id}") as lease, ExitStack() as stack:
        run = _versioned(database, run, digest)
        stack.enter_context(noting_failure(run.id, lease))
        about = {"run": run.id, "properties": run.properties(), "publisher": lease.token}
        state = database.run(cypher.load("publish_run"), **about)[0]
        publisher = Publisher(database, run, lease, progress)
        if state["state"] == "active":
            if vectors is not None:
                publisher.write_vectors(vectors)
        else:
            begun = state["users"] + state["items"] > 0 and state["lists"] == digest
            publisher.make_room(begun=begun)
            publisher.note_lists(digest)
            users_done, items_done = (state["users"], state["items"]) if begun else (0, 0)
            if vectors is not None:
                publisher.write_vectors(vectors)
            written += publisher.write(
                "publish_recommended", list_rows(lists), users_done, counts.rows
            )
            written += publisher.write("publish_similar", similar_rows(similar), items_done, others)
            publisher.check_written(written, counts.rows + others)
            if vectors is not None:
                await_indexes(database)  # they were filled while the lists were written
            publisher.switch(users)
            publisher.activate()
    return PublishReport(
        run=run.id,
        users=counts.users,
        recommendations=counts.rows,
        similar=others,
        written=written,
        seconds=perf_counter() - started,
    )


def rollback(database: Database) -> tuple[str, str]:
    """Bring the run before back, with its item vectors, or what was read before the latest refresh.

    Args:
        database: The graph.

    Returns:
        The id of the run that was active, and of the one that is now.

    Raises:
        PublishError: There is no run before, its lists are gone, or another publishes.
        DatabaseError: The server failed; call again to go on.
    """
    names = Client(database).names
    with Lease(database, "rollback") as lease:
        runs = database.read(cypher.load("run_states"))
        active = [run["run"] for run in runs if run["state"] == "active"]
        undone = undo_refresh(database, lease.token, active[0], names) if active else None
        if undone is not None:
            return undone, active[0]
        partial = {row["run"] for row in database.read(cypher.load("refreshes"))}
        before = [run for run in runs if run["state"] == "superseded" and run["kept"]]
        usable = [run["run"] for run in before if run["run"] not in partial]
        if not active or not usable:
            raise PublishError("there is no run to go back to", hint="See 'linkspan runs'")
        database.write(cypher.load("own_run"), run=usable[0], publisher=lease.token)
        users = [row["key"] for row in database.read(cypher.load("read_users", None, names))]
        switch = cypher.load("switch_users", None, names)
        write_rows(database, switch, sorted(users), run=usable[0], publisher=lease.token)
        lease.renew()
        database.write(cypher.load("switch_run"), run=usable[0], publisher=lease.token)
        restore_refreshes(database, lease.token, usable[0], names)
    return active[0], usable[0]


class Publisher:
    """The steps of publishing one run, while the lease is held."""

    def __init__(
        self, database: Database, run: RunRecord, lease: Lease, progress: Progress
    ) -> None:
        self.database, self.run, self.lease, self.progress = database, run, lease, progress
        self._about: dict[str, Any] = {"run": run.id, "publisher": lease.token}

    def make_room(self, *, begun: bool) -> None:
        """Remove the lists that nobody reads, but those of this run if it has begun."""
        names, runs = self.run.names, self.database.read(cypher.load("run_states"))
        active = [run["run"] for run in runs if run["state"] == "active"]
        fresh = refreshes(self.database, active[0]) if active else []
        keep = [*([self.run.id] if begun else []), *active, *fresh]
        if active:  # a publish that was broken off and given up may have switched users
            lost = self.database.read(cypher.load("lost_users", None, names), keep=keep)
            keys = sorted(row["key"] for row in lost)
            assign_readers(self.database, self.lease.token, keys, fresh, active[0], names)
        self.database.write(cypher.load("clear_runs"), run=self.run.id, keep=keep)
        clear_lists(self.database, names, keep, self.lease.check, self.progress)

    def note_lists(self, digest: str) -> None:
        """Note which lists are written from here on."""
        self.database.write(cypher.load("note_lists"), **self._about, lists=digest)

    def write_vectors(self, vectors: ItemVectors) -> None:
        """Fill the slot that the active run does not use, unless this run has done so before.

        The active run itself, where it has none, takes the slot that the run before it, to which a
        rollback would go, does not use.
        """
        slots = {row["run"]: row for row in self.database.read(cypher.load("read_slots"))}
        own = slots.pop(self.run.id)
        if own["slot"] is not None:
            return
        read = (row["slot"] for row in slots.values() if row["kept"] and row["slot"] is not None)
        slot, active = other_slot(next(read, None)), own["state"] == "active"
        names = self.run.names
        parts = write_vectors(
            self.database, names, vectors, slot, self.lease, self.run.id, self.progress
        )
        if active:  # it is read at once
            await_indexes(self.database)
        self.lease.renew()
        self.database.write(cypher.load("run_vectors"), **self._about, slot=slot, parts=parts)

    def write(self, name: str, rows: Iterator[tuple[int, ListRow]], done: int, total: int) -> int:
        """Send lists in batches of about `BATCH_ROWS` relationships, after the first ``done``.

        A batch is made while the server writes the one before.
        """
        query, written = cypher.load(name, None, self.run.names), 0
        with self.progress.task("Publishing", total, "relationships") as task:
            for _ in range(done):
                count, _row = next(rows)
                task.advance(count)
            for batch in ahead(_batches(rows)):
                self.lease.check()
                done += len(batch)
                counters = self.database.write(query, **self._about, done=done, rows=batch)
                written += counters.relationships_created
                task.advance(counters.relationships_created)
        return written

    def check_written(self, written: int, wanted: int) -> None:
        """See that no row found its user or item gone.

        Raises:
            PublishError: One did.
        """
        self.lease.renew()
        if written < wanted:  # it went on from before, so count what is there
            written = sum(
                self.database.read(
                    cypher.load("count_lists", {"RECOMMENDED": kind}), runs=[self.run.id]
                )[0]["count"]
                for kind in ("RECOMMENDED", "SIMILAR")
            )
        if written != wanted:
            raise PublishError(
                f"{wanted - written:,} rows found no user or item in the graph",
                hint="It changed after the snapshot: train again",
            )

    def switch(self, users: list[str]) -> None:
        """Let users read the new lists."""
        self.lease.check()
        with self.progress.task("Switching users", len(users), "users") as task:
            query = cypher.load("switch_users", None, self.run.names)
            write_rows(self.database, query, users, task=task, **self._about)
        self.lease.renew()

    def activate(self) -> None:
        """Make the run the active one."""
        self.database.write(cypher.load("switch_run"), **self._about)


def _versioned(database: Database, run: RunRecord, digest: str) -> RunRecord:
    """The run under an id that no active run with other lists has."""
    states = {row["run"]: row for row in database.read(cypher.load("run_states"))}
    name, number = run.id, 1
    while (found := states.get(name)) and found["state"] == "active":
        if found["lists"] in (None, digest):
            break
        number += 1
        name = f"{run.id}.{number}"
    return replace(run, id=name)


@contextmanager
def noting_failure(run: str, lease: Lease) -> Iterator[None]:
    """Write into the ``Run`` why its publishing ended in an error, if the server still answers."""
    try:
        yield
    except LinkspanError as error:
        about = {"run": run, "publisher": lease.token, "reason": error.message}
        with suppress(LinkspanError):
            lease.database.write(cypher.load("fail_run"), **about)
        raise


def _batches(rows: Iterator[tuple[int, ListRow]]) -> Iterator[list[ListRow]]:
    """Lists, until they hold `BATCH_ROWS` relationships, again and again."""
    batch, size = list[ListRow](), 0
    for count, row in rows:
        batch.append(row)
        size += count
        if size >= BATCH_ROWS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch

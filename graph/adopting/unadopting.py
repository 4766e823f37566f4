"""Takes all that Linkspan wrote out of an adopted graph again."""

from __future__ import annotations

from dataclasses import dataclass

from linkspan import cypher
from linkspan.cypher import Names
from linkspan.errors import SchemaError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.vectors import drop_vectors
from linkspan.graph.users.feedback import MARK, FeedbackRules
from linkspan.graph.writing.constraints import LEASE_BEFORE, drop_adopted, is_loaded
from linkspan.graph.writing.writer import BATCH_ROWS
from linkspan.progress import SILENT, Progress


@dataclass(frozen=True)
class Written:
    """Count of what Linkspan wrote into an adopted graph.

    Attributes:
        runs: Ids of its runs: one ``Run`` node each.
        users: Users with a property ``run``.
        recommended: ``RECOMMENDED`` relationships.
        similar: ``SIMILAR`` relationships.
        feedback: ``FEEDBACK`` relationships, and interactions that feedback wrote.
    """

    runs: list[str]
    users: int
    recommended: int
    similar: int
    feedback: int


def count_written(database: Database) -> Written:
    """Count what `unadopt` would remove, constraints and indexes apart.

    Raises:
        SchemaError: The graph was not adopted but loaded by Linkspan.
        DatabaseError: A query failed.
    """
    runs, users = [], 0
    for names, ids in _adopted(database):
        runs += ids
        query = cypher.load("count_readers", None, names)
        users += database.read(query, runs=ids)[0]["count"]
    recommended, similar = (
        database.read(cypher.load("count_lists", {"RECOMMENDED": kind}), runs=runs)[0]["count"]
        for kind in ("RECOMMENDED", "SIMILAR")
    )
    feedback = sum(
        database.read(cypher.load("count_feedback", {"FEEDBACK": kind}), mark=mark)[0]["count"]
        for kind, mark in _feedback(database)
    )
    return Written(runs, users, recommended, similar, feedback)


def unadopt(database: Database, progress: Progress = SILENT) -> list[str]:
    """Remove all that Linkspan wrote into an adopted graph; killed and started again it finishes.

    Args:
        database: The graph.
        progress: Told of each batch.

    Returns:
        The constraints and indexes that were dropped.

    Raises:
        SchemaError: The graph was not adopted but loaded by Linkspan.
        DatabaseError: The server failed; call again to go on.
    """
    adopted = _adopted(database)
    runs = [run for _, ids in adopted for run in ids]
    with progress.task("Removing lists", None, "relationships") as task:
        for kind in ("RECOMMENDED", "SIMILAR"):
            query = cypher.load("delete_lists", {"RECOMMENDED": kind})
            while gone := database.write(query, runs=runs, size=BATCH_ROWS).relationships_deleted:
                task.advance(gone)
        for kind, mark in _feedback(database):
            query = cypher.load("delete_feedback", {"FEEDBACK": kind})
            while gone := database.write(query, mark=mark, size=BATCH_ROWS).relationships_deleted:
                task.advance(gone)
    with progress.task("Removing 'run'", None, "users") as task:
        for names, ids in adopted:
            query = cypher.load("forget_feedback", None, names)
            while database.write(query, size=BATCH_ROWS).properties_set:
                pass
            query = cypher.load("forget_run", None, names)
            while gone := database.write(query, runs=ids, size=BATCH_ROWS).properties_set:
                task.advance(gone)
    dropped = [name for names, _ in adopted for name in drop_vectors(database, names, progress)]
    for label in ("Lease", LEASE_BEFORE):
        database.write(cypher.load("delete_lease", {"Lease": label}))
    database.write(cypher.load("delete_forgotten"))
    database.write(cypher.load("delete_runs"), runs=runs)  # last: they say what else is ours
    return dropped + drop_adopted(database)


def _feedback(database: Database) -> list[tuple[str, str]]:
    """Types that feedback wrote, each with a property that only what it wrote has."""
    rules = [row["rules"] for row in database.read(cypher.load("all_feedback_rules"))]
    types = {FeedbackRules.model_validate_json(text).type for text in rules}
    return [("FEEDBACK", "counts"), *((kind, MARK) for kind in sorted(types))]


def _adopted(database: Database) -> list[tuple[Names, list[str]]]:
    """The names that runs were published under, each with the ids of those runs."""
    if is_loaded(database):
        raise SchemaError(
            "Linkspan loaded this graph itself, so there is nothing of others to go back to",
            hint="Use 'linkspan rollback' to bring earlier lists back",
        )
    found: dict[str, list[str]] = {}
    for row in database.read(cypher.load("any_names")):
        if row["names"] is not None:
            found.setdefault(row["names"], []).append(row["run"])
    return [(Names.model_validate_json(names), runs) for names, runs in found.items()]

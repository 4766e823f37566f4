"""Refreshes of runs: which one refreshes which, and how that is undone.

A refresh is a run of its own, with lists for some users only and ``Run.base``, the run that it
refreshes. That one stays active: its lists are what all other users read. Which refresh a user
reads can be told from the lists alone: the latest that has one for the user.
"""

from __future__ import annotations

from collections.abc import Sequence

from linkspan import cypher
from linkspan.cypher import Names
from linkspan.graph.connecting.connection import Database
from linkspan.graph.writing.writer import write_rows

IN_FORCE = "refresh"
"""State of a refresh that users read."""


def refreshes(database: Database, base: str, state: str = IN_FORCE) -> list[str]:
    """Ids of the refreshes of a run that are in a state and have lists, the latest first."""
    rows = database.read(cypher.load("refreshes"))
    return [
        row["run"]
        for row in rows
        if (row["base"], row["state"], row["kept"]) == (base, state, True)
    ]


def undo_refresh(database: Database, token: str, base: str, names: Names | None) -> str | None:
    """Take the latest refresh of a run back: its users read what they read before.

    Args:
        database: The graph.
        token: Of the lease that is held.
        base: Id of the active run.
        names: Of an adopted graph.

    Returns:
        Its id; None where there is none.
    """
    runs = refreshes(database, base)
    if not runs:
        return None
    query = cypher.load("readers_of", None, names)
    users = sorted(row["key"] for row in database.read(query, run=runs[0]))
    assign_readers(database, token, users, runs[1:], base, names)
    database.write(cypher.load("own_run"), run=runs[0], publisher=token)
    database.write(cypher.load("end_refresh"), run=runs[0], publisher=token, state="superseded")
    return runs[0]


def restore_refreshes(database: Database, token: str, base: str, names: Names | None) -> None:
    """Bring the refreshes of a run back that has become active again.

    Args:
        database: The graph.
        token: Of the lease that is held.
        base: Id of the run.
        names: Of an adopted graph.
    """
    runs = refreshes(database, base, "superseded")
    assign_readers(database, token, sorted(_latest(database, runs, names)), runs, base, names)
    for run in runs:
        database.write(cypher.load("end_refresh"), run=run, publisher=token, state=IN_FORCE)


def assign_readers(
    database: Database,
    token: str,
    users: Sequence[str],
    runs: Sequence[str],
    base: str,
    names: Names | None,
) -> None:
    """Let users read the latest refresh that has a list for them, the others the run itself.

    Args:
        database: The graph.
        token: Of the lease that is held.
        users: Keys.
        runs: Ids of the refreshes.
        base: Id of the run that they refresh.
        names: Of an adopted graph.
    """
    by_run: dict[str, list[str]] = {run: [] for run in (base, *runs)}
    latest = _latest(database, runs, names) if users else {}
    for key in users:
        by_run[latest.get(key, base)].append(key)
    switch, own = cypher.load("switch_users", None, names), cypher.load("own_run")
    for run, keys in by_run.items():
        database.write(own, run=run, publisher=token)
        write_rows(database, switch, keys, run=run, publisher=token)


def _latest(database: Database, runs: Sequence[str], names: Names | None) -> dict[str, str]:
    """User key to the latest of some runs that has a list for the user."""
    if not runs:
        return {}
    rows = database.read(cypher.load("refreshed_users", None, names), runs=list(runs))
    return {row["key"]: row["run"] for row in rows}

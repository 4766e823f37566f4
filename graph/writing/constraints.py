"""Constraints and indexes that Linkspan needs; made once, checked cheaply after that."""

from __future__ import annotations

from typing import Any

from linkspan import cypher
from linkspan.cypher import Names
from linkspan.errors import DatabaseError, SchemaError
from linkspan.graph.connecting.connection import Database

_UNIQUE = {
    "User": "key",
    "Item": "key",
    "Entity": "key",
    "Run": "id",
    "Lease": "name",
    "ForgottenKey": "name",
    "Forgotten": "hash",
}
_ON_ADOPTED = ("Run", "Lease", "ForgottenKey", "Forgotten")
LEASE_BEFORE = "PublishLease"
"""Label of a lease in a graph that an earlier version wrote."""
_LEASE_NAME_BEFORE = "linkspan_publishlease_name"
_ADOPTED = "linkspan_adopted"
_KEEP = "_typed"  # the type of the property was declared before the index was made


def prepare(database: Database) -> None:
    """Make the constraints on the keys and the index on domains, unless they are there.

    Raises:
        DatabaseError: The server refused, as it does where two nodes already share a key.
    """
    for label in _UNIQUE:
        _make_unique(database, label)
    database.run("CREATE INDEX linkspan_item_domain IF NOT EXISTS FOR (n:Item) ON (n.domain)")


def prepare_adopted(database: Database, names: Names) -> None:
    """Make ready for publishing into an adopted graph.

    Makes the constraint on ``Run.id``, and an index on the key of users and of items where the
    graph has none: without it every row of a publish would read all nodes of the label.

    Raises:
        SchemaError: The graph has results that Linkspan did not write.
        DatabaseError: The server refused.
    """
    check_free(database, names)
    _make_unique(database, "Run")
    served = {
        (label, index["properties"][0])
        for index in database.run("SHOW INDEXES")
        if index["properties"] and index["entityType"] == "NODE" and len(index["properties"]) == 1
        for label in index["labelsOrTypes"] or ()
    }
    typed = {_declared(row) for row in database.run("SHOW CONSTRAINTS")}
    wanted = dict.fromkeys((node.label, node.key) for node in (names.users, *names.items.values()))
    for number, (label, key) in enumerate(wanted, 1):
        if (label, key) not in served:
            name = f"{_ADOPTED}_{number}" + (_KEEP if (label, key) in typed else "")
            database.run(
                f"CREATE INDEX {name} IF NOT EXISTS "
                f"FOR (n:{cypher.quote(label)}) ON (n.{cypher.quote(key)})"
            )


def prepare_lease(database: Database, name: str) -> None:
    """Make the node that is the lease of a name, and the constraint that keeps it one.

    Raises:
        DatabaseError: The server refused.
    """
    for again in (True, False):
        try:
            _make_unique(database, "Lease")
            database.run(f"DROP CONSTRAINT {_LEASE_NAME_BEFORE} IF EXISTS")
            database.write(cypher.load("make_lease"), name=name)
        except DatabaseError:  # ArcadeDB refuses one of two who make it at once; then it is there
            if not again:
                raise
        else:
            return


def prepare_forgetting(database: Database) -> None:
    """Make the constraints on what is kept of users who are forgotten.

    Raises:
        DatabaseError: The server refused.
    """
    for label in ("ForgottenKey", "Forgotten"):
        _make_unique(database, label)


def check_free(database: Database, names: Names) -> None:
    """Refuse a graph that uses for itself what Linkspan would write.

    Raises:
        SchemaError: Before the first publish, it has relationships of type RECOMMENDED or SIMILAR,
            users with a property ``run`` or items with vectors under our names, or at any time
            nodes labelled Run or Lease of its own.
    """
    taken = database.read(cypher.load("taken_names", None, names))[0]
    found = {
        "nodes labelled Run": taken["runs"],
        "nodes labelled Lease": taken["leases"],
        "relationships of type RECOMMENDED": taken["recommended"],
        "relationships of type SIMILAR": taken["similar"],
        "relationships of type FEEDBACK": taken["feedback"],
        f"{names.users.label} nodes with a property 'run'": taken["users"],
        "items with a property 'vector_a', 'vector_b' or 'text_vector_…'": taken["items"],
    }
    for what, exists in found.items():
        if exists:
            raise SchemaError(
                f"the graph has {what} that are not Linkspan's, which would write there",
                hint="Rename yours first; docs/adopt.md lists all that is written",
            )


def is_loaded(database: Database) -> bool:
    """Tell whether `prepare` was here: the graph is one that Linkspan loads."""
    return _name("User") in {row["name"] for row in database.run("SHOW CONSTRAINTS")}


def drop_adopted(database: Database) -> list[str]:
    """Drop what `prepare_adopted` made; returns a line for each constraint and index.

    Raises:
        DatabaseError: The server refused.
    """
    dropped, indexed = [], set()
    for row in database.run("SHOW INDEXES"):
        if row["name"].startswith(_ADOPTED):
            database.run(f"DROP INDEX {row['name']}")
            dropped.append(f"index {row['name']}")
            if not row["name"].endswith(_KEEP):
                indexed.add((row["labelsOrTypes"][0], row["properties"][0]))
    own = {_LEASE_NAME_BEFORE, *map(_name, _ON_ADOPTED)}
    for row in database.run("SHOW CONSTRAINTS"):
        if row["name"] in own or _declared(row) in indexed:
            database.run(f"DROP CONSTRAINT {cypher.quote(row['name'])}")
            dropped.append(f"constraint {row['name']}")
    return dropped


def _declared(constraint: dict[str, Any]) -> tuple[str, str] | None:
    """Label and property whose type a constraint declares; ArcadeDB makes one for each index."""
    if "PROPERTY_TYPE" not in constraint["type"]:
        return None
    return constraint["labelsOrTypes"][0], constraint["properties"][0]


def _make_unique(database: Database, label: str) -> None:
    key = _UNIQUE[label]
    database.run(
        f"CREATE CONSTRAINT {_name(label)} IF NOT EXISTS "
        f"FOR (n:{cypher.quote(label)}) REQUIRE n.{key} IS UNIQUE"
    )


def _name(label: str) -> str:
    return f"linkspan_{label.lower()}_{_UNIQUE[label]}"

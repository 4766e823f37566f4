"""Reads the graph once into a `Snapshot`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from linkspan import cypher
from linkspan.cypher import Names
from linkspan.errors import SchemaError
from linkspan.graph.bulk.unfinished import check_finished
from linkspan.graph.conditions import COMPARE, Condition, kind_of
from linkspan.graph.connecting.connection import Database, milliseconds
from linkspan.graph.roles import InteractionRole, RelationRole, Roles
from linkspan.graph.snapshot import RelationKey, Snapshot
from linkspan.graph.snapshot.identities import SAME_AS, join_nodes
from linkspan.graph.snapshot.properties import read_feature
from linkspan.graph.users.feedback import MARK
from linkspan.graph.users.hearing import with_feedback, without_order
from linkspan.progress import SILENT, Progress, Task

_each = chain.from_iterable
_LABELS = {"item": "Item", "user": "User"}


def read_snapshot(database: Database, roles: Roles, progress: Progress = SILENT) -> Snapshot:
    """Read all that the roles name; users, or items, that are one become one row.

    What joins them is ``SAME_AS``, directly or through others. Their interactions and relations are
    those of the one row; an event that several of them have is one, the latest, or one for each
    time where its type repeats.

    Args:
        database: The graph.
        roles: Which labels, types and properties to read.
        progress: Told of each table.

    Returns:
        The same snapshot, with the same fingerprint, for the same graph on any server.

    Raises:
        SchemaError: The graph has no items or no interactions, a node lacks its key, or a property
            is not what the roles say.
        DatabaseError: A query failed, or a bulk load is not finished.
    """
    check_finished(database)
    tables = 4 + sum(
        map(len, (roles.entities, roles.interactions, roles.relations, roles.features))
    )
    with progress.task("Reading the graph", tables, "tables") as task:
        names = roles.names
        query = cypher.load("read_users", None, names)
        users = _read_nodes(database, query, ["key", "id"], task)
        items = _read_items(database, roles, task)
        entities = {
            kind: _read_nodes(
                database,
                cypher.load("read_entities", {"Author": kind}, names),
                ["key", "name"],
                task,
            )
            for kind in roles.entities
        }
        if items.empty:
            raise SchemaError("the graph has no items", hint="Load some with 'linkspan ingest'")
        rows = {kind: _numbered(frame["key"]) for kind, frame in entities.items()}
        users, rows["user"], same_users = _joined_nodes(database, "User", users, task, names)
        items, rows["item"], same_items = _joined_nodes(database, "Item", items, task, names)
        aliases = {"user": same_users, "item": same_items}
        interactions = {
            role.type: _read_interactions(database, role, rows, task, names)
            for role in roles.interactions
        }
        if all(frame.empty for frame in interactions.values()):
            raise SchemaError(
                f"the graph has no interactions of type {', '.join(interactions)}",
                hint="Load some with 'linkspan ingest', or check the mapping",
            )
        interactions = without_order(interactions)
        interactions = with_feedback(interactions, _read_feedback(database, rows, names))
        relations = {
            _key(role): _read_relations(database, role, rows, task, names)
            for role in roles.relations
        }
        features = {}
        for role in roles.features:
            features[role.property] = read_feature(database, role, items["key"].to_list())
            task.advance(1, f"feature {role.property}")
    return Snapshot(
        roles=roles,
        users=users,
        items=items,
        entities=entities,
        interactions=interactions,
        relations=relations,
        features=features,
        aliases={role: frame for role, frame in aliases.items() if len(frame)},
        source={
            "engine": f"{database.capabilities.engine} {database.capabilities.version}",
            "uri": database.uri,
            "read_at": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )


def _read_nodes(database: Database, query: str, columns: list[str], task: Task) -> pd.DataFrame:
    """Nodes as text columns, sorted by key."""
    frame = database.read_frame(query, columns)
    if frame["key"].isna().any():
        raise SchemaError(
            f"{int(frame['key'].isna().sum())} nodes have no key ({query.splitlines()[-2]})",
            hint="Every node that plays a role needs its key property",
        )
    task.advance(1, f"{len(frame):,} nodes")
    return frame.fillna("").astype(str).sort_values("key", ignore_index=True)


def _read_items(database: Database, roles: Roles, task: Task) -> pd.DataFrame:
    columns = ["key", "id", "domain", "title", "values"]
    if roles.names is None:
        parts: list[tuple[Names | None, tuple[str, ...]]] = [(None, roles.text)]
    else:  # each domain has its own texts
        parts = [(roles.names.only(domain), n.text) for domain, n in roles.names.items.items()]
    frames = [
        database.read_frame(cypher.load("read_items", None, names), columns, text=list(text))
        for names, text in parts
    ]
    frame = pd.concat(frames, ignore_index=True)
    homeless = frame.loc[frame["domain"].isna() | frame["key"].isna(), "key"]
    if len(homeless):
        raise SchemaError(
            f"{len(homeless):,} items have no domain or no key, such as {homeless.iloc[0]!r}",
            hint="Give each item a 'domain' and a 'key' property",
        )
    frame["text"] = [_joined(values) for values in frame.pop("values")]
    task.advance(1, f"{len(frame):,} items")
    return frame.fillna("").astype(str).sort_values("key", ignore_index=True)


def _numbered(keys: pd.Series[Any], rows: Any = None) -> pd.Series[Any]:
    """Key to row: its own number, or the one that is given."""
    return pd.Series(np.arange(len(keys)) if rows is None else rows, index=pd.Index(keys))


def _joined_nodes(
    database: Database, label: str, nodes: pd.DataFrame, task: Task, adopted: Names | None
) -> tuple[pd.DataFrame, pd.Series[Any], pd.DataFrame]:
    """One row for the nodes that are one; the nodes, key to row, and the keys without a row."""
    names = {"Item": label, "WRITTEN_BY": SAME_AS, "Author": label}
    columns = ["source", "target", "weight"]
    query = cypher.load("read_relations", names, adopted)
    pairs = database.read_frame(query, columns, weight="")
    task.advance(1, f"{len(pairs):,} {SAME_AS}")
    own = _numbered(nodes["key"])
    ends = (_rows(own, pairs[end]).tolist() for end in ("source", "target"))
    joined, aliases, rows = join_nodes(nodes, zip(*ends, strict=True))
    return joined, _numbered(nodes["key"], rows), aliases


def _joined(values: Sequence[Any]) -> str:
    """Property values as one text: lists joined by commas, parts by full stops, gaps left out."""
    parts = (
        ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for value in values
        if value is not None
    )
    return ". ".join(part for part in parts if part)


def _read_interactions(
    database: Database,
    role: InteractionRole,
    rows: dict[str, pd.Series[Any]],
    task: Task,
    names: Names | None,
) -> pd.DataFrame:
    wanted = [role.at, role.weight, role.positive.property if role.positive else None, MARK]
    properties = [name or "" for name in wanted]
    query = cypher.load("read_interactions", {"SAVED": role.type}, names)
    found = database.read_rows(query, {"properties": properties})
    users, items, values = zip(*found, strict=True) if found else ((), (), ())
    met = {"user": np.repeat(np.array(users, object), [*map(len, items)]), "item": [*_each(items)]}
    frame = pd.DataFrame(met, dtype=object)
    at, weight, judged, mark = zip(*_each(values), strict=True) if len(frame) else ((), (), (), ())
    task.advance(1, f"{len(frame):,} {role.type}")
    events = pd.DataFrame(
        {
            "user": _rows(rows["user"], frame["user"]),
            "item": _rows(rows["item"], frame["item"]),
            "at": _numbers([*map(milliseconds, at)], role.type, role.at, 0).astype(np.int64),
            "weight": _weights(frame, weight, role.type, role.weight),
            "sign": _signs(judged, role),
            "told": [kind is not None for kind in mark],
        }
    )
    if not (rows["user"].is_unique and rows["item"].is_unique):
        by = ["user", "item", "at"]
        events = _folded(events, by if role.repeat else by[:2], [*by, "weight", "sign"])
    return events.sort_values(["user", "item", "at"], ignore_index=True)


def _read_feedback(
    database: Database, rows: dict[str, pd.Series[Any]], names: Names | None
) -> pd.DataFrame:
    """Read what users said of items; `with_feedback` tells the columns."""
    columns = ["user", "item", "at", "counts"]
    frame = database.read_frame(cypher.load("read_feedback", None, names), columns)
    ends = {role: _rows(rows[role], frame[role]) for role in ("user", "item")}
    return frame.assign(**ends, at=frame["at"].astype(np.int64))


def _folded(edges: pd.DataFrame, key: list[str], order: list[str]) -> pd.DataFrame:
    """One edge of each key, the last in an order: those of nodes that are one may say it twice."""
    return edges.sort_values(order).drop_duplicates(key, keep="last")


def _signs(values: Sequence[Any], role: InteractionRole) -> np.ndarray[Any, np.dtype[np.int8]]:
    """1 where an event is positive, -1 or 0 where it is not, 0 where nothing says so."""
    condition = role.positive
    if condition is None:
        return np.ones(len(values), np.int8)
    if isinstance(condition.value, float):
        numbers = _numbers(values, role.type, condition.property, np.nan)
        judged = ~np.isnan(numbers)
        positive = COMPARE[condition.operator](numbers, condition.value)
    else:
        _check_kind(values, role.type, condition)
        judged = np.array([value is not None for value in values], bool)
        holds = {value: condition.holds(value) for value in set(values)}
        positive = np.array([holds[value] for value in values], bool)
    signs = np.where(positive, 1, -1 if role.otherwise == "negative" else 0)
    return np.where(judged, signs, 0).astype(np.int8)  # what is absent is not judged


def _check_kind(values: Sequence[Any], kind: str, condition: Condition) -> None:
    """See that all values are of the kind that a condition compares with."""
    wanted = type(condition.value)
    for value in values:
        if value is not None and type(value) is not wanted:
            raise SchemaError(
                f"property '{condition.property}' of a {kind} relationship is {value!r}, and "
                f"'positive' compares it with {kind_of(condition.value)}",
                hint=f"Mend '{condition}' in the mapping, or the graph",
            )


def _numbers(
    values: Sequence[Any], kind: str, name: str | None, default: float
) -> np.ndarray[Any, Any]:
    """Property values as numbers, ``default`` where there is none."""
    if all(type(value) is int for value in values):
        return np.asarray(values, np.int64)
    try:
        return np.asarray([default if value is None else value for value in values], np.float64)
    except (TypeError, ValueError) as error:
        odd = next(v for v in values if v is not None and not isinstance(v, int | float))
        raise SchemaError(
            f"property '{name}' of a {kind} relationship is {odd!r}, not a number",
            hint="Check the roles in the mapping",
        ) from error


def _weights(
    frame: pd.DataFrame, values: Sequence[Any], kind: str, name: str | None
) -> np.ndarray[Any, Any]:
    """Weights as float32, 1 where there is none; all are 0 or more, and finite."""
    found = _numbers(values, kind, name, 1).astype(np.float32)
    wrong = ~(np.isfinite(found) & (found >= 0))
    if wrong.any():
        place = int(wrong.argmax())
        first, second = frame.iloc[place, :2]
        raise SchemaError(
            f"property '{name}' of the {kind} relationship from '{first}' to '{second}' is "
            f"{values[place]}, which is no weight",
            hint="Write 0 or more into the graph, or leave 'weight' out of the roles",
        )
    return found


def _read_relations(
    database: Database,
    role: RelationRole,
    rows: dict[str, pd.Series[Any]],
    task: Task,
    names: Names | None,
) -> pd.DataFrame:
    query = cypher.load(
        "read_relations",
        {
            "Item": _LABELS.get(role.source, role.source),
            "WRITTEN_BY": role.type,
            "Author": _LABELS.get(role.target, role.target),
        },
        names,
    )
    columns = ["source", "target", "weight"]
    frame = database.read_frame(query, columns, weight=role.weight or "")
    task.advance(1, f"{len(frame):,} {role.type}")
    edges = pd.DataFrame(
        {
            "source": _rows(rows[role.source], frame["source"]),
            "target": _rows(rows[role.target], frame["target"]),
            "weight": _weights(frame, frame["weight"].to_list(), role.type, role.weight),
        }
    )
    if not (rows[role.source].is_unique and rows[role.target].is_unique):
        if role.source == role.target:  # what joins nodes that are one joins a node with itself
            loops = (edges["source"] == edges["target"]) & (frame["source"] != frame["target"])
            edges = edges[~loops]
        edges = _folded(edges, ["source", "target"], ["source", "target", "weight"])
    return edges.sort_values(["source", "target"], ignore_index=True)


def _rows(keys: pd.Series[Any], wanted: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Row of each wanted key."""
    found = keys.index.get_indexer(pd.Index(wanted))
    if (found < 0).any():
        raise SchemaError(
            f"the graph changed while it was read: {wanted.iloc[int(found.argmin())]!r} is new",
            hint="Take the snapshot again when nothing is being loaded",
        )
    return keys.to_numpy(np.int32)[found]


def _key(role: RelationRole) -> RelationKey:
    return role.source, role.type, role.target

"""A small graph of two domains, written by plain Cypher so that it owes nothing to `ingest`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from contract_fixtures import Lists, PublishRun

from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.publish import PARTS, PublishReport, RunRecord, publish
from linkspan.graph.publishing.vectors import ItemVectors
from linkspan.graph.roles import InteractionRole, RelationRole, Roles
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.reading import read_snapshot

USERS, ITEMS, LIST, OTHERS = 40, 30, 5, 3
DOMAINS = {"science-fiction": "ScienceFiction", "comics": "Comics"}
ROLES = Roles(
    domains=DOMAINS,
    text=("title", "authors", "missing"),
    interactions=(InteractionRole(type="SAVED"),),
    entities=("Author",),
    relations=(RelationRole(type="WRITTEN_BY", source="item", target="Author"),),
)


@pytest.fixture
def graph(prepared: Database) -> Database:
    """40 users, 30 items in each of two domains, 5 authors; user u met item i where 7u + 3i = 0
    modulo 5; author a wrote item i where i = a - 1 modulo 5."""
    db = prepared
    db.write(f"UNWIND range(1, {USERS}) AS n CREATE (:User {{key: toString(n), id: toString(n)}})")
    for domain, label in DOMAINS.items():
        db.write(
            f"UNWIND range(1, {ITEMS}) AS n CREATE (i:Item:{label} {{id: toString(n)}}) "
            "SET i.key = $domain + '/' + i.id, i.domain = $domain, i.title = 'Book ' + i.id, "
            "i.authors = ['A', 'B']",
            domain=domain,
        )
    db.write(
        "UNWIND range(1, 5) AS n "
        "CREATE (:Entity:Author {key: 'author/' + toString(n), name: 'Author ' + toString(n)})"
    )
    db.write(
        "MATCH (u:User), (i:Item) WHERE (toInteger(u.id) * 7 + toInteger(i.id) * 3) % 5 = 0 "
        "CREATE (u)-[:SAVED {at: toInteger(i.id)}]->(i)"
    )
    db.write(
        "MATCH (i:Item), (a:Author) "
        "WHERE a.key = 'author/' + toString(toInteger(i.id) % 5 + 1) CREATE (i)-[:WRITTEN_BY]->(a)"
    )
    return db


@pytest.fixture
def snapshot(graph: Database) -> Snapshot:
    return read_snapshot(graph, ROLES)


@pytest.fixture
def lists(snapshot: Snapshot) -> Lists:
    """Random lists of the right form, by seed; of items that their users have not met."""
    known = snapshot.events()
    users, keys = (snapshot.users["key"].to_numpy(), snapshot.items["key"].to_numpy())
    met = set(zip(users[known["user"]], keys[known["item"]], strict=True))

    @cache  # some tests ask for the same again for each user
    def make(seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        rows = []
        for user in snapshot.users["key"]:
            for domain in snapshot.domains:
                items = snapshot.items.loc[snapshot.items["domain"] == domain, "key"].to_numpy()
                items = np.array([item for item in items if (user, item) not in met])
                scores = np.sort(rng.random(LIST))[::-1]
                for rank, (item, score) in enumerate(
                    zip(rng.permutation(items), scores, strict=False), 1
                ):
                    parts = (score - 0.5, 0.0, 0.0, 0.0, 0.0, 0.5)
                    rows.append((user, item, domain, rank, score, *parts, "comics/1"))
        columns = ["user", "item", "domain", "rank", "score", *PARTS, "because"]
        return pd.DataFrame(rows, columns=columns)

    return lambda seed: make(seed).copy()


@pytest.fixture
def similar(snapshot: Snapshot) -> pd.DataFrame:
    keys = snapshot.items["key"].to_numpy()
    """Three by states and one by relations for each item, which is one of the three."""
    rows = [
        (key, keys[(place + step) % len(keys)], "states", step, 1 / step, None, None)
        for place, key in enumerate(keys)
        for step in range(1, OTHERS + 1)
    ]
    rows += [
        (key, keys[(place + 1) % len(keys)], "relations", 1, 0.25, "WRITTEN_BY", "Author 1")
        for place, key in enumerate(keys)
    ]
    columns = ["item", "other", "kind", "rank", "score", "how", "by"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("item", kind="stable", ignore_index=True)


def record(name: str) -> RunRecord:
    """A run of this name; names sort by age."""
    return RunRecord(
        id=name,
        model="test",
        created=f"2026-01-01T00:00:00+00:00 {name}",
        fingerprint="f",
        metrics={"hr": 0.1},
        config={"seed": 0},
        interactions=["SAVED"],
    )


@pytest.fixture
def make_record() -> Callable[[str], RunRecord]:
    return record


@pytest.fixture
def publish_run(
    graph: Database, snapshot: Snapshot, lists: Lists, similar: pd.DataFrame
) -> PublishRun:
    """Publishes the lists of a seed to all users, as a run of some name."""
    users = snapshot.users["key"].tolist()

    def run(name: str, seed: int, vectors: ItemVectors | None = None) -> PublishReport:
        return publish(graph, record(name), users, lists(seed), similar, vectors=vectors)

    return run

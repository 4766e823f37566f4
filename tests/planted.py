"""A graph of three domains small enough to know every answer by heart, under two sets of names.

Ann and Ben like Dune, Cat likes Emma, Dan has met Tetris and has no list. Two runs were published:
``r1``, whose lists are still there, and ``r2``, which everyone reads.
"""

from __future__ import annotations

from typing import Any

from linkspan import cypher
from linkspan.cypher import Names, NodeNames
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.publish import PARTS
from linkspan.graph.writing.constraints import prepare, prepare_adopted

ITEMS = {
    "books": {"1": "Dune", "2": "Emma", "3": "Dune Messiah"},
    "films": {"1": "Dune", "2": "Clueless"},
    "games": {"1": "Dune II", "2": "Tetris"},
}
ENTITIES = {
    "author/fh": ("Author", "Frank Herbert", ["books/1", "books/3", "films/1"]),
    "author/ja": ("Author", "Jane Austen", ["books/2", "films/2"]),
    "tag/desert": ("Tag", "desert", ["books/1", "games/1"]),
}
MET = [  # user, item, time
    ("ann", "books/1", 1), ("ann", "books/3", 4), ("ann", "films/1", 5),
    ("ben", "books/1", 2), ("ben", "films/1", 6), ("ben", "games/1", 7),
    ("cat", "books/2", 3), ("cat", "films/2", 8),
    ("dan", "games/2", 9),
]  # fmt: skip
LISTS = [  # run, user, item, rank, score, because
    ("r1", "ann", "games/2", 1, 0.5, "books/1"), ("r1", "ann", "games/1", 2, 0.4, "books/1"),
    ("r1", "ben", "books/3", 1, 0.5, "books/1"),
    ("r2", "ann", "books/2", 1, 0.3, "films/1"), ("r2", "ann", "films/2", 1, 0.4, "books/1"),
    ("r2", "ann", "games/1", 1, 0.9, "books/1"), ("r2", "ann", "games/2", 2, 0.2, "films/1"),
    ("r2", "ben", "books/3", 1, 0.8, "books/1"), ("r2", "ben", "books/2", 2, 0.1, "games/1"),
    ("r2", "ben", "films/2", 1, 0.3, "films/1"),
    ("r2", "cat", "books/1", 1, 0.5, "books/2"), ("r2", "cat", "games/2", 1, 0.6, "films/2"),
]  # fmt: skip
ALIKE = [  # run, item, other, rank, score
    ("r1", "books/1", "games/2", 1, 0.99),
    ("r2", "books/1", "films/1", 1, 0.9), ("r2", "books/1", "books/3", 2, 0.8),
    ("r2", "books/1", "games/1", 3, 0.7), ("r2", "films/1", "books/1", 1, 0.9),
    ("r2", "films/1", "games/1", 2, 0.6), ("r2", "books/2", "films/2", 1, 0.95),
    ("r2", "games/1", "books/1", 1, 0.7), ("r2", "books/3", "books/1", 1, 0.8),
]  # fmt: skip
SHARING = [  # run, item, other, rank, score, how, by: likeness by relations; the above has no kind
    ("r1", "books/1", "games/2", 1, 0.99, "TAGGED", "old"),
    ("r2", "books/1", "books/3", 1, 0.75, "WRITTEN_BY", "Frank Herbert"),
    ("r2", "books/1", "films/1", 1, 0.7, "WRITTEN_BY", "Frank Herbert"),
    ("r2", "films/1", "books/1", 1, 0.7, "WRITTEN_BY", "Frank Herbert"),
    ("r2", "films/2", "books/2", 1, 1.0, "WRITTEN_BY", "Jane Austen"),
]  # fmt: skip
SAID = [  # user, item, counts, run, rank
    ("cat", "films/1", "hidden", "r1", 3), ("cat", "games/2", "shown", "r2", 1),
    ("ann", "games/1", "shown", "r2", 1), ("ann", "games/1", "clicked", "r2", 1),
    ("ben", "games/1", "positive", "r2", 3), ("ben", "books/2", "negative", "r2", 2),
]  # fmt: skip
THEIRS = Names(
    users=NodeNames(label="Person", key="pid"),
    items={
        "books": NodeNames(label="Printed Book", key="no", integer=True, title="heading"),
        "films": NodeNames(label="Film", key="nr", title="name"),
        "games": NodeNames(label="Game", key="no", integer=True, title="name"),
    },
    entities={
        "Author": NodeNames(label="Author", key="code", title="called"),
        "Tag": NodeNames(label="Tag", key="word", title="word"),
    },
    at=("on",),
)
"""The names of the same graph where it was there before Linkspan."""
DEFAULTS: dict[str, Any] = {
    "user": "ann", "users": ["ben", "nobody"], "item": "books/1", "items": ["films/1", "films/9"],
    "domain": "books", "other": "films", "kind": "states", "entity": "author/fh", "text": "dUNE",
    "run": "r1", "k": 10, "events": 3, "rank": 1,
}  # fmt: skip
"""What is given to a parameter of a query unless a test says otherwise."""
EVIL = ["' OR 1=1 //", "x'}) DETACH DELETE n //", "`", '"', "\\", "$user", "🙂", "", "*", "(?i).*"]
"""Texts that look like Cypher."""


def parameters_of(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """What a query asks for, and no more."""
    return {
        each.name: given.get(each.name, DEFAULTS[each.name]) for each in cypher.describe(name).asked
    }


def plant(db: Database) -> None:
    """Write the graph under the names of the query files."""
    prepare(db)
    rows: list[dict[str, object]] = [
        {"key": f"{domain}/{number}", "id": number, "domain": domain, "title": title}
        for domain, titles in ITEMS.items()
        for number, title in titles.items()
    ]
    db.write("UNWIND ['ann', 'ben', 'cat', 'dan'] AS key CREATE (:User {key: key, id: key})")
    for domain in ITEMS:
        db.write(
            f"UNWIND $rows AS row CREATE (i:Item:{domain.title()}) SET i = row",
            rows=[row for row in rows if row["domain"] == domain],
        )
    for key, (kind, name, items) in ENTITIES.items():
        db.write(f"CREATE (:Entity:{kind} {{key: $key, name: $name}})", key=key, name=name)
        db.write(
            f"UNWIND $items AS item MATCH (i:Item {{key: item}}), (e:Entity {{key: $key}}) "
            f"CREATE (i)-[:{_tie(kind)}]->(e)",
            items=items,
            key=key,
        )
    _write_links(db, "(u:User {key: row.user})", "(i:Item {key: row.item})", "at")


def plant_theirs(db: Database) -> None:
    """Write the graph as it was before Linkspan, under `THEIRS`, and publish into it."""
    for label, key in (("Author", "code"), ("Tag", "word")):
        db.run(f"CREATE CONSTRAINT FOR (n:{label}) REQUIRE n.{key} IS UNIQUE")
    db.write("UNWIND ['ann', 'ben', 'cat', 'dan'] AS key CREATE (:Person {pid: key})")
    for domain, titles in ITEMS.items():
        node = THEIRS.items[domain]
        for number, title in titles.items():
            db.write(
                f"CREATE (i:`{node.label}` {{{node.key}: $key, {node.title}: $title, x: $x}})",
                key=int(number) if node.integer else number,
                title=title,
                x=f"{domain}/{number}",
            )
    for key, (kind, name, items) in ENTITIES.items():
        node = THEIRS.entities[kind]
        db.write(
            f"CREATE (e:{kind}) SET e.{node.key} = $key, e.{node.title} = $name",
            key=key.split("/")[1],
            name=name,
        )
        for item in items:
            db.write(
                f"MATCH (e:{kind} {{{node.key}: $key}}), (i {{x: $item}}) "
                f"CREATE (i)-[:{_tie(kind)}]->(e)",
                item=item,
                key=key.split("/")[1],
            )
    prepare_adopted(db, THEIRS)
    _write_links(db, "(u:Person {pid: row.user})", "(i {x: row.item})", "on")


def _tie(kind: str) -> str:
    return {"Author": "WRITTEN_BY", "Tag": "TAGGED"}[kind]


def _write_links(db: Database, user: str, item: str, at: str) -> None:
    """Interactions, lists and runs, between nodes that are found by these patterns."""
    db.write(
        f"UNWIND $rows AS row MATCH {user} MATCH {item} CREATE (u)-[:SAVED {{{at}: row.at}}]->(i)",
        rows=[dict(zip(("user", "item", "at"), row, strict=True)) for row in MET],
    )
    columns = ("run", "user", "item", "rank", "score", "because")
    rows = [dict(zip(columns, row, strict=True)) for row in LISTS]
    db.write(
        f"UNWIND $rows AS row MATCH {user} MATCH {item} "
        "CREATE (u)-[r:RECOMMENDED]->(i) SET r = row.properties",
        rows=[
            {
                **row,
                "properties": {
                    "run": row["run"], "rank": row["rank"], "score": row["score"],
                    "because": row["because"], "domain": str(row["item"]).split("/", maxsplit=1)[0],
                    **dict.fromkeys(PARTS, 0.0), "gnn": row["score"],
                },
            }
            for row in rows
        ],
    )  # fmt: skip
    db.write(
        f"UNWIND $rows AS row MATCH {user} MATCH {item} CREATE (u)-[:FEEDBACK "
        "{counts: row.counts, run: row.run, rank: row.rank, domain: split(row.item, '/')[0]}]->(i)",
        rows=[
            dict(zip(("user", "item", "counts", "run", "rank"), row, strict=True)) for row in SAID
        ],
    )
    columns = ("run", "of", "item", "rank", "score")
    other = item.replace("(i", "(o").replace("row.item", "row.of")
    db.write(
        f"UNWIND $rows AS row MATCH {item} MATCH {other} "
        "CREATE (o)-[:SIMILAR {run: row.run, rank: row.rank, score: row.score}]->(i)",
        rows=[dict(zip(columns, row, strict=True)) for row in ALIKE],
    )
    columns = (*columns, "how", "by")
    db.write(
        f"UNWIND $rows AS row MATCH {item} MATCH {other} CREATE (o)-[:SIMILAR {{run: row.run, "
        "kind: 'relations', rank: row.rank, score: row.score, how: row.how, by: row.by}]->(i)",
        rows=[dict(zip(columns, row, strict=True)) for row in SHARING],
    )
    db.write(
        "UNWIND [['r1', 'superseded'], ['r2', 'active']] AS run "
        "CREATE (:Run {id: run[0], state: run[1], model: 'test', metrics: '{}', "
        "created: '2026-01-01 ' + run[0], interactions: ['SAVED'], users: 4})"
    )
    users = user.replace("row.user", "key")
    db.write(f"UNWIND ['ann', 'ben', 'cat', 'dan'] AS key MATCH {users} SET u.run = 'r2'")

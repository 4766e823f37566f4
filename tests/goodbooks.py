"""The bundled books as a snapshot, read without a database."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from linkspan.graph.roles import InteractionRole, RelationRole, Roles
from linkspan.graph.snapshot import RelationKey, Snapshot

ENTITIES = {
    "authors": ("Author", "WRITTEN_BY"),
    "series": ("Series", "IN_SERIES"),
    "tags": ("Tag", "TAGGED"),
}


def read_goodbooks(folder: Path) -> Snapshot:
    """The bundled files as the snapshot that a database would give."""
    books = pd.read_csv(folder / "books.csv.gz", dtype=str).fillna("")
    saved = pd.read_csv(folder / "to_read.csv.gz", dtype={"user_id": str, "book_id": str})
    books["key"] = books["domain"] + "/" + books["book_id"]
    books = books.sort_values("key", ignore_index=True)
    parts = [books[column].str.replace("|", ", ") for column in ("title", *ENTITIES)]
    text = [". ".join(part for part in row if part) for row in zip(*parts, strict=True)]
    items = books.rename(columns={"book_id": "id"})[["key", "id", "domain", "title"]]
    users = np.sort(saved["user_id"].unique())
    row = pd.Series(np.arange(len(books), dtype=np.int32), index=books["book_id"])
    interactions = pd.DataFrame(
        {
            "user": np.searchsorted(users, saved["user_id"].to_numpy(str)).astype(np.int32),
            "item": row[saved["book_id"]].to_numpy(),
            "at": saved["position"].to_numpy(np.int64),
            "weight": np.ones(len(saved), np.float32),
            "sign": np.ones(len(saved), np.int8),
        }
    ).sort_values(["user", "item"], ignore_index=True)
    entities: dict[str, pd.DataFrame] = {}
    relations: dict[RelationKey, pd.DataFrame] = {}
    for column, (kind, relation) in ENTITIES.items():
        values = books[column].str.split("|").explode()
        values = values[values != ""]
        names = np.sort(values.unique().astype(str))
        keys = [f"{kind}/{name}" for name in names]
        entities[kind] = pd.DataFrame({"key": keys, "name": names})
        edges = {
            "source": values.index.to_numpy(np.int32),
            "target": np.searchsorted(names, values.to_numpy(str)).astype(np.int32),
            "weight": np.ones(len(values), np.float32),
        }
        table = pd.DataFrame(edges).drop_duplicates(["source", "target"])
        table = table.sort_values(["source", "target"], ignore_index=True)
        relations["item", relation, kind] = table
    return Snapshot(
        roles=Roles(
            domains={name: name.title() for name in sorted(books["domain"].unique())},
            interactions=(InteractionRole(type="SAVED"),),
            entities=tuple(kind for kind, _ in ENTITIES.values()),
            relations=tuple(
                RelationRole(type=relation, source="item", target=kind)
                for kind, relation in ENTITIES.values()
            ),
        ),
        users=pd.DataFrame({"key": users, "id": users}),
        items=items.assign(text=text),
        entities=entities,
        interactions={"SAVED": interactions},
        relations=relations,
    )

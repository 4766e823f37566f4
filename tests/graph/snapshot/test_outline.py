"""The outline of a graph: what is in each domain, and what each two share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from linkspan.graph.roles import InteractionRole, Roles
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.outline import outline


def edges(**columns: list[int]) -> pd.DataFrame:
    frame = pd.DataFrame(columns, dtype=np.int32)
    return frame.assign(weight=np.float32(1))


@pytest.fixture
def snapshot() -> Snapshot:
    """Three books, two films, a game; ``books/1`` is ``films/z`` too."""
    keys = ["books/0", "books/1", "books/2", "films/0", "films/1", "games/0"]
    items = pd.DataFrame({"key": keys, "domain": [key.split("/")[0] for key in keys]})
    items = items.assign(id=keys, title="", text="")
    saved = edges(user=[0, 0, 1, 1, 2], item=[0, 1, 0, 3, 5]).assign(at=0, sign=1)
    seen = edges(user=[0, 3], item=[0, 4]).assign(at=0, sign=-1)
    authors = pd.DataFrame({"key": ["a", "b"], "name": ["A", "B"]})
    return Snapshot(
        roles=Roles(domains={}, interactions=(InteractionRole(type="SAVED"),)),
        users=pd.DataFrame({"key": list("uvwx"), "id": list("uvwx")}),
        items=items,
        entities={"Author": authors},
        interactions={"SAVED": saved, "SEEN": seen},
        relations={
            ("item", "WRITTEN_BY", "Author"): edges(source=[0, 3, 5], target=[0, 0, 1]),
            ("Author", "DREW", "item"): edges(source=[1], target=[4]),
            ("item", "FILM_OF", "item"): edges(source=[3, 4, 2], target=[0, 2, 5]),
            ("user", "FRIEND", "user"): edges(source=[0], target=[1]),
        },
        aliases={
            "item": pd.DataFrame({"row": np.int32([1]), "key": ["films/z"], "domain": ["films"]})
        },
    )


def test_what_is_in_each_domain_and_in_two(snapshot: Snapshot) -> None:
    found = outline(snapshot)
    assert found["domains"] == [
        {"domain": "books", "items": 3, "users": 2, "events": 4},
        {"domain": "films", "items": 3, "users": 3, "events": 3},
        {"domain": "games", "items": 1, "users": 1, "events": 1},
    ]
    assert [tuple(row.values()) for row in found["pairs"]] == [
        ("books", "films", 1, 2, 1, 2),
        ("books", "games", 0, 0, 0, 1),
        ("films", "games", 0, 0, 1, 0),
    ]
    names = ["domain", "other", "items", "users", "entities", "relations"]
    assert list(found["pairs"][0]) == names


def test_a_graph_without_anything_between_its_domains(snapshot: Snapshot) -> None:
    bare = Snapshot(snapshot.roles, snapshot.users, snapshot.items, {}, {}, {})
    found = outline(bare)
    assert [row["items"] for row in found["domains"]] == [3, 2, 1]
    assert all(row["users"] == row["events"] == 0 for row in found["domains"])
    assert found["pairs"] == []

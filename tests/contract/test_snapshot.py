"""Reading the graph into arrays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from contract.conftest import ROLES

from linkspan.errors import ModelError, SchemaError
from linkspan.graph.conditions import Condition
from linkspan.graph.connecting.connection import Database
from linkspan.graph.roles import InteractionRole, Roles
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.reading import read_snapshot

# Of the graph in conftest.py; one value for both servers.
FINGERPRINT = "041f52332e5a5214fd35fc131bbc84478d1690a4ebd25ad1d1e976f568de176d"


def test_it_holds_the_graph(snapshot: Snapshot) -> None:
    assert snapshot.counts() == {
        "users": 40,
        "items": 60,
        "entity/Author": 5,
        "interaction/SAVED": 40 * 60 // 5,
        "relation/item/WRITTEN_BY/Author": 60,
    }
    assert snapshot.domains == ["comics", "science-fiction"]
    first = snapshot.items.iloc[0]
    assert first.to_dict() == {
        "key": "comics/1", "id": "1", "domain": "comics", "title": "Book 1",
        "text": "Book 1. A, B",
    }  # fmt: skip


def test_edges_join_the_rows_that_the_graph_joins(snapshot: Snapshot) -> None:
    events = snapshot.interactions["SAVED"]
    users = snapshot.users["id"].astype(int).to_numpy()[events["user"]]
    items = snapshot.items["id"].astype(int).to_numpy()[events["item"]]
    assert ((users * 7 + items * 3) % 5 == 0).all()
    assert (events["at"].to_numpy() == items).all()
    assert events["user"].dtype == np.int32
    edges = snapshot.relations["item", "WRITTEN_BY", "Author"]
    items = snapshot.items["id"].astype(int).to_numpy()[edges["source"]]
    names = snapshot.entities["Author"]["name"].to_numpy()[edges["target"]]
    assert [f"Author {number % 5 + 1}" for number in items] == names.tolist()


def test_one_graph_has_one_fingerprint_on_every_server(snapshot: Snapshot) -> None:
    assert snapshot.fingerprint() == FINGERPRINT


def test_the_fingerprint_sees_every_change(graph: Database, snapshot: Snapshot) -> None:
    seen = {snapshot.fingerprint()}
    for change in (
        "MATCH (i:Item {key: 'comics/1'}) SET i.title = 'Other'",
        "MATCH (:User {key: '1'})-[r:SAVED]->() SET r.at = r.at + 1",
        "MATCH (:Item {key: 'comics/2'})-[r:WRITTEN_BY]->() DELETE r",
        "CREATE (:User {key: '99', id: '99'})",
    ):
        graph.write(change)
        seen.add(read_snapshot(graph, snapshot.roles).fingerprint())
    assert len(seen) == 5


def test_it_is_saved_and_loaded(snapshot: Snapshot, tmp_path: Path) -> None:
    snapshot.save(tmp_path)
    loaded = Snapshot.load(tmp_path)
    assert loaded.fingerprint() == snapshot.fingerprint()
    assert loaded.events().equals(snapshot.events())
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["fingerprint"] = "0" * 64
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="altered"):
        Snapshot.load(tmp_path)


def test_a_condition_tells_positive_from_negative(graph: Database) -> None:
    role = InteractionRole(type="SAVED", positive=Condition(property="at", operator=">=", value=20))
    roles = Roles(domains={}, interactions=(role,))
    frame = read_snapshot(graph, roles).interactions["SAVED"]
    assert set(frame.loc[frame["at"] >= 20, "sign"]) == {1}
    assert set(frame.loc[frame["at"] < 20, "sign"]) == {-1}
    ignoring = role.model_copy(update={"otherwise": "ignored"})
    frame = read_snapshot(graph, Roles(domains={}, interactions=(ignoring,))).interactions["SAVED"]
    assert set(frame.loc[frame["at"] < 20, "sign"]) == {0}


@pytest.mark.parametrize("operator", ["==", "!=", ">=", ">", "<=", "<"])
@pytest.mark.parametrize("absent", ["null", "0.0 / 0.0"], ids=["missing", "not a number"])
def test_an_event_without_a_rating_is_neither_liked_nor_disliked(
    graph: Database, operator: str, absent: str
) -> None:
    graph.write(f"MATCH ()-[r:SAVED]->() SET r.rating = CASE WHEN r.at < 20 THEN {absent} "
                "ELSE 6 + r.at % 3 END")  # fmt: skip
    judged = Condition.model_validate({"property": "rating", "operator": operator, "value": 7})
    role = InteractionRole(type="SAVED", positive=judged)
    taken = read_snapshot(graph, Roles(domains={}, interactions=(role,)))
    frame = taken.interactions["SAVED"]
    assert set(frame.loc[frame["at"] < 20, "sign"]) == {0}
    assert set(frame.loc[frame["at"] >= 20, "sign"]) == {1, -1}
    assert set(taken.events()["at"]) <= set(range(20, 61))  # nothing is learned from it
    met = frame.loc[frame["sign"] <= 0, ["user", "item"]].drop_duplicates()
    assert len(taken.not_liked()) == len(met)  # and it is known to be met


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("MATCH (i:Item) DETACH DELETE i", "the graph has no items"),
        ("MATCH ()-[r:SAVED]->() DELETE r", "no interactions of type SAVED"),
        ("MATCH (i:Item {key: 'comics/1'}) REMOVE i.domain", "1 items have no domain"),
        ("MATCH (u:User {key: '1'}) REMOVE u.key", "1 nodes have no key"),
        ("MATCH (:User {key: '1'})-[r:SAVED]->() SET r.at = 'soon'", "'soon', not a number"),
    ],
)
def test_a_graph_that_does_not_fit_is_refused(
    graph: Database, snapshot: Snapshot, change: str, message: str
) -> None:
    graph.write(change)
    with pytest.raises(SchemaError, match=message):
        read_snapshot(graph, snapshot.roles)


@pytest.mark.parametrize("value", ["-0.5", "0.0 / 0.0"], ids=["negative", "not a number"])
@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(:Item {key: 'comics/2'})-[r:WRITTEN_BY]->()", "from 'comics/2' to 'author/"),
        ("(:User {key: '1'})-[r:SAVED]->(:Item {key: 'comics/6'})", "from '1' to 'comics/6'"),
    ],
)
def test_a_weight_that_is_none_is_refused(
    graph: Database, value: str, pattern: str, message: str
) -> None:
    roles = ROLES.model_copy(
        update={
            "interactions": (InteractionRole(type="SAVED", weight="share"),),
            "relations": (ROLES.relations[0].model_copy(update={"weight": "share"}),),
        }
    )
    assert len(read_snapshot(graph, roles).interactions["SAVED"])
    graph.write(f"MATCH {pattern} SET r.share = {value}")
    with pytest.raises(SchemaError, match=f"property 'share' of the .* {message}.* no weight"):
        read_snapshot(graph, roles)


def test_an_empty_database_is_refused(prepared: Database) -> None:
    roles = Roles(domains={}, interactions=(InteractionRole(type="SAVED"),))
    with pytest.raises(SchemaError, match="no items"):
        read_snapshot(prepared, roles)

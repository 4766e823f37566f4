"""What is said of any graph, and the roles that are proposed for it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from linkspan.graph.adopting import inspecting
from linkspan.graph.connecting.connection import Database


def test_a_graph_of_others_is_described(linkspan: Any, theirs: Database) -> None:
    answer = linkspan("inspect", "--draw", "graph.svg")
    assert answer.code == 0, answer.err
    picture = answer.out.split("Roles, to be put")[0]
    assert max(map(len, picture.splitlines())) <= 80, picture
    for line in ("Person +121 +pid +string +100%", "Film +30", "RATED +Person +Film"):
        assert re.search(line, picture), picture
    root = ET.parse("graph.svg").getroot()
    texts = {element.text for element in root.iter() if element.text}
    assert {"Person", "Film", "Printed Book", "Kind", "Shop"} <= texts
    assert "IS_A 30" in texts


def test_what_it_counts_is_right(linkspan: Any, theirs: Database) -> None:
    told = json.loads(linkspan("inspect", "--json").out)
    graph = told["graph"]
    assert {name: label["count"] for name, label in graph["labels"].items()} == {
        "Person": 121, "Film": 30, "Printed Book": 30, "Kind": 2, "Admin": 1, "Shop": 1,
    }  # fmt: skip
    plot = graph["labels"]["Film"]["properties"]["plot"]
    assert plot["filled"] == 1 and "LIST" in plot["types"][0]
    films = next(j for j in graph["types"]["RATED"]["joins"] if j["target"] == "Film")
    rows = theirs.read("MATCH (p:Person) RETURN COUNT { (p)-[:RATED]->() } AS d ORDER BY d")
    degrees = [row["d"] for row in rows]
    assert films["out"] == {
        "mean": pytest.approx(sum(degrees) / 121), "median": degrees[60], "most": degrees[-1],
    }  # fmt: skip
    counted = theirs.read("MATCH (:Person)-[r:RATED]->(:Film) RETURN count(r) AS n")
    assert films["count"] == counted[0]["n"]
    both = theirs.read(
        "MATCH (p:Person) WHERE EXISTS { (p)-[:RATED]->(:Film) } "
        "AND EXISTS { (p)-[:RATED]->(:`Printed Book`) } RETURN count(p) AS n"
    )
    shared = {(row["one"], row["other"]): row["users"] for row in told["shared_users"]}
    assert shared["Film", "Printed Book"] == both[0]["n"]


def test_proposed_roles_are_taken_as_they_are(linkspan: Any, theirs: Database) -> None:
    Path("linkspan.toml").unlink()
    answer = linkspan("inspect", "--write", "linkspan.toml")
    assert answer.code == 0, answer.err
    text = Path("linkspan.toml").read_text()
    assert text.count("# guess") >= 5
    taken = linkspan("snapshot", "--json")
    assert taken.code == 0, taken.err + text
    rows = json.loads(taken.out)["rows"]
    assert rows["users"] == 121 and rows["items"] == 60
    assert rows["interaction/RATED"] == 120 * 8 + 1
    assert rows["relation/item/IS_A/Kind"] == rows["relation/Kind/HAS/item"] == 30
    again = linkspan("inspect", "--write", "linkspan.toml")
    assert again.code == 2 and "is there already" in again.err


def test_a_part_of_a_large_graph_is_looked_at_and_said_so(
    linkspan: Any, theirs: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspecting, "NODES", 50)
    monkeypatch.setattr(inspecting, "LINKS", 100)
    told = json.loads(linkspan("inspect", "--json").out)["graph"]
    assert set(told["sampled"]) == {"Person", "RATED"}
    assert told["labels"]["Person"]["count"] == 121
    assert told["labels"]["Person"]["properties"]["pid"]["filled"] == 1
    assert sum(join["count"] for join in told["types"]["RATED"]["joins"]) == 120 * 8 + 1
    assert "there are more of\nPerson, RATED." in linkspan("inspect").out


def test_a_graph_without_users_or_anything(linkspan: Any, on_bare_server: Database) -> None:
    answer = linkspan("inspect")
    assert answer.code == 0 and "no label looks like users" in answer.out
    on_bare_server.write("CREATE (:Town {name: 'A'})-[:NEAR]->(:Town {name: 'B'})")
    answer = linkspan("inspect")
    assert answer.code == 0 and "NEAR" in answer.out and "no label looks like" in answer.out


def test_a_graph_that_linkspan_loaded(linkspan: Any, project: Path, on_server: Database) -> None:
    assert linkspan("ingest").code == 0
    told = json.loads(linkspan("inspect", "--json").out)
    assert told["roles"] is None
    shared = {(row["one"], row["other"]): row["users"] for row in told["shared_users"]}
    assert shared == {("Books", "Books"): 220, ("Books", "Films"): 220, ("Films", "Films"): 220}
    assert "needs no roles" in linkspan("inspect").out

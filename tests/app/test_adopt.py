"""An existing graph under labels of its own: adopted, published into, and left as it was."""

from __future__ import annotations

import csv
import gzip
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import linkspan as package
from linkspan import cypher
from linkspan.graph.connecting.connection import Database
from linkspan.graph.users.forgetting import note_forgotten
from linkspan.graph.writing.constraints import LEASE_BEFORE

pytestmark = pytest.mark.usefixtures("trained_once")
Graph = dict[str, list[Any]]
GAINED = re.compile(
    r"\('(run|text_hash_[ab])', '[^']*'\)(, )?|\('(text_)?vector_[ab]', \[[^]]*\]\)(, )?"
)
"""What publishing sets on a node, as `read_all` writes it."""
OWN_SCHEMA = re.compile(r"linkspan_|'Run'|'Lease'|'item_(vector|text)_[ab]|_type'")


def read_all(db: Database) -> Graph:
    """Everything in a graph, by plain Cypher: content, constraints and indexes."""
    nodes = "MATCH (n) RETURN elementId(n) AS id, labels(n) AS labels, properties(n) AS p"
    links = (
        "MATCH (a)-[r]->(b) RETURN elementId(a) AS a, type(r) AS type, elementId(b) AS b, "
        "properties(r) AS p"
    )
    kept = ("name", "type", "labelsOrTypes", "properties")
    schema = [*db.run("SHOW CONSTRAINTS"), *db.run("SHOW INDEXES")]
    return {
        "nodes": sorted(map(_flat, db.read(nodes))),
        "links": sorted(map(_flat, db.read(links))),
        "schema": sorted(_flat({key: row[key] for key in kept}) for row in schema),
    }


def _flat(row: dict[str, Any]) -> str:
    return repr([sorted(v.items()) if isinstance(v, dict) else v for v in row.values()])


def _ours(before: Graph, after: Graph) -> tuple[set[str], set[str], set[str]]:
    """What is there after and was not before; a node may only have gained what publishing sets."""
    new = {part: set(after[part]) - set(before[part]) for part in before}
    gone = {part: set(before[part]) - set(after[part]) for part in before}
    assert not gone["links"] and not gone["schema"]
    assert gone["nodes"] <= {GAINED.sub("", node).replace(", ]", "]") for node in new["nodes"]}
    return new["nodes"], new["links"], new["schema"]


def test_an_adopted_graph_is_served_and_left_as_it_was(linkspan: Any, theirs: Database) -> None:
    before = read_all(theirs)
    taken = json.loads(linkspan("snapshot", "--json").out)
    assert taken["rows"] == {
        "users": 121, "items": 60, "entity/Genre": 2, "interaction/RATED": 120 * 8 + 1,
        "relation/item/IS_A/Genre": 30, "relation/Genre/HAS/item": 30,
    }  # fmt: skip
    assert read_all(theirs) == before
    for stage in ("train", "evaluate", "publish"):
        answer = linkspan(stage)
        assert answer.code == 0, (stage, answer.err)

    nodes, links, schema = _ours(before, read_all(theirs))
    own = [node for node in nodes if "['Run']" in node or "['Lease']" in node]
    assert len(own) == 2 and all(GAINED.search(node) for node in nodes - set(own))
    assert all("'RECOMMENDED'" in link or "'SIMILAR'" in link for link in links)
    assert all(OWN_SCHEMA.search(entry) for entry in schema)

    rows = json.loads(linkspan("recommend", "p1", "--json").out)
    assert len(rows) == 6 and {row["domain"] for row in rows} == {"films", "books"}
    best = next(row for row in rows if row["domain"] == "films")
    assert best["title"] == "Film " + best["item"].removeprefix("films/")
    assert int(best["item"].removeprefix("films/")) % 2 == 1  # p1's taste
    assert best["because"].split() == [
        {"films": "Film", "books": "Book"}[best["because_item"].split("/")[0]],
        best["because_item"].split("/")[1],
    ]
    similar = json.loads(linkspan("similar", "films/1", "-d", "books", "--json").out)
    assert len(similar) == 2 and all(row["title"].startswith("Book ") for row in similar)
    assert "there is no item 'books/31'" in linkspan("similar", "books/31").err
    related = json.loads(linkspan("similar", "films/1", "--kind", "relations", "--json").out)
    assert {(row["how"], row["by"]) for row in related} == {("IS_A", "taste 1")}
    shelf = json.loads(linkspan("history", "p1", "-k", "20", "--json").out)
    assert len(shelf) == 9 and {row["interaction"] for row in shelf} == {"RATED"}
    assert (shelf[-1]["item"], shelf[-1]["at"]) == ("films/2", 1546300800000)
    found = json.loads(linkspan("explain", "p1", best["item"], "-k", "50", "--json").out)
    assert (found["rank"], found["past"][0]["item"]) == (best["rank"], best["because_item"])
    paths = found["paths"]
    assert {path["kind"] for path in paths} - {"Text"} == {"Kind", "User"}
    assert "taste 1" in {path["by"] for path in paths}

    printed = linkspan("query", "recommend", "--print").out
    assert "(u:Person {pid: $user})" in printed and "`Printed Book`" in printed
    by_name = json.loads(linkspan("query", "recommend", "-p", "user=p1", "--json").out)
    assert [row["item"] for row in by_name] == [row["item"] for row in rows]
    assert theirs.read(printed, user="p1", domain=None, k=10) == by_name
    popular = linkspan("query", "popular", "-p", "domain=books", "-p", "k=3").out
    assert popular.count("books/") == 3
    with package.connect() as client:
        assert [row.item for row in client.recommend("p1")] == [row["item"] for row in rows]
        with pytest.raises(package.ConfigError, match=r"no domain 'games'\. It has books"):
            client.recommend("p1", domain="games")
    assert "121 users, 60 items, 2 entities" in linkspan("doctor").out

    (first,) = Path(".linkspan/runs").iterdir()
    shutil.copytree(first, first.with_name("99991231-000000-1"))  # the same lists as another run
    assert linkspan("publish").code == 0
    assert "99991231" in linkspan("recommend", "p1", "--json").out
    assert linkspan("rollback").code == 0
    assert json.loads(linkspan("recommend", "p1", "--json").out) == rows

    taken, disliked = rows[0]["item"], rows[1]["item"]
    assert linkspan("feedback", "p1", taken).out.startswith("1 new")
    assert linkspan("feedback", "p1", disliked, "--kind", "dislike").code == 0
    left = json.loads(linkspan("recommend", "p1", "--json").out)
    assert left == [row for row in rows if row["item"] not in (taken, disliked)]
    newest = json.loads(linkspan("history", "p1", "-k", "1", "--json").out)[0]
    assert newest["item"] == taken and newest["at"] > 1_700_000_000_000  # a date of theirs
    assert json.loads(linkspan("snapshot", "--json").out)["rows"]["interaction/RATED"] == 963

    theirs.write(cypher.load("make_lease", {"Lease": LEASE_BEFORE}), name="publish")
    note_forgotten(theirs, ["p999"])
    assert any("'Forgotten'" in each for each in read_all(theirs)["schema"])
    asked = linkspan("unadopt", "--json")
    assert asked.code == 2 and "--yes" in asked.err
    removed = json.loads(linkspan("unadopt", "--yes", "--json").out)["removed"]
    assert removed["feedback"] == 3
    assert removed["users"] == 121 and len(removed["runs"]) == 2
    assert removed["recommended"] == 2 * 121 * 2 * 3
    assert read_all(theirs) == before
    assert linkspan("unadopt", "--yes").code == 0
    assert read_all(theirs) == before


ODD = {
    '"RATED"': '"HAS RATED-2"', '"IS_A"': '"is a"', '"HAS"': '"part-of.it"',
    '"on"': '"rated on"', '"stars >= 3"': '"`given stars` >= 3"', '"pid"': '"person id"',
    '"heading"': '"main heading"',
}  # fmt: skip
RENAMED = (
    "MATCH (a)-[r:RATED]->(b) "
    "CREATE (a)-[:`HAS RATED-2` {`rated on`: r.on, `given stars`: r.stars}]->(b) DELETE r",
    "MATCH (a)-[r:IS_A]->(b) CREATE (a)-[:`is a`]->(b) DELETE r",
    "MATCH (a)-[r:HAS]->(b) CREATE (a)-[:`part-of.it`]->(b) DELETE r",
    "MATCH (p:Person) SET p.`person id` = p.pid REMOVE p.pid",
    "MATCH (b:`Printed Book`) SET b.`main heading` = b.heading REMOVE b.heading",
)


def test_names_that_are_no_plain_words_are_adopted(linkspan: Any, theirs: Database) -> None:
    for query in RENAMED:
        theirs.write(query)
    roles = Path("linkspan.toml").read_text()
    for plain, odd in ODD.items():
        assert plain in roles
        roles = roles.replace(plain, odd)
    before = read_all(theirs)
    proposed = linkspan("inspect", "--write", "proposed.toml")
    assert proposed.code == 0, proposed.err
    assert 'type = "HAS RATED-2"' in Path("proposed.toml").read_text()
    assert linkspan("snapshot", "-c", "proposed.toml").code == 0
    Path("linkspan.toml").write_text(roles)
    taken = json.loads(linkspan("snapshot", "--json").out)["rows"]
    assert taken["interaction/HAS RATED-2"] == 120 * 8 + 1
    assert taken["relation/item/is a/Genre"] == taken["relation/Genre/part-of.it/item"] == 30
    for stage in ("train", "evaluate", "publish"):
        answer = linkspan(stage)
        assert answer.code == 0, (stage, answer.err)
    rows = json.loads(linkspan("recommend", "p1", "--json").out)
    assert len(rows) == 6 and {row["domain"] for row in rows} == {"films", "books"}
    assert all(row["title"] and row["because"] for row in rows)
    past = json.loads(linkspan("history", "p1", "-k", "20", "--json").out)
    assert {row["interaction"] for row in past} == {"HAS RATED-2"}
    assert past[-1]["at"] == 1546300800000
    found = json.loads(linkspan("explain", "p1", rows[0]["item"], "-k", "50", "--json").out)
    assert "taste 1" in {path["by"] for path in found["paths"]}
    for query in ("tastes", "health"):
        answer = linkspan("query", query, *(("-p", "user=p1") if query == "tastes" else ()))
        assert answer.code == 0, (query, answer.err)
    assert linkspan("feedback", "p1", rows[0]["item"]).out.startswith("1 new")
    assert linkspan("refresh").code == 0
    assert linkspan("unadopt", "--yes").code == 0
    assert read_all(theirs) == before


@pytest.mark.soak
def test_a_graph_of_two_thousand_films_is_left_as_it_was(
    linkspan: Any,
    on_bare_server: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    realdata: Path,
) -> None:
    """MovieLens with its Freebase graph, loaded under other labels by the lines below alone."""

    def rows(name: str) -> Iterator[dict[str, str]]:
        with gzip.open(realdata / "ml100k_freebase" / f"ml-100k.{name}.gz", "rt") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                yield {key.partition(":")[0]: value for key, value in row.items()}

    def create(query: str, rows: list[dict[str, str]]) -> None:
        for start in range(0, len(rows), 5000):
            on_bare_server.write(f"UNWIND $rows AS row {query}", rows=rows[start : start + 5000])

    films, people = list(rows("item")), list(rows("user"))
    linked = {row["entity_id"]: row["item_id"] for row in rows("link")}
    acted = [
        {"film": linked[row["head_id"]], "who": row["tail_id"]}
        for row in rows("kg")
        if row["relation_id"] == "film.film.actor" and row["head_id"] in linked
    ]
    films_of = Counter(row["who"] for row in acted)
    acted = [row for row in acted if films_of[row["who"]] >= 5]
    actors = [{"who": who} for who in sorted({row["who"] for row in acted})]
    for label, key in (("Person", "pid"), ("Film", "nr"), ("Actor", "mid")):
        on_bare_server.run(f"CREATE CONSTRAINT {key} FOR (n:{label}) REQUIRE n.{key} IS UNIQUE")
    create("CREATE (:Film {nr: toInteger(row.item_id), name: row.movie_title})", films)
    create("CREATE (p:Person {pid: row.user_id}) SET p.run_by = row.occupation", people)
    create(
        "CREATE (:Actor {mid: row.who})", [{"who": w} for w in sorted({r["who"] for r in acted})]
    )
    create(
        "MATCH (f:Film {nr: toInteger(row.film)}) MATCH (a:Actor {mid: row.who}) "
        "CREATE (a)-[:PLAYED_IN]->(f)",
        acted,
    )
    create(
        "MATCH (p:Person {pid: row.user_id}) MATCH (f:Film {nr: toInteger(row.item_id)}) "
        "CREATE (p)-[:RATED {when: toInteger(row.timestamp), stars: toInteger(row.rating)}]->(f)",
        [row for row in rows("inter") if int(row["user_id"]) <= 150],
    )
    (tmp_path / "linkspan.toml").write_text(
        """
        [adopt]
        users = { label = "Person", key = "pid" }
        domains.films = { label = "Film", key = "nr", title = "name" }
        interactions = [{ type = "RATED", at = "when", positive = "stars >= 4" }]
        entities.Actor = { key = "mid" }
        relations = [{ type = "PLAYED_IN", source = "Actor", target = "Film" }]
        [train.encoding]
        encoder = "hash"
        [train.model]
        embedding_size = 32
        [train.learning]
        epochs = 4
        batch_size = 512
        [publish]
        k = 5
        similar = 3
        """
    )
    monkeypatch.chdir(tmp_path)
    before = read_all(on_bare_server)
    assert len(before["nodes"]) == 1682 + 943 + len(actors)
    answer = linkspan("run", "--json")
    assert answer.code == 0, answer.err
    nodes, links, _ = _ours(before, read_all(on_bare_server))
    assert len(nodes) == 943 + 1 and len(links) == 943 * 5 + 1682 * 3
    rated = json.loads(linkspan("recommend", "1", "--json").out)
    assert len(rated) == 5 and all(row["title"] and row["because"] for row in rated)
    assert linkspan("unadopt", "--yes").code == 0
    assert read_all(on_bare_server) == before


UNFIT = [
    ('label = "Person"', 'label = "Persona"', "no nodes labelled 'Persona'. Perhaps 'Person'"),
    ('key = "pid"', 'key = "id"', "no node labelled 'Person' has a property 'id'"),
    ('"plot"]', '"plots"]', "'Film' has a property 'plots'. Perhaps 'plot'"),
    ('"RATED"', '"RATE"', "no relationships of type RATE. Perhaps 'RATED'"),
    ('at = "on"', 'at = "when"', "RATED has a property 'when'. It has on, stars"),
    ('source = "Film"', 'source = "Person"', r"IS_A joins .*they join \(:Film\)"),
]
"""Text of the settings, what stands there instead, and the error."""
DAMAGE: dict[str, tuple[str, str]] = {
    "a node without its key": (
        "MATCH (f:`Printed Book` {no: '3'}) REMOVE f.no",
        "1 of 30 nodes labelled 'Printed Book' have no 'no'",
    ),
    "two nodes with one key": (
        "MATCH (p:Person {pid: 'p2'}) SET p.pid = 'p1'", "several have 'p1'",
    ),
    "keys of two kinds": (
        "MATCH (b:`Printed Book` {no: '3'}) SET b.no = 3", "text on some and a number",
    ),
    "a key that is a list": (
        "MATCH (k:Kind {code: 1}) SET k.code = [1, 2]",
        r"is \[1, 2\], and a key is text",
    ),
    "a type that joins other labels": (
        "MATCH (p:Person {pid: 'p1'}) MATCH (s:Shop) CREATE (p)-[:RATED {stars: 1}]->(s)",
        r"1 relationships of type RATED join \(:Person\) to \(:Shop\)",
    ),
    "a user who is a film": (
        "CREATE (:Person:Film {pid: 'both', no: 99})",
        "1 nodes are labelled both 'Person' and 'Film'",
    ),
    "a time that is text": (
        "MATCH (:Person {pid: 'p1'})-[r:RATED]->() SET r.on = 'soon'",
        "'soon', not a number",
    ),
    "results of their own": (
        "MATCH (f:Film {no: 1}) MATCH (g:Film {no: 2}) CREATE (f)-[:SIMILAR]->(g)",
        "relationships of type SIMILAR that are not Linkspan's",
    ),
    "leases of their own": (
        "CREATE (:Lease {name: 'Hill Road 1'})", "nodes labelled Lease that are not",
    ),
    "runs of their own": ("CREATE (:Run {km: 3})", "nodes labelled Run that are not"),
    "users with a run": (
        "MATCH (p:Person {pid: 'p1'}) SET p.run = 3",
        "Person nodes with a property 'run'",
    ),
}  # fmt: skip


def check_refused(linkspan: Any, theirs: Database, message: str) -> None:
    """The graph is not read, one line says why, and nothing in it has changed."""
    before = read_all(theirs)
    answer = linkspan("snapshot")
    assert answer.code == 4 and answer.err.count("\n") == 1, answer.err
    assert re.search(message, answer.err), answer.err
    assert read_all(theirs) == before


def test_roles_that_the_graph_has_not_are_refused(
    linkspan: Any, theirs: Database, roles: Path
) -> None:
    text = roles.read_text()
    for old, new, message in UNFIT:
        assert old in text
        roles.write_text(text.replace(old, new))
        check_refused(linkspan, theirs, message)


@pytest.mark.parametrize("case", DAMAGE)
def test_a_graph_that_does_not_fit_is_refused(linkspan: Any, theirs: Database, case: str) -> None:
    change, message = DAMAGE[case]
    theirs.write(change)
    check_refused(linkspan, theirs, message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('label = "Person"', 'labels = "Person"', r"\[adopt\], users: there is no key 'labels'"),
        ('label = "Printed Book"', 'label = "Film"', "'Film' would stand for domain"),
        ('target = "Kind"', 'target = "Sort"', r"\[\[adopt.relations\]\] 1, target: .*'Sort'"),
        ('type = "IS_A"', 'type = "RATED"', "'RATED' would stand for"),
        ('type = "RATED"', 'type = "RECOMMENDED"', "RECOMMENDED.* is reserved"),
        ("[adopt.users]", "[users]\nshared = true\n[adopt.users]", "users"),
    ],
)
def test_roles_that_are_wrong_are_named(
    linkspan: Any, roles: Path, old: str, new: str, message: str
) -> None:
    """No graph is asked."""
    text = roles.read_text()
    assert old in text
    roles.write_text(text.replace(old, new, 1))
    answer = linkspan("snapshot")
    assert answer.code == 2 and answer.err.count("\n") == 1, answer.err
    assert re.search(message, answer.err), answer.err


def test_there_is_nothing_to_ingest(linkspan: Any, login: None, roles: Path) -> None:
    answer = linkspan("ingest")
    assert answer.code == 2 and "adopt an existing graph" in answer.err


def test_a_graph_that_linkspan_loaded_is_not_unadopted(
    linkspan: Any, project: Path, on_server: Database
) -> None:
    assert linkspan("ingest").code == 0
    before = read_all(on_server)
    answer = linkspan("unadopt", "--yes")
    assert answer.code == 4 and "Linkspan loaded this graph itself" in answer.err
    assert read_all(on_server) == before

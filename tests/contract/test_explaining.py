"""Why an item is recommended, as the database says it: a small graph whose ties are known."""

from __future__ import annotations

from dataclasses import asdict
from math import log2, sqrt

import pytest
from planted import THEIRS, plant_theirs

from linkspan.errors import ArgumentError
from linkspan.graph.asking.client import Client
from linkspan.graph.asking.results import Path
from linkspan.graph.connecting.connection import Database

ME, ITEM = "me", "books/new"


@pytest.fixture
def ties(prepared: Database) -> Client:
    """I met 4 books and a film. The new book shares a series of 3 and a tag of 40 with books/1, has
    ALSO_BOUGHT with books/2 (weight 1) and with one I did not meet (weight 4), two of its three
    readers read books/3, its text is that of films/1, and books/4 is not tied to it at all."""
    db = prepared
    books = ["1", "2", "3", "4", "new", "other", *(f"x{n}" for n in range(38))]
    db.write(
        "UNWIND $ids AS id CREATE (:Item:Books {key: 'books/' + id, id: id, domain: 'books', "
        "title: 'Book ' + id, text_vector_b: [0.0, 1.0]})",
        ids=books,
    )
    db.write(
        "CREATE (:Item:Films {key: 'films/1', id: '1', domain: 'films', title: 'Film 1', "
        "text_vector_b: [4.0, 3.0]}) CREATE (:Entity:Series {key: 'series/s', name: 'Saga'}) "
        "CREATE (:Entity:Tag {key: 'tag/t', name: 'good'})"
    )
    db.write("MATCH (i:Item {key: 'books/new'}) SET i.text_vector_b = [1.0, 0.0]")
    db.write("MATCH (i:Item {key: 'books/other'}) SET i.text_vector_b = [-1.0, 0.0]")
    db.write("MATCH (i:Item {key: 'films/1'}) SET i.text_vector_a = [0.0, 1.0]")
    for entity, how, ids in (
        ("series/s", "IN_SERIES", ["1", "new", "other"]),
        ("tag/t", "TAGGED", ["1", "new", *(f"x{n}" for n in range(38))]),
    ):
        db.write(
            f"MATCH (e:Entity {{key: '{entity}'}}) UNWIND $keys AS key "
            f"MATCH (i:Item {{key: key}}) CREATE (i)-[:{how}]->(e)",
            keys=[f"books/{id}" for id in ids],
        )
    db.write(
        "MATCH (i:Item {key: 'books/new'}) MATCH (a:Item {key: 'books/2'}) "
        "MATCH (b:Item {key: 'books/other'}) "
        "CREATE (a)-[:ALSO_BOUGHT {weight: 1.0}]->(i), (i)-[:ALSO_BOUGHT {weight: 4.0}]->(b)"
    )
    met = {ME: ["books/1", "books/2", "books/3", "books/4", "films/1"]}
    met |= {"r1": ["books/new", "books/3"], "r2": ["books/new", "books/3"], "r3": ["books/new"]}
    met |= {"r4": ["books/3"], "r5": ["books/3", "books/4"], "new": []}
    db.write("UNWIND $keys AS key CREATE (:User {key: key, id: key, run: 'r'})", keys=list(met))
    db.write(
        "UNWIND $rows AS row MATCH (u:User {key: row[0]}) MATCH (i:Item {key: row[1]}) "
        "CREATE (u)-[:SAVED {at: row[2]}]->(i)",
        rows=[(user, item, at) for user, items in met.items() for at, item in enumerate(items)],
    )
    db.write(
        "CREATE (:Run {id: 'r', state: 'active', interactions: ['SAVED'], vectors: 'b'}) "
        "WITH 1 AS one MATCH (u:User {key: 'me'}), (i:Item {key: 'books/new'}) "
        "UNWIND [['r', 2], ['older', 7]] AS run "
        "CREATE (u)-[:RECOMMENDED {run: run[0], domain: 'books', "
        "rank: run[1], score: 3.0, gnn: 1.5, linear: 1.0, transitions: 0.25, text: 0.5, "
        "popularity: -0.25, because: 'films/1'}]->(i)"
    )
    return Client(db)


def test_every_kind_of_tie_has_its_strength(ties: Client) -> None:
    paths = ties.explain(ME, ITEM, k=100).paths
    found = {(path.past, path.kind, path.by, path.how): path.strength for path in paths}
    assert found == {
        ("books/1", "Series", "Saga", "IN_SERIES"): pytest.approx(1 / log2(3)),
        ("films/1", "Text", "likeness of text", "TEXT"): pytest.approx(2 * 0.8 - 1),
        ("books/3", "User", "2 fellow users", "SAVED"): pytest.approx(2 / sqrt(5 * 3)),
        ("books/2", "Item", "ALSO_BOUGHT", "ALSO_BOUGHT"): pytest.approx(1 / 4),
        ("books/1", "Tag", "good", "TAGGED"): pytest.approx(1 / log2(40)),
    }
    assert [path.strength for path in paths] == sorted(found.values(), reverse=True)
    assert [path.cross_domain for path in paths] == [False, True, False, False, False]
    assert {path.item_title for path in paths} == {"Book new"}
    assert paths[1].past_title == "Film 1" and paths[1].past_domain == "films"
    assert ties.explain(ME, ITEM, k=2).paths == paths[:2]


def test_no_fellow_users_are_told_where_the_run_has_a_privacy_budget(ties: Client) -> None:
    before = [path for path in ties.explain(ME, ITEM, k=100).paths if path.kind != "User"]
    ties.database.write("MATCH (r:Run) SET r.privacy = '{\"epsilon\": 1.0}'")
    assert list(ties.explain(ME, ITEM, k=100).paths) == before


def test_what_is_stored_of_a_recommendation_is_told(ties: Client) -> None:
    found = ties.explain(ME, ITEM)
    assert (found.rank, found.score, found.run, found.met) == (2, 3.0, "r", None)
    assert sum(found.parts.values()) == found.score and found.parts["gnn"] == 1.5
    (past,) = found.past
    assert (past.item, past.title, past.domain, past.met) == ("films/1", "Film 1", "films", "SAVED")
    assert found.cross_domain and found.because == "because you saved Film 1 (films)"
    assert found.words[:3] == [
        "Book new is number 2 in books for user me",
        found.because,
        "Series Saga (3 items), as Book 1",
    ]
    assert asdict(found)["paths"] == [asdict(path) for path in found.paths]
    assert list(found.paths.to_pandas()["by"]) == [path.by for path in found.paths]


def test_what_took_an_item_out_of_the_list_since_is_told(ties: Client) -> None:
    ties.feedback(ME, ITEM, "dislike")
    found = ties.explain(ME, ITEM)
    assert (found.rank, found.said, found.met) == (2, "negative", None)
    ties.database.write(
        "MATCH (u:User {key: 'me'}), (i:Item {key: 'books/new'}) CREATE (u)-[:SAVED {at: 9}]->(i)"
    )
    found = ties.explain(ME, ITEM, k=100)
    assert found.words[0] == "Book new was number 2 in books for user me, until you saved it"
    assert ITEM not in {path.past for path in found.paths}


def test_before_anything_is_published_the_ties_are_told(ties: Client) -> None:
    ties.database.write("MATCH (u:User) REMOVE u.run")
    ties.database.write("MATCH (r:Run) DELETE r")
    found = Client(ties.database).explain(ME, ITEM)
    assert (found.rank, found.run, found.score, found.past) == (None, None, None, [])
    assert found.paths and "nothing was published for user me yet" in found.words[0]


def test_an_item_in_no_list_has_paths_and_no_score(ties: Client) -> None:
    found = ties.explain(ME, "books/other", k=3)
    assert (found.rank, found.score, found.run, found.parts) == (None, None, "r", {})
    assert found.past == [] and found.because == ""
    assert found.paths[0].by == "Saga" and not found.cross_domain
    met = ties.explain(ME, "books/1", k=100)
    assert met.met == "SAVED" and all(path.past != "books/1" for path in met.paths)
    assert ties.explain("new", ITEM).paths == [] == ties.explain("new", ITEM).past


def test_an_item_without_a_reason_is_told_without(ties: Client) -> None:
    ties.database.write("MATCH (:User {key: 'me'})-[r:RECOMMENDED]->() REMOVE r.because")
    found = ties.explain(ME, ITEM)
    assert found.rank == 2 and found.past == []


def test_without_vectors_or_relations_the_other_ties_are_found(ties: Client) -> None:
    ties.database.write("MATCH (r:Run) REMOVE r.vectors")
    kinds: list[Path] = ties.explain(ME, ITEM, k=100).paths
    assert {path.kind for path in kinds} == {"Series", "Tag", "Item", "User"}
    ties.database.write("MATCH ()-[r:IN_SERIES|TAGGED|ALSO_BOUGHT]->() DELETE r")
    assert {path.kind for path in ties.explain(ME, ITEM, k=100).paths} == {"User"}


def test_only_the_latest_part_of_a_long_past_is_looked_at(ties: Client) -> None:
    """300 later events push the five out of the latest 200; the work stays bounded."""
    ties.database.write(
        "UNWIND range(1, 300) AS n CREATE (i:Item:Books {key: 'books/late' + toString(n), "
        "id: 'late' + toString(n), domain: 'books'}) WITH i, n MATCH (u:User {key: 'me'}) "
        "CREATE (u)-[:SAVED {at: 1000 + n}]->(i)"
    )
    ties.database.write(
        "MATCH (i:Item {key: 'books/late300'}), (e:Entity {key: 'tag/t'}) CREATE (i)-[:TAGGED]->(e)"
    )
    (path,) = ties.explain(ME, ITEM, k=100).paths
    assert path.past == "books/late300" and path.ties == 41


def test_what_is_stored_is_told_under_other_names(db: Database) -> None:
    plant_theirs(db)
    db.write("MATCH (r:Run {id: 'r2'}) SET r.names = $names", names=THEIRS.model_dump_json())
    client = Client(db)
    found = client.explain("ann", "games/1")
    assert (found.rank, found.score, found.run, found.title) == (1, 0.9, "r2", "Dune II")
    assert found.parts["gnn"] == 0.9 and found.because == "because you saved Dune (books)"
    assert [(path.kind, path.past) for path in found.paths] == [
        ("Tag", "books/1"), ("User", "books/1"), ("User", "films/1"),
    ]  # fmt: skip
    said = client.explain("ben", "books/2")
    assert (said.rank, said.said) == (2, "negative")
    assert client.explain("ann", "books/1").met == "SAVED"
    with pytest.raises(ArgumentError, match="no user 'nobody'"):
        client.explain("nobody", "games/1")
    for item in ("games/7", "games/x", "games", "shoes/1", ""):
        with pytest.raises(ArgumentError, match=f"no item '{item}'"):
            client.explain("ann", item)

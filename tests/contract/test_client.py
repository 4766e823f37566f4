"""The client and the queries behind it."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from linkspan import cypher
from linkspan.errors import ConfigError, DatabaseError
from linkspan.graph.client import Client
from linkspan.graph.connection import Database
from linkspan.graph.publishing import RunRecord, publish
from linkspan.graph.snapshot import Snapshot


@pytest.fixture
def client(
    graph: Database,
    snapshot: Snapshot,
    lists: Callable[[int], pd.DataFrame],
    similar: pd.DataFrame,
    make_record: Callable[[str], RunRecord],
) -> Client:
    publish(graph, make_record("a"), snapshot.users["key"].tolist(), lists(0), similar)
    return Client(graph)


def test_recommend_keeps_to_domain_and_number(client: Client) -> None:
    rows = client.recommend("7", domain="comics", k=3)
    assert [row.rank for row in rows] == [1, 2, 3]
    assert {row.domain for row in rows} == {"comics"}
    assert rows[0].because == "Book 1" and rows[0].because_item == "comics/1"
    both = client.recommend("7", k=4)
    assert [row.rank for row in both] == [1, 1, 2, 2]
    frame = rows.to_pandas()
    assert list(frame["item"]) == [row.item for row in rows]
    assert set(frame.columns) >= {"item", "title", "score", "gnn", "popularity", "because"}


def test_similar_history_and_runs(client: Client) -> None:
    assert [row.score for row in client.similar("comics/1")] == [1, 1 / 2, 1 / 3]
    shelf = client.history("7", domain="comics")
    assert [row.at for row in shelf] == sorted((row.at for row in shelf), reverse=True)
    assert all((7 * 7 + int(row.item.split("/")[1]) * 3) % 5 == 0 for row in shelf)
    assert [(run.run, run.state) for run in client.runs()] == [("a", "active")]


def test_explain_finds_entities_and_fellow_users(client: Client, graph: Database) -> None:
    # User 5 met items 5, 10, ...; author 1 wrote those, and author 2 wrote comics/1.
    (path,) = client.explain("5", "comics/1") or [None]
    assert path is None
    graph.write(
        "MATCH (i:Item {key: 'comics/1'}), (a:Author {key: 'author/1'}) "
        "CREATE (i)-[:WRITTEN_BY]->(a)"
    )
    graph.write(
        "MATCH (u:User {key: '10'}), (i:Item {key: 'comics/1'}) CREATE (u)-[:SAVED {at: 1}]->(i)"
    )
    paths = client.explain("5", "comics/1", k=100)
    kinds = {path.kind for path in paths}
    assert kinds == {"Author", "User"}
    author = next(path for path in paths if path.kind == "Author")
    assert (author.by, author.how, author.ties) == ("Author 1", "WRITTEN_BY", 13)
    fellow = next(path for path in paths if path.kind == "User")
    assert (fellow.by, fellow.ties) == ("1 fellow users", 1)
    assert [path.strength for path in paths] == sorted(
        (path.strength for path in paths), reverse=True
    )


def test_unknown_user_and_item_give_nothing(client: Client) -> None:
    assert client.recommend("nobody") == []
    assert client.similar("comics/none") == []
    assert client.explain("nobody", "comics/1") == []


@pytest.mark.parametrize("evil", ["' OR 1=1 //", "7'}) DETACH DELETE u //", "`", '"', "🙂", ""])
def test_cypher_in_an_argument_is_only_text(client: Client, graph: Database, evil: str) -> None:
    assert client.recommend(evil) == []
    assert client.similar(evil) == []
    assert graph.read("MATCH (u:User) RETURN count(u) AS n")[0]["n"] == 40


def test_bad_arguments_are_named(client: Client) -> None:
    with pytest.raises(ConfigError, match=r"no domain 'comix'\. It has comics, science-fiction"):
        client.recommend("7", domain="comix")
    with pytest.raises(ConfigError, match="k is 0"):
        client.recommend("7", k=0)


def test_a_graph_without_a_run_gives_empty_lists(graph: Database) -> None:
    client = Client(graph)
    assert client.recommend("7") == [] and client.similar("comics/1") == []
    assert client.runs() == [] and len(client.history("7")) > 0


def test_the_types_of_a_graph_without_a_run_are_found(graph: Database) -> None:
    graph.write("MATCH (u:User)-[r:SAVED]->(i) CREATE (u)-[:LENT {at: r.at}]->(i) DELETE r")
    client = Client(graph)
    rows = client.history("7", k=3)
    assert [row.interaction for row in rows] == ["LENT"] * 3
    assert {path.how for path in client.explain("7", rows[0].item)} >= {"LENT"}


@pytest.mark.parametrize("name", cypher.names())
def test_every_query_runs_and_gives_its_columns(client: Client, name: str) -> None:
    values = {
        "user": "7", "item": "comics/1", "domain": "comics", "other": "science-fiction", "k": 5,
    }  # fmt: skip
    rows = client.database.read(cypher.load(name), **values)
    assert rows or name == "why"
    header = cypher.describe(name).columns
    assert all(f"{column}" in header for column in (rows[0] if rows else ())), header


def test_a_refused_query_names_the_reason(graph: Database) -> None:
    with pytest.raises(DatabaseError, match="nonsense"):
        graph.read("RETURN nonsense")

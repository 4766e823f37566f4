"""The client and the queries behind it."""

from __future__ import annotations

import numpy as np
import pytest
from contract_fixtures import PublishRun

from linkspan.errors import ConfigError, DatabaseError
from linkspan.graph.asking import questions
from linkspan.graph.asking.client import Client
from linkspan.graph.connecting.connection import Database
from linkspan.graph.users.pseudonyms import Pseudonyms


@pytest.fixture
def client(graph: Database, publish_run: PublishRun) -> Client:
    publish_run("a", 0)
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


def test_recommend_many_gives_what_recommend_gives(client: Client, graph: Database) -> None:
    users = ["7", "nobody", "12", "7", "3"]
    for domain, k in ((None, 4), ("comics", 3), (None, 10**12)):
        lists = client.recommend_many(users, domain, k)
        assert list(lists) == ["7", "nobody", "12", "3"]
        assert dict(lists) == {user: client.recommend(user, domain, k) for user in lists}
    frame = lists.to_pandas()
    assert list(frame.columns[:3]) == ["user", "item", "title"] and len(frame) == 3 * 2 * 5
    assert client.recommend_many([]).to_pandas().empty


def test_recommend_many_asks_once_a_batch(
    client: Client, graph: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = client.recommend_many([str(n) for n in range(1, 41)])
    sent: list[str] = []
    read = graph.read
    monkeypatch.setattr(
        graph, "read", lambda query, **values: (sent.append(query), read(query, **values))[1]
    )
    monkeypatch.setattr(questions, "BATCH_USERS", 15)
    assert client.recommend_many([str(n) for n in range(1, 41)]) == expected
    assert len(sent) == 3 and all(len(found) == 10 for found in expected.values())


def test_an_unknown_user_may_have_popular_items(client: Client, graph: Database) -> None:
    assert client.recommend("nobody") == []
    rows = client.recommend("nobody", k=4, fallback="popular")
    # Each item was met by 8 users, so the order is that of the keys.
    assert [(row.item, row.rank) for row in rows] == [
        ("comics/1", 1), ("science-fiction/1", 1), ("comics/10", 2), ("science-fiction/10", 2),
    ]  # fmt: skip
    assert {(row.run, row.score, row.popularity, row.gnn) for row in rows} == {(None, 8, 8, 0)}
    assert {row.domain for row in client.recommend("?", "comics", fallback="popular")} == {"comics"}
    assert client.recommend_many(["7", "nobody"], k=4, fallback="popular") == {
        "7": client.recommend("7", k=4),
        "nobody": rows,
    }
    # One whom no run knows, with a history: what was met is left out, and ranks have no gap.
    graph.write(
        "CREATE (u:User {key: 'new'}) WITH u MATCH (i:Item) "
        "WHERE i.key IN ['comics/1', 'comics/11'] CREATE (u)-[:SAVED]->(i)"
    )
    rows = client.recommend("new", "comics", 3, fallback="popular")
    assert [(row.item, row.rank) for row in rows] == [
        ("comics/10", 1), ("comics/12", 2), ("comics/13", 3),
    ]  # fmt: skip
    assert client.has_user("new") and not client.has_user("nobody")
    assert client.has_item("comics/1") and not client.has_item("1")


def test_an_empty_answer_has_its_columns(client: Client) -> None:
    empty = client.recommend("nobody").to_pandas()
    assert list(empty.columns) == list(client.recommend("7").to_pandas().columns)


def test_similar_history_and_runs(client: Client) -> None:
    assert [row.score for row in client.similar("comics/1")] == [1, 1 / 2, 1 / 3]
    assert {(row.how, row.by) for row in client.similar("comics/1")} == {(None, None)}
    (row,) = client.similar("comics/1", kind="relations")
    assert (row.score, row.how, row.by) == (0.25, "WRITTEN_BY", "Author 1")
    assert client.similar("comics/1", "science-fiction", kind="relations") == []
    assert [row["score"] for row in client.query("similar", item="comics/1")] == [1, 1 / 2, 1 / 3]
    shelf = client.history("7", domain="comics")
    assert [row.at for row in shelf] == sorted((row.at for row in shelf), reverse=True)
    assert all((7 * 7 + int(row.item.split("/")[1]) * 3) % 5 == 0 for row in shelf)
    assert [(run.run, run.state) for run in client.runs()] == [("a", "active")]


def test_unknown_user_and_item_give_nothing(client: Client) -> None:
    assert client.recommend("nobody") == []
    assert client.similar("comics/none") == []
    with pytest.raises(ConfigError, match="the graph has no user 'nobody'"):
        client.explain("nobody", "comics/1")
    with pytest.raises(ConfigError, match=r"no item 'comics/none'\. The key of an item is domain"):
        client.explain("7", "comics/none")


@pytest.mark.parametrize("evil", ["' OR 1=1 //", "7'}) DETACH DELETE u //", "`", '"', "🙂", ""])
def test_cypher_in_an_argument_is_only_text(client: Client, graph: Database, evil: str) -> None:
    assert client.recommend(evil) == []
    assert client.similar(evil) == []
    assert graph.read("MATCH (u:User) RETURN count(u) AS n")[0]["n"] == 40


def test_bad_arguments_are_named(client: Client) -> None:
    with pytest.raises(ConfigError, match=r"no domain 'comix'\. It has comics, science-fiction"):
        client.recommend("7", domain="comix")
    with pytest.raises(ConfigError, match=r"no domain 'comix'"):
        client.recommend_many(["7", "nobody"], "comix", fallback="popular")
    with pytest.raises(ConfigError, match=r"kind is 'text'. Give 'states' or 'relations'"):
        client.similar("comics/1", kind="text")  # type: ignore[arg-type]
    for k in (0, -1, "5", 2.5, None, True):
        with pytest.raises(ConfigError, match=f"k is {k!r}"):
            client.recommend("7", k=k)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"user is 7, which is no text. Give str\(user\)"):
        client.recommend(7)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="Give a list of keys"):
        client.recommend_many("7")
    with pytest.raises(ConfigError, match=r"fallback is 'popluar'\. Give 'popular'"):
        client.recommend("7", fallback="popluar")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="cannot be sent"):
        client.recommend("\ud800")
    assert len(client.recommend("7", k=10**30)) == len(client.recommend("7", k=np.int64(10))) == 10


def test_a_graph_without_a_run_gives_empty_lists(graph: Database) -> None:
    client = Client(graph)
    assert client.recommend("7") == [] and client.similar("comics/1") == []
    assert client.runs() == [] and len(client.history("7")) > 0


def test_the_types_of_a_graph_without_a_run_are_found(graph: Database) -> None:
    graph.write("MATCH (u:User)-[r:SAVED]->(i) CREATE (u)-[:LENT {at: r.at}]->(i) DELETE r")
    client = Client(graph)
    rows = client.history("7", k=3)
    assert [row.interaction for row in rows] == ["LENT"] * 3
    assert {path.how for path in client.explain("7", rows[0].item).paths} >= {"LENT"}


def test_a_refused_query_names_the_reason(graph: Database) -> None:
    with pytest.raises(DatabaseError, match="nonsense"):
        graph.read("RETURN nonsense")


def test_what_is_new_in_the_graph_is_seen_after_a_minute(
    client: Client, graph: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "CITES" not in client.text("why")
    graph.write(
        "MATCH (a:Item {key: 'comics/1'}), (b:Item {key: 'comics/2'}) CREATE (a)-[:CITES]->(b)"
    )
    monkeypatch.setattr(questions, "_FRESH_SECONDS", 0.0)
    assert "CITES" in client.text("why")


def test_a_key_that_the_graph_gets_later_is_seen(
    client: Client, graph: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Pseudonyms("0123456789abcdef")
    asking = Client(graph, key)
    assert asking.user_key("7") == "7"
    graph.write("CREATE (:UserKey {check: $check, shared: true})", check=key.check)
    assert asking.user_key("7") == key.of("7")
    graph.write("MATCH (k:UserKey) SET k.check = 'another'")
    monkeypatch.setattr(questions, "_FRESH_SECONDS", 0.0)
    with pytest.raises(ConfigError, match="is not the key"):
        asking.user_key("7")

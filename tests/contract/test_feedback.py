"""Feedback: written with what was shown, out of the lists at once, read by the next snapshot."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pandas as pd
import pytest
from contract.conftest import ROLES
from contract_fixtures import PublishRun

from linkspan import cypher
from linkspan.errors import ConfigError, DataError
from linkspan.graph.asking.client import Client
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.publish import RunRecord, publish
from linkspan.graph.roles import Condition, InteractionRole
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.reading import read_snapshot
from linkspan.graph.users.feedback import Event, FeedbackRules, build_rules

NOON = 1_767_268_800_000


@pytest.fixture
def client(graph: Database, publish_run: PublishRun) -> Client:
    publish_run("a", 0)
    return Client(graph)


def said(database: Database, user: str) -> list[dict[str, object]]:
    return database.read(
        "MATCH (:User {key: $user})-[f:FEEDBACK]->(i) "
        "RETURN i.key AS item, f.kind AS kind, f.at AS at, f.run AS run, f.rank AS rank, "
        "f.domain AS domain ORDER BY at, kind",
        user=user,
    )


@pytest.mark.parametrize("kind", ["accept", "dislike", "dismiss"])
def test_an_item_leaves_the_list_at_once(client: Client, kind: str) -> None:
    before = client.recommend("7", domain="comics")
    third = before[2]
    assert client.feedback("7", third.item, kind, at=NOON)
    assert client.recommend("7", domain="comics") == [row for row in before if row != third]
    assert said(client.database, "7") == [
        {"item": third.item, "kind": kind, "at": NOON, "run": "a", "rank": 3, "domain": "comics"}
    ]
    drawn = client.database.read(cypher.load("as_graph"), user="7", rank=10)
    ends = {row["recommended"].end_node["key"] for row in drawn}
    assert len([key for key in ends if key.startswith("comics/")]) == len(before) - 1


@pytest.mark.parametrize("kind", ["view", "click"])
def test_what_was_only_shown_stays(client: Client, kind: str) -> None:
    before = client.recommend("7")
    assert client.feedback("7", before[0].item, kind)
    assert client.recommend("7") == before


def test_accepted_is_an_interaction_of_the_graphs_own_type(
    client: Client, graph: Database, snapshot: Snapshot
) -> None:
    item = client.recommend("7")[0].item
    client.feedback("7", item, at=NOON)
    assert (client.history("7", k=1)[0].item, client.history("7", k=1)[0].at) == (item, NOON)
    now = read_snapshot(graph, ROLES)
    events, user = now.events(), int(now.users["key"].searchsorted("7"))
    last = events[events["user"] == user].iloc[-1]
    assert (now.items["key"][last["item"]], last["at"], last["type"]) == (item, NOON, "SAVED")
    assert len(events) == len(snapshot.events()) + 1


def test_a_dislike_is_a_negative_and_a_dismissal_is_neither(
    client: Client, graph: Database, snapshot: Snapshot
) -> None:
    disliked, dismissed = (row.item for row in client.recommend("7", domain="comics", k=2))
    client.feedback("7", disliked, "dislike", at=NOON)
    client.feedback("7", dismissed, "dismiss", at=NOON)
    now = read_snapshot(graph, ROLES)
    assert len(now.events()) == len(snapshot.events()) and now.timed
    frame = now.interactions["SAVED"]
    frame = frame[frame["user"] == now.users["key"].searchsorted("7")]
    signs = dict(zip(now.items["key"][frame["item"]], frame["sign"], strict=True))
    assert (signs[disliked], signs[dismissed]) == (-1, 0)
    assert set(now.items["key"][now.not_liked()["item"]]) == {disliked, dismissed}


def test_the_last_word_counts(client: Client, graph: Database) -> None:
    first, second = (row.item for row in client.recommend("7", domain="comics", k=2))
    for number, kind in enumerate(("accept", "dislike")):
        client.feedback("7", first, kind, at=NOON + 5000 * number)
    for number, kind in enumerate(("dislike", "accept")):
        client.feedback("7", second, kind, at=NOON + 5000 * number)
    met = client.history("7", k=1000)
    client.feedback("7", met[-1].item, "dislike", at=NOON)
    now = read_snapshot(graph, ROLES)
    user = int(now.users["key"].searchsorted("7"))
    events = now.events()
    liked = set(now.items["key"][events.loc[events["user"] == user, "item"]])
    assert second in liked and not {first, met[-1].item} & liked
    pairs = now.not_liked()
    assert set(now.items["key"][pairs["item"]]) == {first, met[-1].item}


def test_the_same_again_is_written_once(client: Client) -> None:
    item = client.recommend("7")[0].item
    assert client.feedback("7", item, at=NOON) is True
    assert client.feedback("7", item, at=NOON + 400) is False
    assert client.feedback("7", item, "view", at=NOON) is True
    assert client.feedback("7", item, at=NOON + 5000) is True
    assert [(row["kind"], row["at"]) for row in said(client.database, "7")] == [
        ("accept", NOON), ("view", NOON), ("accept", NOON + 5000),
    ]  # fmt: skip
    assert sum(row.item == item for row in client.history("7", k=1000)) == 1
    events = [Event("8", item, "click", NOON + step) for step in (0, 10, 20, 3000)]
    assert len(client.writer.write(events)) == 2


def test_many_at_once_write_it_once(client: Client) -> None:
    item = client.recommend("7")[0].item
    threads = [
        threading.Thread(target=client.feedback, args=("7", item), kwargs={"at": NOON + n})
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said(client.database, "7")) == 1
    assert sum(row.item == item for row in client.history("7", k=1000)) == 1


def test_the_run_that_was_shown_may_be_told(
    client: Client, graph: Database, publish_run: PublishRun
) -> None:
    shown = client.recommend("7", domain="comics")[4]
    publish_run("b", 1)
    other = next(
        row.item
        for row in client.recommend("7", domain="science-fiction")
        if row.item not in {each.item for each in client.recommend("7", domain="comics")}
    )
    client.feedback("7", shown.item, "click", at=NOON, run=shown.run)
    client.feedback("7", other, "click", at=NOON + 1)
    client.feedback("7", client.history("7")[0].item, "click", at=NOON + 2)
    assert (said(graph, "7")[0]["run"], said(graph, "7")[0]["rank"]) == ("a", 5)
    assert [row["run"] for row in said(graph, "7")] == ["a", "b", None]


def test_acceptance_by_run_and_domain(client: Client) -> None:
    comics = [row.item for row in client.recommend("7", domain="comics")]
    for at, (place, kind) in enumerate(
        [(0, "view"), (0, "accept"), (1, "view"), (2, "click"), (4, "dislike")]
    ):
        client.feedback("7", comics[place], kind, at=NOON + at)
    client.feedback("8", client.recommend("8", domain="comics")[0].item, "view")
    client.feedback("8", client.recommend("8", domain="science-fiction")[0].item, "click")
    comics_row, fiction = client.acceptance()
    assert (comics_row.run, comics_row.domain, fiction.domain) == ("a", "comics", "science-fiction")
    assert (comics_row.shown, comics_row.clicked, comics_row.accepted) == (5, 2, 1)
    assert comics_row.click_through == 2 / 5
    assert (comics_row.precision(1), comics_row.precision(5)) == (1 / 2, 1 / 5)
    assert (fiction.clicked, fiction.accepted, fiction.precision(1)) == (1, 0, 0)


def test_unknown_names_are_told(client: Client) -> None:
    item = client.recommend("7")[0].item
    with pytest.raises(DataError, match=r"the graph has no user 'nobody'.*create"):
        client.feedback("nobody", item)
    with pytest.raises(DataError, match="the graph has no item 'comics/none'"):
        client.feedback("7", "comics/none")
    with pytest.raises(ConfigError, match=r"no kind of feedback 'loves'.*accept"):
        client.feedback("7", item, "loves")
    with pytest.raises(DataError, match="no user 'x', and 1 more"):
        client.writer.write([Event(user, item, "click") for user in ("7", "x", "y")])
    assert said(client.database, "7") == []


def test_a_new_user_can_be_made(client: Client, graph: Database) -> None:
    item = client.recommend("7")[0].item
    assert client.feedback("new", item, create=True, at=NOON)
    assert graph.read("MATCH (u:User {key: 'new'}) RETURN u.id AS id") == [{"id": "new"}]
    assert [row.item for row in client.history("new")] == [item]


def test_a_graph_without_a_run_takes_feedback_on_its_one_type(graph: Database) -> None:
    client = Client(graph)
    assert client.feedback("7", "comics/2")
    assert "comics/2" in {row.item for row in client.history("7", k=1000)}
    graph.write("MATCH (u:User {key: '1'}), (i:Item {key: 'comics/1'}) CREATE (u)-[:LENT]->(i)")
    with pytest.raises(ConfigError, match="Publish a run first"):
        Client(graph).feedback("7", "comics/3")


@pytest.mark.parametrize(
    ("operator", "value", "written"),
    [(">=", 4, 4), (">", 4, 5), ("<", 0.5, -0.5), ("==", 1, 1), ("<=", 2, 2), ("!=", 0, 1)],
)
def test_accepted_fulfils_what_makes_an_event_positive(
    operator: str, value: float, written: float
) -> None:
    condition = Condition(property="rating", operator=operator, value=value)
    role = InteractionRole(type="RATED", positive=condition)
    roles = ROLES.model_copy(update={"interactions": (role,)})
    rules = build_rules(roles, {"cart": "positive"}, None, timed=False, shared=True)
    assert rules.properties == {"rating": written}
    assert (rules.at, rules.kinds["cart"], rules.kinds["view"]) == (None, "positive", "shown")
    with pytest.raises(ConfigError, match=r"no interactions of type 'BOUGHT'.*RATED"):
        build_rules(roles, {}, "BOUGHT", timed=True, shared=True)


def test_sets_stay_sets(
    graph: Database,
    lists: Callable[[int], pd.DataFrame],
    similar: pd.DataFrame,
    snapshot: Snapshot,
    make_record: Callable[[str], RunRecord],
) -> None:
    graph.write("MATCH ()-[r:SAVED]->() REMOVE r.at")
    record = make_record("a")
    rules = FeedbackRules(at=None)
    run = RunRecord(**{**vars(record), "feedback": rules})
    publish(graph, run, snapshot.users["key"].tolist(), lists(0), similar)
    client = Client(graph)
    accepted, disliked = (row.item for row in client.recommend("7", domain="comics", k=2))
    client.feedback("7", accepted)
    client.feedback("7", disliked, "dislike")
    now = read_snapshot(graph, ROLES)
    assert not now.timed and len(now.events()) == len(snapshot.events()) + 1
    assert len(now.not_liked()) == 1

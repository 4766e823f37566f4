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
from linkspan.graph.conditions import Condition
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.publish import RunRecord, publish
from linkspan.graph.roles import InteractionRole
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.reading import read_snapshot
from linkspan.graph.users.feedback import KINDS, Event, FeedbackRules, build_rules

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


def set_rules(database: Database, rules: FeedbackRules) -> None:
    """Let the active run say how feedback is written."""
    database.write(
        "MATCH (r:Run {state: 'active'}) SET r.feedback = $rules", rules=rules.model_dump_json()
    )


def made(database: Database) -> list[tuple[object, ...]]:
    """The interactions that feedback became: user, item and time."""
    rows = database.read(
        "MATCH (u:User)-[r:SAVED]->(i:Item) WHERE r.from_feedback IS NOT NULL "
        "RETURN u.key AS user, i.key AS item, r.at AS at"
    )
    return sorted(tuple(row.values()) for row in rows)


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


def test_one_batch_makes_one_interaction_of_a_pair(client: Client, graph: Database) -> None:
    one, other, third = (row.item for row in client.recommend("7", domain="comics", k=3))
    told = [Event("7", one, "accept", NOON + step) for step in (9000, 0, 4000)]
    told += [Event("7", other, "accept", NOON + 5), Event("7", other, "cart", NOON)]
    told += [Event("7", third, "dislike", NOON + 7), Event("7", third, "accept", NOON)]
    told += [Event("8", one, "accept", NOON)]
    rules = FeedbackRules(kinds={**KINDS, "cart": "positive"})
    set_rules(graph, rules)
    assert len(client.writer.write(told)) == len(told)
    wanted = [("7", one, NOON), ("7", other, NOON), ("7", third, NOON), ("8", one, NOON)]
    assert made(graph) == sorted(wanted)
    assert client.writer.write(told) == []
    client.writer.write([Event("7", one, "cart", NOON + 20_000)])
    assert len(made(graph)) == 4


def test_events_that_repeat_are_one_for_each_time(client: Client, graph: Database) -> None:
    item = client.recommend("7")[0].item
    set_rules(graph, FeedbackRules(kinds={**KINDS, "cart": "positive"}, repeat=True))
    told = [Event("7", item, kind, at) for kind in ("accept", "cart") for at in (NOON, NOON + 3000)]
    assert len(client.writer.write(told)) == 4
    assert made(graph) == [("7", item, NOON), ("7", item, NOON + 3000)]


def test_within_a_moment_of_what_is_kept_it_is_the_same(client: Client) -> None:
    item = client.recommend("7")[0].item
    told = [Event("7", item, "click", NOON + step) for step in (0, 900, 1800)]
    written = client.writer.write(told)
    assert sorted(row.at for row in written) == [NOON, NOON + 1800]  # as one after the other


@pytest.mark.parametrize("kind", ["accept", "dislike", "dismiss"])
def test_popular_items_are_not_those_that_a_user_refused(
    client: Client, graph: Database, kind: str
) -> None:
    graph.write("CREATE (:User {key: 'new'})-[:SAME_AS]->(:User {key: 'twin'})")
    graph.write(
        "MATCH (a:Item {key: 'comics/1'}), (b:Item {key: 'science-fiction/1'}) "
        "CREATE (a)-[:SAME_AS]->(b)"
    )
    first = client.recommend("new", k=1000, fallback="popular")
    assert {"comics/1", "science-fiction/1", "comics/2"} <= {row.item for row in first}
    client.feedback("new", "comics/1", kind)
    client.feedback("twin", "comics/2", kind)
    client.feedback("new", "comics/3", "view")
    left = {row.item for row in client.recommend("new", k=1000, fallback="popular")}
    gone = {row.item for row in first} - left
    assert gone == {"comics/1", "science-fiction/1", "comics/2"}
    many = client.recommend_many(["new"], k=1000, fallback="popular")
    assert {row.item for row in many["new"]} == left
    graph.write("MATCH (u:User {key: 'twin'}), (i:Item {key: 'comics/4'}) CREATE (u)-[:SAVED]->(i)")
    left = {row.item for row in client.recommend("new", k=1000, fallback="popular")}
    assert "comics/4" not in left and "comics/3" in left


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


def undated(graph: Database) -> Snapshot:
    """The graph without times."""
    graph.write("MATCH ()-[r:SAVED]->() REMOVE r.at")
    return read_snapshot(graph, ROLES)


@pytest.mark.parametrize("runs", [False, True])  # a run of an earlier version has no rules
def test_feedback_before_the_first_rules_brings_no_order(
    graph: Database, snapshot: Snapshot, publish_run: PublishRun, *, runs: bool
) -> None:
    before = undated(graph)
    assert not before.timed and not before.dated
    if runs:
        publish_run("a", 0)
    client = Client(graph)
    for number, item in enumerate(("comics/3", "comics/4", "science-fiction/3")):
        assert client.feedback("7", item, at=NOON + 5000 * number)
    assert {row.at for row in client.history("7", k=1000)} == {None}
    now = read_snapshot(graph, ROLES)
    assert not now.timed and not now.dated and len(now.events()) == len(before.events()) + 3
    assert build_rules(ROLES, {}, None, timed=now.dated, shared=True).at is None


def test_feedback_before_the_first_rules_has_a_time_where_events_have(graph: Database) -> None:
    graph.write("MATCH (u:User)-[r:SAVED]->() WHERE u.key <> '3' REMOVE r.at")
    client = Client(graph)
    client.feedback("7", "comics/3", at=NOON)
    assert {row.at for row in client.history("7", k=1000)} == {None, NOON}


def test_times_of_feedback_are_no_order_of_a_graph_without_one(
    graph: Database, snapshot: Snapshot
) -> None:
    # As an earlier version wrote them, and as a client does by rules of a dated run.
    told = (
        "MATCH (u:User {key: '7'}), (i:Item) WHERE i.key IN ['comics/3', 'comics/4'] "
        "CREATE (u)-[:SAVED {at: $at + toInteger(i.id), from_feedback: 'accept'}]->(i)"
    )
    graph.write(told, at=NOON)
    ordered = read_snapshot(graph, ROLES)
    assert ordered.timed and (ordered.interactions["SAVED"]["at"] > NOON).sum() == 2
    graph.write("MATCH ()-[r:SAVED]->() WHERE r.from_feedback IS NULL SET r.at = 5")
    once = read_snapshot(graph, ROLES)  # all of them have the time of an export
    assert not once.timed and set(once.interactions["SAVED"]["at"]) == {5}
    graph.write("MATCH ()-[r:SAVED]->() WHERE r.from_feedback IS NULL REMOVE r.at")
    sets = read_snapshot(graph, ROLES)
    assert not sets.timed and not sets.dated
    assert len(sets.events()) == len(snapshot.events()) + 2
    graph.write("MATCH ()-[r:SAVED]->() WHERE r.from_feedback IS NULL DELETE r")
    assert read_snapshot(graph, ROLES).timed  # nothing else is there


def test_acceptance_counts_where_a_rating_is_asked_for(graph: Database) -> None:
    graph.write("MATCH ()-[r:SAVED]->() SET r.rating = 5")
    graph.write("MATCH (:User {key: '7'})-[r:SAVED]->(:Item {key: 'comics/7'}) SET r.rating = 1")
    client = Client(graph)
    assert {"comics/7"} <= {row.item for row in client.history("7", k=1000)}
    for item in ("comics/3", "comics/7"):  # no run says yet what a rating is
        client.feedback("7", item, at=NOON)
    client.feedback("7", "comics/12", "dismiss", at=NOON)
    condition = Condition(property="rating", operator=">=", value=4)
    role = InteractionRole(type="SAVED", positive=condition)
    now = read_snapshot(graph, ROLES.model_copy(update={"interactions": (role,)}))
    frame = now.interactions["SAVED"]
    mine = frame[frame["user"] == now.users["key"].searchsorted("7")]
    signs = dict(zip(now.items["key"][mine["item"]], mine["sign"], strict=True))
    assert (signs["comics/3"], signs["comics/7"], signs["comics/12"]) == (1, 1, 1)


def test_a_client_follows_what_is_published_later(
    client: Client, graph: Database, publish_run: PublishRun
) -> None:
    one, other = (row.item for row in client.recommend("7", domain="comics", k=2))
    client.feedback("7", one, "click")
    with pytest.raises(ConfigError, match="no kind of feedback 'cart'"):
        client.feedback("7", one, "cart")
    publish_run("b", 1)
    set_rules(graph, FeedbackRules(kinds={**KINDS, "cart": "positive"}, type="BOUGHT", at=None))
    assert client.feedback("7", other, "cart")
    found = graph.read("MATCH (:User)-[r:BOUGHT]->(i) RETURN i.key AS item, properties(r) AS p")
    assert found == [{"item": other, "p": {"from_feedback": "cart"}}]


@pytest.mark.parametrize(
    ("operator", "value", "written"),
    [
        *((">=", 4, 4), (">", 4, 5), ("<", 0.5, -0.5), ("==", 1, 1), ("<=", 2, 2), ("!=", 0, 1)),
        *(("==", "buy", "buy"), (">=", "b", "b"), ("!=", "view", "accept")),
        *(("!=", "accept", "positive"), ("==", True, True), ("!=", True, False)),
    ],
)
def test_accepted_fulfils_what_makes_an_event_positive(
    operator: str, value: float, written: float
) -> None:
    condition = Condition(property="rating", operator=operator, value=value)
    role = InteractionRole(type="RATED", positive=condition)
    roles = ROLES.model_copy(update={"interactions": (role,)})
    rules = build_rules(roles, {"cart": "positive"}, None, timed=False, shared=True)
    assert rules.properties == {"rating": written} and condition.holds(written)
    assert FeedbackRules.model_validate_json(rules.model_dump_json()) == rules
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

"""Users and items that are one: one row in the snapshot, one list for all, no leak through a twin.

What is expected is worked out key by key, by a closure that owes nothing to the program.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from linkspan.gnn import last_out
from linkspan.graph.asking.client import Client
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.publish import PARTS, RunRecord, publish
from linkspan.graph.roles import InteractionRole, RelationRole, Roles
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.identities import all_keys, keyed_lists, keyed_similar
from linkspan.graph.snapshot.reading import read_snapshot

USERS = [f"u{number}" for number in range(5)]
ITEMS = [f"{domain}/{number}" for domain in ("a", "b", "c") for number in range(3)]
Pairs = list[tuple[str, str]]


@dataclass
class Plain:
    """A graph as lists: titles by item, events and relations with their ends."""

    users: list[str]
    titles: dict[str, str]
    events: list[tuple[str, str, int, float]]
    liked: list[tuple[str, str, float]]
    knows: list[tuple[str, str, float]]

    def write(self, db: Database, same: Pairs) -> None:
        db.write("MATCH (n) DETACH DELETE n")
        db.write("UNWIND $rows AS key CREATE (:User {key: key, id: key})", rows=self.users)
        items = [{"key": key, "title": title} for key, title in self.titles.items()]
        db.write(
            "UNWIND $rows AS row CREATE (:Item {key: row.key, id: split(row.key, '/')[1], "
            "domain: split(row.key, '/')[0], title: row.title})",
            rows=items,
        )
        for kind, ends, rows in (
            ("SAVED", ("User", "Item"), self.events),
            ("LIKE", ("Item", "Item"), [(a, b, 0, w) for a, b, w in self.liked]),
            ("KNOWS", ("User", "User"), [(a, b, 0, w) for a, b, w in self.knows]),
            ("SAME_AS", ("User", "User"), [(a, b, 0, 0) for a, b in same if a in self.users]),
            ("SAME_AS", ("Item", "Item"), [(a, b, 0, 0) for a, b in same if a in self.titles]),
        ):
            db.write(
                f"UNWIND $rows AS r MATCH (a:{ends[0]} {{key: r[0]}}), (b:{ends[1]} {{key: r[1]}}) "
                f"CREATE (a)-[:{kind} {{at: r[2], weight: r[3]}}]->(b)",
                rows=[list(row) for row in rows],
            )


def one(pairs: Pairs) -> dict[str, str]:
    """Key to the smallest key that it is one with."""
    least = {key: key for key in USERS + ITEMS}
    for _ in least:
        for left, right in pairs:
            least[left] = least[right] = min(least[left], least[right])
    return least


def merged(graph: Plain, pairs: Pairs, repeat: bool) -> Plain:
    """The same graph with the ids made one by hand."""
    least, titles = one(pairs), dict.fromkeys(ITEMS, "")
    for key in sorted(graph.titles):
        titles[least[key]] = titles[least[key]] or graph.titles[key]
    events: dict[tuple[str, ...], tuple[str, str, int, float]] = {}
    for user, item, at, weight in graph.events:
        event = (least[user], least[item], at, weight)
        place = (*event[:2], str(at)) if repeat else event[:2]
        events[place] = max(events.get(place, event), event)

    def ties(rows: list[tuple[str, str, float]]) -> list[tuple[str, str, float]]:
        most: dict[tuple[str, str], float] = {}
        for a, b, weight in rows:
            ends = least[a], least[b]
            if ends[0] != ends[1]:
                most[ends] = max(most.get(ends, 0), weight)
        return [(*ends, weight) for ends, weight in most.items()]

    return Plain(
        [key for key in graph.users if least[key] == key],
        {key: title for key, title in titles.items() if least[key] == key},
        list(events.values()),
        ties(graph.liked),
        ties(graph.knows),
    )


def links(left: list[str], right: list[str]) -> st.SearchStrategy[list[tuple[str, str]]]:
    pair = st.tuples(st.sampled_from(left), st.sampled_from(right))
    return st.lists(pair.filter(lambda ends: ends[0] != ends[1]), max_size=6)


def weighted(pairs: list[tuple[str, str]]) -> list[tuple[str, str, float]]:
    return [(a, b, float(place + 1)) for place, (a, b) in enumerate(dict.fromkeys(pairs))]


GRAPHS = st.builds(
    lambda titles, events, liked, knows: Plain(
        USERS,
        dict(zip(ITEMS, titles, strict=True)),
        [(u, i, at, float(w)) for (u, i, at), w in events.items()],
        weighted(liked),
        weighted(knows),
    ),
    st.lists(st.sampled_from(["", "x", "y"]), min_size=9, max_size=9),
    st.dictionaries(
        st.tuples(st.sampled_from(USERS), st.sampled_from(ITEMS), st.integers(1, 4)),
        st.integers(1, 9),
        min_size=1,
        max_size=25,
    ),
    links(ITEMS, ITEMS),
    links(USERS, USERS),
)


def roles(repeat: bool) -> Roles:
    return Roles(
        domains={"a": "A", "b": "B", "c": "C"},
        interactions=(InteractionRole(type="SAVED", weight="weight", repeat=repeat),),
        relations=(
            RelationRole(type="LIKE", source="item", target="item", weight="weight"),
            RelationRole(type="KNOWS", source="user", target="user", weight="weight"),
        ),
    )


@settings(
    max_examples=15,
    deadline=None,
    phases=(Phase.generate,),  # to shrink a graph on a server takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    graph=GRAPHS, pairs=st.tuples(links(USERS, USERS), links(ITEMS, ITEMS)), repeat=st.booleans()
)
def test_the_snapshot_is_that_of_the_graph_made_one_by_hand(
    prepared: Database, graph: Plain, pairs: tuple[Pairs, Pairs], repeat: bool
) -> None:
    same = pairs[0] + pairs[1]
    if not repeat:  # one relationship of a user and an item, as such a graph has
        graph.events = list({event[:2]: event for event in graph.events}.values())
    merged(graph, same, repeat).write(prepared, [])
    expected = read_snapshot(prepared, roles(repeat))
    graph.write(prepared, same)
    found = read_snapshot(prepared, roles(repeat))
    least = one(same)
    gone = {key: least[key] for key in USERS + ITEMS if least[key] != key}
    for name, frame in expected._tables():
        pd.testing.assert_frame_equal(dict(found._tables())[name], frame, obj=name)
    if not gone:
        assert found.fingerprint() == expected.fingerprint()
    for role, nodes in (("user", found.users), ("item", found.items)):
        frame = found.aliases.get(role, pd.DataFrame({"row": np.zeros(0, int), "key": []}))
        told = dict(zip(frame["key"], nodes["key"].to_numpy()[frame["row"]], strict=True))
        mine = {key: to for key, to in gone.items() if ("/" in key) == (role == "item")}
        assert told == mine
        assert all_keys(found, role)["key"].tolist() == (USERS if role == "user" else ITEMS)
    assert found.domains == ["a", "b", "c"]


@pytest.fixture
def twins(graph: Database) -> Snapshot:
    """Users 1, 2 and 3 are one by a chain, and so are three items of two domains."""
    graph.write(
        "UNWIND [['1', '2'], ['3', '2']] AS p MATCH (a:User {key: p[0]}), (b:User {key: p[1]}) "
        "CREATE (a)-[:SAME_AS]->(b)"
    )
    graph.write(
        "UNWIND [['comics/1', 'science-fiction/1'], ['science-fiction/1', 'comics/2']] AS p "
        "MATCH (a:Item {key: p[0]}), (b:Item {key: p[1]}) CREATE (a)-[:SAME_AS]->(b)"
    )
    domains = {"science-fiction": "ScienceFiction", "comics": "Comics"}
    return read_snapshot(
        graph, Roles(domains=domains, interactions=(InteractionRole(type="SAVED"),))
    )


# Of the graph in conftest.py with these twins; one value for both servers.
FINGERPRINT = "da5a30641d9f4ff0111bf24e1e0fafd7b77ca78a9043076a62d81ceb1a4aa427"


def test_one_graph_has_one_fingerprint_on_every_server(twins: Snapshot) -> None:
    assert twins.fingerprint() == FINGERPRINT


def test_every_twin_gets_the_same_list(
    graph: Database, twins: Snapshot, make_record: Callable[[str], RunRecord]
) -> None:
    row = {key: row for row, key in enumerate(twins.items["key"])}
    one_row, other = row["comics/1"], row["science-fiction/7"]
    rows = [
        (user, item, domain, rank, 3.0 - rank, 3.0 - rank, *[0.0] * 5, because)
        for user in range(len(twins.users))
        for domain, item, rank, because in (
            ("comics", row["comics/9"], 1, one_row),
            ("comics", one_row, 2, -1),
            ("science-fiction", other, 1, one_row),
            ("science-fiction", one_row, 2, -1),
        )
    ]
    columns = ["user", "item", "domain", "rank", "score", *PARTS, "because"]
    lists = keyed_lists(twins, pd.DataFrame(rows, columns=columns))
    similar = keyed_similar(
        twins,
        pd.DataFrame(
            [(one_row, other, 1, 0.5), (other, one_row, 1, 0.5), (other, row["comics/9"], 2, 0.1)],
            columns=["item", "other", "rank", "score"],
        ),
    )
    users = all_keys(twins, "user")["key"].tolist()
    assert users == sorted(str(number) for number in range(1, 41))
    report = publish(graph, make_record("a"), users, lists, similar)
    assert (report.users, report.recommendations, report.similar) == (40, 160, 5)
    client = Client(graph)
    # As published: `recommend` leaves out what the user has met since, and these have met it all.
    as_published = (
        "MATCH (u:User {key: $user})-[r:RECOMMENDED]->(i:Item) WHERE r.run = u.run "
        "RETURN r.domain AS domain, i.key AS item, r.because AS because"
    )
    for user in ("1", "2", "3", "17"):
        rows = graph.read(as_published, user=user)
        found = [(row["domain"], row["item"], row["because"]) for row in rows]
        assert sorted(found, key=str) == [
            ("comics", "comics/1", None),
            ("comics", "comics/9", "comics/1"),
            ("science-fiction", "science-fiction/1", None),
            ("science-fiction", "science-fiction/7", "comics/1"),
        ]
    for item in ("comics/1", "comics/2", "science-fiction/1"):
        assert [other.item for other in client.similar(item)] == ["science-fiction/7"]
    found = [other.item for other in client.similar("science-fiction/7")]
    assert found == ["science-fiction/1", "comics/9"]


def test_the_past_of_a_twin_is_ones_own(graph: Database, twins: Snapshot) -> None:
    client = Client(graph)
    own = {
        user: {
            row["key"]
            for row in graph.read(
                "MATCH (:User {key: $u})-[:SAVED]->(i) RETURN i.key AS key", u=user
            )
        }
        for user in ("1", "2", "3", "4")
    }
    for user in ("1", "2", "3"):
        past = [row.item for row in client.history(user, k=100)]
        assert sorted(past) == sorted(own["1"] | own["2"] | own["3"])
    assert {row.item for row in client.history("4", k=100)} == own["4"]
    for user in ("1", "2", "3"):
        paths = client.explain(user, "comics/30", k=1000).paths
        assert {path.past for path in paths if path.kind == "Author"} <= own["1"] | own["2"] | own[
            "3"
        ]
        assert len(paths) == len({(path.past, path.by, path.kind, path.strength) for path in paths})
    one, two = (client.explain(user, "comics/30", k=1000).paths for user in ("1", "3"))
    assert one == two


def test_an_event_of_a_twin_is_held_out_with_it(graph: Database, twins: Snapshot) -> None:
    """User 1 met comics/1 last; user 3 had met its twin, science-fiction/1, long before."""
    graph.write("MATCH (:User)-[r:SAVED]->(:Item {id: '1'}) DELETE r")
    graph.write("MATCH (:User)-[r:SAVED]->(:Item {id: '2'}) DELETE r")
    graph.write(
        "UNWIND [['1', 'comics/1', 900], ['3', 'science-fiction/1', 0], ['2', 'comics/2', 1]] AS e "
        "MATCH (u:User {key: e[0]}), (i:Item {key: e[1]}) CREATE (u)-[:SAVED {at: e[2]}]->(i)"
    )
    persons, works = {"2": "1", "3": "1"}, {"comics/2": "comics/1", "science-fiction/1": "comics/1"}
    held_out: set[tuple[str, str]] = set()
    for repeat in (False, True):
        role = InteractionRole(type="SAVED", repeat=repeat)
        taken = read_snapshot(graph, Roles(domains=twins.roles.domains, interactions=(role,)))
        for per_domain in (False, True):
            split, events = last_out(taken, per_domain), taken.events()
            users = taken.users["key"].map(lambda key: persons.get(key, key)).to_numpy()
            items = taken.items["key"].map(lambda key: works.get(key, key)).to_numpy()
            pairs = list(zip(users[events["user"]], items[events["item"]], strict=True))
            hidden = {pairs[row] for row in (*split.test, *split.validation)}
            assert not hidden & {pairs[row] for row in split.train}
            held_out |= hidden
    assert ("1", "comics/1") in held_out

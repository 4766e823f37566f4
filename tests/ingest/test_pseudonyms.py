"""Pseudonyms in place of users' ids: in every table, in rejects, in errors, with one key."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.errors import ConfigError, DataError
from linkspan.graph.asking.client import Client
from linkspan.graph.connecting.connection import Database
from linkspan.graph.users.pseudonyms import VARIABLE, Pseudonyms, is_pseudonym
from linkspan.ingest import ingest

ACTIVE = "CREATE (:Run {id: 'r', state: 'active', interactions: ['BOUGHT']})"
KEY = "a secret of many bytes"
OWN, OTHER = Pseudonyms(KEY), Pseudonyms(KEY + "!")
PEOPLE = ("ann", "bob", "cid")
MORE = """
[[relations]]
file = "friends.csv"
type = "KNOWS"
source = { user = "who" }
target = { user = "whom" }

[[identities]]
file = "same.csv"
left = { user = "one" }
right = { user = "two" }
"""
LENIENT = '\n[ingest]\nduplicates = "keep"\ndangling = "skip"\nmalformed = "skip"\n'


@pytest.fixture
def private(shop: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The shop with pseudonyms, and users with unmistakable ids in every kind of table."""
    monkeypatch.setenv(VARIABLE, KEY)
    shop.remap("shared = true", "shared = true\npseudonymise = true")
    shop.toml += MORE
    shop.write("friends.csv", "who,whom\nann,bob\n")
    shop.write("same.csv", "one,two\ncid,ann\n")
    for name in ("people.csv", "bought.csv", "friends.csv", "same.csv"):
        text = shop.text(name)
        for person in PEOPLE:
            text = text.replace(person, f"RAW{person}RAW")
        shop.write(name, text)
    return shop


def own(*people: str) -> list[str]:
    return sorted(OWN.of(f"RAW{person}RAW") for person in people)


def test_it_is_hmac_sha256_in_base_32() -> None:
    def digest(message: bytes) -> bytes:
        return hmac.new(KEY.encode(), message, hashlib.sha256).digest()

    hashed = digest("Zoë".encode())[:16]
    expected = base64.b32encode(hashed + digest(hashed)[:4]).decode().lower()
    assert OWN.of("Zoë") == f"p_{expected}" and len(expected) == 32


@given(st.text(max_size=40), st.text(max_size=40))
def test_one_id_has_one_pseudonym_and_that_has_none(one: str, other: str) -> None:
    made = OWN.of(one)
    assert is_pseudonym(made) and made != OTHER.of(one)
    assert OWN.of(made) == made and not OTHER.made(made)
    assert (OWN.of(other) == made) == (one == other)
    assert one not in made or len(one) < 3


def test_no_id_reaches_the_graph(
    db: Database, private: Any, read_graph: Callable[..., Any]
) -> None:
    for _ in range(2):
        ingest(db, private.mapping(), force=True)
        users = db.read("MATCH (u:User) RETURN u.key AS key, u.id AS id")
        assert sorted(row["key"] for row in users) == own(*PEOPLE)
        assert all(row["key"] == row["id"] for row in users)
    assert "RAW" not in repr(db.read("MATCH (n) RETURN labels(n) AS l, properties(n) AS p"))
    links = {link[:3] for link in read_graph(db)["links"]}
    ann, bob, cid = (OWN.of(f"RAW{person}RAW") for person in PEOPLE)
    assert {(ann, "KNOWS", bob), (min(ann, cid), "SAME_AS", max(ann, cid))} <= links
    assert {(ann, "BOUGHT", "food/1"), (cid, "BOUGHT", "food/2")} <= links


def test_another_key_is_refused_before_anything_is_written(
    db: Database, private: Any, read_graph: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(db, private.mapping())
    graph = read_graph(db)
    private.write("bought.csv", private.text("bought.csv") + "dan,1,1700000000,1,1\n")
    monkeypatch.setenv(VARIABLE, KEY + "!")
    with pytest.raises(ConfigError, match="LINKSPAN_USER_KEY is not the key that this graph was"):
        ingest(db, private.mapping())
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(ConfigError, match="'pseudonymise = true', and LINKSPAN_USER_KEY is not s"):
        ingest(db, private.mapping())
    monkeypatch.setenv(VARIABLE, "fifteen bytes !")
    with pytest.raises(ConfigError, match="LINKSPAN_USER_KEY has 15 bytes, and needs 16 or more"):
        ingest(db, private.mapping())
    private.remap("pseudonymise = true", "pseudonymise = false")
    with pytest.raises(ConfigError, match="has pseudonyms in place of users' ids, and the mapping"):
        ingest(db, private.mapping())
    assert read_graph(db) == graph


def test_a_graph_with_ids_stays_as_it_is(
    db: Database, private: Any, read_graph: Callable[..., Any]
) -> None:
    private.remap("pseudonymise = true", "pseudonymise = false")
    ingest(db, private.mapping())
    graph = read_graph(db)
    private.remap("pseudonymise = false", "pseudonymise = true")
    with pytest.raises(ConfigError, match="this graph has users by their own ids"):
        ingest(db, private.mapping())
    assert read_graph(db) == graph


def test_rejects_are_mended_and_not_hashed_twice(db: Database, private: Any) -> None:
    private.toml += LENIENT
    with (private.folder / "bought.csv").open("ab") as file:
        file.write(
            b"RAWdanRAW,1,soon,1,1\nRAWdanRAW,2\nRAWeveRAW,3,170,1,\xff\nRAW\xffRAW,1,1,1,1\n"
        )
    report = ingest(db, private.mapping())
    (path,) = (line.rejects for line in report.lines if line.rejects)
    rows = path.read_bytes()
    assert b"RAW" not in rows and rows.count(b"\n") == 5
    header, *rest = path.read_text().splitlines(keepends=True)
    (soon,) = (row for row in rest if "soon" in row)
    assert own("dan")[0] in soon and own("eve")[0] in path.read_text()
    path.write_text(header + soon.replace("soon", "1700000000"))
    private.remap('file = "bought.csv"', f'file = "{path.relative_to(private.folder)}"')
    ingest(db, private.mapping())
    users = db.read("MATCH (u:User)-[:BOUGHT]->() RETURN DISTINCT u.key AS key")
    assert sorted(row["key"] for row in users) == own(*PEOPLE, "dan")


def test_a_pseudonym_of_another_key_is_a_problem(private: Any, recorder: Any) -> None:
    foreign = OTHER.of("RAWzoeRAW")
    private.write("friends.csv", f"who,whom\nRAWannRAW,{foreign}\n")
    with pytest.raises(
        DataError, match=r"friends\.csv, line 2, column 'whom': this is a pseudonym"
    ):
        ingest(recorder, private.mapping())
    private.toml += LENIENT
    assert ingest(recorder, private.mapping(), dry_run=True).rejected == 1


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("bought.csv", b"person,thing,when,amount,rating\nRAWann\n", "line 2: 1 column where"),
        ("bought.csv", b"person,thing,when,amount,rating\nRAW\xff,1,1,1,1\n", "not UTF-8 text"),
        ("bought.csv", b"person,thing,when,amount,rating\nRAWann,9,1,1,1\n", "no items file has"),
        ("bought.csv", b"RAWann,1,2,3,4\nRAWbob,1,1,1,1\n", "has no column 'rating'"),
        ("bought.csv", b"RAWann,RAWann,1,1,1\n", "the header has one column 2 times"),
        ("bought.csv", b"RAWann,\xff,1,1,1\n", "the first line is not utf-8 text"),
        ("same.csv", b"one,two\nRAWann,RAWann\n", "line 2, column 'two': this is the same user"),
        ("people.csv", b"person,age\nRAWann,31\nRAWann,32\n", "line 2 says something else of the"),
        (
            "people.csv",
            b'person,age\n"RAWann,31\n\n',
            "a quote opens in column 'person' and is never",
        ),
    ],
)
def test_no_id_stands_in_an_error(
    private: Any, recorder: Any, file: str, content: bytes, message: str
) -> None:
    private.write(file, content)
    with pytest.raises((DataError, ConfigError)) as raised:
        ingest(recorder, private.mapping())
    assert message in str(raised.value)
    error: BaseException | None = raised.value
    while error is not None:
        assert "RAW" not in str(error) + repr(vars(error))
        error = None if error.__suppress_context__ else error.__cause__ or error.__context__
    assert recorder.writes == []


def test_each_distinct_id_of_a_batch_is_hashed_once(
    private: Any, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = "".join(f"RAWannRAW,1,{n},1,1\nRAWbobRAW,2,{n},1,1\n" for n in range(500))
    private.remap('positive = "rating >= 4"', "repeat = true")
    private.write("bought.csv", "person,thing,when,amount,rating\n" + events)
    made: list[str] = []
    monkeypatch.setattr(Pseudonyms, "of", lambda self, user: made.append(user) or f"{len(made)}")
    ingest(recorder, private.mapping(), dry_run=True)
    assert len(made) == 2 + 2 + 2 + 2  # people, bought, friends, same


def test_a_client_with_the_key_takes_the_id(db: Database, private: Any) -> None:
    ingest(db, private.mapping())
    db.write(ACTIVE)
    expected = ["kitchen-ware/3", "food/2", "food/1"]  # those of cid, who is ann, too
    client = Client(db, OWN)
    (pseudonym,) = own("ann")
    for user in ("RAWannRAW", pseudonym, "RAWcidRAW"):
        assert [row.item for row in client.history(user)] == expected
        paths = client.explain(user, "food/2").paths
        assert paths == Client(db).explain(pseudonym, "food/2").paths
    assert Client(db).history("RAWannRAW") == []
    assert [row.item for row in Client(db).history(pseudonym)] == expected
    with pytest.raises(ConfigError, match="is not the key that this graph was loaded with"):
        Client(db, OTHER).recommend("RAWannRAW")


def test_a_client_knows_the_domain_of_users_apart(db: Database, private: Any) -> None:
    private.toml = private.toml.replace("shared = true", "", 1)[: -len(MORE)]
    start, end = private.toml.index("[[users.files]]"), private.toml.index("[[items]]")
    private.toml = private.toml[:start] + private.toml[end:]
    ingest(db, private.mapping())
    db.write(ACTIVE)
    assert [row.item for row in Client(db, OWN).history("food/RAWannRAW")] == ["food/1"]
    assert len(db.read("MATCH (u:User {key: $key}) RETURN u.id AS id", key=f"food/{own('ann')[0]}"))


def test_a_graph_without_pseudonyms_takes_ids_as_they_are(db: Database, shop: Any) -> None:
    ingest(db, shop.mapping())
    db.write(ACTIVE)
    assert len(Client(db, OWN).history("ann")) == 2

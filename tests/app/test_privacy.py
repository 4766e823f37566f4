"""A whole run with pseudonyms and twins: no raw id is left anywhere, and twins read one list."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

import linkspan as package
from linkspan.graph.connecting.connection import open_database
from linkspan.graph.connecting.embedded import is_running
from linkspan.graph.users.pseudonyms import Pseudonyms

RAW = "RAWUSER"
WORKS = range(2, 60, 8)
KEY = "a secret of many bytes"
SAME = """
[[identities]]
file = "users.csv"
left = { user = "a" }
right = { user = "b" }

[[identities]]
file = "works.csv"
left = { item = "a", domain = "books" }
right = { item = "b", domain = "films" }

[ingest]
malformed = "skip"
"""


def found_in(folder: Path, text: str) -> list[str]:
    """Files below a folder that hold a text."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return [str(file) for file in files if text.encode() in file.read_bytes()]


@pytest.mark.slow
def test_no_raw_id_is_left_anywhere(
    linkspan: Any,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.DEBUG, "linkspan")
    monkeypatch.delenv("NEO4J_URI", raising=False)
    monkeypatch.setenv("LINKSPAN_USER_KEY", KEY)
    header, *events = (project / "events.csv").read_text().splitlines()
    # Users 1, 5 and 9 are of one taste, and so are the works of which there is a book and a film.
    rows = [header, *(f"{RAW}-{row}" for row in events), f"{RAW}-x,1,soon", f"{RAW}-y,1"]
    (project / "events.csv").write_text("\n".join(rows) + "\n")
    (project / "users.csv").write_text(f"a,b\n{RAW}-5,{RAW}-1\n{RAW}-5,{RAW}-9\n{RAW}-1,{RAW}-1\n")
    (project / "works.csv").write_text("a,b\n" + "".join(f"{n},{n + 1}\n" for n in WORKS))
    mapping = (project / "linkspan.toml").read_text()
    (project / "linkspan.toml").write_text(
        mapping.replace("shared = true", "shared = true\npseudonymise = true")
        + SAME.replace("skip", "error")
    )
    with open_database("embedded:.linkspan/db", create=True):  # one server for all commands
        told = [linkspan("ingest")]
        assert told[0].code == 3 and "events.csv, line" in told[0].err
        text = (project / "linkspan.toml").read_text()
        text = text.replace('malformed = "error"', 'malformed = "skip"')
        (project / "linkspan.toml").write_text(text)
        told += [linkspan("ingest"), linkspan("ingest", "--force", "--json"), linkspan("run")]
        assert [answer.code for answer in told[1:]] == [0, 0, 0], told[-1].err
        check_lists(linkspan, events, monkeypatch)
    while is_running(project / ".linkspan" / "db"):
        time.sleep(0.1)
    assert all(RAW not in answer.out + answer.err for answer in told)
    assert RAW not in caplog.text
    made = Pseudonyms(KEY).of(f"{RAW}-1")
    assert found_in(project / ".linkspan", RAW) == []
    assert found_in(project / ".linkspan" / "db", made), "such a search would find a raw id"
    assert found_in(project / ".linkspan" / "rejects", made), "the pair of a user with itself"


def check_lists(linkspan: Any, events: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Three users that are one have one list, by id and by pseudonym, without what any has met."""
    ids = [f"{RAW}-{number}" for number in (1, 5, 9)]
    made = [linkspan("pseudonym", user).out.strip() for user in ids]
    lists = [json.loads(linkspan("recommend", user, "--json").out) for user in (*ids, *made)]
    assert len(lists[0]) == 6 and all(each == lists[0] for each in lists)
    twin = {f"films/{n + 1}": f"books/{n}" for n in WORKS}
    own = [row.split(",") for row in events]
    keys = {n: ("books", "films")[n % 2] + f"/{n}" for n in range(60)}
    past = {keys[int(item)] for user, item, _ in own if user in ("1", "5", "9")}
    past = {twin.get(key, key) for key in past}
    assert past & set(twin.values())
    assert not past & {twin.get(row["item"], row["item"]) for row in lists[0]}
    assert all(row["item"].startswith(row["domain"]) for row in lists[0])
    with package.connect() as client:
        assert [row.item for row in client.recommend(ids[1], k=6)] == [
            row["item"] for row in client.recommend(made[2], k=6).to_pandas().to_dict("records")
        ]
    monkeypatch.setenv("LINKSPAN_USER_KEY", KEY + "!")
    other = linkspan("recommend", ids[0])
    assert other.code == 2 and "is not the key that this graph was loaded with" in other.err
    assert linkspan("ingest").code == 2

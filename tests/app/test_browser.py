"""What is made for graph browsers: saved queries with their parameters, and texts to paste."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from planted import ITEMS, plant

from linkspan import cypher
from linkspan.demo import how_to_look
from linkspan.graph.connecting.connection import Database
from pages import blocks


@pytest.fixture
def planted(on_server: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A graph with lists, and an empty folder to write to."""
    plant(on_server)
    monkeypatch.chdir(tmp_path)
    return on_server


def saved(file: Path) -> dict[str, str]:
    """The saved queries by the names that the Browser gives them, as it sorts them."""
    with ZipFile(file) as opened:
        texts = [opened.read(name).decode() for name in opened.namelist()]
        assert {name.partition("/")[0] for name in opened.namelist()} == {"Linkspan"}
    return dict(sorted((text.partition("\n")[0].removeprefix("// "), text) for text in texts))


def parameters(db: Database, text: str) -> dict[str, Any]:
    """What the lines of *Start here* set, as Cypher understands them."""
    lines = re.findall(r"^:param (\w+) => (.*);$", text, re.MULTILINE)
    assert len(lines) == text.count(":param") == len(text.splitlines()) - 2
    return {name: db.read(f"RETURN {value} AS value")[0]["value"] for name, value in lines}


def test_the_saved_queries_run_with_what_start_here_sets(linkspan: Any, planted: Database) -> None:
    told = linkspan("browser", "--user", "ann", "--json")
    assert told.code == 0, told.err
    style, queries = map(Path, json.loads(told.out)["files"])
    assert "node.Books {" in style.read_text() and "caption: '{title}'" in style.read_text()
    start, *rest = saved(queries).items()
    assert start[0].startswith("1 Start here: ") and rest[0][0].startswith("2 as_graph: ")
    names = {called.removeprefix("2 ").partition(":")[0] for called, _ in rest}
    assert names == {*cypher.names()}
    values = parameters(planted, start[1])
    numbers = {key: value for key, value in values.items() if isinstance(value, (int, float))}
    assert numbers == {"k": 10, "rank": 3, "events": 1000}
    assert all(type(value) is int for value in numbers.values())
    assert (values["user"], values["users"], values["run"]) == ("ann", ["ann"], "r2")
    assert values["item"].startswith(f"{values['domain']}/") and values["other"] in ITEMS
    for _, text in rest:
        planted.read(text, **values)
    assert planted.read(rest[0][1], **values)


def test_without_a_user_it_begins_with_one_who_has_a_list(linkspan: Any, planted: Database) -> None:
    told = linkspan("browser", "--out", "here")
    assert told.code == 0 and "here/linkspan.grass" in told.out
    start = next(iter(saved(Path("here") / "linkspan-queries.zip").values()))
    values = parameters(planted, start)
    assert (values["user"], values["item"], values["entity"]) == ("ann", "games/1", "tag/desert")


def test_a_user_whom_nobody_knows_and_a_graph_without_a_run_are_errors(
    linkspan: Any, planted: Database
) -> None:
    told = linkspan("browser", "--user", "nobody")
    assert told.code == 2 and told.err.startswith("error: there is no user 'nobody'. ")
    planted.write("MATCH (run:Run {state: 'active'}) SET run.state = 'superseded'")
    told = linkspan("browser")
    assert told.code == 6 and told.err.startswith("error: no run is active. ")
    assert list(Path().iterdir()) == []


def test_a_printed_query_runs_as_it_is_printed(linkspan: Any, planted: Database) -> None:
    told = linkspan("query", "recommend", "--print", "-p", "user=ann", "-p", "domain=games")
    rows = planted.read(cypher.load("recommend"), user="ann", domain="games", k=10)
    assert rows and planted.read(told.out) == rows
    planted.write("MATCH (u:User {key: 'ann'}) SET u.key = $key", key="o'b :smile: \\")
    told = linkspan("query", "recommend", "--print", "-p", "user=o'b :smile: \\")
    assert len(planted.read(told.out)) == 4
    told = linkspan("query", "recommend_rows", "--print", "-p", 'users=["ben", "cat"]')
    assert {row["user"] for row in planted.read(told.out)} == {"ben", "cat"}


def test_a_printed_query_keeps_what_has_no_value(linkspan: Any, planted: Database) -> None:
    told = linkspan("query", "recommend", "--print", "-p", "k=3")
    assert "{key: $user}" in told.out and "LIMIT toInteger(3)" in told.out
    assert "null IS NULL OR r.domain = null" in told.out
    told = linkspan("query", "recommend", "--print")
    assert "{key: $user}" in told.out and "LIMIT toInteger($k)" in told.out
    told = linkspan("query", "recommend", "--print", "-p", "users=ann")
    assert told.code == 2 and "takes no parameter like 'users=ann'" in told.err


def test_the_commands_at_the_end_of_the_demo_run(linkspan: Any, planted: Database) -> None:
    uri = os.environ["NEO4J_URI"]
    browse, *_ = how_to_look(planted, uri, "ann")
    assert browse == f"linkspan browser --user ann --uri {uri}"
    assert linkspan(*browse.split()[1:]).code == 0
    (printed,) = blocks("README.md", "text")
    query = printed.splitlines()[-1].replace("12472", "ann").split()
    assert query[:3] == ["linkspan", "query", "as_graph"]
    assert planted.read(linkspan(*query[1:]).out)

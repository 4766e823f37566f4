"""The whole path by the command line, stage by stage, on both servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import linkspan as package
from linkspan import cypher
from linkspan.graph.connecting.connection import Database

COLUMNS = ["domain", "rank", "item", "score", "gnn", "popularity", "because"]


def test_run_publishes_what_every_reader_sees(
    linkspan: Any, project: Path, on_bare_server: Database
) -> None:
    answer = linkspan("run", "--json")
    assert answer.code == 0, answer.err
    run = json.loads(answer.out)["run"]
    figures = {
        (row["method"], row["segment"]): row["ndcg"] for row in json.loads(answer.out)["evaluation"]
    }
    assert figures["gnn", "macro"] > figures["popularity", "macro"] + 0.1  # tastes were learned

    saved = pd.read_parquet(project / ".linkspan" / "runs" / run / "recommended.parquet")
    assert len(saved) == 220 * 2 * 3
    saved["because"] = saved["because"].astype(object).where(saved["because"].notna(), None)
    events = pd.read_csv("events.csv").astype(str)
    items = pd.read_csv("items.csv").astype(str)
    keys = (items["domain"] + "/" + items["id"]).set_axis(items["id"])
    seen = set(zip(events["user"], events["item"].map(keys), strict=True))
    assert not seen & set(zip(saved["user"], saved["item"], strict=True))

    with package.connect() as client:
        for user in saved["user"].drop_duplicates().sample(200, random_state=0):
            mine = saved[saved["user"] == user]
            expected = sorted(mine[COLUMNS].itertuples(index=False, name=None))
            by_client = sorted(
                (r.domain, r.rank, r.item, r.score, r.gnn, r.popularity, r.because_item)
                for r in client.recommend(user, k=100)
            )
            rows = on_bare_server.read(cypher.load("recommend"), user=user, domain=None, k=100)
            by_cypher = sorted(
                tuple(row[{"because": "because_item"}.get(name, name)] for name in COLUMNS)
                for row in rows
            )
            assert by_client == by_cypher == expected


@pytest.mark.filterwarnings("error:OpenBLAS")
def test_stages_one_by_one_then_asking(
    linkspan: Any, project: Path, on_bare_server: Database
) -> None:
    checked = linkspan("ingest", "--dry-run")
    assert checked.code == 0 and "60" in checked.out
    assert on_bare_server.read("MATCH (n) RETURN count(n) AS n") == [{"n": 0}]
    for stage in ("ingest", "snapshot", "embed", "train", "evaluate", "publish"):
        answer = linkspan(stage)
        assert answer.code == 0, (stage, answer.err)
        assert stage in answer.out
        assert max(map(len, answer.out.splitlines())) <= 100, answer.out
    schema = {row["name"] for row in on_bare_server.run("SHOW CONSTRAINTS")}
    assert {"linkspan_user_key", "linkspan_item_key", "linkspan_entity_key"} <= schema

    listed = linkspan("recommend", "7", "--domain", "films", "-k", "2")
    assert listed.code == 0 and listed.out.count("films/") == 2
    assert linkspan("recommend", "7").out.startswith("The best of each domain first")
    rows = json.loads(linkspan("recommend", "7", "--json").out)
    assert len(rows) == 6 and {row["domain"] for row in rows} == {"books", "films"}
    _explained(linkspan, rows[0])
    assert "books/" in linkspan("similar", "films/1", "-d", "books").out
    related = linkspan("similar", "films/1", "--kind", "relations").out
    assert related.count("WRITTEN_BY") == 4 == related.count("Author 0")
    rows = json.loads(linkspan("similar", "films/1", "--kind", "relations", "--json").out)
    assert {row["by"] for row in rows} == {"Author 0"}
    wrong = linkspan("similar", "films/1", "--kind", "text")
    assert wrong.code == 2 and "'relations'" in wrong.err
    assert linkspan("history", "7").out.count("SAVED") == 8
    assert "active" in linkspan("runs").out
    assert "recommend" in linkspan("query").out
    assert "MATCH (u:User {key: $user})" in linkspan("query", "recommend", "--print").out
    assert "films/" in linkspan("query", "popular", "-p", "domain=films", "-p", "k=3").out
    unknown = linkspan("recommend", "nobody")
    assert unknown.code == 2 and unknown.err.startswith("error: there is no user 'nobody'. Add")
    assert linkspan("recommend", "nobody", "--popular", "-k", "4").out.count("\n") == 6
    unknown = linkspan("similar", "1", "--json")
    assert unknown.code == 2 and "domain/id, with domain books or films" in unknown.err
    assert "films/1" in linkspan("search", "SPACE", "1", "-d", "films").out

    before = json.loads(linkspan("runs", "--json").out)
    assert linkspan("train", "--seed", "1").code == 0
    assert linkspan("evaluate").code == 0
    assert linkspan("publish").code == 0
    after = json.loads(linkspan("runs", "--json").out)
    assert [run["state"] for run in after] == ["active", "superseded"]
    assert linkspan("rollback").code == 0
    again = json.loads(linkspan("runs", "--json").out)
    assert next(run["run"] for run in again if run["state"] == "active") == before[0]["run"]


def _explained(linkspan: Any, best: dict[str, Any]) -> None:
    """The best recommendation of user 7, in words and as data."""
    told = linkspan("explain", "7", best["item"], "-k", "20").out
    assert f"{best['title']} is number 1 in {best['domain']} for user 7" in told
    assert f"because you saved {best['because']}" in told and "Author" in told
    assert max(map(len, told.splitlines())) <= 80, told
    found = json.loads(linkspan("explain", "7", best["item"], "--json").out)
    assert sum(found["parts"].values()) == pytest.approx(best["score"], abs=1e-4)
    assert found["past"][0]["item"] == best["because_item"] and found["paths"]
    again = json.loads(linkspan("explain", "7", best["item"], "--model", "--json").out)
    assert (again["place"], again["past"][0]["item"]) == (1, best["because_item"])
    assert again["parts"] == pytest.approx(found["parts"], abs=1e-4) and len(again["past"]) == 3
    assert linkspan("explain", "7", best["item"], "--model", "--draw", "why.svg").code == 0
    assert f"{best['because']} ({found['past'][0]['domain']})" in Path("why.svg").read_text()
    told = linkspan("explain", "7", best["item"], "--model").out
    assert "without this of your past" in told and max(map(len, told.splitlines())) <= 80, told
    for arguments, line in (
        (("nobody", best["item"]), "error: the graph has no user 'nobody'"),
        (("7", "films/none"), "error: the graph has no item 'films/none'"),
        (("7", best["item"], "-k", "0"), "error: k is 0"),
        (("7", best["item"], "--draw", "why.txt"), "error: why.txt ends in none of .svg, .png"),
    ):
        answer = linkspan("explain", *arguments)
        assert answer.code == 2 and answer.err.startswith(line), answer.err


def test_a_second_ingest_changes_nothing(linkspan: Any, project: Path, on_server: Database) -> None:
    first = json.loads(linkspan("ingest", "--json").out)
    state = on_server.read("MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN count(*) AS n")
    second = json.loads(linkspan("ingest", "--json").out)
    assert on_server.read("MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN count(*) AS n") == state
    assert sum(line["written"] for line in first["lines"]) > 0
    assert sum(line["written"] for line in second["lines"]) == 0


def test_doctor_names_the_server(linkspan: Any, project: Path, on_server: Database) -> None:
    answer = linkspan("doctor")
    assert answer.code == 0, answer.out
    assert on_server.capabilities.engine in answer.out
    assert on_server.capabilities.version in answer.out
    assert "none yet" in answer.out

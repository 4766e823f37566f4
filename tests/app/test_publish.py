"""``[publish]``: lists by rules, runs that are kept, and what is told of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from linkspan import gnn
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.vectors import ItemVectors
from linkspan.graph.snapshot import Snapshot
from linkspan.progress import SILENT
from linkspan.run_lists import write_lists
from linkspan.settings import PublishSettings
from linkspan.workspace import Workspace

pytestmark = pytest.mark.usefixtures("trained_once")
Run = Callable[..., Any]


def _set(**lines: str) -> None:
    """Put lines into ``[publish]``, the last table of the mapping."""
    text = Path("linkspan.toml").read_text()
    head = text[: text.index("[publish]")]
    rows = "\n".join(f"{key} = {value}" for key, value in lines.items())
    Path("linkspan.toml").write_text(f"{head}[publish]\nsimilar = 2\nvectors = false\n{rows}\n")


def _published(db: Database) -> list[dict[str, Any]]:
    return db.read(
        "MATCH (u:User)-[r:RECOMMENDED]->(i:Item) WHERE r.run = u.run RETURN u.key AS user, "
        "u.language AS speaks, i.key AS item, i.language AS language, i.in_stock AS in_stock, "
        "r.domain AS domain, r.rank AS rank, r.score AS score ORDER BY user, domain, rank"
    )


def _per_list(rows: list[dict[str, Any]]) -> set[int]:
    lists: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        lists.setdefault((row["user"], row["domain"]), []).append(row["rank"])
    assert all(ranks == list(range(1, len(ranks) + 1)) for ranks in lists.values())
    return {len(ranks) for ranks in lists.values()}


def test_lists_follow_the_rules(linkspan: Run, project: Path, on_server: Database) -> None:
    for command in ("ingest", "snapshot", "train", "publish", "evaluate", "publish"):
        answer = linkspan(command)
        if command == "publish" and not (Workspace(project / ".linkspan").run().ranks).exists():
            assert answer.code == 5 and "was not measured" in answer.err, answer.err
            assert "'linkspan evaluate" in answer.err.replace("\n", " ")
        else:
            assert answer.code == 0, (command, answer.err)
    on_server.write(
        "MATCH (i:Item) WITH i, toInteger(i.id) AS n SET i.in_stock = n % 5 <> 0, "
        "i.language = CASE WHEN n % 3 = 0 THEN 'en' ELSE 'de' END"
    )
    on_server.write("MATCH (u:User) WHERE toInteger(u.id) % 2 = 0 SET u.language = 'en'")

    def publish(**lines: str) -> list[dict[str, Any]]:
        _set(**lines)
        answer = linkspan("publish", "--json")
        assert answer.code == 0, answer.err
        return _published(on_server)

    plain = publish(k="4")
    assert _per_list(plain) == {4}
    ruled = publish(k="{ books = 2 }", require='["in_stock = true"]', match_user='["language"]')
    assert all(row["in_stock"] for row in ruled)
    assert all(row["speaks"] in (None, row["language"]) for row in ruled)
    by_domain = {d: [r for r in ruled if r["domain"] == d] for d in ("books", "films")}
    assert _per_list(by_domain["books"]) == {2} and max(_per_list(by_domain["films"])) > 4
    few = publish(k="3", total="4", exclude='["language = de"]', domains='["books", "films"]')
    assert {row["language"] for row in few} == {"en"}
    assert max(sum(r["user"] == user for r in few) for user in {r["user"] for r in few}) == 4
    some = publish(k="3", domains='["films"]', users='["1", "2"]')
    assert {(row["user"], row["domain"]) for row in some} == {("1", "films"), ("2", "films")}
    flags = ("-k", "3", "--domain", "films", "--user", "1", "--user", "2")
    assert linkspan("publish", *flags).code == 0
    assert _published(on_server) == some
    various = publish(k="4", diversity="0.7")
    assert _per_list(various) == {4}
    scores = {(row["user"], row["item"]): row["score"] for row in plain}
    both = [row for row in various if (row["user"], row["item"]) in scores]
    assert both and all(row["score"] == scores[row["user"], row["item"]] for row in both)
    assert [row["item"] for row in various] != [row["item"] for row in plain]

    runs = json.loads(linkspan("runs", "--json").out)
    assert [run["state"] for run in runs].count("active") == 1 and len(runs) == 2
    assert [run["kept"] for run in runs].count(True) == 2
    shown = linkspan("runs").out
    assert "HR@10" in shown and "roll" in shown and shown.count("yes") == 1

    gone = various[0]["item"]
    on_server.write("MATCH (i:Item {key: $key}) DETACH DELETE i", key=gone)
    _set(k="4", diversity="0.7")
    answer = linkspan("publish")
    assert answer.code == 0, answer.err
    left = _published(on_server)
    assert _per_list(left) == {4} and gone not in {row["item"] for row in left}
    ties = (
        "MATCH (r:Run {state: 'active'}) MATCH (i:Item)-[s:SIMILAR]->(o:Item) WHERE s.run = r.id "
    )
    similar = on_server.read(
        ties + "RETURN i.key AS item, i.domain = o.domain AS inside, s.rank AS rank, "
        "s.kind AS kind, s.how AS how, s.by AS by"
    )
    lists: dict[tuple[str, str, bool], list[int]] = {}
    for row in similar:
        lists.setdefault((row["item"], row["kind"], row["inside"]), []).append(row["rank"])
    assert {len(ranks) for ranks in lists.values()} == {1, 2}
    assert {kind for _, kind, _ in lists} == {"states", "relations"}
    reasons = {(row["kind"], row["how"], row["by"]) for row in similar}
    by = {("relations", "WRITTEN_BY", f"Author {n}") for n in (0, 1)}
    assert reasons == {("states", None, None), *by}
    assert all(sorted(ranks) == list(range(1, len(ranks) + 1)) for ranks in lists.values())

    _set(k="4", diversity="0.7", similar_kinds='["states"]')
    assert linkspan("publish").code == 0
    kinds = on_server.read(ties + "RETURN DISTINCT s.kind AS kind")
    assert [row["kind"] for row in kinds] == ["states"]
    for lines, message in (
        ({"similar_kinds": '["text"]'}, r"\[publish\] similar_kinds.*'states' or 'relations'"),
        ({"similar_kinds": "[]"}, r"\[publish\] similar_kinds"),
        ({"require": '["stock = true"]'}, "no item has a property 'stock'"),
        ({"require": '["in_stock"]'}, "'in_stock' is no condition"),
        ({"domains": '["games"]'}, r"names the domain 'games'.*It has books, films"),
        ({"users": '["nobody"]'}, "the graph has no user 'nobody'"),
        ({"diversity": "0.6", "calibration": "0.6"}, "together may be at most 1"),
        ({"k": "0"}, r"\[publish\] k"),
        ({"min_score": "1e9"}, "no recommendations to publish"),
    ):
        _set(**lines)
        answer = linkspan("publish")
        assert answer.code != 0 and answer.err.count("\n") == 1, answer.err
        assert re.search(message, answer.err), answer.err
    assert _per_list(_published(on_server)) == {4}


def test_lists_are_of_the_rules_that_their_files_name(
    linkspan: Run, project: Path, taken: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert linkspan("train").code == 0
    run, settings = Workspace(project / ".linkspan").run(), PublishSettings(k=3, vectors=True)

    def score(k: int, told: str) -> None:
        wanted = settings.model_copy(update={"k": k})
        write_lists(taken, run, wanted, gnn.Choice(), set(), told, SILENT)

    about = run.read("run")
    run.write("run", {**about, "encoders": {**about["encoders"], "text": "as it was"}})
    score(3, "three")
    assert about["encoders"]["text"] == "hash-64"  # it may be another by the time of publishing
    assert ItemVectors.load(run.vectors).encoder == "as it was"
    assert run.is_scored("three", vectors=True) and not run.is_scored("two", vectors=True)
    for step in ("score_top", "similar_items", None):  # killed before any file, after one, never
        with monkeypatch.context() as patch:
            if step is None:
                score(2, "two")
                break
            patch.setattr(gnn, step, _interrupted)
            with pytest.raises(KeyboardInterrupt):
                score(2, "two")
        whole = pd.read_parquet(run.lists)
        assert whole["rank"].max() == (3 if step == "score_top" else 2)
        assert not run.is_scored("two", vectors=True)
        assert run.is_scored("three", vectors=True) == (step == "score_top")  # nothing was written
    assert run.is_scored("two", vectors=True) and not run.is_scored("three", vectors=True)
    run.vectors.unlink()
    assert run.is_scored("two", vectors=False) and not run.is_scored("two", vectors=True)
    run.lists.write_bytes(run.lists.read_bytes()[:100])
    assert not run.is_scored("two", vectors=False)
    assert not list(run.folder.glob("*.part"))


def _interrupted(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_score_files_of_old_runs_go(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    runs = [workspace.new_run(number=number) for number in range(4)]
    for run in runs:
        for file in (run.lists, run.similar, run.vectors):
            file.touch()
    workspace.remove_scores(runs[0], keep=2)
    assert [run.lists.exists() for run in runs] == [True, False, False, True]
    assert not runs[1].vectors.exists() and runs[3].similar.exists()
    assert len(workspace.runs()) == 4

"""Training, measuring, comparing and scoring by the command line, on a snapshot, with no server."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from linkspan import gnn
from linkspan.graph.snapshot import Snapshot
from linkspan.opening import open_model
from linkspan.pairs import PairsFile
from linkspan.workspace import Workspace

pytestmark = pytest.mark.usefixtures("trained_once")


def trained(linkspan: Any, *flags: str) -> str:
    answer = linkspan("train", "--json", *flags)
    assert answer.code == 0, answer.err
    return str(json.loads(answer.out)["run"])


def test_a_run_is_measured_beside_baselines(linkspan: Any, project: Path, taken: Snapshot) -> None:
    run = trained(linkspan)
    assert (project / ".linkspan" / "runs" / run / "curves.png").read_bytes()[:4] == b"\x89PNG"
    answer = linkspan(
        "evaluate", "--baselines", "item-knn,ease-joint", "--html", "a.html", "--markdown", "a.md"
    )
    assert answer.code == 0, answer.err
    assert max(map(len, answer.out.splitlines())) <= 80, answer.out
    figures = json.loads(linkspan("evaluate", "--json").out)
    methods = list(dict.fromkeys(row["method"] for row in figures["table"]))
    assert methods[:4] == ["hybrid", "hybrid without gnn", "gnn", "popularity"]
    assert {row["over"] for row in figures["gains"]} == set(methods[1:])
    page = Path("a.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "http" not in re.sub(r'src="data:[^"]*"', "", page)  # nothing from elsewhere
    markdown = Path("a.md").read_text()
    hybrid = next(row for row in figures["table"] if row["segment"] == "all")
    for text in (page, markdown):
        assert f"{100 * hybrid['ndcg']:.2f}" in text
        assert "ease-joint" in text
    refused = linkspan("evaluate", "--html", "none/a.html")
    assert refused.code == 2 and "cannot be written" in refused.err
    refused = linkspan("evaluate", "--baselines", "best")
    assert refused.code == 5 and "no baseline 'best'" in refused.err


def test_ties_in_time_are_said(linkspan: Any, project: Path, taken: Snapshot) -> None:
    trained(linkspan)
    assert "is chance" not in linkspan("evaluate", "--baselines", "popularity").err
    for frame in taken.interactions.values():  # a few events are early, the rest on one day
        frame["at"] = (frame["at"] > 0).astype(np.int64)
    Workspace(project / ".linkspan").save_snapshot(replace(taken))
    trained(linkspan)
    answer = linkspan("evaluate", "--baselines", "popularity")
    assert "100% of them have the same time as the event before" in answer.out + answer.err


def test_two_runs_are_compared_on_the_same_events(
    linkspan: Any, project: Path, taken: Snapshot
) -> None:
    one, other = trained(linkspan), trained(linkspan, "--seed", "1")
    refused = linkspan("compare", one, other)
    assert refused.code == 5 and "was not measured" in refused.err
    for run in (one, other):
        assert linkspan("evaluate", run, "--baselines", "popularity").code == 0
    same = json.loads(linkspan("compare", one, one, "--json").out)["comparison"]
    assert all(row["gain"] == row["low"] == row["high"] == 0 for row in same)
    rows = json.loads(linkspan("compare", one, other, "--method", "popularity", "--json").out)[
        "comparison"
    ]
    assert rows[0]["part"] == "all"
    assert all(row["one"] == row["other"] for row in rows)  # the seed does not change it
    shown = linkspan("compare", one, other)
    assert shown.code == 0 and "difference" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80, shown.out
    elsewhere = trained(linkspan, "--split", "random")
    assert linkspan("evaluate", elsewhere, "--baselines", "popularity").code == 0
    refused = linkspan("compare", one, elsewhere)
    assert refused.code == 5 and "measured on other events" in refused.err


def test_seeds_are_compared_on_one_random_split(
    linkspan: Any, project: Path, taken: Snapshot
) -> None:
    runs = [trained(linkspan, "--split", "random", "--seed", seed) for seed in "01"]
    for run in runs:
        assert linkspan("evaluate", run, "--baselines", "popularity").code == 0
    assert linkspan("compare", *runs).code == 0


def test_a_domain_of_which_nothing_is_held_out_is_left_out(
    linkspan: Any, project: Path, taken: Snapshot
) -> None:
    settings = project / "linkspan.toml"
    held_out = taken.domains[0]
    text = f"{settings.read_text()}\n[split]\nprotocol = 'domain-out'\ndomain = '{held_out}'\n"
    settings.write_text(text)
    trained(linkspan)
    shown = linkspan("evaluate", "--baselines", "popularity")
    assert shown.code == 0, shown.err
    assert held_out in shown.out and taken.domains[1] not in shown.out
    figures = linkspan("evaluate", "--baselines", "popularity", "--json")
    table = json.loads(figures.out, parse_constant=pytest.fail)["table"]  # no NaN
    assert any(row["gini"] is None for row in table)
    assert isinstance(table[0]["tp"], int)


def test_a_run_that_was_broken_off_is_no_run_yet(
    linkspan: Any, project: Path, taken: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, again = trained(linkspan), ("train", "--seed", "7")  # trained by no other test
    with monkeypatch.context() as patch:
        patch.setattr(gnn, "train_all", broken_off)
        answer = linkspan(*again)
    assert answer.code == 130 and "goes on where it stopped" in answer.err
    assert (project / ".linkspan" / "checkpoints" / "train").exists()
    workspace = Workspace(project / ".linkspan")
    (torn,) = (run.id for run in workspace.runs() if run.id != whole)
    assert workspace.run().id == whole
    assert linkspan("evaluate", "--baselines", "popularity").code == 0
    assert linkspan(*again).code == 0
    assert not list((project / ".linkspan" / "checkpoints").iterdir())
    for command in (["evaluate", torn], ["compare", whole, torn]):
        refused = linkspan(*command)
        assert refused.code == 5 and "was broken off" in refused.err


def broken_off(*args: Any, **kwargs: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_pairs_are_scored_as_the_model_scores_them(
    linkspan: Any, project: Path, taken: Snapshot, ending: str
) -> None:
    run = trained(linkspan)
    random = np.random.default_rng(0)
    items = taken.items.iloc[random.integers(0, len(taken.items), 300)]
    users = taken.users["id"].to_numpy()[random.integers(0, len(taken.users), 300)]
    pairs = pd.DataFrame({"user": users, "domain": items["domain"], "item": items["id"]})
    pairs.loc[len(pairs)] = ["nobody", "films", items.loc[items["domain"] == "films", "id"].iloc[0]]
    pairs.loc[len(pairs)] = [users[0], "films", "no such item"]
    pairs.to_csv("pairs.csv", index=False)
    answer = linkspan("score", "pairs.csv", "--out", f"scores.{ending}", "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out) == {
        "run": run, "pairs": 302, "unknown users": 1, "unknown items": 1,
    }  # fmt: skip
    read = pd.read_parquet if ending == "parquet" else pd.read_csv
    scores = read(f"scores.{ending}")
    assert (
        scores[["user", "domain", "item"]]
        .astype(str)
        .equals(pairs.astype(str).reset_index(drop=True))
    )
    assert np.isnan(scores["score"].iloc[-1])
    assert scores["score"].iloc[:-1].notna().all()
    model = open_model(Workspace(project / ".linkspan").run(run), taken)
    top = gnn.score_top(model, k=1000)
    mine = top.assign(
        user=taken.users["id"].to_numpy()[top["user"]],
        item=taken.items["id"].to_numpy()[top["item"]],
    )
    both = scores.astype({"user": str, "item": str}).merge(
        mine, on=["user", "domain", "item"], suffixes=("", "_top")
    )
    assert len(both) > 100  # those that the user has met are in no list
    assert both["score"].to_numpy() == pytest.approx(both["score_top"].to_numpy(), abs=1e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user,domain,item\n1,music,2\n", r"line 2, column 'domain': there is no such domain"),
        ("user,domain,item\n1,films,\n", r"line 2, column 'item': the id is empty"),
        ("person,domain,item\n1,films,2\n", r"has no column 'user'"),
    ],
)
def test_pairs_that_cannot_be_read_are_refused(
    linkspan: Any, project: Path, taken: Snapshot, text: str, message: str
) -> None:
    trained(linkspan)
    Path("pairs.csv").write_text(text)
    answer = linkspan("score", "pairs.csv", "--out", "scores.csv")
    assert answer.code in (2, 3)
    assert re.search(message, answer.err), answer.err
    assert not list(Path().glob("scores.csv*"))


def test_scores_do_not_replace_the_pairs(linkspan: Any, project: Path) -> None:
    Path("pairs.csv").write_text("user,domain,item\n1,films,2\n")
    answer = linkspan("score", "pairs.csv", "--out", "./pairs.csv")
    assert answer.code == 2 and "is the file of the pairs" in answer.err
    assert Path("pairs.csv").read_text().startswith("user,")


def test_what_a_flag_said_is_not_laid_on_the_file(linkspan: Any, project: Path) -> None:
    answer = linkspan("train", "--split", "lastout")
    assert answer.code == 2 and "'lastout'" in answer.err and "linkspan.toml" not in answer.err


def test_items_are_named_by_their_keys_where_there_is_no_domain(
    linkspan: Any, project: Path, taken: Snapshot
) -> None:
    trained(linkspan)
    key, domain, name = taken.items.loc[0, ["key", "domain", "id"]]
    Path("keys.csv").write_text(f"user,item\n7,{key}\n7,{name}\n")
    Path("both.csv").write_text(f"user,domain,item\n7,{domain},{name}\n")
    for file in ("keys", "both"):
        assert linkspan("score", f"{file}.csv", "--out", f"{file}.scores.csv").code == 0
    keys, both = (pd.read_csv(f"{file}.scores.csv")["score"] for file in ("keys", "both"))
    assert keys[0] == both[0]
    assert np.isnan(keys[1])


def test_a_pair_is_of_the_domain_asked_for(project: Path, taken: Snapshot) -> None:
    """A film that is one with a book has the book's row, and stays a film."""
    aliases = pd.DataFrame({"row": [np.int32(0)], "key": ["films/999"], "domain": ["films"]})
    both = replace(taken, aliases={"item": aliases})
    book = taken.items["id"][0]
    Path("pairs.csv").write_text(f"user,domain,item\n7,films,999\n7,books,{book}\n7,films,none\n")
    (pairs,) = PairsFile(project / "pairs.csv", both)
    assert pairs.items.tolist() == [0, 0, -1]
    assert pairs.domains.tolist() == [1, 0, -1]


def test_a_file_says_what_is_held_out(linkspan: Any, project: Path, taken: Snapshot) -> None:
    events = taken.events()
    chosen = events.drop_duplicates("user").head(60)
    part = np.where(np.arange(60) % 3 == 0, "validation", "test")
    stated = pd.DataFrame(
        {
            "user": taken.users["id"].to_numpy()[chosen["user"]],
            "domain": taken.items["domain"].to_numpy()[chosen["item"]],
            "item": taken.items["id"].to_numpy()[chosen["item"]],
            "part": part,
        }
    )
    stated.to_csv("parts.csv", index=False)
    settings = Path("linkspan.toml")
    settings.write_text(settings.read_text() + '\n[split]\nprotocol = "file"\nfile = "parts.csv"\n')
    run = Workspace(project / ".linkspan").run(trained(linkspan))
    split = gnn.Split.load(run.split)
    assert (len(split.test), len(split.validation)) == (40, 20)
    tested = events.iloc[split.test]
    assert set(zip(tested["user"], tested["item"], strict=True)) == set(
        zip(chosen["user"][part == "test"], chosen["item"][part == "test"], strict=True)
    )
    for column, row, wrong, message in (
        ("part", 3, "tset", "line 5, column 'part': this is no part"),
        ("item", 4, "none", "line 6, column 'item': the graph has no event"),
    ):
        damaged = stated.copy()
        damaged.loc[row, column] = wrong
        damaged.to_csv("parts.csv", index=False)
        answer = linkspan("train")
        assert answer.code == 3 and message in answer.err, answer.err
    pd.concat([stated, stated.head(1)]).to_csv("parts.csv", index=False)
    answer = linkspan("train")
    assert answer.code == 3 and "line 62" in answer.err and "stood there before" in answer.err


def test_a_file_of_train_and_test_with_dislikes_is_taken(
    linkspan: Any, project: Path, taken: Snapshot, caplog: pytest.LogCaptureFixture
) -> None:
    frame = taken.interactions["SAVED"]
    signed = frame.assign(sign=np.where(frame["at"] == 6, -1, 1).astype(np.int8))
    taken = replace(taken, interactions={"SAVED": signed})
    Workspace(project / ".linkspan").save_snapshot(taken)
    part = np.where(frame["at"] >= 6, "test", "train")
    keys = {name: getattr(taken, f"{name}s").iloc[frame[name]] for name in ("user", "item")}
    ids = {name: rows["id"].to_numpy() for name, rows in keys.items()}
    stated = pd.DataFrame({**ids, "domain": keys["item"]["domain"].to_numpy(), "part": part})
    stated.to_csv("parts.csv", index=False)
    settings = Path("linkspan.toml")
    settings.write_text(settings.read_text() + '\n[split]\nprotocol = "file"\nfile = "parts.csv"\n')
    answer = linkspan("train")
    assert answer.code == 0, answer.err
    assert "220 rows of parts.csv are not positive: passed over" in caplog.text
    run = Workspace(project / ".linkspan").run()
    split = gnn.Split.load(run.split)
    assert len(split.test) == 220 and 200 <= len(split.validation) <= 220
    assert "no validation" in caplog.text
    assert gnn.load(run.held_out).weights  # the parts were weighed


def test_settings_are_searched_and_told_as_toml(
    linkspan: Any, project: Path, taken: Snapshot
) -> None:
    settings = Path("linkspan.toml")
    settings.write_text(settings.read_text().replace("epochs = 6", "epochs = 1"))
    answer = linkspan("tune", "--trials", "3")
    assert answer.code == 0, answer.err
    assert "Validation NDCG@10" in answer.out
    assert "[train." in answer.out or "Nothing was better" in answer.out
    found = json.loads(linkspan("tune", "--trials", "3", "--json").out)
    assert found["trials"] + found["given_up"] == 3
    assert found["ndcg"] >= found["first"]
    assert f"The best of {found['trials']} trials" in answer.out
    assert "as you have them" in answer.out
    assert [each["ndcg"] for each in found["best"]] == sorted(
        (each["ndcg"] for each in found["best"]), reverse=True
    )
    assert {"ndcg": found["first"], "changed": {}} in found["best"]
    best = found["best"][0]["changed"]
    assert best == found["changed"]
    for part, keys in best.items():
        assert found["settings"][part].items() >= keys.items()
        assert f"[train.{part}]" in answer.out

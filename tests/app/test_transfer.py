"""The transfer report by the command line, on a snapshot, with no server."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from linkspan import gnn
from linkspan.evaluating import guard_notes
from linkspan.exploring.run_figures import run_figures
from linkspan.forgetting import forget_in_files
from linkspan.gnn.models.weights import MixtureWeights, SignalWeights
from linkspan.graph.snapshot import Snapshot
from linkspan.transfer_report import _beneath, _sentence
from linkspan.workspace import Workspace


@pytest.fixture
def related(project: Path, taken: Snapshot) -> Snapshot:
    """The snapshot with a relation of items to authors."""
    authors = pd.DataFrame({"key": ["Author/0", "Author/1"], "name": ["Ann", "Bob"]})
    number = taken.items["id"].astype(int).to_numpy()
    written = pd.DataFrame(
        {
            "source": np.arange(len(taken.items), dtype=np.int32),
            "target": (number % 4 // 2).astype(np.int32),
            "weight": np.ones(len(taken.items), np.float32),
        }
    )
    related = replace(
        taken,
        entities={"Author": authors},
        relations={("item", "WRITTEN_BY", "Author"): written},
    )
    Workspace(project / ".linkspan").save_snapshot(related)
    return related


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each training; the second breaks off where a 0 stands first."""
    begun: list[int] = []
    real = gnn.train

    def train(*args: Any, **kwargs: Any) -> Any:
        begun.append(1)
        if begun[0] == 0 and len(begun) == 3:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(gnn, "train", train)
    return begun


def train_run(linkspan: Any) -> str:
    answer = linkspan("train", "--json")
    assert answer.code == 0, answer.err
    return str(json.loads(answer.out)["run"])


@pytest.mark.usefixtures("trained_once")
def test_what_domains_and_relations_give_is_told(
    linkspan: Any, project: Path, related: Snapshot, counted: list[int]
) -> None:
    run = train_run(linkspan)
    counted.clear()
    counted.append(0)
    answer = linkspan("evaluate", "--transfer")
    assert answer.code == 130 and "goes on where it stopped" in answer.err
    assert re.search(r"3 trainings to do, about \d+ s", answer.out), answer.out
    assert len(counted) == 3  # the one that was broken off is the second
    counted.clear()
    answer = linkspan("evaluate", "--transfer", "--html", "t.html", "--markdown", "t.md")
    assert answer.code == 0, answer.err
    assert len(counted) == 2 and "2 trainings to do; 1 kept from before" in answer.out
    assert "1 of 2: books alone" in answer.out or "1 of 2: films alone" in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80, answer.out
    for text in ("Does transfer help?", "WRITTEN_BY"):
        assert text in answer.out
    assert "Who gives to whom" not in answer.out  # of two domains it is what stands above it
    counted.clear()
    report = json.loads(linkspan("evaluate", "--transfer", "--json").out)
    assert not counted and report["trainings"] == {"new": 0, "kept": 3}
    assert report["run"] == run
    folder = Workspace(project / ".linkspan").run(run)
    assert folder.read("transfer") == report == run_figures(folder)["transfer"]
    few = json.loads(linkspan("evaluate", "--transfer", "--domains", "films", "--json").out)
    assert [row["domain"] for row in few["domains"]] == ["films"]
    assert folder.read("transfer") == few
    assert {row["domain"] for row in report["domains"]} == {"books", "films"}
    for row in report["segments"]:
        assert row["low"] <= row["gain"] <= row["high"]
    page, markdown = Path("t.html").read_text(), Path("t.md").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "http" not in re.sub(r'src="data:[^"]*"', "", page)  # nothing from elsewhere
    for text in (page, markdown):
        for row in report["domains"]:
            assert row["verdict"].split("(")[0] in text
            assert f"{100 * row['joint']:.2f}" in text
    (cells,) = {path.parent.parent for path in project.rglob("cell.json")}
    assert len(list(cells.iterdir())) == 3 and not list(cells.rglob("checkpoint*"))
    damaged = next(cells.rglob("ranks.parquet"))
    damaged.write_text("no ranks")
    assert linkspan("evaluate", "--transfer").code == 0
    assert len(counted) == 1  # a damaged one is trained again
    forget_in_files(Workspace(project / ".linkspan"), [related.users["key"][0]])
    assert not cells.exists()


@pytest.mark.usefixtures("trained_once")
def test_what_methods_give_is_told(linkspan: Any, project: Path, taken: Snapshot) -> None:
    train_run(linkspan)
    flags = ("--transfer", "--methods", "mmd", "--html", "t.html")
    report = json.loads(linkspan("evaluate", *flags, "--json").out)
    assert {row["left_out"] for row in report["with_method"]} == {"mmd"}
    for row in report["with_method"]:  # the run is without, so the other is the one with it
        assert row["gain"] == pytest.approx(row["other"] - row["joint"])
        assert row["low"] <= row["gain"] <= row["high"]
    answer = linkspan("evaluate", *flags)
    assert "What methods of domain adaptation give" in answer.out
    assert re.search(r"For certain: mmd (helps|hurts|changes nothing)", answer.out), answer.out
    assert max(map(len, answer.out.splitlines())) <= 80, answer.out
    assert "with it gains over the same without" in Path("t.html").read_text()


@pytest.mark.usefixtures("trained_once")
def test_bad_requests_are_refused(linkspan: Any, project: Path, taken: Snapshot) -> None:
    train_run(linkspan)
    for flags, message in (
        (["--transfer", "--domains", "music"], "no domain 'music'"),
        (["--domains", "films"], "goes with --transfer"),
        (["--methods", "gan"], "goes with --transfer"),
        (["--transfer", "--methods", "magic"], "no method 'magic'"),
        (["--transfer", "--html", "none/a.html"], "cannot be written"),
        (["--transfer", "--domains", "films", "books"], "between them: films,books"),
    ):
        refused = linkspan("evaluate", *flags)
        assert refused.code == 2 and message in refused.err, refused.err


@pytest.mark.usefixtures("trained_once")
def test_one_domain_alone_has_nothing_to_pass(
    linkspan: Any, project: Path, taken: Snapshot
) -> None:
    books = taken.items["domain"].to_numpy() == "books"
    saved = taken.interactions["SAVED"]
    own = saved[books[saved["item"]]].reset_index(drop=True)
    Workspace(project / ".linkspan").save_snapshot(replace(taken, interactions={"SAVED": own}))
    train_run(linkspan)
    refused = linkspan("evaluate", "--transfer")
    assert refused.code == 2 and "one domain only, books" in refused.err


def test_what_cannot_pass_or_be_measured_is_said(
    linkspan: Any, project: Path, taken: Snapshot
) -> None:
    """Films are met by users of their own and have no text; of books nothing is held out."""
    films = taken.items["domain"].to_numpy() == "films"
    saved = taken.interactions["SAVED"]
    inside = films[saved["item"]]
    own = saved[inside == (saved["user"] % 2 == 0)].reset_index(drop=True)
    apart = replace(
        taken,
        items=taken.items.assign(text=taken.items["text"].where(~films, "")),
        interactions={"SAVED": own},
    )
    Workspace(project / ".linkspan").save_snapshot(apart)
    events = apart.events()
    last = events[films[events["item"]]].groupby("user").tail(2)
    stated = pd.DataFrame(
        {
            "user": apart.users["id"].to_numpy()[last["user"]],
            "domain": "films",
            "item": apart.items["id"].to_numpy()[last["item"]],
            "part": np.where(last["user"].duplicated(), "test", "validation"),
        }
    )
    stated.to_csv("parts.csv", index=False)
    settings = Path("linkspan.toml")
    settings.write_text(settings.read_text() + '\n[split]\nprotocol = "file"\nfile = "parts.csv"\n')
    told = " ".join(linkspan("train").out.split())
    assert "nothing can pass to domains books, films: no user, relation or text joins them" in told
    report = json.loads(
        linkspan("evaluate", "--transfer", "--domains", "films,books", "--json").out
    )
    told = {row["domain"]: row for row in report["domains"]}
    assert "no held-out event" in told["books"]["verdict"]
    assert "nothing can pass to it" in told["films"]["verdict"], told["films"]
    assert report["bridges"] == [
        {"one": "books", "other": "films", "users": 0, "tied": False, "alike": False}
    ]


def test_a_domain_that_joint_learning_hurts_is_guarded(
    linkspan: Any, project: Path, taken: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The joint model's weights are spoilt, so that each domain is better off alone."""
    real = gnn.fit_hybrid

    def spoilt(*args: Any) -> Any:
        fitted = real(*args)
        only = MixtureWeights(SignalWeights({"popularity": 1.0}, {}))
        return replace(fitted, weights={**fitted.weights, "hybrid": only})

    settings = project / "linkspan.toml"
    unguarded = settings.read_text()
    settings.write_text(unguarded.replace("guard = false\n", ""))  # by default it is on
    with monkeypatch.context() as patch:
        patch.setattr(gnn, "fit_hybrid", spoilt)
        trained = linkspan("train")
    assert trained.code == 0, trained.err
    told = " ".join(trained.out.split())
    assert "domain books: joint learning hurts there (-" in told
    assert "itself without what users did in other domains): its lists are of its own" in told
    run = Workspace(project / ".linkspan").run()
    hurt = {row["domain"] for row in run.read("run")["doubted"] if row["hurt"]}
    assert "books" in hurt
    for folder in (run.final, run.held_out):
        assert set(gnn.load(folder).alone) == hurt
    answer = linkspan("evaluate", "--baselines", "popularity")
    assert "books: joint learning hurts there (-" in answer.out
    assert json.loads(linkspan("evaluate", "--json").out)["doubted"]
    report = json.loads(linkspan("evaluate", "--transfer", "--json").out)
    told = {row["domain"]: row["verdict"] for row in report["domains"]}
    assert "its lists are of its own events" in told["books"]
    assert report["trainings"]["kept"] == len(run.read("run")["doubted"])  # the guard's own
    shutil.rmtree(project / ".linkspan" / "transfer")
    anew = json.loads(linkspan("evaluate", "--transfer", "--json").out)
    assert anew["trainings"]["kept"] == 0 and anew["segments"] == report["segments"]
    settings.write_text(unguarded)
    with monkeypatch.context() as patch:
        patch.setattr(gnn, "fit_hybrid", spoilt)
        assert "hurts there" not in linkspan("train").out
    assert not gnn.load(Workspace(project / ".linkspan").run().final).alone


def test_a_domain_is_named_as_the_giver_only_where_it_must_be() -> None:
    """Of three domains two are reported on, and leaving out the other one makes no difference."""
    figures = {"domain": "food", "lists": 900, "gain": -0.004, "low": -0.007, "high": -0.001}
    unsure = {**figures, "left_out": "kitchen", "gain": -0.0005, "high": 0.001, "certain": False}
    whole = {**figures, "certain": True}
    two = ["art", "kitchen"]
    told = _sentence(whole, [unsure], two, guarded=False)
    assert told[0] == "hurt" and told[1].startswith("hurt by the others together (-0.4 points")
    for givers in ([unsure], []):
        told = _sentence(whole, givers, ["kitchen"], guarded=False)
        assert told[1].startswith("hurt by kitchen (")
    sure = {**unsure, "high": -0.0001, "certain": True}
    assert _sentence(whole, [sure], two, guarded=False)[1].startswith("hurt by kitchen (")


def test_what_the_figure_of_a_domain_hides_is_said() -> None:
    """Few and many events may say opposite things, and lists of new items nothing."""
    whole = {"segment": "all", "lists": 390, "gain": 0.004, "certain": False}
    few = {"segment": "1 to 4", "lists": 88, "gain": -0.028, "low": -0.06, "high": -0.005}
    many = {"segment": "5 or more", "lists": 303, "gain": 0.014, "low": 0.004, "high": 0.024}
    new = {"segment": "new items", "lists": 97, "gain": 0.0, "certain": False}
    few, many = {**few, "certain": True}, {**many, "certain": True}
    told = _beneath(whole, [whole, few, many, new])
    assert told == (
        "; but with 1 to 4 events -2.8, -6.0 to -0.5; but with 5 or more events +1.4, 0.4 to 2.4"
    )
    sure = {**whole, "certain": True}
    assert _beneath(sure, [few, many]) == "; but with 1 to 4 events -2.8, -6.0 to -0.5"
    assert "98 of 390 test lists are of items that nobody had met" in _beneath(
        whole, [{**new, "lists": 98}]
    )


def test_a_note_says_why_domains_were_in_doubt_and_what_became_of_them() -> None:
    figures = {"gain": -0.004, "low": -0.007, "high": -0.001}
    hurt = {"domain": "food", **figures, "hurt": True, "not_above": ["own past"]}
    kept = {"domain": "art", **figures, "hurt": False, "not_above": ["popularity", "ease-target"]}
    assert guard_notes([]) == []
    assert guard_notes([hurt, kept, {**kept, "domain": "film"}]) == [
        "domain food: joint learning hurts there (-0.4 points of NDCG@10, -0.7 to -0.1, on "
        "validation rows; not surely above itself without what users did in other domains): its "
        "lists are of its own events",
        "in doubt on validation rows, and learned jointly all the same, as a model of its own "
        "events is not surely better: art (not surely above popularity and EASE of its own "
        "events), film (not surely above popularity and EASE of its own events)",
    ]

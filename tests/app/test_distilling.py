"""A small network that learns from a run, by the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from linkspan import gnn
from linkspan.graph.asking.client import Client
from linkspan.graph.connecting.connection import Database
from linkspan.graph.snapshot import Snapshot
from linkspan.opening import open_model
from linkspan.workspace import RunFolder, Workspace

pytestmark = pytest.mark.usefixtures("trained_once")


def same(one: gnn.FittedModel, other: gnn.FittedModel) -> bool:
    """Tell whether two networks are equal to the last bit."""
    ours, theirs = one.model.state_dict(), other.model.state_dict()
    return ours.keys() == theirs.keys() and all(ours[name].equal(theirs[name]) for name in ours)


@pytest.fixture
def teachers(monkeypatch: pytest.MonkeyPatch) -> list[gnn.FittedModel | None]:
    """Whom each training learns from, in their order."""
    found: list[gnn.FittedModel | None] = []

    def watch(name: str) -> None:
        real: Callable[..., Any] = getattr(gnn, name)

        def learn(*args: Any, **kwargs: Any) -> Any:
            found.append(kwargs.get("teacher"))
            return real(*args, **kwargs)

        monkeypatch.setattr(gnn, name, learn)

    for name in ("train", "train_all"):
        watch(name)
    return found


def change(run: RunFolder, **about: Any) -> None:
    """Let a run be another one."""
    run.write("run", {**run.read("run"), **about})


def test_a_run_is_distilled_and_published(
    linkspan: Any,
    project: Path,
    on_server: Database,
    teachers: list[gnn.FittedModel | None],
) -> None:
    base = json.loads(linkspan("run", "--json").out)["run"]
    lists = {row.item for row in Client(on_server).recommend("7", k=99)}
    teachers.clear()
    # What today's settings say of the model does not count.
    toml = Path("linkspan.toml")
    toml.write_text(toml.read_text().replace("epochs = 6", "epochs = 1"))
    answer = linkspan("train", "--distil")
    assert answer.code == 0, answer.err
    assert f"from run {base}, 8 numbers a state and one hop: " in answer.out
    workspace = Workspace(project / ".linkspan")
    run, snapshot = workspace.run(), workspace.load_snapshot()
    about, was = run.read("run"), workspace.run(base).read("run")
    assert run.id != base and run.id in answer.out and about["distilled"] == {"run": base}
    size = {"embedding_size": 8, "layers": 1}
    assert about["settings"] == {**was["settings"], "model": was["settings"]["model"] | size}
    assert about["fingerprint"] == was["fingerprint"] and about["encoders"] == was["encoders"]
    split, own = (gnn.Split.load(each.split) for each in (workspace.run(base), run))
    assert all((getattr(split, part) == getattr(own, part)).all()
               for part in ("train", "validation", "test"))  # fmt: skip

    held_out, final = teachers
    assert held_out is not None and final is not None
    assert same(held_out, open_model(workspace.run(base), snapshot, workspace.run(base).held_out))
    assert same(final, open_model(workspace.run(base), snapshot))
    assert not set(held_out.events.index) & {*split.validation, *split.test}
    assert len(held_out.events) == len(split.train) and len(final.events) == len(snapshot.events())
    assert not (workspace.folder / "checkpoints" / "distil").exists()

    measured = linkspan("evaluate", "--json")
    assert measured.code == 0, measured.err
    table = pd.DataFrame(json.loads(measured.out)["table"])
    ndcg = table[table["segment"] == "all"].set_index("method")["ndcg"]
    assert ndcg["gnn"] > ndcg["popularity"] + 0.1
    compared = linkspan("compare", run.id, base, "--json")
    assert compared.code == 0, compared.err
    assert linkspan("publish").code == 0
    (active,) = [each for each in Client(on_server).runs() if each.state == "active"]
    assert active.run == run.id
    now = {row.item for row in Client(on_server).recommend("7", k=99)}
    assert len(now) == len(lists) and len(now & lists) > 0
    Client(on_server).feedback("7", sorted(now)[0])
    assert json.loads(linkspan("refresh", "--epochs", "1", "--json").out)["base"] == run.id
    # The latest run is a small one, and its refresh: by default the large one teaches again.
    again = linkspan("train", "--distil", "--no-refit", "--seed", "3")
    assert again.code == 0 and f"from run {base}, 8 numbers" in again.out, again.err
    assert workspace.run().read("run")["settings"]["learning"]["seed"] == 3
    reported = linkspan("evaluate", "--transfer")
    assert reported.code == 5 and f"learned from run {base}" in reported.err
    smaller = linkspan("train", run.id, "--distil", "--no-refit")
    assert smaller.code == 0 and f"from run {run.id}, 4 numbers a state" in smaller.out


def test_what_was_to_be_measured_is_completed_with_its_teacher(
    linkspan: Any, project: Path, taken: Snapshot, teachers: list[gnn.FittedModel | None]
) -> None:
    """Though the teacher itself is fitted to all events only then; without it, it is told."""
    base = json.loads(linkspan("train", "--no-refit", "--json").out)["run"]
    small = json.loads(linkspan("train", "--distil", "--no-refit", "--json").out)["run"]
    assert len(teachers) == 2
    (project / "pairs.csv").write_text("user,domain,item\n3,books,0\n")
    folder, aside = project / ".linkspan" / "runs" / base, project / "aside"
    shutil.move(folder, aside)
    refused = linkspan("score", "pairs.csv", "--out", "scores.csv", "--run", small)
    assert refused.code == 5 and f"there is no run '{base}'" in refused.err
    shutil.move(aside, folder)
    done = linkspan("score", "pairs.csv", "--out", "scores.csv", "--run", small)
    assert done.code == 0, done.err
    *_, large, last = teachers
    assert large is None and last is not None
    assert same(last, open_model(Workspace(project / ".linkspan").run(base), taken))


def test_one_process_distils_whatever_the_cluster(
    linkspan: Any, project: Path, taken: Snapshot
) -> None:
    assert linkspan("train").code == 0
    with Path("linkspan.toml").open("a") as file:
        file.write('\n[cluster]\naddress = "127.0.0.1:1"\n')
    assert linkspan("train").code == 2, "no cluster is there"
    assert linkspan("train", "--distil", "--no-refit").code == 0


def test_only_the_joint_network_of_a_guarded_run_teaches(
    linkspan: Any, project: Path, taken: Snapshot, teachers: list[gnn.FittedModel | None]
) -> None:
    base = Workspace(project / ".linkspan").run(json.loads(linkspan("train", "--json").out)["run"])
    learned = gnn.load(base.held_out)
    gnn.save(replace(learned, alone={"films": learned}), base.held_out, gnn.Split.load(base.split))
    answer = linkspan("train", "--distil", "--no-refit")
    assert answer.code == 0, answer.err
    teacher = teachers[-1]
    assert teacher is not None and teacher.alone == {} and teacher.linear is None


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--distil"], "there is no run yet"),
        (["none"], "nothing to do with run 'none'"),
        (["--distil", "--split", "random"], "Leave --split out"),
    ],
)
def test_flags_that_do_not_go_together_are_told(
    linkspan: Any, project: Path, taken: Snapshot, flags: list[str], said: str
) -> None:
    refused = linkspan("train", *flags)
    assert refused.code in (2, 5) and said in refused.err and "Traceback" not in refused.err


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"base": "r0"}, "is a refresh of run r0"),
        ({"privacy": {"epsilon": 2.0}}, "has a privacy budget, and no network"),
        ({"adapted": {"domain": "films", "run": "r1"}}, "was adapted to domain 'films'"),
        ({"federation": {"with": ["b"]}}, "was trained with other sites"),
    ],
)
def test_runs_of_other_kinds_do_not_teach(
    linkspan: Any, project: Path, taken: Snapshot, about: dict[str, Any], said: str
) -> None:
    run = json.loads(linkspan("train", "--json").out)["run"]
    unknown = linkspan("train", "none", "--distil")
    assert unknown.code == 5 and "there is no run 'none'" in unknown.err
    change(Workspace(project / ".linkspan").run(run), **about)
    refused = linkspan("train", run, "--distil")
    assert refused.code == 5 and f"run {run} {said}" in refused.err.replace("\n", " ")
    assert len(Workspace(project / ".linkspan").runs()) == 1


def test_models_that_cannot_teach_are_told(linkspan: Any, project: Path, taken: Snapshot) -> None:
    workspace = Workspace(project / ".linkspan")
    base = workspace.run(json.loads(linkspan("train", "--json").out)["run"])
    learned, split = gnn.load(base.held_out), gnn.Split.load(base.split)
    for changed, said in (
        ({"best_epoch": 0}, "is untrained"),
        ({"settings": learned.settings.changed(embedding_size=3)}, "are 3 numbers wide"),
    ):
        gnn.save(replace(learned, **changed), base.held_out, split)
        refused = linkspan("train", "--distil")
        assert refused.code == 5 and said in refused.err.replace("\n", " "), refused.err
    shutil.rmtree(base.held_out)  # as 'linkspan forget' does with one that cannot be read
    refused = linkspan("train", "--distil")
    assert refused.code == 5 and "Traceback" not in refused.err, refused.err
    with Path("linkspan.toml").open("a") as file:
        file.write("\n[privacy]\nepsilon = 2.0\n")
    refused = linkspan("train", "--distil")
    assert refused.code == 2 and "learns from events without noise" in refused.err
    assert len(workspace.runs()) == 1

"""A new domain on top of a run, by the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from linkspan import gnn
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.erasing import without_domain
from linkspan.opening import open_model
from linkspan.workspace import Workspace

pytestmark = pytest.mark.usefixtures("trained_once")


def test_a_run_is_adapted_and_measured(linkspan: Any, project: Path, taken: Snapshot) -> None:
    workspace = Workspace(project / ".linkspan")
    before, _ = without_domain(taken, "films")
    workspace.save_snapshot(before)
    base = json.loads(linkspan("train", "--json").out)["run"]
    workspace.save_snapshot(taken)
    answer = linkspan("adapt", "films", "--steps", "4")
    assert answer.code == 0, answer.err
    assert f"films on run {base}" in answer.out
    run = workspace.run()
    about = run.read("run")
    assert run.id != base and run.id in answer.out
    assert about["adapted"]["domain"] == "films" and about["adapted"]["run"] == base
    assert set(about["adapted"]["gates"]) == {"items", "users"}
    measured = linkspan("evaluate", "--json")
    assert measured.code == 0, measured.err
    ranks = json.loads(measured.out)["table"]
    assert {row["domain"] for row in ranks if row["segment"] == "domain"} == {"films"}
    lists = gnn.score_top(open_model(run, taken), 5)
    assert set(lists["domain"]) == {"books", "films"} and np.isfinite(lists["score"]).all()
    compared = linkspan("evaluate", "--transfer")
    assert compared.code == 5 and "were not learned together" in compared.err
    refused = linkspan("adapt", "films")  # by default of the latest run, which knows them now
    assert refused.code == 5 and "has learned domain 'films' already" in refused.err


@pytest.mark.parametrize(
    ("flags", "said"),
    [(["music"], "there is no domain 'music'"), (["films", "--run", "none"], "no run 'none'")],
)
def test_what_cannot_be_adapted_is_refused(
    linkspan: Any, taken: Snapshot, flags: list[str], said: str
) -> None:
    assert linkspan("train").code == 0
    refused = linkspan("adapt", *flags)
    assert refused.code == 5 and said in refused.err, refused.err

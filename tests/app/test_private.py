"""Runs with a privacy budget, from the settings to the graph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from linkspan.graph.connecting.connection import Database
from linkspan.private_training import LEDGER

PRIVACY = "\n[privacy]\nepsilon = 4.0\n"


def settings(project: Path, text: str) -> None:
    file = project / "linkspan.toml"
    file.write_text(file.read_text().partition("\n[privacy]")[0] + text)


def test_a_private_run_tells_its_budget_and_little_else(
    linkspan: Any, project: Path, on_bare_server: Database
) -> None:
    settings(project, PRIVACY)
    done = linkspan("run")
    assert done.code == 0, done.err
    assert "ε = 4, δ = 1e-06 a user; to be measured only" in " ".join(done.out.split())
    assert "have spent ε = 4 together" in " ".join(done.out.split())
    rows = on_bare_server.read("MATCH (r:Run) RETURN properties(r) AS run")
    (run,) = [row["run"] for row in rows]
    assert json.loads(run["privacy"])["epsilon"] == 4.0
    # Exact sums over all users are none that noise hides.
    assert json.loads(run["metrics"]) == {} and run["fingerprint"] == ""
    assert run.get("outline") is None
    assert "noised" in run["model"]
    listed = json.loads(linkspan("runs", "--json").out)
    assert json.loads(listed[0]["privacy"])["delta"] == 1e-6
    assert "ε = 4" in linkspan("runs").out
    found = json.loads(linkspan("recommend", "3", "--json").out)
    assert len(found) == 6 and all(row["gnn"] == 0 for row in found)
    # Users keep to one of two tastes, of which the titles tell.
    assert all("garden" in row["title"] for row in found), found
    ledger = (project / ".linkspan" / LEDGER).read_text().splitlines()
    assert [json.loads(line)["epsilon"] for line in ledger] == [4.0]

    events = (project / "events.csv").read_text()
    (project / "events.csv").write_text(events + "3,2,99\nnew,5,1\n")
    assert linkspan("ingest").code == 0
    refused = linkspan("refresh", "--epochs", "1")
    assert refused.code == 5 and "has a privacy budget" in refused.err
    assert linkspan("refresh").code == 0
    assert len((project / ".linkspan" / LEDGER).read_text().splitlines()) == 1, "it costs nothing"
    assert len(json.loads(linkspan("recommend", "new", "--json").out)) == 6
    rows = on_bare_server.read(
        "MATCH (r:Run) WHERE r.base IS NOT NULL RETURN r.fingerprint AS told"
    )
    assert [row["told"] for row in rows] == [""]

    assert linkspan("forget", "3", "--yes").code == 0
    assert linkspan("publish").code == 0
    assert len(json.loads(linkspan("recommend", "4", "--json").out)) == 6
    assert len((project / ".linkspan" / LEDGER).read_text().splitlines()) == 1


def test_a_spent_budget_is_refused(linkspan: Any, project: Path, taken: Any) -> None:
    settings(project, PRIVACY + "total = 5.0\n")
    assert linkspan("train").code == 0
    assert len((project / ".linkspan" / LEDGER).read_text().splitlines()) == 1
    refused = linkspan("train")
    assert refused.code == 2
    assert "the budget is spent: trainings so far have taken ε = 4.00" in refused.err
    assert "linkspan refresh" in refused.err
    assert len((project / ".linkspan" / LEDGER).read_text().splitlines()) == 1
    settings(project, PRIVACY + "total = 9.0\n")
    ledger = project / ".linkspan" / LEDGER
    whole = ledger.read_text()
    ledger.write_text(whole + '{"run": "x"}\n')
    damaged = linkspan("train")
    assert damaged.code == 5 and "privacy.jsonl, line 2: not the record" in damaged.err
    ledger.write_text(whole)
    assert linkspan("train").code == 0
    lines = (project / ".linkspan" / LEDGER).read_text().splitlines()
    assert len({json.loads(line)["run"] for line in lines}) == 2


def test_a_run_that_was_to_be_measured_is_completed_by_its_own_budget(
    linkspan: Any, project: Path, taken: Any
) -> None:
    """Also where the settings of today name another budget, or none."""
    settings(project, PRIVACY)
    assert linkspan("train", "--no-refit").code == 0
    assert not (project / ".linkspan" / LEDGER).exists(), "what is measured is not published"
    settings(project, "")
    (project / "pairs.csv").write_text("user,domain,item\n3,books,0\n")
    done = linkspan("score", "pairs.csv", "--out", "scores.csv")
    assert done.code == 0, done.err
    (line,) = (project / ".linkspan" / LEDGER).read_text().splitlines()
    assert json.loads(line)["epsilon"] == 4.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("epsilon = 0", "epsilon: input should be greater than 0"),
        ("epsilon = 1000.0", "less than or equal to 100"),
        ("epsilon = 1.0\ndelta = 0.5", "delta: input should be less than 0.01"),
        ("epsilon = 3.0\ntotal = 2.0", "epsilon 3 is above the total 2"),
        ("total = 2.0", "total bounds trainings with an epsilon"),
        ("epsilom = 2.0", "epsilom"),
    ],
)
def test_a_wrong_budget_is_told(linkspan: Any, project: Path, text: str, told: str) -> None:
    settings(project, f"\n[privacy]\n{text}\n")
    refused = linkspan("train")
    assert refused.code == 2 and told in refused.err and "Traceback" not in refused.err


@pytest.mark.parametrize("command", [["tune"], ["evaluate", "--transfer"]])
def test_what_learns_without_noise_is_refused(
    linkspan: Any, project: Path, taken: Any, command: list[str]
) -> None:
    settings(project, PRIVACY)
    refused = linkspan(*command)
    assert refused.code == 2 and "learns from events without noise" in refused.err


def test_few_users_are_refused_before_anything_is_spent(
    linkspan: Any, project: Path, taken: Any
) -> None:
    settings(project, PRIVACY)
    from linkspan.gnn.private import fitting

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "LEAST_USERS", 1_000)
        refused = linkspan("train")
    assert refused.code == 5 and "220 users are too few" in refused.err
    assert not (project / ".linkspan" / LEDGER).exists()

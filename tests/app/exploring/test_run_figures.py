"""Figures of a run are those of its files, and what is not there is None."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from linkspan.exploring.run_figures import run_figures
from linkspan.gnn.settings import TrainSettings
from linkspan.workspace import RunFolder


def row(method: str, segment: str, domain: str, ndcg: float, **more: Any) -> dict[str, Any]:
    return {"method": method, "segment": segment, "domain": domain, "rows": 40, "hr": 2 * ndcg,
            "ndcg": ndcg, "mrr": 0.1, **more}  # fmt: skip


def gain(over: str, domain: str, value: float) -> dict[str, Any]:
    return {"method": "hybrid", "over": over, "domain": domain, "gain": value,
            "low": value - 0.01, "high": value + 0.01, "certain": True}  # fmt: skip


CATALOGUE = {"coverage": 0.5, "popularity_lift": 0.25}
EVALUATION = {
    "protocol": "last-out",
    "k": 10,
    "method": "hybrid",
    "doubted": [],
    "table": [
        row("hybrid", "all", "", 0.2, **CATALOGUE),
        row("hybrid", "with history", "", 0.25),
        row("hybrid", "macro", "", 0.19),
        row("hybrid", "domain", "books", 0.3, **CATALOGUE),
        row("popularity", "all", "", 0.125, coverage=None),
        row("popularity", "domain", "books", 0.1),
    ],
    "gains": [gain("popularity", "", 0.075), gain("popularity", "books", 0.2)],
    "curves": [{"epoch": 1, "loss": float("nan"), "hit_rate": None, "ndcg": 0.1}],
    "best_epoch": 1,
}
NONE = {"gain": None, "low": None, "high": None}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    settings = TrainSettings.of(epochs=3, encoder="hash").model_dump(mode="json")
    settings["model"]["forgotten"] = 7  # of an earlier version
    run = RunFolder(tmp_path)
    about = {"created": "2026-01-02T03:04:05+00:00", "version": "0.1.0", "settings": settings}
    run.write("run", {**about, "doubted": [{"domain": "books", "hurt": True}]})
    run.write("evaluation", EVALUATION)
    run.write("transfer", {"run": run.id, "domains": []})
    return run


def test_figures_are_those_of_the_files(run: RunFolder) -> None:
    found = run_figures(run)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["id"], found["created"][:10], found["base"]) == (run.id, "2026-01-02", None)
    assert (found["protocol"], found["k"], found["method"]) == ("last-out", 10, "hybrid")
    default = TrainSettings()
    assert sorted(found["settings"], key=lambda each: each["part"]) == [
        {"part": "encoding", "name": "encoder", "value": "hash", "default": "minilm"},
        {"part": "learning", "name": "epochs", "value": 3, "default": default.learning.epochs},
        {"part": "model", "name": "forgotten", "value": 7, "default": None},
    ]
    assert found["overall"] == [
        {"method": "hybrid", "hr": 0.4, "ndcg": 0.2, **CATALOGUE, **NONE},
        {"method": "popularity", "hr": 0.25, "ndcg": 0.125, "coverage": None,
         "popularity_lift": None, "gain": 0.075, "low": 0.075 - 0.01, "high": 0.075 + 0.01},
    ]  # fmt: skip
    books = {"domain": "books", "rows": 40}
    assert found["domains"] == [
        {**books, "method": "hybrid", "hr": 0.6, "ndcg": 0.3, **NONE},
        {**books, "method": "popularity", "hr": 0.2, "ndcg": 0.1,
         "gain": 0.2, "low": 0.2 - 0.01, "high": 0.2 + 0.01},
    ]  # fmt: skip
    assert found["segments"] == [
        {"segment": "with history", "method": "hybrid", "rows": 40, "hr": 0.5, "ndcg": 0.25},
        {"segment": "macro", "method": "hybrid", "rows": 40, "hr": 0.38, "ndcg": 0.19},
    ]
    assert found["curves"] == [{"epoch": 1, "loss": None, "hit_rate": None, "ndcg": 0.1}]
    assert found["best_epoch"] == 1 and found["doubted"] == [{"domain": "books", "hurt": True}]
    assert found["transfer"] == {"run": run.id, "domains": []}


OF_FILE = {
    "run": ("created", "version", "settings", "doubted"),
    "evaluation": ("protocol", "k", "method", "overall", "domains", "segments", "curves"),
    "transfer": ("transfer",),
}


@pytest.mark.parametrize("damage", [None, "{", "[1]", "7", "{}"])
@pytest.mark.parametrize("file", OF_FILE)
def test_what_is_missing_or_damaged_is_none(run: RunFolder, file: str, damage: str | None) -> None:
    path = run.folder / f"{file}.json"
    path.unlink() if damage is None else path.write_text(damage)
    found = run_figures(run)
    assert found["id"] == run.id
    for name, parts in OF_FILE.items():
        for part in parts:
            assert (found[part] is None) == (name == file), part


@pytest.mark.parametrize("table", [None, 7, [7], [{}], "text"])
def test_a_table_of_another_form_is_none(run: RunFolder, table: object) -> None:
    run.write("evaluation", {**EVALUATION, "table": table})
    found = run_figures(run)
    assert found["overall"] is found["domains"] is found["segments"] is None and found["k"] == 10


def test_no_model_is_needed() -> None:
    code = "import sys, linkspan.exploring.run_figures; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

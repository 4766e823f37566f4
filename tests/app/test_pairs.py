"""Files of pairs in each format, with columns beside the ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from linkspan.errors import DataError
from linkspan.graph.snapshot import Snapshot
from linkspan.pairs import PairsFile
from linkspan.workspace import Workspace

pytestmark = pytest.mark.usefixtures("trained_once")
NOTES: dict[str, list[Any]] = {
    "rating": [4.5, None, 3.25],
    "place": [1, 2, 3],
    "first": [True, False, None],
    "note": ['a, "b"', None, " é\n"],
    "day": [None, None, None],
}
SHOWN = {
    "rating": ["4.5", None, "3.25"],
    "place": ["1", "2", "3"],
    "first": ["true", "false", None],
    "note": ['a, "b"', None, "é"],
    "day": [None, None, None],
}


def write_pairs(file: Path, columns: dict[str, list[Any]]) -> None:
    rows = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    if file.suffix == ".parquet":
        pq.write_table(pa.table(columns), file)
    elif file.suffix == ".jsonl":
        kept = [{k: v for k, v in row.items() if v is not None or k == "day"} for row in rows]
        file.write_text("".join(json.dumps(row) + "\n" for row in kept))
    else:
        texts = {name: SHOWN.get(name, values) for name, values in columns.items()}
        pd.DataFrame(texts).to_csv(file, index=False)


def pairs_of(taken: Snapshot, **more: list[Any]) -> dict[str, list[Any]]:
    items = taken.items.iloc[:3]
    return {
        "user": taken.users["id"].iloc[:3].tolist(),
        **more,
        "item": items["id"].tolist(),
        "domain": items["domain"].tolist(),
    }


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_other_columns_come_through_in_every_format(
    taken: Snapshot, tmp_path: Path, kind: str
) -> None:
    write_pairs(tmp_path / f"pairs.{kind}", pairs_of(taken, **NOTES))
    pairs = PairsFile(tmp_path / f"pairs.{kind}", taken, extra=None)
    assert set(pairs.columns) == {"user", "item", "domain", *NOTES}
    (found,) = pairs
    assert found.users.tolist() == found.items.tolist() == [0, 1, 2]
    assert {name: found.columns[name].to_pylist() for name in NOTES} == SHOWN


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_scores_stand_beside_other_columns(
    linkspan: Any, taken: Snapshot, kind: str, ending: str
) -> None:
    assert linkspan("train").code == 0
    write_pairs(Path(f"pairs.{kind}"), pairs_of(taken, **NOTES))
    answer = linkspan("score", f"pairs.{kind}", "--out", f"scores.{ending}", "--json")
    assert answer.code == 0, answer.err
    read = pd.read_parquet if ending == "parquet" else pd.read_csv
    scores = read(f"scores.{ending}")
    assert scores["score"].notna().all() and len(scores) == 3
    assert scores["note"].tolist()[::2] == ['a, "b"', "é"]
    assert scores["place"].astype(str).tolist() == ["1", "2", "3"]


def test_a_key_that_only_later_rows_have_is_a_column(taken: Snapshot, tmp_path: Path) -> None:
    columns = pairs_of(taken, note=[None, None, "late"])
    write_pairs(tmp_path / "pairs.jsonl", columns)
    (found,) = PairsFile(tmp_path / "pairs.jsonl", taken, extra=None)
    assert found.columns["note"].to_pylist() == [None, None, "late"]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_list_is_one_value_or_refused(taken: Snapshot, tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"pairs.{kind}"
    write_pairs(file, pairs_of(taken, tags=[["a", "b"], [], None]))
    (found,) = PairsFile(file, taken, extra=None)
    assert found.columns["tags"].to_pylist() == ['["a", "b"]', None, None]
    columns = pairs_of(taken)
    write_pairs(file, {**columns, "user": [["a"], ["b"], ["c"]]})
    with pytest.raises(DataError, match="a list where one value is needed"):
        list(PairsFile(file, taken, extra=None))


def test_a_run_that_was_only_to_be_measured_is_completed_when_it_scores(
    linkspan: Any, project: Path, taken: Snapshot
) -> None:
    """Its model of all events is then that of a whole training."""
    write_pairs(project / "pairs.csv", pairs_of(taken))
    told, runs = [], Workspace(project / ".linkspan")
    for flags in ([], ["--no-refit"]):
        trained = linkspan("train", *flags)
        assert trained.code == 0 and ("refit" in trained.out) == (not flags), trained.err
        run = runs.run()
        assert run.is_refitted == (not flags)
        measured = json.loads(linkspan("evaluate", "--baselines", "popularity", "--json").out)
        scored = linkspan("score", "pairs.csv", "--out", "scores.csv")
        assert scored.code == 0 and ("refit" in scored.out) == bool(flags), scored.err
        assert measured["run"] == run.id and run.is_refitted
        told.append(((project / "scores.csv").read_text(), measured["table"]))
    assert told[0] == told[1]
    assert "refit" not in linkspan("score", "pairs.csv", "--out", "scores.csv").out


def test_a_damaged_file_of_an_older_run_hides_no_later_one(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    runs = [workspace.new_run() for _ in range(2)]
    for run in runs:
        run.final.mkdir()
        (run.final / "model.json").write_text("{}")
    (runs[0].folder / "run.json").write_text("{")
    assert workspace.run().id == runs[1].id

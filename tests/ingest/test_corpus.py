"""Each damaged input of ``tests/corpus`` comes to its expected end, and no good row is lost."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from typing import Any

import pytest

from corpus import CASES, Case, ids
from corpus.shop import Shop
from linkspan.errors import ConfigError, DataError, LinkspanError
from linkspan.graph.connecting.connection import Database
from linkspan.ingest import IngestReport, ingest

PASSING_OVER = '\n[ingest]\nduplicates = "keep"\ndangling = "skip"\nmalformed = "skip"\n'
READ = {"Item": 3, "User": 2, "BOUGHT": 4, "BOUGHT_WITH": 2}
COUNTS = {
    "Item": "MATCH (n:Item) RETURN count(n) AS n",
    "BOUGHT": "MATCH ()-[r:BOUGHT]->() RETURN count(r) AS n",
    "BOUGHT_WITH": "MATCH ()-[r:BOUGHT_WITH]->() RETURN count(r) AS n",
}
# What the rows say is found before a server is asked; ids and names are what servers differ in.
ON_NEO4J = CASES if os.environ.get("LINKSPAN_SOAK") == "1" else [*ids.CASES, *CASES[::9]]
each_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


def rejects(report: IngestReport) -> dict[str, set[int]]:
    """Lines in the files of rejects, by the file they come from."""
    found: dict[str, set[int]] = {}
    for line in report.lines:
        if line.rejects is not None:
            text = line.rejects.read_text("utf-8")  # as its table says, so with its delimiter
            delimiter = text.split("rejected_column")[0].split("rejected_line")[1]
            file = io.StringIO(text.replace(delimiter, "\x1f"), newline="")
            rows = csv.DictReader(file, delimiter="\x1f")
            lines = {int(row["rejected_line"]) for row in rows}
            found.setdefault(line.file, set()).update(lines)
    return found


@each_case
def test_where_every_problem_stops(
    shop: Shop, recorder: Any, refusal: Callable[..., str], case: Case
) -> None:
    case.damage(shop)
    if case.says:
        assert refusal(DataError if case.says.startswith("DIR") else ConfigError) == case.says
    else:
        assert ingest(recorder, shop.mapping(), dry_run=True).rejected == 0


@pytest.mark.parametrize(
    ("server", "case"),
    [*(("arcadedb", case) for case in CASES), *(("neo4j", case) for case in ON_NEO4J)],
    ids=lambda value: value if isinstance(value, str) else value.name,
    indirect=["server"],
)
def test_where_bad_rows_are_passed_over(db: Database, shop: Shop, case: Case) -> None:
    case.damage(shop)
    shop.toml += PASSING_OVER
    if case.rejects is None:
        with pytest.raises(LinkspanError) as raised:
            ingest(db, shop.mapping())
        assert str(raised.value).replace(str(shop.folder), "DIR") == case.says
        assert db.read("MATCH (n) RETURN count(n) AS nodes") == [{"nodes": 0}]
        return
    report = ingest(db, shop.mapping())
    assert rejects(report) == case.rejects
    for line in report.lines:
        assert line.read == line.written + line.unchanged + line.rejected, line
    for target, rows in (READ | case.reads).items():
        lines = [line for line in report.lines if line.target == target]
        if target == "User":  # files of events bring users, too
            lines = [line for line in lines if line.file.startswith("people")]
        assert sum(line.read for line in lines) == rows, target
        if target in COUNTS:
            written = sum(line.written for line in lines)
            assert db.read(COUNTS[target]) == [{"n": written}], target
    if case.query:
        assert db.read(case.query, met=case.met) == [{"found": case.finds}]


def test_the_corpus_is_large_and_has_no_case_twice() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 150

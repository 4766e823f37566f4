"""Deciding between rows of one key, against a loop that a child could check."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.ingest import ingest
from linkspan.ingest.shaping.codes import KeyCodes, row_hashes
from linkspan.ingest.shaping.duplicates import (
    REJECT,
    SAME,
    WRITE,
    DuplicateFinder,
    DuplicatePolicy,
)
from linkspan.ingest.shaping.shapes import Shaped
from linkspan.ingest.shaping.targets import LinkTarget, Table

ROW = st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from([None, "x", "y"]))
FILES = st.lists(st.lists(st.lists(ROW, max_size=5), max_size=3), max_size=3)


@pytest.mark.parametrize("repeat", [False, True])
@pytest.mark.parametrize("policy", ["update", "keep", "error"])
@given(files=FILES)
def test_the_same_as_a_plain_loop(
    policy: DuplicatePolicy, repeat: bool, files: list[list[list[tuple[int, int, str | None]]]]
) -> None:
    finder = DuplicateFinder()
    by_key: dict[object, list[tuple[int, int, object]]] = {}
    for number, batches in enumerate(files):
        line = 2
        for batch in batches:
            finder.add(number, _shaped(batch, line, repeat))
            for code, at, value in batch:
                key: object = (code, at) if repeat else code
                values = value if repeat else (at, value)
                by_key.setdefault(key, []).append((number, line, values))
                line += 1
    expected: dict[tuple[int, int], int] = {}
    for rows in by_key.values():
        kept = rows[-1] if policy == "update" else rows[0]
        if policy == "update" and not repeat:
            latest = max(row[2][0] for row in rows)  # type: ignore[index]
            kept = next(row for row in reversed(rows) if row[2][0] == latest)  # type: ignore[index]
        for row in rows:
            same = row[2] == kept[2] or policy == "update"
            expected[row[:2]] = WRITE if row is kept else SAME if same else REJECT
    actions, clashes = finder.resolve(policy)
    found = {
        (number, line): int(action)
        for number, part in actions.items()
        for line, action in enumerate(part, 2)
    }
    assert found == expected
    assert [(clash.file, clash.line) for clash in clashes] == sorted(
        place for place, action in expected.items() if action == REJECT
    )


def _shaped(rows: list[tuple[int, int, str | None]], line: int, repeat: bool) -> Shaped:
    codes = np.array([row[0] for row in rows], np.int64)
    at = pa.array([row[1] for row in rows], pa.int64())
    value = pa.array([row[2] for row in rows], pa.string())
    keys = {"source": value, "target": value} | ({"at": at} if repeat else {})
    properties = {"value": value} | ({} if repeat else {"at": at})
    table = Table(LinkTarget("T", "user", "item", repeat), keys, properties)
    return Shaped(np.arange(line, line + len(rows)), table, codes, [])


def test_hashes_tell_values_apart() -> None:
    columns = [
        pa.array(["", None, "a", "a", "a"]),
        pa.array([0, 0, 0, None, 0], pa.int64()),
        pa.array([["a", "b"], ["a", "b"], ["ab"], ["ab"], None], pa.list_(pa.string())),
        pa.array([True, True, True, True, None]),
    ]
    assert len(set(row_hashes(columns, 5).tolist())) == 5
    assert row_hashes(columns, 5).tolist() == row_hashes(columns, 5).tolist()


@given(st.lists(st.lists(st.one_of(st.none(), st.text(max_size=2)), max_size=6), max_size=4))
def test_codes_are_the_order_of_first_appearance(parts: list[list[str | None]]) -> None:
    codes, seen = KeyCodes(), list[str]()
    for part in parts:
        keys = pa.array(part, pa.string())
        before = list(seen)
        seen += [key for key in dict.fromkeys(part) if key is not None and key not in seen]
        known = codes.find(keys).tolist()
        assert known == [before.index(key) if key in before else -1 for key in part]
        assert codes.add(keys).tolist() == [-1 if key is None else seen.index(key) for key in part]
    assert [codes.key(number) for number in range(len(codes))] == seen


def test_keys_are_gone_through_once() -> None:
    passes = []

    class Counted(dict[str, int]):
        def __iter__(self) -> Iterator[str]:
            passes.append(len(self))
            return super().__iter__()

    codes = KeyCodes()
    codes._codes = Counted()
    for part in (["a", "b", "c"], ["d", "a", "e"]):
        codes.add(pa.array(part))
        assert [codes.key(number) for number in range(len(codes))] == list("abcde")[: len(codes)]
    assert len(passes) == 2


def test_of_clashes_little_is_kept(
    shop: Any, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checking makes no problem, with texts of its own, for each: there may be millions."""
    rows = "".join(f"u{n},1,{at},1,1\n" for at in (1, 2) for n in range(50))
    shop.write("bought.csv", "person,thing,when,amount,rating\n" + rows)
    shop.toml += '\n[ingest]\nduplicates = "keep"\n'
    made = []
    monkeypatch.setattr("linkspan.ingest.check.Problem", lambda **named: made.append(named))
    report = ingest(recorder, shop.mapping(), dry_run=True)
    assert (report.rejected, made) == (50, [])

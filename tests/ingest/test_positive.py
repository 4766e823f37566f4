"""Events whose mapping says by a text, or by true and false, which are positive."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from linkspan.errors import ConfigError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.snapshot.reading import read_snapshot
from linkspan.ingest import ingest
from linkspan.ingest.roles import find_roles

EVENTS: list[tuple[str, str, int, str | None, bool | None]] = [
    ("ann", "1", 1_700_000_000, "purchase", True),
    ("ann", "3", 1_700_000_100, "view", False),
    ("bob", "2", 1_700_000_000, None, None),
    ("cid", "2", 1_700_000_050, "cafe\u0301", True),
]
COLUMNS = ("person", "thing", "when", "event", "liked")


def write_events(shop: Any, kind: str) -> None:
    """Put the events in place of the shop's, in a format."""
    path = shop.folder / f"bought.{kind}"
    if kind == "parquet":
        columns = zip(*EVENTS, strict=True)
        pq.write_table(pa.table(dict(zip(COLUMNS, map(list, columns), strict=True))), path)
    elif kind == "jsonl":
        rows = [dict(zip(COLUMNS, event, strict=True)) for event in EVENTS]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        rows = [["" if v is None else str(v) for v in event] for event in EVENTS]
        path.write_text("".join(",".join(row) + "\n" for row in [list(COLUMNS), *rows]))
    shop.remap('"bought.csv"', f'"{path.name}"')
    shop.remap('weight = "amount"\n', "")
    shop.remap(
        '{ rating = { column = "rating", type = "integer" } }',
        '{ event = "event", liked = { column = "liked", type = "boolean" } }',
    )


@pytest.mark.parametrize(
    ("condition", "signs"),
    [
        ("event = 'purchase'", (1, -1, 0, -1)),
        ("event != view", (1, -1, 0, 1)),
        ("event == 'caf\u00e9'", (-1, -1, 0, 1)),
        ("event >= 'd'", (1, 1, 0, -1)),
        ("liked = true", (1, -1, 0, 1)),
        ("liked != true", (-1, 1, 0, -1)),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_text_and_truth_tell_positive_from_negative(
    db: Database, shop: Any, kind: str, condition: str, signs: tuple[int, ...]
) -> None:
    write_events(shop, kind)
    shop.remap("rating >= 4", condition)
    mapping = shop.mapping()
    ingest(db, mapping)
    taken = read_snapshot(db, find_roles(mapping))
    frame = taken.interactions["BOUGHT"]
    users, items = (taken.users["id"].to_numpy(), taken.items["id"].to_numpy())
    found = {(users[row.user], items[row.item]): row.sign for row in frame.itertuples(index=False)}
    assert found == {event[:2]: sign for event, sign in zip(EVENTS, signs, strict=True)}
    assert len(taken.events()) == signs.count(1)
    assert len(taken.not_liked()) == len(signs) - signs.count(1)  # known to be met


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("event >= 4", "compares 'event' with a number"),
        ("liked = 'true'", "compares 'liked' with text"),
        ("when = true", "compares 'when' with true or false"),
        ("tags = 'a'", "compares 'tags' with text"),
        ("event < 'b'", "feedback could not say which"),
        ("liked > false", "neither more nor less"),
    ],
)
def test_what_a_column_cannot_bear_is_refused(shop: Any, condition: str, says: str) -> None:
    write_events(shop, "csv")
    shop.remap('{ event = "event",', '{ event = "event", tags = { column = "event", split = "|" },')
    shop.remap("rating >= 4", condition)
    with pytest.raises(ConfigError) as raised:
        shop.mapping()
    assert says in str(raised.value)
    assert "[[interactions]] 1" in str(raised.value)

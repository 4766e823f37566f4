"""Lists on their way into the graph: read in pieces, checked, and made into rows to send.

A list file may be larger than memory, so whatever reads it does so piece by piece; a piece ends
where a list ends.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from linkspan.errors import PublishError

PARTS = ("gnn", "linear", "transitions", "text", "relations", "popularity")
"""The parts of a score; they add up to it."""
PIECE = 50_000
"""Rows of a file that are in memory at once."""

ListSource = pd.DataFrame | Path
"""A table, or the Parquet file that holds it."""

ListRow = list[Any]
"""A list as a query takes it: the key of whose it is, and its entries, each a list of values."""


@dataclass
class ListCounts:
    """Counts that `check_lists` made.

    Attributes:
        users: Users with a list.
        rows: Recommendations.
        items: Keys of the items recommended.
        digest: Of who gets what at which rank and score, whatever the order of rows; 64 bits.
    """

    users: int = 0
    rows: int = 0
    items: set[str] = field(default_factory=set)
    digest: int = 0


def pieces(lists: ListSource, by: str) -> Iterator[pd.DataFrame]:
    """The rows in their order, in pieces that end where ``by`` changes.

    Args:
        lists: The rows of one value of ``by`` stand together.
        by: Column whose values must not be torn apart.
    """
    if isinstance(lists, pd.DataFrame):
        yield lists
        return
    rest: pd.DataFrame | None = None
    with pq.ParquetFile(lists) as file:
        for batch in file.iter_batches(PIECE):
            frame = batch.to_pandas()
            if rest is not None:
                frame = pd.concat([rest, frame], ignore_index=True)
            keys = frame[by].to_numpy(object)
            whole = int(np.argmax(keys[::-1] != keys[-1])) if keys[0] != keys[-1] else len(keys)
            rest = frame[len(frame) - whole :].reset_index(drop=True)
            if whole < len(frame):
                yield frame[: len(frame) - whole]
    if rest is not None:
        yield rest


def count_kinds(similar: ListSource) -> dict[str, int]:
    """Number of similar items of each kind, those of a run of before as `with_kind` has them."""
    if isinstance(similar, pd.DataFrame):
        return Counter(with_kind(similar)["kind"])
    with pq.ParquetFile(similar) as file:
        if "kind" not in file.schema_arrow.names:
            return {"states": file.metadata.num_rows}
        counts: Counter[str] = Counter()
        for batch in file.iter_batches(PIECE, columns=["kind"]):  # the others are not needed
            counts.update(batch.column("kind").to_pylist())
        return counts


def with_kind(similar: pd.DataFrame) -> pd.DataFrame:
    """Similar items with all columns; a run of before knew those of states alone."""
    plain: dict[str, str | None] = {"kind": "states", "how": None, "by": None}
    return similar.assign(**{name: each for name, each in plain.items() if name not in similar})


def check_lists(lists: ListSource) -> ListCounts:
    """Refuse lists that no reader should see.

    Args:
        lists: As for `linkspan.graph.publishing.publish.publish`.

    Raises:
        PublishError: There are none, a score is not finite, the parts do not add up, an item stands
            twice in a list, ranks have gaps, or nearly everyone gets the same few items while more
            than twice as many could have been chosen.
    """
    counts = ListCounts()
    users: dict[str, int] = defaultdict(int)
    items: dict[str, set[str]] = defaultdict(set)
    longest: dict[str, int] = defaultdict(int)
    eligible: dict[str, int] = defaultdict(int)
    largest = gap = 0.0
    for piece in pieces(lists, "user"):
        if piece.empty:
            continue
        scores = _with_parts(piece)[["score", *PARTS]].to_numpy(np.float64)
        if not np.isfinite(scores).all():
            wrong = int((~np.isfinite(scores)).any(1).sum())
            raise PublishError(f"{wrong:,} scores are not finite")
        gap = max(gap, float(np.abs(scores[:, 0] - scores[:, 1:].sum(1)).max()))
        largest = max(largest, float(np.abs(scores).max()))
        if piece.duplicated(["user", "item"]).any():
            raise PublishError("an item stands twice in a user's list")
        per_list = piece.groupby(["user", "domain"], sort=False)["rank"].agg(["min", "max", "size"])
        if (per_list["min"] != 1).any() or (per_list["max"] != per_list["size"]).any():
            raise PublishError("the ranks of a list have gaps")
        counts.rows += len(piece)
        counts.users += piece["user"].nunique()
        counts.items.update(piece["item"])
        told = pd.util.hash_pandas_object(piece[["user", "item", "rank", "score"]], index=False)
        counts.digest = (counts.digest + int(told.to_numpy().sum())) % 2**64
        for name, part in _chosen(piece).groupby("domain"):
            domain = str(name)
            eligible[domain] = max(eligible[domain], int(part["eligible"].max()))
            users[domain] += part["user"].nunique()
            items[domain].update(part["item"])
            longest[domain] = max(longest[domain], int(part["rank"].max()))
    if not counts.rows:
        raise PublishError("there are no recommendations to publish")
    if gap > 1e-4 * max(1.0, largest):
        raise PublishError(f"the parts of a score miss it by {gap:.2g}")
    for domain, number in users.items():
        same = len(items[domain])
        # With nearly all of a small domain in each list, equal lists say nothing of the model.
        if number >= 100 and same <= longest[domain] and 2 * same < eligible[domain]:
            raise PublishError(
                f"the model collapsed: {number:,} users get the same {same} items in '{domain}'",
                hint="Train again with other settings",
            )
    return counts


def _with_parts(piece: pd.DataFrame) -> pd.DataFrame:
    """Lists with all parts; those that a run of before did not know are 0."""
    return piece.assign(**{name: 0.0 for name in PARTS if name not in piece})


def _chosen(piece: pd.DataFrame) -> pd.DataFrame:
    """Rows of users with a past whose lists leave out something that they could have held.

    Without a column ``eligible``, every list does.
    """
    known = piece[piece["because"].notna()]
    if "eligible" not in known:
        return known.assign(eligible=np.iinfo(np.int32).max)
    sizes = known.groupby(["user", "domain"], sort=False)["rank"].transform("size")
    return known[known["eligible"] > sizes]


def list_rows(lists: ListSource) -> Iterator[tuple[int, ListRow]]:
    """Each user's list as one row of ``publish_recommended``, with its length."""
    columns = ["item", "domain", "rank", "score", *PARTS, "because"]
    for piece in pieces(lists, "user"):
        yield from _grouped(_with_parts(piece), "user", columns)


def similar_rows(similar: ListSource) -> Iterator[tuple[int, ListRow]]:
    """Each item's similar items as one row of ``publish_similar``, with their number."""
    columns = ["other", "kind", "rank", "score", "how", "by"]
    for piece in pieces(similar, "item"):
        yield from _grouped(with_kind(piece), "item", columns)


def _grouped(frame: pd.DataFrame, by: str, columns: list[str]) -> Iterator[tuple[int, ListRow]]:
    """Runs of equal ``by`` as one row each; the frame is sorted by it."""
    keys = frame[by].to_numpy(object)
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else np.empty(0, int)
    ends = np.r_[starts[1:], len(keys)]
    values = [
        frame[column].astype(object).where(frame[column].notna(), None).tolist()
        for column in columns
    ]
    members = map(list, zip(*values, strict=True))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        yield end - start, [keys[start], list(islice(members, end - start))]

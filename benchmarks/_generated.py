"""Generated files of a catalogue with users and events, which the benchmarks load.

The events are skewed like real ones: log-normal activity of users, Zipf popularity of items, in
four domains; each item has one author.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

DOMAINS = ("books", "films", "food", "kitchen")
MAPPING = """\
[users]
shared = true
[[users.files]]
file = "users.csv"
id = "id"
[[items]]
file = "items.csv"
id = "id"
domain = { column = "domain" }
properties = { title = "title" }
[[items.relations]]
type = "WRITTEN_BY"
column = "author"
entity = "Author"
[[interactions]]
file = "events.csv"
type = "SAVED"
user = "user"
item = "item"
at = { column = "at", unit = "s" }
"""


def generate(
    folder: Path,
    items: int,
    users: int,
    events: int,
    seed: int = 0,
    authors: int | None = None,
    tastes: int = 0,
) -> None:
    """Write a mapping and its files: so many items and users, and about so many distinct events.

    Of so many authors, each has as many items; by default each item has one of its own. With so
    many tastes, two in three events of a user are within one, so that there is something to learn.
    """
    rng = np.random.default_rng(seed)
    ids = pa.array([f"B{number:07d}" for number in range(items)])
    columns = {
        "id": ids,
        "domain": [DOMAINS[number % len(DOMAINS)] for number in range(items)],
        "title": [f"Title of thing {number}, edition {number % 7}" for number in range(items)],
        "author": [f"Author {number % (authors or items)}" for number in range(items)],
    }
    csv.write_csv(pa.table(columns), folder / "items.csv")
    names = pa.array([f"A{number:09d}" for number in range(users)])
    csv.write_csv(pa.table({"id": names}), folder / "users.csv")
    activity = rng.lognormal(0, 1.2, users)
    who = rng.choice(users, events, p=activity / activity.sum())
    popularity = 1 / np.arange(1, items + 1) ** 0.8
    what = rng.choice(items, events, p=popularity / popularity.sum())
    if tastes:
        own = what // tastes * tastes + who % tastes
        what = np.where((rng.random(events) < 2 / 3) & (own < items), own, what)
    pairs = np.unique(who.astype(np.int64) * items + what)
    pairs = rng.permutation(pairs)  # files are seldom sorted
    at = 1_600_000_000 + rng.integers(0, 10**8, len(pairs))
    rows = {"user": names.take(pa.array(pairs // items)), "item": ids.take(pa.array(pairs % items))}
    csv.write_csv(pa.table({**rows, "at": pa.array(at)}), folder / "events.csv")
    (folder / "linkspan.toml").write_text(MAPPING)

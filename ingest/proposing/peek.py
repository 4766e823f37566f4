"""Looks into the files of a folder: their columns, and what stands in the first rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from linkspan.errors import LinkspanError
from linkspan.ingest.mapping.tables import AnyTable
from linkspan.ingest.readers.source import is_readable, open_source

ROWS = 100_000
"""Rows looked at in each file, the first ones."""

_RECBOLE = re.compile(r"\.(inter|item|user|kg|link)(\.gz)?$")


@dataclass(frozen=True)
class Peek:
    """A file that was looked into.

    Attributes:
        file: Its name.
        columns: Names of its columns.
        rows: Its first rows as text, a column each; null where nothing stands.
        whole: Whether these are all rows.
    """

    file: str
    columns: list[str]
    rows: pd.DataFrame
    whole: bool

    @cached_property
    def words(self) -> list[str]:
        """The words of its name: ``books``, ``items`` for ``books.items.csv.gz``."""
        name = re.sub(r"(\.(csv|tsv|tab|json|jsonl|ndjson|parquet|pq|gz|zst|bz2))+$", "", self.file)
        return [word for word in re.split(r"[\W_]+", name.lower()) if word]

    def values(self, column: str) -> pd.Series[str]:
        """What stands in a column, without gaps."""
        return self.rows[column].dropna()


def peek(folder: Path) -> tuple[list[Peek], dict[str, list[str]], list[str]]:
    """Look into all files of a folder that can be read, not into folders in it.

    Returns:
        The files by name; the data sets of RecBole's atomic files, name to files; and in words what
        could not be read.
    """
    found, complaints = [], []
    recbole: dict[str, list[str]] = {}
    for path in sorted(entry for entry in folder.iterdir() if entry.is_file()):
        if _RECBOLE.search(path.name):
            recbole.setdefault(_RECBOLE.sub("", path.name), []).append(path.name)
        elif is_readable(path):
            try:
                found.append(_peek_file(path))
            except LinkspanError as error:
                complaints.append(f"{path.name} could not be read: {error}")
    return found, recbole, complaints


def _peek_file(path: Path) -> Peek:
    columns = open_source(path.name, AnyTable(file=path.name), path.parent).header()
    named = tuple(column for column in columns if column)
    source = open_source(path.name, AnyTable(file=path.name, names=named), path.parent)
    parts, count, whole = [], 0, True
    for batch in source.batches():
        if count >= ROWS:
            whole = False
            break
        parts.append(pd.DataFrame({name: v.to_pandas() for name, v in batch.columns.items()}))
        count += len(batch)
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(named))
    rows = rows.apply(lambda values: values.str.strip().replace("", None))
    return Peek(path.name, list(named), rows, whole)

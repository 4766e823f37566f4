"""Looks into the files of a folder: their columns, and what stands in the first rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from linkspan.errors import LinkspanError
from linkspan.ingest.mapping.tables import AnyTable
from linkspan.ingest.proposing.dialects import find_dialect
from linkspan.ingest.proposing.naming import name_columns
from linkspan.ingest.proposing.plain_columns import nested_columns
from linkspan.ingest.readers.opening import is_readable, open_source

ROWS = 100_000
"""Rows looked at in each file, the first ones."""

_TEXT = re.compile(r"\.(csv|tsv|tab)(\.(gz|zst|bz2))?$", re.I)
_PERHAPS = re.compile(r"\.(dat|data|txt)(\.(gz|zst|bz2))?$", re.I)
_MOST = 0.8
_RECBOLE = re.compile(r"\.(inter|item|user|kg|link)(\.gz)?$")


@dataclass(frozen=True)
class Peek:
    """A file that was looked into.

    Attributes:
        file: Its name.
        columns: Names of its columns with one value in each row, or none, but for empty ones.
        rows: Its first rows as text, a column each; null where nothing stands.
        whole: Whether these are all rows.
        keys: What the mapping has to say of how it is written.
        lists: Names of its columns that have lists.
        nested: Names of its columns that no mapping can take.
    """

    file: str
    columns: list[str]
    rows: pd.DataFrame
    whole: bool
    lists: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()
    keys: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def words(self) -> list[str]:
        """The words of its name: ``books``, ``items`` for ``books.items.csv.gz``."""
        name = re.sub(
            r"(\.(csv|tsv|tab|dat|txt|data|json|jsonl|ndjson|parquet|pq|gz|zst|bz2))+$",
            "",
            self.file,
        )
        return [word for word in re.split(r"[\W_]+", name.lower()) if word]

    def values(self, column: str) -> pd.Series[str]:
        """Values of a column, without gaps."""
        return self.rows[column].dropna()


def peek(folder: Path) -> tuple[list[Peek], dict[str, list[str]], list[str]]:
    """Look into all files of a folder that can be read, not into folders in it.

    Returns:
        The files by name; the data sets of RecBole's atomic files, name to files; and in words what
        could not be read.
    """
    found: list[Peek] = []
    complaints: list[str] = []
    recbole: dict[str, list[str]] = {}
    for path in sorted(entry for entry in folder.iterdir() if entry.is_file()):
        if _RECBOLE.search(path.name):
            recbole.setdefault(_RECBOLE.sub("", path.name), []).append(path.name)
        elif is_readable(path) or _PERHAPS.search(path.name):
            try:
                seen = _peek_file(path, complaints)
            except LinkspanError as error:
                complaints.append(f"{path.name} could not be read: {error}")
            else:
                found += [seen] if seen else []
    return found, recbole, complaints


def _peek_file(path: Path, complaints: list[str]) -> Peek | None:
    """A file, if it is a table; what is left to say of it is added to the complaints."""
    keys: dict[str, Any] = {} if is_readable(path) else {"format": "csv"}
    if keys or _TEXT.search(path.name):
        written = find_dialect(path, keys)
        if written is None and keys:
            return None  # some other text, perhaps to be read
        if written and not written.named:
            complaints.append(
                f"{path.name} seems to have no line with names of columns: it begins with "
                f"{', '.join(written.rows.iloc[0])}. Those under 'columns' are guesses"
            )
            keys["columns"] = name_columns(written.rows)
        keys = {**written.keys, **keys} if written else keys
    spec = {"file": path.name, **keys}
    source = open_source(path.name, AnyTable.model_validate(spec), path.parent)
    columns, nested = source.header(), nested_columns(source, ROWS)
    named = tuple(column for column in columns if column and column not in nested)
    table = AnyTable.model_validate({**spec, "names": named})
    source = open_source(path.name, table, path.parent)
    parts, count, whole, lists = [], 0, True, dict[str, None]()
    for batch in source.batches():
        if count >= ROWS:
            whole = False
            break
        parts.append(pd.DataFrame({name: v.to_pandas() for name, v in batch.columns.items()}))
        lists |= dict.fromkeys(batch.lists)
        count += len(batch)
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(named))
    rows = rows.apply(lambda values: values.str.strip().replace("", None))
    for name in named:
        numbers = rows[name].dropna()
        if len(numbers) and numbers.str.fullmatch(r"[+-]?\d+,\d+").mean() > _MOST:
            complaints.append(
                f"{path.name}, column '{name}': numbers with a decimal comma, such as "
                f"{numbers.iloc[0]!r}, are taken as text; write them with a point"
            )
    empty = [name for name in named if len(rows) and name not in lists and rows[name].isna().all()]
    if empty:
        where = "" if whole else f" in the first {len(rows):,} rows"
        complaints.append(
            f"{path.name}: nothing stands{where} under {', '.join(empty)}, so the mapping does not "
            "name it"
        )
    single = [name for name in named if name not in lists and name not in empty]
    return Peek(path.name, single, rows, whole, tuple(lists), tuple(nested), keys)

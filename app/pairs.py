"""Files of pairs of user and item: those to score, and those that a split holds out."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow import csv

from linkspan.errors import ConfigError, DataError
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.identities import all_keys
from linkspan.graph.users.pseudonyms import Pseudonyms
from linkspan.ingest.mapping.tables import FileTable
from linkspan.ingest.readers.opening import open_source
from linkspan.ingest.readers.source import Batch, Source
from linkspan.ingest.shaping.convert import Rows, joined
from linkspan.progress import SILENT, Progress

if TYPE_CHECKING:
    from linkspan.gnn import FittedModel

IntArray = NDArray[np.int64]
_log = logging.getLogger(__name__)

PARTS = ("train", "validation", "test")
AT_ONCE = 2_000_000
"""Pairs that are held in memory at once, some 100 bytes each."""


class PairsTable(FileTable):
    """A file with one pair a row; its columns have fixed names.

    Attributes:
        wanted: Those that it must have.
    """

    wanted: tuple[str, ...]

    @property
    def becomes(self) -> str:
        """See `FileTable.becomes`."""
        return "pairs"

    def columns(self) -> dict[str, str]:
        """See `FileTable.columns`."""
        return {name: name for name in self.wanted}

    def user_columns(self) -> set[str]:
        """See `FileTable.user_columns`."""
        return {"user"}


class Pairs(NamedTuple):
    """Some rows of a file, in file order.

    Attributes:
        users: (P,) user rows of the snapshot, -1 for one that it does not have.
        items: (P,) item rows, likewise.
        domains: (P,) position in ``snapshot.domains`` of the domain of the item's key, likewise.
        lines: (P,) where each stands in the file.
        columns: Column name to (P,) what stands there.
    """

    users: IntArray
    items: IntArray
    domains: IntArray
    lines: IntArray
    columns: dict[str, pa.StringArray]


class PairsFile:
    """A CSV, JSONL or Parquet file with columns ``user``, ``item`` and, if need be, ``domain``.

    Args:
        file: The file; ids as they were ingested, or an item's whole key where there is no column
            ``domain``. In a graph with one domain it may be left out.
        snapshot: The graph that the ids are of.
        pseudonyms: What takes the place of users' ids, or None.
        extra: Other columns to be read; None: all that the file has.

    Raises:
        ConfigError: There is no such file, or a column is missing.
        DataError: It cannot be read, or is empty.
    """

    def __init__(
        self,
        file: Path,
        snapshot: Snapshot,
        pseudonyms: Pseudonyms | None = None,
        extra: tuple[str, ...] | None = (),
    ) -> None:
        self._domains = snapshot.domains
        header = _open(file, ("user", "item", *(extra or ())), pseudonyms).header()
        wanted = ("user", "domain", "item") if "domain" in header else ("user", "item")
        if extra is None:
            extra = tuple(name for name in header if name not in wanted)
        self._source = _open(file, (*wanted, *extra), pseudonyms)
        users, items = all_keys(snapshot, "user"), all_keys(snapshot, "item")
        self._users, self._user_rows = _index(users)
        self._items, self._item_rows = _index(items)
        codes = pd.Index(self._domains).get_indexer(pd.Index(items["domain"]))
        self._item_domains = np.append(codes.astype(np.int64), -1)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are read, in their order."""
        return tuple(self._source.spec.columns())

    def __iter__(self) -> Iterator[Pairs]:
        """Read it part by part.

        Raises:
            DataError: The file is damaged, an id is empty, or a domain is unknown.
        """
        for batch in self._source.batches():
            if batch.problems:
                raise batch.problems[0].error(self._source.path, self._source.unit)
            yield self._found(batch)

    def error(self, line: int, column: str, value: str, reason: str, hint: str) -> DataError:
        """Error that says what is wrong with a row."""
        where = {"file": self._source.path, "line": line, "column": column, "value": value}
        return DataError(reason, **where, hint=hint, unit=self._source.unit)  # type: ignore[arg-type]

    def _found(self, batch: Batch) -> Pairs:
        rows = Rows(batch)
        users, items = rows.ids("user"), rows.ids("item")
        columns = {"user": users, "item": items}
        if "domain" in batch.columns:
            domains = rows.ids("domain")
            known = pc.is_in(domains, pa.array(self._domains)).to_numpy(zero_copy_only=False)
            hint = f"There are {', '.join(self._domains)}"
            rows.reject(~known, "domain", "there is no such domain", hint)
            columns["domain"] = domains
        if rows.problems:
            first = min(rows.problems, key=lambda problem: problem.line)
            raise first.error(self._source.path, self._source.unit)
        if "domain" in columns:
            domains = columns["domain"]
        elif len(self._domains) == 1:
            domains = pa.repeat(pa.scalar(self._domains[0], pa.string()), len(rows))
        else:
            domains = None
        others = {name: _shown(batch, rows, name) for name in self.columns if name not in columns}
        places = _places(self._items, items, domains)
        return Pairs(
            self._user_rows[_places(self._users, users, domains)],
            self._item_rows[places],
            self._item_domains[places],
            batch.lines,
            {**columns, **others},
        )


def read_parts(
    file: Path, snapshot: Snapshot, pseudonyms: Pseudonyms | None = None
) -> pd.DataFrame:
    """Read what a file says is held out, for `linkspan.gnn.split_events`.

    Args:
        file: As for `PairsFile`, with a column ``part``: ``train``, ``validation`` or ``test``.
        snapshot: The graph.
        pseudonyms: What takes the place of users' ids, or None.

    Returns:
        Columns ``user``, ``item`` (rows) and ``part``; those to train on are left out, and so are,
        with a warning, those that the graph has, but not as positive events.

    Raises:
        ConfigError: There is no such file, or a column is missing.
        DataError: A row is damaged, is no event of the graph, or stands there twice.
    """
    pairs, frames = PairsFile(file, snapshot, pseudonyms, ("part",)), []
    events = snapshot.events()
    known = pd.MultiIndex.from_arrays([events["user"], events["item"]]).unique()
    not_liked, passed = pd.MultiIndex.from_frame(snapshot.not_liked()), 0
    for found in pairs:
        part = found.columns["part"].to_numpy(zero_copy_only=False)
        wrong = ~np.isin(part.astype(str), PARTS)
        if wrong.any():
            row = int(wrong.argmax())
            hint = f"It is {', '.join(PARTS[:2])} or {PARTS[2]}"
            raise pairs.error(found.lines[row], "part", part[row], "this is no part", hint)
        met = pd.MultiIndex.from_arrays([found.users, found.items])
        positive = met.isin(known)
        disliked = ~positive & met.isin(not_liked)
        passed += int(disliked.sum())
        table = {"user": found.users, "item": found.items, "part": part, "line": found.lines}
        frames.append(pd.DataFrame(table)[~disliked])
        absent = ~positive & ~disliked & (part != "train")
        if absent.any():
            row = int(absent.argmax())
            raise pairs.error(
                found.lines[row],
                "item",
                found.columns["item"][row].as_py(),
                "the graph has no event of this user with this item",
                "Ingest the held-out events too, or score them with 'linkspan score'",
            )
    if passed:
        are = "row of %s is" if passed == 1 else "rows of %s are"
        _log.warning(f"%d {are} not positive: passed over", passed, file.name)
    every = pd.concat(frames, ignore_index=True)
    twice = every.duplicated(["user", "item"])
    if twice.any():
        first = every[twice].iloc[0]
        hint = "Remove one of the two rows"
        raise pairs.error(first["line"], "part", first["part"], "the pair stood there before", hint)
    return every.loc[every["part"] != "train", ["user", "item", "part"]]


def _shown(batch: Batch, rows: Rows, name: str) -> pa.StringArray:
    """Text of a column of which nothing is made; a list in it is JSON."""
    if name not in batch.lists:
        return rows.text(name)
    listed = zip(batch.lists[name].to_pylist(), batch.columns[name].to_pylist(), strict=True)
    cells = (json.dumps(some, ensure_ascii=False) if some else text for some, text in listed)
    return pa.array(cells, pa.string())


def _open(file: Path, wanted: tuple[str, ...], pseudonyms: Pseudonyms | None) -> Source:
    spec = PairsTable(file=file.name, wanted=wanted)
    return open_source("pairs", spec, file.parent, pseudonyms)


def _index(keys: pd.DataFrame) -> tuple[pd.Index[str], IntArray]:
    """Keys, and the row of each; -1 at the end for what is not found."""
    return pd.Index(keys["key"]), np.append(keys["row"].to_numpy(np.int64), -1)


def _places(known: pd.Index[str], ids: pa.StringArray, domains: pa.StringArray | None) -> IntArray:
    """(P,) place of each id: of its key ``domain/id``, else of the key that is the id itself."""
    found = np.full(len(ids), -1)
    for keys in (ids,) if domains is None else (joined(domains, ids), ids):
        distinct = keys.dictionary_encode()
        place = known.get_indexer(pd.Index(distinct.dictionary.to_pylist(), dtype=object))
        here = place[distinct.indices.to_numpy()]
        found = np.where(found < 0, here, found)
    return found


def write_scores(
    pairs: PairsFile, file: Path, model: FittedModel, progress: Progress = SILENT
) -> dict[str, int]:
    """Score pairs part by part; the file is there when all of it is.

    Args:
        pairs: What to score.
        file: CSV, or Parquet where its name ends so.
        model: Scores them.
        progress: Told of each part.

    Returns:
        Counts of ``pairs``, ``unknown users`` and ``unknown items``.

    Raises:
        ConfigError: The file cannot be written.
        DataError: The pairs cannot be read.
    """
    from linkspan import gnn

    if "score" in pairs.columns:
        raise ConfigError(
            "the file of the pairs has a column 'score' already", hint="Give it another name"
        )
    schema = pa.schema([*((name, pa.string()) for name in pairs.columns), ("score", pa.float32())])
    users: set[str] = set()
    items: set[str] = set()
    count = 0
    fresh = file.with_name(f"{file.name}.new")
    try:
        with progress.task("score", unit="pairs") as task, _writer(fresh, file, schema) as writer:
            for part in _large(pairs):
                scores = gnn.score_pairs(model, part.users, part.items, domains=part.domains)
                known = pa.array(scores, mask=part.items < 0)
                columns = [part.columns[name] for name in pairs.columns]
                writer.write_table(pa.table([*columns, known], schema))
                users |= _named(part.columns["user"], part.users < 0)
                items |= _named(part.columns["item"], part.items < 0)
                count += len(scores)
                task.advance(len(scores))
        fresh.replace(file)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        fresh.unlink(missing_ok=True)
    return {"pairs": count, "unknown users": len(users), "unknown items": len(items)}


def _writer(fresh: Path, file: Path, schema: pa.Schema) -> csv.CSVWriter | pq.ParquetWriter:
    if file.suffix == ".parquet":
        return pq.ParquetWriter(fresh, schema)
    return csv.CSVWriter(fresh, schema, write_options=csv.WriteOptions(quoting_style="needed"))


def _large(pairs: PairsFile) -> Iterator[Pairs]:
    """Several parts as one: a user is scored once in each."""
    waiting: list[Pairs] = []
    for part in pairs:
        waiting.append(part)
        if sum(len(each.users) for each in waiting) >= AT_ONCE:
            yield _one(waiting)
            waiting = []
    if waiting:
        yield _one(waiting)


def _one(parts: list[Pairs]) -> Pairs:
    users, items, domains, lines = (
        np.concatenate([part[place] for part in parts]) for place in range(4)
    )
    columns = {
        name: pa.chunked_array([part.columns[name] for part in parts]).combine_chunks()
        for name in parts[0].columns
    }
    return Pairs(users, items, domains, lines, columns)


def _named(ids: pa.StringArray, chosen: NDArray[np.bool_]) -> set[str]:
    return set(ids.filter(pa.array(chosen)).unique().to_pylist())

"""Rows with pseudonyms in place of users' ids, so that nothing after the reader sees an id."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pyarrow as pa

from linkspan.errors import DataError
from linkspan.graph.users.pseudonyms import Pseudonyms, is_pseudonym
from linkspan.ingest.readers.problems import Problem
from linkspan.ingest.readers.source import Batch
from linkspan.ingest.shaping.convert import Rows

_OTHER_KEY = "this is a pseudonym made with another key"


def pseudonymised(
    batches: Iterator[Batch], columns: set[str], pseudonyms: Pseudonyms
) -> Iterator[Batch]:
    """The same batches with pseudonyms in some columns; each distinct id of a batch is hashed once.

    Rows that could not be read keep no text that may hold an id. A pseudonym stays as it is, so
    that rejected rows can be mended and read again; one made with another key is a problem.

    Args:
        batches: As read from the file.
        columns: Those with users' ids.
        pseudonyms: Makes the pseudonyms.

    Raises:
        DataError: As the reader raises it, without the value.
    """
    with values_hidden():
        for batch in batches:
            yield _replaced(batch, columns, pseudonyms)


@contextmanager
def values_hidden() -> Iterator[None]:
    """Take the value that was found, and what the libraries said of it, out of errors."""
    try:
        yield
    except DataError as error:
        place = {"file": error.file, "line": error.line, "column": error.column}
        raise DataError(error.reason, **place, hint=error.hint) from None  # type: ignore[arg-type]


def _replaced(batch: Batch, columns: set[str], pseudonyms: Pseudonyms) -> Batch:
    rows = Rows(batch)
    replaced = dict(batch.columns)
    for column in sorted(columns):
        ids = rows.text(column).dictionary_encode()
        distinct = ids.dictionary.to_pylist()
        made = pa.array([pseudonyms.of(user) for user in distinct], pa.string())
        replaced[column] = made.take(ids.indices)
        foreign = [is_pseudonym(user) and not pseudonyms.made(user) for user in distinct]
        if any(foreign):
            bad = pa.array(foreign).take(ids.indices).fill_null(False)
            hint = "Ingest the file that it was made from"
            rows.reject(bad.to_numpy(zero_copy_only=False), column, _OTHER_KEY, hint)
    found = [*batch.problems, *rows.problems]
    problems = [_without_ids(problem, columns, pseudonyms) for problem in found]
    kept = pa.array(rows.good)
    replaced = {name: values.filter(kept) for name, values in replaced.items()}
    lists = {name: values.filter(kept) for name, values in batch.lists.items()}
    lists = {name: values for name, values in lists.items() if name not in columns}
    return Batch(batch.lines[rows.good], replaced, problems, lists)


def _without_ids(problem: Problem, columns: set[str], pseudonyms: Pseudonyms) -> Problem:
    """A problem of a row as it was read: the whole row is not told, nor a user that is wrong."""
    told = problem.column is not None and problem.column not in columns
    cells = dict(problem.cells)
    for name in columns & set(cells):
        user = (cells[name] or "").strip()
        cells[name] = pseudonyms.of(user) if user and name != problem.column else None
    return replace(problem, value=problem.value if told else None, cells=cells)

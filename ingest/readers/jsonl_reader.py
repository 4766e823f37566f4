"""Reads JSON, one object a line, also compressed, in bounded memory.

Every value becomes the text that would stand in a CSV: a number as it is written, ``true``, nothing
for ``null``, a key that is absent, and an id that is ``NaN``. So the same rows make the same graph
in each format.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from linkspan.errors import DataError
from linkspan.ingest.readers.problems import Problem
from linkspan.ingest.readers.source import Batch, Source
from linkspan.ingest.readers.streams import file_errors, open_text

BATCH_ROWS = 20_000
"""Rows in a `Batch`, at most."""

LONG_LINE_BYTES = 32 << 20
"""The longest line that a file may have."""

_HEADER_ROWS = 1_000
_READ_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"
_HINT = 'Write one object a line, such as {"id": "1"}'
Cell = str | list[str] | None


class _BadRowError(Exception):
    """A line cannot be taken: the column, what stands there, why, and how to mend it."""

    def __init__(self, column: str | None, value: str, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.column, self.value, self.reason, self.hint = column, value, reason, hint


def read_keys(source: Source) -> list[str]:
    """The keys of the first 1,000 lines, in order of first appearance.

    Raises:
        DataError: The file cannot be read, is empty, or none of these lines is an object.
    """
    keys: dict[str, None] = {}
    objects, first = 0, None
    for line, text in islice(_lines(source), _HEADER_ROWS):
        try:
            found = _parse(text)
        except _BadRowError as error:
            first = first or DataError(
                error.reason, file=source.path, line=line, value=error.value, hint=error.hint
            )
        else:
            objects += 1
            keys |= dict.fromkeys(found)
    if not objects:
        raise first or DataError(
            "the file is empty", file=source.path, hint="Put rows into it, one object a line"
        )
    return list(keys)


def nested_keys(source: Source, rows: int) -> list[str]:
    """Keys under which one of the first lines has an object, or a list of lists or objects."""
    found: dict[str, None] = {}
    for _, text in islice(_lines(source), rows):
        try:
            values = _parse(text)
        except _BadRowError:
            continue
        found |= dict.fromkeys(key for key, value in values.items() if _is_nested(value))
    return list(found)


def read_jsonl(source: Source) -> Iterator[Batch]:
    """Read the columns that the mapping names.

    Raises:
        DataError: The file is cut short or damaged, or has a line of more than 32 MB.
    """
    wanted, names = list(source.spec.columns()), source.spec.name_columns()
    lines = _lines(source)
    while part := list(islice(lines, BATCH_ROWS)):
        yield _batch(part, wanted, names)


def _batch(part: list[tuple[int, bytes]], wanted: list[str], names: set[str]) -> Batch:
    numbers: list[int] = []
    rows: list[list[Cell]] = []
    problems: list[Problem] = []
    for line, text in part:
        found: dict[str, Any] = {}
        try:
            found = _parse(text)
            cells = [_cell(name, found.get(name), name=name in names) for name in wanted]
            if b"\\u" in text:
                _see_text(wanted, cells)
        except _BadRowError as error:
            shown = {name: _shown(found.get(name)) for name in wanted}
            problems.append(
                Problem(line, error.column, error.value, error.reason, error.hint, cells=shown)
            )
        else:
            numbers.append(line)
            rows.append(cells)
    columns, lists = {}, {}
    for name, values in zip(
        wanted, zip(*rows, strict=True) if rows else [()] * len(wanted), strict=True
    ):
        columns[name] = pa.array([None if type(v) is list else v for v in values], pa.string())
        if any(type(value) is list for value in values):
            several = [value if type(value) is list else None for value in values]
            lists[name] = pa.array(several, pa.list_(pa.string()))
    return Batch(np.array(numbers, np.int64), columns, problems, lists)


def _lines(source: Source) -> Iterator[tuple[int, bytes]]:
    """Each line that is not blank, with its number from 1."""
    with file_errors(source):
        stream = open_text(source)
    number, rest = 1, b""
    while True:
        with file_errors(source):
            block = stream.read(_READ_BYTES)
        *whole, rest = (rest + block).split(b"\n") if block else (rest, b"")
        if number == 1 and whole:
            whole[0] = whole[0].removeprefix(_BOM)
            if whole[0].lstrip().startswith(b"["):
                raise DataError(
                    "this is one JSON array, not one object a line",
                    file=source.path,
                    line=1,
                    hint="Write one object a line, as 'jq -c .[]' does",
                )
        for text in whole:
            if not text.isspace() and text:
                yield number, text
            number += 1
        if len(rest) > LONG_LINE_BYTES:
            raise DataError(
                f"a line is longer than {LONG_LINE_BYTES >> 20} MB",
                file=source.path,
                line=number,
                hint=_HINT,
            )
        if not block:
            return


def _parse(text: bytes) -> dict[str, Any]:
    """The object in a line; numbers are text, as they are written."""
    try:
        found = json.loads(text.decode(), parse_int=str, parse_float=str, parse_constant=_Constant)
    except UnicodeDecodeError:
        shown = text.decode(errors="backslashreplace")
        hint = "Save the file as UTF-8, or say what it is with 'encoding = ...'"
        raise _BadRowError(None, shown, "not UTF-8 text", hint) from None
    except json.JSONDecodeError as error:
        reason = f"this is not JSON ({error.msg}, character {error.colno})"
        raise _BadRowError(None, text.decode(), reason, _HINT) from None
    except RecursionError:
        raise _BadRowError(None, text.decode(), "this is JSON nested too deeply", _HINT) from None
    if not isinstance(found, dict):
        raise _BadRowError(None, text.decode(), "this is JSON, but no object", _HINT)
    return found


class _Constant(str):
    """Text of a number that JSON has no word for: NaN, or infinity."""

    __slots__ = ()


def _cell(column: str, value: Any, *, name: bool) -> Cell:
    """A value as the text that would stand in a CSV, or a list of such texts.

    Where it is a name, NaN is none: pandas and NumPy write it where there is no id.
    """
    if name and isinstance(value, _Constant) and value == "NaN":
        return None
    if value is None or isinstance(value, str):
        return None if value is None else str(value)
    if type(value) is bool:
        return str(value).lower()
    if not _is_nested(value):
        cells = (_cell(column, part, name=name) for part in value)
        return [text for text in cells if type(text) is str]
    what = "an object" if type(value) is dict else "a list of lists or objects"
    raise _BadRowError(
        column,
        _shown(value) or "",
        f"{what}, where a value or a list of values is needed",
        "Give each value a key of its own",
    )


def _is_nested(value: Any) -> bool:
    """Tell whether a value is an object, or a list that holds more than plain values."""
    if type(value) is list:
        return any(type(part) in (list, dict) for part in value)
    return type(value) is dict


def _see_text(wanted: list[str], cells: list[Cell]) -> None:
    """Check what only an escape can bring into JSON: a NUL byte, half a character."""
    for name, cell in zip(wanted, cells, strict=True):
        for text in cell if isinstance(cell, list) else [cell or ""]:
            if "\x00" in text:
                raise _BadRowError(name, text, "a NUL byte in the text", "Take it out")
            try:
                text.encode()
            except UnicodeEncodeError:
                shown = text.encode(errors="backslashreplace").decode()
                reason = "half of a character that UTF-16 writes as two"
                raise _BadRowError(name, shown, reason, "Write the character itself") from None


def _shown(value: Any) -> str | None:
    return value if value is None or type(value) is str else json.dumps(value)

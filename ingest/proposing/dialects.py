"""Finds how a CSV is written: encoding, delimiter, quote, escape, and if it names its columns."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pandas as pd
import pyarrow as pa

from linkspan.errors import LinkspanError
from linkspan.ingest.mapping.tables import AnyTable
from linkspan.ingest.readers.opening import find_source
from linkspan.ingest.readers.source import Source

_DELIMITERS = (",", "\t", ";", "|", "::", "||", "~", "^")
_QUOTES: tuple[dict[str, str], ...] = (
    {},
    {"escape": "\\"},
    {"quote": "'"},
    {"quote": ""},
    {"quote": "", "escape": "\\"},
)
_LOOK_BYTES = 64 << 20  # what the encoding is told by
_READ_BYTES = 1 << 20
_BATCHES = 4  # some thousand rows
_MOST_BAD = 0.1  # rows that may be wrong in a dialect
_NUMBER = re.compile(r"\s*[+-]?\d+([.,]\d+)?\s*")
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True)
class Written:
    """Dialect of a file that was found.

    Attributes:
        keys: What the mapping has to say of it, where that is not what it takes without.
        rows: ``(N, columns)`` text, its first rows.
        named: Whether the first of them looks like names of columns.
    """

    keys: dict[str, str]
    rows: pd.DataFrame
    named: bool


@dataclass(frozen=True)
class _Reading:
    keys: dict[str, str]
    rows: pd.DataFrame
    bad: int

    @property
    def fits(self) -> bool:
        return self.rows.shape[1] > 1 and self.bad <= _MOST_BAD * (len(self.rows) + self.bad)


def find_dialect(path: Path, keys: dict[str, str]) -> Written | None:
    """Try ways to read a file on its first rows.

    Where several fit, the one with the most columns is taken, and of those the one with the fewest
    wrong rows; the usual one, if that is among them.

    Args:
        path: The file.
        keys: What is known: ``format``.

    Returns:
        How it is written; None where no way to read it gives several columns.
    """
    source = find_source(
        path.name, AnyTable.model_validate({"file": path.name, **keys}), path.parent
    )
    encoding = _find_encoding(source)
    keys = keys | ({} if encoding == "utf-8" else {"encoding": encoding})
    usual = "\t" if source.format == "tsv" else ","
    best: _Reading | None = None
    for delimiter in sorted(_DELIMITERS, key=lambda each: each != usual):
        said = keys if delimiter == usual else {**keys, "delimiter": delimiter}
        found = _best_quotes(path, said)
        if found and (best is None or found.rows.shape[1] > best.rows.shape[1]):
            best = found
    if best is None:
        return None
    first, others = best.rows.iloc[0], best.rows.iloc[1:]
    data = any(
        _NUMBER.fullmatch(str(cell)) or (str(cell) and (others[column] == cell).any())
        for column, cell in first.items()
    )
    return Written(best.keys, best.rows, not data)


def _best_quotes(path: Path, keys: dict[str, str]) -> _Reading | None:
    """The quote and escape with which a delimiter fits best; None where none does."""
    best: _Reading | None = None
    for quotes in _QUOTES:
        found = _read(path, keys | quotes)
        if found is None or not found.fits:
            continue
        cells = pd.Series(found.rows.to_numpy().ravel(), dtype=str)
        if quotes.get("quote") == "'":
            plain = _read(path, {**keys, "quote": ""})
            if plain is None or not all(
                _enclosed(pd.Series(plain.rows.iloc[0].to_numpy(), dtype=str), "'")
            ):
                continue
        if quotes.get("quote") == "":
            # A file whose values are in quotes has a wrong row; that is not a file without quotes.
            whole = _enclosed(cells, '"').sum()
            if whole > (cells.str.startswith('"') & ~_enclosed(cells, '"')).sum():
                continue
        if best is None or found.bad < best.bad or _missing_mark(best, quotes):
            best = found
    return best


def _missing_mark(best: _Reading, quotes: dict[str, str]) -> bool:
    r"""Tell whether an escape would tell that ``\N`` is no text."""
    told = "escape" in best.keys or "escape" not in quotes or quotes.get("quote") == ""
    return not told and bool((best.rows == "\\N").any(axis=None))


def _enclosed(cells: pd.Series[str], quote: str) -> pd.Series[bool]:
    return cells.str.fullmatch(f"{quote}[^{quote}]*{quote}")


def _read(path: Path, keys: dict[str, str]) -> _Reading | None:
    """The first rows of a file as a dialect has them, its header too; None where it has none."""
    try:
        plain = AnyTable.model_validate({"file": path.name, **keys})
        width = len(find_source(path.name, plain, path.parent).header())
        names = tuple(f"column {number}" for number in range(1, width + 1))
        spec = AnyTable.model_validate(
            {"file": path.name, "columns": names, "names": names, **keys}
        )
        batches = list(islice(find_source(path.name, spec, path.parent).batches(), _BATCHES))
    except LinkspanError:
        return None
    parts = [pd.DataFrame({n: v.to_pandas() for n, v in b.columns.items()}) for b in batches]
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    bad = sum(len(batch.problems) for batch in batches)
    return _Reading(keys, rows.fillna(""), bad) if len(rows) else None


def _find_encoding(source: Source) -> str:
    """UTF-8 if all is, UTF-16 where marks or zeros say so, and else the West European one."""
    decoder, utf8, rest = codecs.getincrementaldecoder("utf-8")(), True, _LOOK_BYTES
    western = codecs.getincrementaldecoder("cp1252")()
    encoding = "cp1252"
    with pa.input_stream(str(source.path), compression=source.compression) as stream:
        data = stream.read(_READ_BYTES)
        for mark, name in _BOMS.items():
            if data.startswith(mark):
                return name
        if data[:1_000].count(0) * 3 > len(data[:1_000]):
            return "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
        while data and rest > 0:
            try:
                decoder.decode(data) if utf8 else None
            except UnicodeDecodeError:
                utf8 = False
            try:
                western.decode(data)
            except UnicodeDecodeError:
                encoding = "latin-1"
            rest -= len(data)
            data = stream.read(_READ_BYTES)
    return "utf-8" if utf8 else encoding

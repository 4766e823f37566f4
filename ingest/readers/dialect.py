"""Ways to write a CSV; other ways are brought into one that the parser takes, and back.

The parser knows delimiters and quotes of one ASCII character, and no escapes. While it runs, other
delimiters are U+001F, and characters of Unicode that no text may have stand for escaped ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linkspan.ingest.mapping.tables import FileTable

_DELIMITERS = {"csv": ",", "tsv": "\t"}
_UNIT = b"\x1f"  # stands for a delimiter that the parser does not take
_STANDS = b"\xef\xb7"  # the first two bytes of U+FDD0 to U+FDEF, which are no characters
_OWN = _STANDS + b"\xaf"  # with one more byte: one of them that the file has itself


def _stand_in(number: int) -> bytes:
    return _STANDS + bytes([0x90 + number])


_DELIMITER, _QUOTE, _ESCAPE, _MISSING, _SEPARATOR = map(_stand_in, range(5))
_BREAKS = {b"\n": _stand_in(5), b"\r": _stand_in(6), b"\r\n": _stand_in(7)}
_LETTERS = {b"n": _stand_in(8), b"r": _stand_in(9), b"t": _stand_in(10)}
_BY_LETTER = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


@dataclass(frozen=True)
class Dialect:
    """Way in which rows are written.

    Attributes:
        delimiter: What separates columns.
        quote: What encloses values; empty where nothing does. Doubled, it is part of the text.
        escape: What takes its meaning from the character behind it; empty where nothing does.
        sure: The mapping names the quote, so that a value may hold lines that look like rows.
    """

    delimiter: str
    quote: str = '"'
    escape: str = ""
    sure: bool = False

    @classmethod
    def of(cls, spec: FileTable, kind: str) -> Dialect:
        """The dialect of a table, whose files are ``csv`` or ``tsv``."""
        quote = '"' if spec.quote is None else spec.quote
        delimiter = spec.delimiter or _DELIMITERS.get(kind, ",")
        return cls(delimiter, quote, spec.escape or "", spec.quote is not None)

    @property
    def parsed_delimiter(self) -> str:
        """The delimiter that the parser sees."""
        return _UNIT.decode() if self._foreign else self.delimiter

    @property
    def translates(self) -> bool:
        """True where the parser sees other text than the file has."""
        return bool(self.escape) or self._foreign

    @property
    def _foreign(self) -> bool:
        return len(self.delimiter.encode()) > 1

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        parts = [rb"\xef\xb7[\x90-\xaf]"]
        if self.escape:
            whole = b"|".join(re.escape(char.encode()) for char in self.delimiter)
            parts.append(re.escape(self.escape.encode()) + rb"(\r\n|%b|[\s\S])" % whole)
        if self._foreign:
            parts += [_UNIT, re.escape(self.delimiter.encode())]
        return re.compile(b"|".join(parts))

    def translate(self, text: bytes) -> bytes:
        """Text that the parser sees for another, of which no escape or delimiter is cut."""
        if not self.translates:
            return text
        if not self.escape and _UNIT not in text and _STANDS not in text:
            return text.replace(self.delimiter.encode(), _UNIT)
        return self._pattern.sub(self._translated, text)

    def _translated(self, match: re.Match[bytes]) -> bytes:
        found = match[0]
        if found.startswith(_STANDS):
            return _OWN + bytes([found[2] - 0x10])
        if found == _UNIT:
            return _SEPARATOR
        if found == self.delimiter.encode():
            return _UNIT
        return self._unescaped(match[1])

    def _unescaped(self, char: bytes) -> bytes:
        """Signs for an escaped character; both, where the escape means nothing before it."""
        if char in _BREAKS:
            return _BREAKS[char]
        known = {
            self.escape.encode(): _ESCAPE,
            self.quote.encode(): _QUOTE,
            self.delimiter.encode(): _DELIMITER,
        }
        if char in known:
            return known[char]
        if char in self.delimiter.encode():
            return char
        if self.escape == "\\":
            known = {**_LETTERS, b"N": _MISSING}
        return known.get(char, self.escape.encode() + char)

    @cached_property
    def _values(self) -> dict[bytes, bytes]:
        """Signs that stand in the text, by what stands for it."""
        return {
            _DELIMITER: self.delimiter.encode(),
            _QUOTE: self.quote.encode(),
            _ESCAPE: self.escape.encode(),
            _MISSING: self.escape.encode() + b"N",
            _SEPARATOR: _UNIT,
            **{stand: char for char, stand in _BREAKS.items()},
            **{stand: _BY_LETTER[letter] for letter, stand in _LETTERS.items()},
        }

    @cached_property
    def _written(self) -> dict[bytes, bytes]:
        """Signs that stand in the file, by what stands for it."""
        escape = self.escape.encode()
        letters = {stand: escape + letter for letter, stand in _LETTERS.items()}
        bare = {_SEPARATOR, _MISSING}
        return {
            stand: char if stand in bare else escape + char for stand, char in self._values.items()
        } | letters

    def restore(self, column: pa.BinaryArray) -> pa.BinaryArray:
        """Values as they are meant, of a column as the parser gives it."""
        if not self.translates:
            return column
        found = pc.fill_null(pc.match_substring_regex(column, r"\x1f|\xef\xb7"), False)
        rows = np.flatnonzero(found.to_numpy(zero_copy_only=False))
        if not len(rows):
            return column
        values = column.to_pylist()
        for row in rows:
            value = values[row]
            values[row] = b"" if value == _MISSING else self._replaced(value, self._values)
        return pa.array(values, pa.binary())

    def line_ends(self, text: bytes) -> int:
        """Line ends of the file in a text for the parser, escaped ones too."""
        count = text.count(b"\n")
        if b"\r" in text:
            count += text.count(b"\r") - text.count(b"\r\n")
        if self.escape and _STANDS in text:
            count += sum(text.count(stand) for stand in _BREAKS.values())
        return count

    def breaks(self, piece: pa.RecordBatch) -> npt.NDArray[np.int64]:
        """Line ends of the file inside the values of each row, before `restore`."""
        count = np.zeros(len(piece), np.int64)
        escaped = "|".join(stand.decode() for stand in _BREAKS.values())
        for column in piece.columns:
            pattern = f"[\r\n]|{escaped}" if self.escape else "[\r\n]"
            if pc.any(pc.match_substring_regex(column, pattern)).as_py():
                pattern = f"\r\n|\r|\n|{escaped}" if self.escape else "\r\n|\r|\n"
                count += pc.count_substring_regex(column, pattern).to_numpy(zero_copy_only=False)
        return count

    def as_written(self, text: str) -> str:
        """Some text of the parser as the file has it."""
        if not self.translates:
            return text
        return self._replaced(text.encode(), self._written).decode(errors="replace")

    def _replaced(self, data: bytes, values: dict[bytes, bytes]) -> bytes:
        if self._foreign:
            data = data.replace(_UNIT, self.delimiter.encode())

        def meant(match: re.Match[bytes]) -> bytes:
            return _STANDS + bytes([match[1][0] + 0x10]) if match[1] else values[match[0]]

        return re.sub(rb"\xef\xb7\xaf([\x80-\x9f])|\xef\xb7[\x90-\x9a]", meant, data)

    def row(self, cells: Iterable[str]) -> str:
        """A row as this dialect has it, without the line end.

        Where the dialect has no quote and no escape, a delimiter or line end becomes a blank.
        """
        return self.delimiter.join(map(self._cell, cells))

    def _cell(self, cell: str) -> str:
        special = {*self.delimiter, *self.quote, *self.escape, "\r", "\n"}
        if not special & set(cell):
            return cell
        if self.quote:
            doubled = {*self.quote, *self.escape}
            return f"{self.quote}{_before(cell, doubled, self.escape)}{self.quote}"
        if self.escape:
            return _before(cell, special, self.escape)
        return re.sub(f"{re.escape(self.delimiter)}|[\r\n]", " ", cell)


def _before(cell: str, special: set[str], escape: str) -> str:
    """Text with an escape, or without one the same again, before each special character."""
    return "".join((escape or char) + char if char in special else char for char in cell)

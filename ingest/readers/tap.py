"""The text of a CSV on its way to the parser, without the rows whose quotes are wrong.

The parser takes text behind a closing quote for more of the value, and a quote that opens for the
beginning of a value, however long. Rows with such quotes become blank lines here, so that the
parser meets whole values only, counts the same lines, and reads on behind them.
"""

from __future__ import annotations

import io
import re
import threading
from dataclasses import dataclass
from typing import Any

from linkspan.ingest.readers.dialect import Dialect

LONG_VALUE_BYTES = 32 << 20
"""The longest value in quotes; bounds memory where a quote is never closed."""

_READ_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True)
class BadQuote:
    """A row that was left out.

    Attributes:
        line: Where it begins.
        column: Number of the column in which a quote is wrong, from 0.
        text: What was left out, as the parser would see it.
        reason: What is wrong with it, ``{column}`` for the column.
        hint: How to mend it.
    """

    line: int
    column: int
    text: str
    reason: str
    hint: str


class Tap(io.RawIOBase):
    """The text of a file as the parser gets it; memory is bounded by two of the longest values.

    The parser reads ahead in a thread of its own, also when nobody wants more. A file must not be
    closed under it: the number that the system gives to the next file would be the same, and the
    thread would take the first bytes of that one.

    Args:
        stream: The bytes of the file, in UTF-8.
        dialect: How it is written.
        width: Number of columns, or None where the first row tells.

    Attributes:
        bad: Rows that were left out so far.
        nul: Whether a NUL byte was seen.
    """

    def __init__(self, stream: Any, dialect: Dialect, width: int | None) -> None:
        self._stream, self._dialect = stream, dialect
        self._reading = threading.Lock()
        self._width, self._headed = width or 0, width is None
        self._raw = b""  # read, and not yet known to be whole lines
        self._rows = b""  # whole lines for the parser, not yet known to be whole rows
        self._ready = bytearray()
        self._line = 1  # of what comes next into `_ready`
        self._begun = self._ended = False
        self.bad: list[BadQuote] = []
        self.nul = False
        quote, delimiter = dialect.quote.encode(), dialect.parsed_delimiter.encode()
        q, d = re.escape(quote or b"\xff"), re.escape(delimiter)  # no text has 0xFF in it
        self._quote, self._delimiter = quote, delimiter
        one_line = rb"%b[^%b\r\n]*+(?:%b%b[^%b\r\n]*+)*+%b(?=[%b\r\n])" % (q, q, q, q, q, q, d)
        self._one_line = re.compile(one_line)
        self._sound = re.compile(rb"(?:[^%b]++|(?<=[^%b\r\n])%b|%b)*+" % (q, d, q, one_line))
        self._quoted = re.compile(rb"%b[^%b]*+(?:%b%b[^%b]*+)*+%b" % (q, q, q, q, q, q))

    def readable(self) -> bool:
        """Always: the parser asks."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most ``size``; none at the end, or once closed."""
        with self._reading:
            return b"" if self.closed else self._take(_READ_BYTES if size < 0 else size)

    def close(self) -> None:
        """Close the file, when whoever reads from it has got what it asked for."""
        with self._reading:
            if not self.closed:
                self._stream.close()
            super().close()

    def _take(self, wanted: int) -> bytes:
        while len(self._ready) < wanted and not self._ended:
            self._read_lines()
            if self._quote:
                self._take_rows()
            else:
                self._put(self._rows)
                self._rows = b""
        data = bytes(self._ready[:wanted])
        del self._ready[:wanted]
        return data

    def _read_lines(self) -> None:
        """Read on to a line end that is none of a value's, so that no sign is cut in two."""
        # As much again as waits, so that a long value is not looked through too often.
        data = self._stream.read(max(_READ_BYTES, len(self._rows)))
        self._ended = not data
        self._raw += data
        if not self._begun:
            if len(self._raw) < len(_BOM) and not self._ended:
                return
            self._raw, self._begun = self._raw.removeprefix(_BOM), True
        escape = self._dialect.escape.encode()
        if self._ended:
            if self._raw and self._raw[-1:] not in b"\r\n":
                if escape and _times(escape, self._raw) % 2:
                    self._raw += escape  # nothing is behind it, so it is text
                self._raw += b"\n"  # the parser refuses a header without it
            cut = len(self._raw)
        else:
            cut = self._last_line_end(escape)
        lines, self._raw = self._raw[:cut], self._raw[cut:]
        self.nul = self.nul or b"\x00" in lines
        self._rows += self._dialect.translate(lines)

    def _last_line_end(self, escape: bytes) -> int:
        """End of the last line that is there whole."""
        text = self._raw
        sign = b"\n" if b"\n" in text else b"\r"
        cut = len(text) if sign == b"\n" else len(text) - 1  # "\n" may follow the last "\r"
        while (cut := text.rfind(sign, 0, cut)) >= 0:
            before = text[:cut].removesuffix(b"\r") if sign == b"\n" else text[:cut]
            if not escape or _times(escape, before[-1_000:]) % 2 == 0:
                return cut + 1
        return len(text) if len(text) > LONG_VALUE_BYTES else 0

    def _take_rows(self) -> None:
        """Hand on the rows that are whole, and note those with wrong quotes."""
        rows, taken, row, place = self._rows, 0, 0, 0
        if self._headed and self._width == 0 and rows:
            self._width = self._fields(rows[: _end_of_line(rows, 0)])
        while True:
            stop = self._sound.match(rows, place).end()  # type: ignore[union-attr]
            row = max(row, rows.rfind(b"\n", place, stop) + 1, rows.rfind(b"\r", place, stop) + 1)
            if stop == len(rows):
                break
            value = self._quoted.match(rows, stop)
            if value is None and not self._ended and len(rows) - stop <= LONG_VALUE_BYTES:
                self._put(rows[taken:row])
                self._rows = rows[row:]
                return
            place = value.end() if value else len(rows)
            wrong = self._complaint(rows, row, stop, value)
            if wrong is None:
                continue
            # Lines that look like rows are read on their own; others are one row with this one.
            alone = value is None or self._look_like_rows(rows[row : _end_of_line(rows, place)])
            place = _end_of_line(rows, stop if alone else place)
            self._put(rows[taken:row])
            lines = rows[row:place]
            column = self._fields(rows[row:stop]) - 1
            text = lines.decode(errors="backslashreplace").rstrip("\r\n")
            self.bad.append(BadQuote(self._line, column, text, *wrong))
            first = not self._headed and self._line == 1
            blank = self._delimiter * (self._width - 1) if first else b""
            self._put(blank + b"\n" * self._dialect.line_ends(lines))
            taken = row = place
        self._put(rows[taken:])
        self._rows = b""

    def _complaint(
        self, rows: bytes, row: int, stop: int, value: re.Match[bytes] | None
    ) -> tuple[str, str] | None:
        """Fault of a quote that opens at ``stop`` and how to mend it; None if nothing."""
        sign = "double" if not self._dialect.escape else "escape"
        plain = f"{sign} it if it belongs to the text, or say 'quote = \"\"' if quotes mean nothing"
        if value is None:
            return "a quote opens in column {column} and is never closed", f"Close it, {plain}"
        if rows[value.end() : value.end() + 1] not in (self._delimiter, b"\r", b"\n"):
            hint = f"{plain[0].upper()}{plain[1:]}"
            if value[0][-2:-1] == b"\\" and not self._dialect.escape:
                hint = "Say 'escape = \"\\\\\"' if a backslash stands before quotes in this file"
            return "text stands behind the closing quote of column {column}", hint
        if self._dialect.sure or not self._look_like_rows(
            rows[row : _end_of_line(rows, value.end())]
        ):
            return None
        sure = f"quote = {self._dialect.quote!r}"
        return (
            "a quote opens in column {column} and closes in another line; "
            "the lines between look like rows",
            f'{plain[0].upper()}{plain[1:]}; say "{sure}" if the value has these lines',
        )

    def _look_like_rows(self, text: bytes) -> bool:
        """Tell whether lines would be rows, the first and most others, if quotes meant nothing.

        A delimiter with a blank behind it is taken for a comma of a sentence.
        """
        plain = [self._one_line.sub(b"", line + b"\n") for line in _LINE_END.split(text)]
        first, *others = [line for line in plain if line.strip()] or [b""]
        between = self._width - 1
        if not others or between < 1 or first.count(self._delimiter) != between:
            return False
        alike = sum(
            line.count(self._delimiter) == between and self._delimiter + b" " not in line
            for line in others
        )
        return alike * 2 > len(others)

    def _fields(self, row: bytes) -> int:
        """Number of columns in a part of a row that ends with a line end or before a value."""
        return self._one_line.sub(b"", row).count(self._delimiter) + 1

    def _put(self, text: bytes) -> None:
        self._ready += text
        self._line += self._dialect.line_ends(text)


def _end_of_line(text: bytes, place: int) -> int:
    """End of the line that a place is in."""
    found = _LINE_END.search(text, place)
    return found.end() if found else len(text)


def _times(sign: bytes, text: bytes) -> int:
    """Number of times that a sign stands at the end of a text."""
    return len(text) - len(text.rstrip(sign))

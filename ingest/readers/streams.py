"""Opens text files, compressed or not, and says in one way what is wrong with them."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from linkspan.errors import DataError

if TYPE_CHECKING:
    from linkspan.ingest.readers.source import Source


def open_text(source: Source) -> Any:
    """The bytes of a text file, unpacked, in UTF-8, as a stream; read in `file_errors`."""
    stream = pa.input_stream(str(source.path), compression=source.compression)
    if codecs.lookup(source.spec.encoding).name == "utf-8":
        return stream
    return _Recoded(stream, source)


class _Recoded:
    """A stream of UTF-8 from one in another encoding, which knows the line of a wrong byte."""

    def __init__(self, stream: Any, source: Source) -> None:
        self._stream, self._source = stream, source
        self._decoder = codecs.getincrementaldecoder(source.spec.encoding)()
        self._lines = 0
        self._ended = False

    def read(self, size: int) -> bytes:
        """Some bytes, about ``size``; none at the end."""
        text = ""
        while not text and not self._ended:
            data = self._stream.read(size)
            self._ended = not data
            try:
                text = self._decoder.decode(data, final=self._ended)
            except UnicodeError as error:
                raise self._not_text(error) from error
            self._lines += _line_ends(text)
        return text.encode(errors="surrogatepass")

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _not_text(self, error: UnicodeError) -> DataError:
        encoding = self._source.spec.encoding
        line, reason = self._lines + 1, str(error)
        if isinstance(error, UnicodeDecodeError):
            before = error.object[: error.start].decode(encoding, errors="ignore")
            line += _line_ends(before)
            reason = f"byte 0x{error.object[error.start]:02X}: {error.reason}"
        return DataError(
            f"this is not {encoding} text ({reason})",
            file=self._source.path,
            line=line,
            hint="Say what it is with 'encoding = ...', or save it as UTF-8",
        )


def _line_ends(text: str) -> int:
    return text.count("\n") or text.count("\r")


@contextmanager
def file_errors(source: Source) -> Iterator[None]:
    """Turn what the libraries raise into errors with the file.

    Raises:
        DataError: The file may not be read, or is damaged.
    """
    path = source.path
    try:
        yield
    except PermissionError as error:
        raise DataError("it may not be read", file=path, hint="Check its permissions") from error
    except (OSError, EOFError) as error:
        raise DataError(
            f"the file is cut short or damaged ({error})",
            file=path,
            hint="Copy or download it again",
        ) from error

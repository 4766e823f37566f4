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
    """The bytes of a text file, unpacked, in UTF-8, as a pyarrow stream; read in `file_errors`."""
    stream = pa.input_stream(str(source.path), compression=source.compression)
    if codecs.lookup(source.spec.encoding).name == "utf-8":
        return stream
    return pa.transcoding_input_stream(stream, source.spec.encoding, "utf-8")


@contextmanager
def file_errors(source: Source) -> Iterator[None]:
    """Turn what the libraries raise into errors with the file.

    Raises:
        DataError: The file may not be read, is damaged, or is in another encoding.
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
    except UnicodeError as error:
        raise DataError(
            f"this is not {source.spec.encoding} text ({getattr(error, 'reason', error)})",
            file=path,
            hint="Say what it is with 'encoding = ...', or save it as UTF-8",
        ) from error

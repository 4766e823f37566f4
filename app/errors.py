"""The tree of errors that Linkspan raises, all below `LinkspanError`.

The command line prints ``str(error)`` as one line and leaves with ``error.exit_code``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class LinkspanError(Exception):
    """Root of all errors raised on purpose.

    Args:
        message: What went wrong, with the value that was found.
        hint: How to mend it, one imperative sentence without the final full stop.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = message
        self.hint = hint
        super().__init__(message if hint is None else f"{message}. {hint}.")


class ConfigError(LinkspanError):
    """The mapping, a setting or a flag is wrong."""

    exit_code = 2


class ArgumentError(ConfigError):
    """An argument of a call cannot be meant: who asked is to mend it, not who set it up."""


class DataError(LinkspanError):
    """A file, or a row in one, cannot be used.

    Args:
        message: What is wrong with the value.
        file: File in which it stands.
        line: Line, from 1, the header counted.
        column: Column name.
        value: The value found, as text.
        hint: How to mend it.
        unit: What ``line`` counts: ``row`` where a file has no lines.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        file: Path | str | None = None,
        line: int | None = None,
        column: str | None = None,
        value: str | None = None,
        hint: str | None = None,
        unit: str = "line",
    ) -> None:
        self.file, self.line, self.column, self.value = file, line, column, value
        self.reason = message
        where = str(file) if file is not None else ""
        if line is not None:
            where += f", {unit} {line}" if where else f"{unit} {line}"
        if column is not None:
            where += f", column '{column}'" if where else f"column '{column}'"
        text = f"{where}: {message}" if where else message
        if value is not None:
            shown = value if len(value) <= 60 else value[:57] + "..."
            # One backslash for one: a byte that is no UTF-8 stands there as \\xe9 already.
            text += f" (found {shown!r})".replace("\\\\", "\\")
        super().__init__(text, hint=hint)


class DatabaseError(LinkspanError):
    """The graph database cannot be reached, refused the login, or failed a query."""

    exit_code = 4


class SchemaError(DatabaseError):
    """The graph in the database is not what the mapping says it is."""


class ModelError(LinkspanError):
    """A model cannot be trained, loaded or used."""

    exit_code = 5


class PublishError(LinkspanError):
    """Scores were refused, or could not be published."""

    exit_code = 6


@contextmanager
def needing(extra: str, what: str, error: type[LinkspanError] = ModelError) -> Iterator[None]:
    """Tell how to install what an import inside lacks.

    Args:
        extra: Extra that brings it, such as ``train``.
        what: Who needs it, as the error begins.
        error: What to raise.

    Raises:
        LinkspanError: Of the kind asked for; a package is not installed.
    """
    try:
        yield
    except ImportError as absent:
        raise error(
            f"{what} needs a package that is not installed ({absent.name})",
            hint=f"Install it with: pip install 'linkspan[{extra}]'",
        ) from absent

"""Files of feedback, as applications log it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from linkspan.errors import DataError
from linkspan.graph.users.feedback import Event

_NEEDED = ("user", "item", "kind")


def load_events(file: Path, user_key: Callable[[str], str] = str) -> list[Event]:
    """Read a file of feedback.

    Args:
        file: CSV with a header: columns ``user``, ``item`` (keys), ``kind``, and perhaps ``at``
            (milliseconds UTC, or ISO 8601; without an offset it is UTC) and ``run``.
        user_key: What a user's key is in the graph.

    Raises:
        DataError: It cannot be read, lacks a column, or a value is missing or no time.
    """
    try:
        frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else "it is empty"
        raise DataError(f"it cannot be read ({reason})", file=file, hint="Give a CSV") from error
    for name in _NEEDED:
        if name not in frame:
            raise DataError(
                f"it has no column '{name}'", file=file, line=1, hint="It needs user, item and kind"
            )
        empty = frame[name].str.strip() == ""
        if empty.any():
            line = int(empty.to_numpy().argmax()) + 2
            raise DataError("nothing stands here", file=file, line=line, column=name)
    times: list[int | None] = [None] * len(frame)
    if "at" in frame:
        times = [_moment(text, file, line) for line, text in enumerate(frame["at"], 2)]
    runs = [text.strip() or None for text in frame["run"]] if "run" in frame else times[:0]
    runs = runs or [None] * len(frame)
    columns = (frame[name].str.strip() for name in _NEEDED)
    return [
        Event(user_key(user), item, kind, at, run)
        for user, item, kind, at, run in zip(*columns, times, runs, strict=True)
    ]


def _moment(text: str, file: Path, line: int) -> int | None:
    """Milliseconds UTC; None where nothing stands."""
    text = text.strip()
    if not text:
        return None
    if text.isdecimal():
        return int(text)
    try:
        moment = pd.Timestamp(text)
    except ValueError as error:
        raise DataError(
            "this is no time",
            file=file,
            line=line,
            column="at",
            value=text,
            hint="Write ISO 8601 such as 2026-01-31T12:00:00Z, or milliseconds since 1970",
        ) from error
    moment = moment.tz_localize("UTC") if moment.tzinfo is None else moment
    return int(moment.value // 1_000_000)

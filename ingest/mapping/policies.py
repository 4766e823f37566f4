"""Policies for rows that cannot be taken as they are."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from linkspan.ingest.mapping.columns import Strict


def _limit(value: Any) -> Any:
    """Check the form of a limit: a number of rows, or a share of a file's rows."""
    if isinstance(value, str) and not re.fullmatch(r"(100|[0-9]{1,2}(\.[0-9]+)?)%", value):
        raise ValueError(f"max_rejects is a number of rows or a share such as '1%', not {value!r}")
    return value


class Policies(Strict):
    """Policies for rows that cannot be taken as they are; every file is checked first.

    Attributes:
        duplicates: Of rows with one key and different values, ``update`` takes the last, of
            events the latest, and ``keep`` the first; ``error`` stops before anything is written.
        dangling: Rows that refer to an item or entity that no file has: ``skip`` rejects them,
            ``insert`` makes the item or entity (its domain has to be known), ``error`` stops.
        malformed: Rows that cannot be read or have a wrong value: ``skip`` rejects them, ``error``
            stops.
        max_rejects: Rows of one file that may be rejected before that stops everything: a number,
            or a share such as ``"1%"``.
    """

    duplicates: Literal["update", "keep", "error"] = "error"
    dangling: Literal["skip", "insert", "error"] = "error"
    malformed: Literal["skip", "error"] = "error"
    max_rejects: Annotated[int | str, BeforeValidator(_limit)] = "100%"

    def stops(self, kind: str) -> bool:
        """Tell whether a problem of this kind stops everything before anything is written."""
        return kind not in ("missing", "forgotten") and getattr(self, kind) != "skip"

    def too_many(self, rejected: int, rows: int) -> bool:
        """Tell whether more of a file's rows are rejected than may be."""
        if isinstance(self.max_rejects, int):
            return rejected > self.max_rejects
        return rejected > float(self.max_rejects.rstrip("%")) / 100 * rows

"""Facts that rows of several files give together: keys that clash, domains that fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from linkspan.ingest.proposing.guess import Guess


class SeenRows:
    """Keys of the rows of all files so far.

    Attributes:
        clash: Whether two rows of one key differ.
    """

    def __init__(self) -> None:
        self.clash = False
        self._keys: dict[str, list[pd.DataFrame]] = {}

    def note(self, what: str, made: Guess, keys: list[str]) -> None:
        """Take in a file.

        Args:
            what: What the rows become; those of one kind share their keys.
            made: The file.
            keys: Columns that make a key, together with the domain of the file.
        """
        rows = made.peek.rows.drop_duplicates()
        own = rows[keys].set_axis(range(len(keys)), axis=1).assign(domain=made.domain)
        before = [each for each in self._keys.get(what, ()) if list(each) == list(own)]
        self.clash |= bool(pd.concat([*before, own]).duplicated().any())
        self._keys.setdefault(what, []).append(own)


def says_the_domain(made: Guess, items: Sequence[Guess]) -> bool:
    """Tell whether no item that is known by its id is unknown by the domain beside it."""
    known: set[tuple[Any, str]] = set()
    for each in items:
        ids, column = each.peek.rows[each.id], each.domain_column
        known |= set(
            zip(each.peek.rows[column] if column else [each.domain] * len(ids), ids, strict=True)
        )
    met = set(zip(made.peek.rows[made.domain_column], made.peek.rows[made.item], strict=True))
    return not {item for _, item in met - known} & {item for _, item in known}

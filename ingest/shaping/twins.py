"""Sees ids that are written in two ways and so become two users: ``1`` and ``1.0``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from linkspan.ingest.readers.integer_ids import whole_number
from linkspan.ingest.shaping.catalogue import Catalogue
from linkspan.ingest.shaping.codes import KeyCodes

Known = Callable[[list[str]], set[str]]
"""Those of some keys of users that the graph has."""

_NUMBERS = r"(^|/)[+-]?(\d+\.\d*|0\d+|\d{1,3}(,\d{3})+(\.0*)?|\d+\.?\d*[eE][+-]?\d{1,2})$"
_FEW = 0.1  # of the ids in another case, or with zeros: fewer may well be ids of their own
_log = logging.getLogger(__name__)


class Twins(NamedTuple):
    """Keys that differ in form only.

    Attributes:
        number: How many there are.
        one: One of them.
        other: The one that it may be, too.
        numbers: Whether they are whole numbers; if not, they differ in case.
    """

    number: int
    one: str
    other: str
    numbers: bool


def find_twins(keys: KeyCodes, known: Known | None = None, *, case: bool = True) -> list[Twins]:
    """Find keys, ``id`` or ``domain/id``, that differ from another one in form only.

    Args:
        keys: All keys of one kind.
        known: Asked for those that are not among them, or None.
        case: Look for ids in upper and lower case as well.
    """
    every = keys.keys()
    odd = every.filter(pc.match_substring_regex(every, _NUMBERS)).to_pylist()
    numbers = {key: plain for key in odd if (plain := _plain(key)) and plain != key}
    padded = {key: plain for key, plain in numbers.items() if key.rpartition("/")[2].isdigit()}
    others = {key: plain for key, plain in numbers.items() if key not in padded}
    found = [
        _twins(keys, others, known, least=0.0, numbers=True),
        _twins(keys, padded, known, least=_FEW, numbers=True),
    ]
    if case:
        lower = pc.utf8_lower(every)
        rows = pc.not_equal(every, lower)
        pairs = zip(every.filter(rows).to_pylist(), lower.filter(rows).to_pylist(), strict=True)
        found.append(_twins(keys, dict(pairs), None, least=_FEW, numbers=False))
    return [twins for twins in found if twins is not None]


def warn_of_twins(catalogue: Catalogue, places: list[str], known: Known | None = None) -> None:
    """Say which users, items and entities may be one, and how to make them one.

    Args:
        catalogue: All keys.
        places: Files and columns whose ids look odd.
        known: Which of some users' keys the graph has; None where it is not asked.
    """
    kinds = [("user", catalogue.users), ("item", catalogue.items), *catalogue.entities.items()]
    for what, keys in kinds:
        users = what == "user"
        for twins in find_twins(keys, known if users else None, case=users):
            mend = "write them alike in the files"
            if twins.numbers:
                mend = "name their column in 'integer_ids' of its table"
                mend += f" ({'; '.join(places)})" if places else ""
            more = f", and so are {twins.number - 1:,} more" if twins.number > 1 else ""
            text = "the ids '%s' and '%s' are two %ss%s: if they are one, %s"
            _log.warning(text, twins.one, twins.other, what, more, mend)


def _twins(
    keys: KeyCodes, forms: dict[str, str], known: Known | None, *, least: float, numbers: bool
) -> Twins | None:
    plain = list(forms.values())
    there = {key for key, code in zip(plain, keys.find(pa.array(plain, pa.string())), strict=True)
             if code >= 0}  # fmt: skip
    if known is not None and len(there) < len(plain):
        there |= known([key for key in plain if key not in there])
    both = [(key, other) for key, other in forms.items() if other in there]
    if not both or len(both) < least * len(forms):
        return None
    return Twins(len(both), *both[0], numbers)


def _plain(key: str) -> str | None:
    domain, slash, number = key.rpartition("/")
    plain = whole_number(number)
    return plain if plain is None else domain + slash + plain

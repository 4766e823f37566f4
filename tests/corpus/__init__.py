"""Damaged inputs, and what is to come of each.

Every case damages one sound shop (``shop.py``). ``tests/ingest/test_corpus.py`` runs all of them
twice: where every problem stops, the line that is told is compared and nothing is written; where
bad rows are passed over, exactly the bad rows are in the rejects, and all others in the graph.
"""

from __future__ import annotations

from corpus import files, formats, ids, quotes, rows, values
from corpus.case import Case

__all__ = ["CASES", "Case"]

CASES: list[Case] = [
    *files.CASES,
    *rows.CASES,
    *values.CASES,
    *ids.CASES,
    *formats.CASES,
    *quotes.CASES,
]

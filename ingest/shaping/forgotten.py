"""Rows of users who were forgotten: they are passed over, counted, and written nowhere."""

from __future__ import annotations

import re
from dataclasses import replace
from unicodedata import normalize

import numpy as np
import pyarrow as pa

from linkspan.graph.users.forgetting import Forgotten
from linkspan.ingest.mapping.tables import FileTable
from linkspan.ingest.readers.problems import Problem
from linkspan.ingest.readers.source import Batch
from linkspan.ingest.shaping.catalogue import Catalogue
from linkspan.ingest.shaping.parse import Mask
from linkspan.ingest.shaping.shapes import Shaped, shape
from linkspan.ingest.shaping.targets import RELATIONS, LinkTarget, NodeTarget

_WORDS = re.compile(r"[\s,;|\"'\t]+")


def shape_known(spec: FileTable, batch: Batch, catalogue: Catalogue, shared_users: bool) -> Shaped:
    """As `linkspan.ingest.shaping.shapes.shape`, without the rows of forgotten users.

    Each of those is a problem of kind ``forgotten``, without what stands in the row. A row that is
    wrong in another way is one if its user's id is that of a forgotten one in any domain.
    """
    shaped = shape(spec, batch, catalogue, shared_users)
    forgotten = catalogue.forgotten
    if not forgotten:
        return shaped
    gone = np.zeros(len(shaped), bool)
    for keys, rows in _users(shaped, catalogue):
        gone |= rows & _forgotten(keys, forgotten)
    columns = spec.user_columns()
    problems = [
        _passed_over(each.line) if _names_one(each, columns, forgotten) else each
        for each in shaped.problems
    ]
    problems += map(_passed_over, shaped.lines[gone].tolist())
    problems.sort(key=lambda problem: problem.line)
    return replace(shaped.filter(~gone), problems=problems)


def _users(shaped: Shaped, catalogue: Catalogue) -> list[tuple[pa.StringArray, Mask]]:
    """Keys in the good rows that are of users, and in which rows they are."""
    target, keys = shaped.table.target, shaped.table.keys
    every = np.ones(len(shaped), bool)
    if isinstance(target, NodeTarget):
        return [(keys["key"], every)] if target.label == "User" else []
    links: list[tuple[LinkTarget, Mask]] = [(target, every)]
    if target == RELATIONS and shaped.groups is not None:
        codes = np.unique(shaped.groups).tolist()
        links = [(catalogue.group(code), shaped.groups == code) for code in codes]
    return [
        (keys[end], rows)
        for link, rows in links
        for end, role in (("source", link.source), ("target", link.target))
        if role == "user"
    ]


def _forgotten(keys: pa.StringArray, forgotten: Forgotten) -> Mask:
    """Mask of the keys that are of forgotten users; each distinct one is hashed once."""
    coded = keys.dictionary_encode()
    gone = np.array([forgotten.has(key) for key in coded.dictionary.to_pylist()], bool)
    if not gone.any():
        return np.zeros(len(keys), bool)
    found: Mask = gone[coded.indices.to_numpy()]
    return found


def _names_one(problem: Problem, columns: set[str], forgotten: Forgotten) -> bool:
    """Tell whether what is told of a problem may hold the id of a forgotten user."""
    told = [problem.cells.get(name) for name in columns]
    if not problem.cells:
        told = _WORDS.split(problem.value or "")
    return any(forgotten.has_id(normalize("NFC", text.strip())) for text in told if text)


def _passed_over(line: int) -> Problem:
    reason, hint = "its user was forgotten", "Nothing has to be done"
    return Problem(line, None, None, reason, hint, kind="forgotten")

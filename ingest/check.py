"""The checking pass: everything is read and judged before anything is written."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from linkspan.errors import DataError
from linkspan.ingest.catalogue import Catalogue
from linkspan.ingest.duplicates import Actions, Clash, DuplicateFinder
from linkspan.ingest.mapping import Mapping
from linkspan.ingest.problems import Problem
from linkspan.ingest.readers import Source, open_source
from linkspan.ingest.shapes import shape
from linkspan.ingest.targets import NodeTarget, Target
from linkspan.progress import SILENT, Progress


@dataclass
class Checked:
    """What the checking pass found.

    Attributes:
        catalogue: All keys.
        actions: Number of the source to what is done with each of its good rows.
        rows: Number of the source to the rows in its file.
    """

    catalogue: Catalogue
    actions: dict[int, Actions] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)


def open_sources(mapping: Mapping) -> list[Source]:
    """Find all files of a mapping and check their headers; nothing more is read.

    Raises:
        ConfigError: A file or a column is missing.
        DataError: A file cannot be read.
    """
    return [open_source(name, spec, mapping.base) for name, spec in mapping.tables()]


def check(
    mapping: Mapping,
    sources: list[Source],
    *,
    skip: frozenset[int] = frozenset(),
    progress: Progress = SILENT,
) -> Checked:
    """Read all rows and stop at the first that is wrong.

    Args:
        mapping: The mapping.
        sources: Its files, as `open_sources` gives them.
        skip: Numbers of files that need not be read: nothing refers to their rows.
        progress: Told of each file.

    Raises:
        DataError: A row is wrong; the message says where, and how to mend it.
    """
    kinds = frozenset(table.kind for table in mapping.entities)
    checked = Checked(Catalogue(mapping.kinds, kinds))
    finders: defaultdict[Target, DuplicateFinder] = defaultdict(DuplicateFinder)
    for number, source in enumerate(sources):
        if number in skip:
            continue
        checked.rows[number] = 0
        checked.actions[number] = np.zeros(0, np.uint8)
        first: Problem | None = None
        with progress.task(f"Checking {source.name}") as task:
            for batch in source.batches():
                shaped = shape(source.spec, batch, checked.catalogue, mapping.users.shared)
                for problem in shaped.problems:
                    first = problem if first is None or problem.line < first.line else first
                finders[shaped.table.target].add(number, shaped)
                checked.rows[number] += len(shaped)
                task.advance(len(batch))
        if first is not None:  # only now: what is wrong with the whole file comes before it
            raise first.error(source.path)
    for target, finder in finders.items():
        actions, clashes = finder.resolve("error")
        if clashes:
            raise _clash_error(clashes[0], target, sources, checked.catalogue)
        checked.actions |= actions
    return checked


def _clash_error(
    clash: Clash, target: Target, sources: list[Source], catalogue: Catalogue
) -> DataError:
    first = f"line {clash.first_line}"
    if clash.first_file != clash.file:
        first += f" of {sources[clash.first_file].path.name}"
    return DataError(
        f"{first} says something else of the same {_what(target)}",
        file=sources[clash.file].path,
        line=clash.line,
        value=_key(clash, target, catalogue),
        hint="Keep one of the two rows",
    )


def _what(target: Target) -> str:
    if isinstance(target, NodeTarget):
        return target.kind or target.label.lower()
    return f"{target.source} and {target.target}" + (" at that time" if target.repeat else "")


def _key(clash: Clash, target: Target, catalogue: Catalogue) -> str:
    """The key that stands twice."""
    if isinstance(target, NodeTarget):
        role = {"Item": "item", "User": "user"}.get(target.label, target.kind or "")
        return catalogue.key(role, clash.code)
    source = catalogue.key(target.source, clash.code >> 32)
    return f"{source} and {catalogue.key(target.target, clash.code & 0xFFFFFFFF)}"

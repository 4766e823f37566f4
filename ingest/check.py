"""The checking pass: everything is read and judged before anything is written."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from linkspan.errors import DataError
from linkspan.graph.snapshot.identities import SAME_AS, components
from linkspan.graph.users.forgetting import NOBODY, Forgotten
from linkspan.graph.users.pseudonyms import Pseudonyms
from linkspan.ingest.mapping.model import Mapping
from linkspan.ingest.mapping.policies import Policies
from linkspan.ingest.mapping.relation_tables import IdentitiesTable, RelationsTable
from linkspan.ingest.mapping.tables import InteractionsTable, VectorsTable
from linkspan.ingest.readers.integer_ids import whole_number
from linkspan.ingest.readers.opening import open_files
from linkspan.ingest.readers.problems import Problem
from linkspan.ingest.readers.source import Batch, Source
from linkspan.ingest.readers.vectors import open_vectors
from linkspan.ingest.shaping.catalogue import Catalogue
from linkspan.ingest.shaping.duplicates import Actions, Clash, Clashes, DuplicateFinder
from linkspan.ingest.shaping.forgotten import shape_known
from linkspan.ingest.shaping.statistics import Statistics
from linkspan.ingest.shaping.targets import RELATIONS, LinkTarget, NodeTarget, Table, Target
from linkspan.ingest.shaping.time_scales import TimeScales
from linkspan.progress import SILENT, Progress

_REPEAT = ", or say 'repeat = true' in the mapping where both are events"
_log = logging.getLogger(__name__)


@dataclass
class CheckedFile:
    """Findings of the checking pass in one file.

    Attributes:
        good: Rows without a problem of their own.
        bad: Rows with one; they are rejected.
        dropped: Those of them that the mapping says to leave out.
        forgotten: Those of them whose user was forgotten; they do not count as rejected.
        actions: What is done with each good row.
        clashes: Good rows that are rejected, as another row says something else.
    """

    good: int = 0
    bad: int = 0
    dropped: int = 0
    forgotten: int = 0
    actions: Actions = field(default_factory=lambda: np.zeros(0, np.uint8))
    clashes: Clashes = field(default_factory=Clashes)

    @property
    def rows(self) -> int:
        """Rows in the file."""
        return self.good + self.bad

    @property
    def rejected(self) -> int:
        """Rows that are not taken."""
        return self.bad - self.forgotten + len(self.clashes)


@dataclass
class Checked:
    """Findings of the checking pass.

    Attributes:
        catalogue: All keys.
        sources: All files.
        files: What was found in each file, by the number of its source.
        odd_ids: File and column of ids that look like numbers in an odd form.
    """

    catalogue: Catalogue
    sources: list[Source]
    files: dict[int, CheckedFile] = field(default_factory=dict)
    odd_ids: dict[str, None] = field(default_factory=dict)

    @cached_property
    def statistics(self) -> Statistics:
        """Of the columns that need any."""
        return Statistics(self.catalogue)

    def problem(self, clash: Clash, target: Target) -> Problem:
        """Problem of a row that clashes with another.

        Args:
            clash: The two rows.
            target: What they become.
        """
        source, first_source = self.sources[clash.file], self.sources[clash.first_file]
        first = f"{first_source.unit} {clash.first_line}"
        if clash.first_file != clash.file:
            first += f" of {first_source.path.name}"
        if target == RELATIONS:
            target = self.catalogue.group(clash.group)
        return Problem(
            line=clash.line,
            column=None,
            value=_key(clash, target, self.catalogue),
            reason=f"{first} says something else of the same {_what(target)}",
            hint="Keep one of the two rows" + (_REPEAT if _may_repeat(source) else ""),
            kind="duplicates",
        )


def open_sources(mapping: Mapping, pseudonyms: Pseudonyms | None = None) -> list[Source]:
    """Find all files of a mapping and check their headers; nothing more is read.

    Args:
        mapping: The mapping.
        pseudonyms: What takes the place of users' ids, or None.

    Raises:
        ConfigError: A file or a column is missing.
        DataError: A file cannot be read.
    """
    sources: list[Source] = []
    for name, spec in mapping.tables():
        if isinstance(spec, VectorsTable):
            sources.append(open_vectors(name, spec, mapping.base, sources))
        else:
            sources += open_files(name, spec, mapping.base, pseudonyms)
    return sources


def new_catalogue(mapping: Mapping) -> Catalogue:
    """A catalogue in which nothing is declared yet."""
    return Catalogue(
        mapping.kinds,
        frozenset(table.kind for table in mapping.entities),
        insert=mapping.ingest.dangling == "insert",
        interactions=[table.type for table in mapping.interactions],
    )


def check(
    mapping: Mapping,
    sources: list[Source],
    *,
    skip: frozenset[int] = frozenset(),
    progress: Progress = SILENT,
    forgotten: Forgotten = NOBODY,
) -> Checked:
    """Read all rows, and stop at the first that the policies do not let pass.

    Args:
        mapping: The mapping.
        sources: Its files, as `open_sources` gives them.
        skip: Numbers of files that need not be read: nothing refers to their rows.
        progress: Told of each file.
        forgotten: Users whose rows are passed over.

    Raises:
        ConfigError: No row has a value that the mapping lists.
        DataError: A row is wrong and may not be skipped, or too many are; the message says where,
            and how to mend it.
    """
    policies, catalogue = mapping.ingest, new_catalogue(mapping)
    catalogue.forgotten = forgotten
    checked = Checked(catalogue, sources)
    finders: defaultdict[Target, DuplicateFinder] = defaultdict(DuplicateFinder)
    identities: list[Table] = []
    for number, source in enumerate(sources):
        if number in skip:
            continue
        found = checked.files[number] = CheckedFile()
        first: Problem | None = None
        times = TimeScales(source.spec)
        with progress.task(f"Checking {source.name}") as task:
            for batch in source.batches():
                checked.odd_ids |= dict.fromkeys(_odd_ids(source, batch))
                shaped = shape_known(source.spec, batch, catalogue, mapping.users.shared)
                finders[shaped.table.target].add(number, shaped)
                checked.statistics.add(number, source.spec, shaped)
                times.add(shaped)
                if isinstance(source.spec, IdentitiesTable):
                    identities.append(shaped.table)
                found.good += len(shaped)
                found.bad += len(shaped.problems)
                kinds = Counter(problem.kind for problem in shaped.problems)
                found.dropped += kinds["missing"]
                found.forgotten += kinds["forgotten"]
                for problem in shaped.problems:
                    if policies.stops(problem.kind):
                        first = problem if first is None or problem.line < first.line else first
                task.advance(len(batch))
        if first is not None:  # only now: what is wrong with the whole file comes before it
            raise first.error(source.path, source.unit)
        times.see(source)
        _see_limit(found, source, policies)
    _see_values(sources, skip, catalogue)
    for target, finder in finders.items():
        actions, clashes = finder.resolve(policies.duplicates)
        for number, action in actions.items():
            checked.files[number].actions = action
            checked.files[number].clashes = clashes.of_file(number)
        if policies.duplicates == "error":
            for clash in clashes:
                problem = checked.problem(clash, target)
                raise problem.error(sources[clash.file].path, sources[clash.file].unit)
    checked.statistics.close({n: found.actions for n, found in checked.files.items()})
    for number, found in checked.files.items():
        _see_limit(found, sources[number], policies)
    _warn_of_joined(identities, mapping.users.shared)
    return checked


def _odd_ids(source: Source, batch: Batch) -> Iterator[str]:
    """Columns whose first id is a whole number in another form than plain digits."""
    spec = source.spec
    columns = spec.user_columns() | {getattr(spec, name, None) for name in ("id", "item")}
    for column in sorted(name for name in columns if name in batch.columns):
        first = next(iter(batch.columns[column][:1].to_pylist()), None) or ""
        if whole_number(first) not in (None, first):
            yield f"{source.name}, column '{column}'"


def _warn_of_joined(identities: list[Table], shared_users: bool) -> None:
    """Say where identities make one of several users or items of one domain."""
    for role in ("item",) if shared_users else ("item", "user"):
        pairs: list[tuple[str, str]] = [
            pair
            for table in identities
            if table.target == LinkTarget(SAME_AS, role, role)
            for pair in zip(*(keys.to_pylist() for keys in table.keys.values()), strict=True)
        ]
        several = []
        for keys in components(pairs):
            in_domain = Counter(key.partition("/")[0] for key in keys)
            several += [
                sorted(k for k in keys if k.startswith(f"{domain}/"))
                for domain, count in in_domain.items()
                if count > 1
            ]
        if several:
            first = min(several)
            _log.warning(
                "identities join %ss of one domain, %s time(s), such as %s: if they are not one, "
                "look for a wrong pair that links them",
                role,
                f"{len(several):,}",
                " and ".join(first[:3]),
            )


def _see_values(sources: list[Source], skip: frozenset[int], catalogue: Catalogue) -> None:
    """See that the values that the mapping lists as types were met, where all files were read."""
    unread = {sources[number].table for number in skip}
    for source in sources:
        if isinstance(source.spec, RelationsTable) and source.table not in unread:
            catalogue.types.see_all(source.table, source.spec.type)


def _see_limit(found: CheckedFile, source: Source, policies: Policies) -> None:
    """Stop where more rows are rejected than may be."""
    if policies.too_many(found.rejected, found.rows):
        raise DataError(
            f"{found.rejected:,} of {found.rows:,} rows cannot be taken, "
            f"more than max_rejects = {policies.max_rejects!r} lets pass",
            file=source.path,
            hint="Mend them ('--dry-run' with 'malformed = \"error\"' shows the first), "
            "or raise the limit",
        )


def _may_repeat(source: Source) -> bool:
    """Tell whether its rows could both be kept, as events at two times."""
    spec = source.spec
    return isinstance(spec, InteractionsTable) and spec.at is not None and not spec.repeat


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

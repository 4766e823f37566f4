"""Output for people: progress bars on a terminal, plain lines elsewhere, tables, JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from textwrap import fill
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from linkspan.progress import Progress, Task

if TYPE_CHECKING:
    from linkspan.graph.adopting.inspecting import Degrees, Picture
    from linkspan.ingest import IngestReport, Pruning
    from linkspan.stages import Stage

_EVERY = 30.0  # seconds from one line of progress to the next, where there are no bars
_LONG_WORD = 12  # columns; a longer word of a text may be broken

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class _Bar(Task):
    """One bar on a terminal; it goes when the work is done."""

    def __init__(self, name: str, total: int | None, unit: str) -> None:
        self._bars = Bars(
            TextColumn("  [dim]{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("[dim]{task.fields[unit]}"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            console=err,
            transient=True,
        )
        self._task = self._bars.add_task(name, total=total, unit=unit, note="")

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Move the bar on."""
        fields: dict[str, Any] = {"note": note} if note else {}
        self._bars.update(self._task, advance=steps, **fields)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()


class _Lines(Task):
    """A line every half a minute, for logs; none of what is done by then."""

    def __init__(self, name: str, total: int | None, unit: str) -> None:
        self._name, self._unit, self._done, self._note = name, unit, 0, ""
        self._of = "" if total is None else f" of {total:,}"
        self._began = self._told = monotonic()

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Say how far it has come, where it is time."""
        self._done += steps
        self._note = f", {note}" if note else self._note
        if (now := monotonic()) - self._told >= _EVERY:
            self._told = now
            done = f"{self._done:,}{self._of} {self._unit}"
            err.print(
                f"  {self._name}: {done} in {now - self._began:.0f} s{self._note}", markup=False
            )


class ConsoleProgress(Progress):
    """Bars on standard error where that is a terminal, and now and then a line where it is not."""

    def task(self, name: str, total: int | None = None, unit: str = "rows") -> Task:
        """Begin a bar, or lines."""
        return (_Bar if err.is_terminal else _Lines)(name, total, unit)


def show_json(value: Any) -> None:
    """Print a result as one JSON document."""
    out.print_json(json.dumps(value, default=_plain), indent=2, highlight=False)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)


class _Table(Table):
    """A table in which text wraps, so that keys, ids, names and numbers stay whole."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        cells = [
            [console.render_str(cell) for cell in each.cells if isinstance(cell, str)]
            for each in self.columns
        ]
        gaps = 2 * (len(cells) - 1)
        least = [
            max(_longest_word(str(each.header)), _least(each.justify == "right", own))
            for each, own in zip(self.columns, cells, strict=True)
        ]
        most = [
            max([cell_len(str(each.header)), *(cell.cell_len for cell in own)])
            for each, own in zip(self.columns, cells, strict=True)
        ]
        level, widths = max(most), most
        while sum(widths) + gaps > options.max_width and level > 1:
            level -= 1
            widths = [max(low, min(high, level)) for low, high in zip(least, most, strict=True)]
        for each, width in zip(self.columns, widths, strict=True):
            each.width = each.width or width
        # What cannot fit stands beyond the edge, whole; a terminal breaks it there.
        wide = max(options.max_width, sum(widths) + gaps)
        yield from super().__rich_console__(console, options.update(max_width=wide))


def _least(number: bool, cells: Sequence[Text]) -> int:
    """The width in which no word is broken, but for long ones in a text."""
    if number or not any(" " in cell.plain for cell in cells):
        return max((cell.cell_len for cell in cells), default=1)
    return min(_LONG_WORD, max(_longest_word(cell.plain) for cell in cells))


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=1)


def table(*columns: str, title: str | None = None) -> Table:
    """A table that fits 80 columns: a ``>`` before a column's name sets it to the right."""
    made = _Table(title=title, box=None, title_justify="left", title_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(
            column.removeprefix(">"),
            justify="right" if column.startswith(">") else "left",
            overflow="fold",  # a key is worth nothing cut short
        )
    return made


def show_stage(console: Console, stage: Stage) -> None:
    """One line for a stage: name, seconds, what it did, and how fast; below it, its notes."""
    rate = f"[dim], {stage.rate}[/]" if stage.rate else ""
    console.print(f"[bold]{stage.name:<9}[/]{stage.seconds:>6.1f} s  {stage.text}{rate}")
    for note in stage.notes:
        told = fill(f"- {note}", 78, initial_indent="  ", subsequent_indent="    ")
        console.print(told, markup=False)


def show_ingest(report: IngestReport) -> None:
    """The table at the end of an ingest: a line for each file and what it became."""
    written = ">to write" if report.dry_run else ">written"
    columns = ["file", "becomes", ">read", written, ">unchanged", ">rejected"]
    shown = table(*columns, *([] if report.dry_run else [">rows/s"]))
    for line in report.lines:
        rate = "skipped" if line.skipped else f"{line.rate:,.0f}"
        counts = (line.read, line.written, line.unchanged, line.rejected)
        cells = [f"{count:,}" for count in counts]
        shown.add_row(line.file, line.target, *cells, *([] if report.dry_run else [rate]))
    out.print(shown)
    if report.forgotten:
        out.print(f"Rows of users who were forgotten, passed over: {report.forgotten:,}")
    for file in sorted({line.rejects for line in report.lines if line.rejects}):
        out.print(f"Rejected rows, to be mended and ingested again: {file}", markup=False)


def show_gone(pruning: Pruning) -> None:
    """Show what has gone from the files: a line for each label and type."""
    if not (pruning.gone or pruning.files):
        return out.print("Nothing in the graph has gone from the files.")
    shown = table("in the graph, not in the files", ">to remove", ">to keep", "such as")
    for each in pruning.gone:
        first = each.rows[0]
        sample = first.get("key") or f"{first['source']} to {first['target']}"
        shown.add_row(each.target.shown, f"{len(each.rows):,}", f"{each.kept:,}", sample)
    out.print(shown)
    for name in sorted(set(pruning.files.values())):
        out.print(f"Loaded once, and no longer in the mapping: {name}", markup=False)
    return None


def show_picture(picture: Picture, domains: list[str], overlap: dict[tuple[str, str], int]) -> None:
    """Show what is in a graph, in tables of 80 columns; say where only a part was looked at."""
    from linkspan.graph.adopting.inspecting import LINKS, NODES

    shown = table("label", ">nodes", "property", "type", ">filled", title="Nodes")
    for name, label in picture.labels.items():
        first = (name, f"{label.count:,}")
        for key, found in label.properties.items():
            kinds = " ".join(found.types).lower()
            shown.add_row(*first, key, kinds, f"{found.filled:.0%}")
            first = ("", "")
        if not label.properties:
            shown.add_row(*first, "", "", "")
    out.print(shown)
    shown = table(
        "type", "from", "to", ">count", ">out", ">in",
        title="\nRelationships (out, in: mean/median/most of a node)",
    )  # fmt: skip
    for kind, read in picture.types.items():
        for join in read.joins:
            degrees = (_degrees(join.out), _degrees(join.into))
            shown.add_row(kind, join.source, join.target, f"{join.count:,}", *degrees)
        for key, found in read.properties.items():
            kinds = " ".join(found.types).lower()
            shown.add_row("", f"[dim].{key}[/]", f"[dim]{kinds}[/]", f"[dim]{found.filled:.0%}[/]")
    out.print(shown)
    if len(domains) > 1:
        shown = table("shared users", *(f">{name}" for name in domains), title="\nOverlap")
        for one in domains:
            cells = [overlap.get((one, o), overlap.get((o, one), 0)) for o in domains]
            shown.add_row(one, *(f"{count:,}" for count in cells))
        out.print(shown)
        for kind, read in picture.types.items():
            for join in read.joins:
                if {join.source, join.target} <= set(domains) and join.source != join.target:
                    ends = f"{join.source} to {join.target}"
                    out.print(f"{kind} joins {ends}: {join.count:,}", markup=False)
    if picture.sampled:
        named = ", ".join(picture.sampled)
        out.print(
            f"[dim]Counts are of the whole graph. All else is of the first {NODES:,} nodes of a\n"
            f"label, {LINKS:,} relationships of a type; there are more of\n{named}.[/]"
        )


def _degrees(found: Degrees) -> str:
    return f"{found.mean:.1f}/{found.median:.0f}/{found.most:,}"

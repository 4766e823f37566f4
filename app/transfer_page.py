"""The transfer report as people read it: at the terminal, as Markdown, and as a page with plots."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill as fill_lines
from typing import Any, NamedTuple

from rich.table import Table

from linkspan.console import table
from linkspan.figures import BLUE, GREY, fill, interval, markdown_table, new_figure, png, shown

Report = dict[str, Any]
Row = dict[str, Any]

_WIDE = 48
"""Columns of a terminal that names of the columns of a matrix may take; numbers stand for more."""

_AT_ONCE = 7
"""Columns of a matrix in one table of a terminal."""

_SEGMENTS = {
    "all": "all",
    "0": "users new to it",
    "1 to 4": "users of 1 to 4 events",
    "5 or more": "users of 5 or more",
    "new items": "new items",
}
_RECEIVES = "A row receives, a column is left out: what the joint model gains over one without."
_MATRICES = {
    "without_domain": ("Who gives to whom", "left out", _RECEIVES),
    "without_relation": ("What relations give", "left out", _RECEIVES),
    "with_method": (
        "What methods of domain adaptation give",
        "with the method",
        "A column is a method: what the joint model with it gains over the same without.",
    ),
}


class Matrix(NamedTuple):
    """Gains by domain (rows) and what is left out (columns).

    Attributes:
        title: What it is about.
        axis: What its columns are.
        note: How to read it.
        columns: What is left out, or added.
        rows: Domains.
        values: Row and column to the figures.
        told: Sentences on the columns.
    """

    title: str
    axis: str
    note: str
    columns: list[str]
    rows: list[str]
    values: dict[tuple[str, str], Row]
    told: str = ""


def matrices(report: Report) -> list[Matrix]:
    """Matrices of domains, relations and methods, where there is anything in them."""
    found = []
    for key, told in _MATRICES.items():
        if key == "without_domain" and len(report["bridges"]) == 1:
            continue  # of two domains, one without the other is one alone
        values = {(row["domain"], row["left_out"]): row for row in report[key]}
        columns = sorted({column for _, column in values})
        if values:
            matrix = Matrix(*told, columns, sorted({row for row, _ in values}), values)
            found.append(matrix._replace(told=_judged(matrix)) if key == "with_method" else matrix)
    return found


def _judged(matrix: Matrix) -> str:
    """A sentence on each method: whom it helps, and whom it hurts."""
    sentences = []
    for method in matrix.columns:
        sure = [
            (name, row["gain"] > 0)
            for name in matrix.rows
            if (row := matrix.values.get((name, method))) and row["certain"]
        ]
        said = [
            f"{verb} {', '.join(name for name, better in sure if better == wanted)}"
            for verb, wanted in (("helps", True), ("hurts", False))
            if any(better == wanted for _, better in sure)
        ]
        sentences.append(f"{method} {' and '.join(said) or 'changes nothing that can be told'}")
    return f"For certain: {'; '.join(sentences)}. What helps nobody is best left off."


def verdicts(report: Report) -> list[tuple[str, str]]:
    """Domain and sentence on it."""
    return [(row["domain"], row["verdict"]) for row in report["domains"]]


def show_report(report: Report) -> Iterator[Table | str]:
    """Text for a terminal of 80 columns: segments, matrices, and sentences on each domain."""
    made = table(
        "domain", "test lists of", ">lists", ">alone", ">joint", ">gain of joint, 95%",
        title=f"NDCG@{report['k']} in percent: trained on the domain alone, and jointly",
    )  # fmt: skip
    for line in _segment_lines(report):
        made.add_row(*line)
    yield made
    if note := _newcomers(report):
        yield fill_lines(note, 80)
    for matrix in matrices(report):
        yield from _show_matrix(matrix)
    told = table("domain", "does the rest help it?", title="\nDoes transfer help?")
    for name, text in verdicts(report):
        told.add_row(name, text)
    yield told


def as_markdown(report: Report) -> str:
    """The whole report as Markdown."""
    parts = [
        f"Held-out events by protocol `{report['protocol']}`, each ranked among all items of its "
        f"domain that the user has not met, by models trained with the same settings; NDCG@"
        f"{report['k']} in percent, with the 95% interval of a paired bootstrap.",
        "\n".join(f"- **{name}**: {text}" for name, text in verdicts(report)),
    ]
    for title, note, header, lines in _tables(report):
        parts += [f"{title}. {note}".strip(), markdown_table(header, lines)]
    return "\n\n".join(parts) + "\n"


def as_html(report: Report, about: dict[str, str]) -> str:
    """One page with every table and plot in it; nothing is loaded from elsewhere.

    Args:
        report: What was compared.
        about: What to say of the run at its head: name to text.
    """
    plots = [("Alone and jointly", _bars(report))]
    plots += [(matrix.title, _heat(matrix)) for matrix in matrices(report)]
    return fill(
        "transfer.html",
        title=f"Transfer in run {report['run']}",
        about=about,
        k=report["k"],
        verdicts=verdicts(report),
        tables=list(_tables(report)),
        plots=[(title, png(drawn)) for title, drawn in plots if drawn is not None],
    )


def _segment_lines(report: Report) -> list[list[str]]:
    return [
        [
            row["domain"],
            _SEGMENTS[row["segment"]],
            f"{row['lists']:,}",
            shown("ndcg", row["other"]),
            shown("ndcg", row["joint"]),
            interval(row) + ("*" if row["certain"] else ""),
        ]
        for row in report["segments"]
    ]


def _newcomers(report: Report) -> str:
    """Sentence on how users who are new to a domain are measured, where none were."""
    if any(row["segment"] == "0" for row in report["segments"]):
        return ""
    return (
        "No user here is new to a domain. What such users would gain, a run of 'linkspan train "
        "--split domain-out' tells."
    )


def _tables(report: Report) -> Iterator[tuple[str, str, list[str], list[list[str]]]]:
    """Title, note, header and lines of each table, with intervals."""
    header = ["domain", "test lists of", "lists", "alone", "joint", "gain of joint, 95%"]
    yield "By domain and segment", _newcomers(report), header, _segment_lines(report)
    for matrix in matrices(report):
        lines = []
        for name in matrix.rows:
            found = (matrix.values.get((name, column)) for column in matrix.columns)
            cells = [
                interval(row) + ("*" if row["certain"] else "") if row else "" for row in found
            ]
            lines.append([name, *cells])
        yield matrix.title, f"{matrix.note} {matrix.told}".strip(), ["", *matrix.columns], lines
    pairs = [
        [
            f"{row['one']}, {row['other']}",
            f"{row['users']:,}",
            "yes" if row["tied"] else "no",
            "yes" if row["alike"] else "no",
        ]
        for row in report["bridges"]
    ]
    header = ["", "shared users", "joined by events or relations", "texts or features in both"]
    yield "What can pass", "", header, pairs


def _show_matrix(matrix: Matrix) -> Iterator[Table | str]:
    """The matrix in tables of 80 columns; where names are long, numbers stand for columns."""
    title = f"\n{matrix.title}: points of NDCG gained by the column"
    named = sum(len(name) + 2 for name in matrix.columns) <= _WIDE
    for start in range(0, len(matrix.columns), _AT_ONCE):
        chosen = matrix.columns[start : start + _AT_ONCE]
        heads = chosen if named else [str(start + place + 1) for place in range(len(chosen))]
        made = table("", *(f">{head}" for head in heads), title=title)
        for name in matrix.rows:
            made.add_row(name, *(_point(matrix.values.get((name, one))) for one in chosen))
        yield made
        title = ""
    if not named:
        names = (f"{place} {name}" for place, name in enumerate(matrix.columns, start=1))
        yield fill_lines(", ".join(names), 80)
    yield "* the 95% interval leaves zero out"
    if matrix.told:
        yield fill_lines(matrix.told, 80)


def _point(row: Row | None) -> str:
    if row is None:
        return ""
    return f"{100 * row['gain']:+.1f}{'*' if row['certain'] else ' '}"


def _bars(report: Report) -> Any:
    """Gain of the joint model over each domain alone, with its interval."""
    rows = [row for row in report["segments"] if row["segment"] == "all"]
    if not rows:
        return None
    figure = new_figure()
    axes = figure.add_subplot()
    gains = [100 * row["gain"] for row in rows]
    errors = [[100 * abs(row[side] - row["gain"]) for row in rows] for side in ("low", "high")]
    colours = [BLUE if row["certain"] else GREY for row in rows]
    names = [row["domain"] for row in rows]
    axes.barh(names, gains, xerr=errors, color=colours, ecolor="#555555", capsize=3)
    axes.axvline(0.0, color="#555555", linewidth=1)
    axes.invert_yaxis()
    axes.set_xlabel(f"points of NDCG@{report['k']} gained by joint training, with 95% interval")
    return figure


def _heat(matrix: Matrix) -> Any:
    """Gains as numbers, each with its colour where it is certain."""
    figure = new_figure()
    figure.set_size_inches(7.5, max(2.2, 1.4 + 0.35 * len(matrix.rows)))
    axes = figure.add_subplot()
    unsure = {"certain": False}
    found = [[matrix.values.get((row, column), unsure) for column in matrix.columns]
             for row in matrix.rows]  # fmt: skip
    values = [[100 * each["gain"] if each["certain"] else 0.0 for each in line] for line in found]
    most = max((abs(100 * row["gain"]) for row in matrix.values.values()), default=1.0) or 1.0
    most *= 1.6  # so that black numbers stay readable on every colour
    axes.imshow(values, cmap="RdBu", vmin=-most, vmax=most, aspect="auto")
    for line, row in enumerate(matrix.rows):
        for place, column in enumerate(matrix.columns):
            text = _point(matrix.values.get((row, column)))
            axes.text(place, line, text, ha="center", va="center", fontsize=8)
    axes.set_xticks(range(len(matrix.columns)), matrix.columns, rotation=30, ha="right")
    axes.set_yticks(range(len(matrix.rows)), matrix.rows)
    axes.set_xlabel(f"{matrix.axis}; white: no difference that can be told")
    return figure

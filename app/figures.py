"""Figures of a run, as people read them: tables, Markdown, and a page with plots."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table

from linkspan.console import table

PERCENT = ("hr", "ndcg", "mrr", "map", "precision", "recall", "f1", "auc", "accuracy", "coverage")
"""Figures that are shown times 100."""

_COLUMNS = {
    "hr": "HR",
    "ndcg": "NDCG",
    "mrr": "MRR",
    "auc": "AUC",
    "coverage": "cover",
    "popularity_lift": "pop. lift",
}
_ALL = {
    "hr": "HR",
    "ndcg": "NDCG",
    "mrr": "MRR",
    "map": "MAP",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "auc": "AUC",
    "accuracy": "Accuracy",
    "coverage": "Coverage",
    "diversity": "Diversity",
    "novelty": "Novelty",
    "gini": "Gini",
    "popularity_lift": "Popularity lift",
}
BLUE, GREY = "#4878a8", "#b8b8b8"

Figures = dict[str, Any]
Row = dict[str, Any]


def shown(name: str, value: float | None) -> str:
    """A figure as text: in percent with two decimals, or as it is; a dash where there is none."""
    if value is None:
        return "-"
    return f"{100 * value:.2f}" if name in PERCENT else f"{value:.2f}"


def interval(row: Row) -> str:
    """A gain with its 95% interval, in percent."""
    # A zero has no sign.
    gain, low, high = (round(100 * row[name], 2) + 0.0 for name in ("gain", "low", "high"))
    return f"{gain:+.2f} ({low:+.2f} to {high:+.2f})"


def records(frame: pd.DataFrame) -> list[Row]:
    """Rows as JSON takes them: None where there is no figure, and counts that are whole."""
    whole = frame.convert_dtypes(convert_string=False, convert_boolean=False)
    there = whole.astype(object).where(frame.notna(), None)
    return [dict(zip(frame.columns, row, strict=True)) for row in there.to_numpy()]


def rows_of(figures: Figures, segment: str, domain: str = "") -> list[Row]:
    """Rows of a segment, a method each."""
    return [
        row for row in figures["table"] if row["segment"] == segment and row["domain"] == domain
    ]


def gains_of(figures: Figures, domain: str = "") -> dict[str, Row]:
    """Gains of the published method over each other one, by its name."""
    return {row["over"]: row for row in figures["gains"] if row["domain"] == domain}


def show_methods(figures: Figures) -> Table:
    """All methods over all rows, in 80 columns."""
    k, gains = figures["k"], gains_of(figures)
    made = table(
        "method",
        *(f">{name}" for name in _COLUMNS.values()),
        ">NDCG gained over it, 95%",
        title=f"\nAll held-out events, in percent, lists of {k}",
    )
    for row in rows_of(figures, "all"):
        gain = gains.get(row["method"])
        cells = [shown(name, row.get(name)) for name in _COLUMNS]
        made.add_row(row["method"], *cells, interval(gain) if gain else "")
    return made


def as_markdown(figures: Figures) -> str:
    """All figures of all methods, then NDCG by domain and segment, as Markdown tables."""
    k = figures["k"]
    parts = [
        f"Held-out events by protocol `{figures['protocol']}`, each ranked among all items of its "
        f"domain that the user has not met; lists of {k}; in percent but for the last four.",
        markdown_table(
            ["method", *_ALL.values(), "NDCG gained, 95%"],
            [
                [
                    row["method"],
                    *(shown(name, row.get(name)) for name in _ALL),
                    interval(gain) if (gain := gains_of(figures).get(row["method"])) else "",
                ]
                for row in rows_of(figures, "all")
            ],
        ),
        f"NDCG@{k} by domain and segment:",
        markdown_table(*segments(figures)),
    ]
    return "\n\n".join(parts) + "\n"


def segments(figures: Figures, metric: str = "ndcg") -> tuple[list[str], list[list[str]]]:
    """A metric by segment (a row each) and method (a column each): header and cells."""
    methods = list(dict.fromkeys(row["method"] for row in figures["table"]))
    places = list(dict.fromkeys((row["segment"], row["domain"]) for row in figures["table"]))
    value = {(row["method"], row["segment"], row["domain"]): row for row in figures["table"]}
    lines = []
    for segment, domain in sorted(places, key=lambda place: place[0] == "domain"):
        found = [value[method, segment, domain] for method in methods]
        cells = [shown(metric, row[metric]) for row in found]
        lines.append([domain or segment, f"{found[0]['rows']:,.0f}", *cells])
    return ["", "rows", *methods], lines


def as_html(figures: Figures, about: dict[str, str]) -> str:
    """One page with every table and plot in it; nothing is loaded from elsewhere.

    Args:
        figures: What was measured.
        about: What to say of the run at its head: name to text.
    """
    header, lines = segments(figures)
    confusion = [
        (row["method"], *(f"{row[name]:,}" for name in ("tp", "fp", "fn", "tn")))
        for row in rows_of(figures, "all")
    ]
    gains = gains_of(figures)
    methods = [
        (
            row["method"],
            [shown(name, row.get(name)) for name in _ALL],
            interval(gains[row["method"]]) if row["method"] in gains else "",
        )
        for row in rows_of(figures, "all")
    ]
    return fill(
        "report.html",
        title=f"Run {about['run']}",
        about=about,
        k=figures["k"],
        columns=list(_ALL.values()),
        methods=methods,
        confusion=confusion,
        header=header,
        lines=lines,
        plots=[(title, png(drawn)) for title, draw in _PLOTS if (drawn := draw(figures))],
    )


def fill(page: str, **values: Any) -> str:
    """Page of ``data/`` with values in their places."""
    from jinja2 import Environment, FunctionLoader

    loader = FunctionLoader(lambda name: (files("linkspan") / "data" / name).read_text("utf-8"))
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, loader=loader)
    return environment.get_template(page).render(**values)


def draw_curves(curves: Sequence[Row], best: int, file: Path) -> None:
    """Loss and validation NDCG@10 by epoch, as a picture (`.png`)."""
    figure = _curves({"curves": curves, "best_epoch": best})
    if figure is not None:
        figure.savefig(file, dpi=120)


def markdown_table(header: list[str], lines: list[list[str]]) -> str:
    """A table as Markdown; all but the first column to the right."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, rule, *lines))


def new_figure() -> Any:
    """Empty figure of the size that pages show."""
    from matplotlib.figure import Figure

    return Figure(figsize=(7.5, 3.2), layout="constrained")


def _curves(figures: Figures) -> Any:
    curves = figures.get("curves") or []
    if not curves:
        return None
    figure = new_figure()
    loss = figure.add_subplot()
    epochs = [row["epoch"] for row in curves]
    loss.plot(epochs, [row["loss"] for row in curves], color=GREY, label="loss, nats")
    loss.set_xlabel("epoch")
    loss.set_ylabel("loss, nats")
    loss.xaxis.get_major_locator().set_params(integer=True)
    if curves[0]["ndcg"] is not None:
        gain = loss.twinx()
        gain.plot(epochs, [100 * row["ndcg"] for row in curves], color=BLUE)
        gain.set_ylabel("validation NDCG@10, %", color=BLUE)
        gain.axvline(figures["best_epoch"], color=BLUE, linestyle=":", linewidth=1)
    return figure


def _methods(figures: Figures) -> Any:
    rows, gains = rows_of(figures, "all"), gains_of(figures)
    figure = new_figure()
    axes = figure.add_subplot()
    values = [100 * row["ndcg"] for row in rows]
    # The interval is of the difference to the published method, the first row.
    errors = [
        [
            100 * abs(gains[row["method"]][side] - gains[row["method"]]["gain"])
            if row["method"] in gains
            else 0.0
            for row in rows
        ]
        for side in ("high", "low")
    ]
    colours = [GREY if place else BLUE for place in range(len(rows))]
    names = [row["method"] for row in rows]
    axes.barh(names, values, xerr=errors, color=colours, ecolor="#555555", capsize=3)
    axes.invert_yaxis()
    axes.set_xlabel(f"NDCG@{figures['k']}, %; lines: 95% of the difference to {names[0]}")
    return figure


def _domains(figures: Figures) -> Any:
    names = sorted({row["domain"] for row in figures["table"] if row["segment"] == "domain"})
    if len(names) < 2:
        return None
    methods = [row["method"] for row in rows_of(figures, "all")]
    chosen = [methods[0], "popularity"] if "popularity" in methods else methods[:2]
    figure = new_figure()
    axes = figure.add_subplot()
    value = {(row["method"], row["domain"]): row["ndcg"] for row in figures["table"]}
    for place, (method, colour) in enumerate(zip(chosen, (BLUE, GREY), strict=False)):
        at = [number + 0.4 * place for number in range(len(names))]
        heights = [100 * value[method, name] for name in names]
        axes.bar(at, heights, width=0.4, color=colour, label=method)
    axes.set_xticks([number + 0.2 for number in range(len(names))], names)
    axes.set_ylabel(f"NDCG@{figures['k']}, %")
    axes.legend(frameon=False)
    return figure


_PLOTS = (
    ("Methods", _methods),
    ("Domains", _domains),
    ("Training", _curves),
)


def png(figure: Any) -> str:
    """A picture as a ``data:`` address."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"

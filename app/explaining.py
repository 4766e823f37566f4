"""Explanations for a terminal of 80 columns."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from linkspan.console import out, table
from linkspan.graph.asking import wording
from linkspan.graph.asking.results import Explanation


def show_explanation(found: Explanation) -> None:
    """Print why an item is recommended: in words, then what the score is the sum of, then paths."""
    for line in filter(None, (wording.standing(found), found.because)):
        out.print(line, markup=False, soft_wrap=False)
    if found.parts:
        shown = table("part of the score", ">")
        for name, share in sorted(found.parts.items(), key=lambda part: -abs(part[1])):
            shown.add_row(name, f"{share:+.3f}")
        shown.add_row("score", f"{found.score:+.3f}", style="bold")
        _show_table(shown)
    if any(each.loss is not None for each in found.past):
        shown = table("without this of your past", "domain", ">score")
        for each in found.past:
            shown.add_row(
                escape(wording.named(each)), escape(each.domain), f"{-(each.loss or 0.0):+.3f}"
            )
        _show_table(shown)
    if found.paths:
        shown = table(">strength", "what ties it to your past")
        for strength, words in wording.ties(found.paths):
            shown.add_row(f"{strength:.2f}", escape(words))
        _show_table(shown)
    else:
        out.print("\nNo path in the graph ties it to your past.")


def _show_table(shown: Table) -> None:
    out.print()
    out.print(shown)

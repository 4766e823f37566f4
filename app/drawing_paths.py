"""Draws an explanation: the past on the left, what ties in the middle, the item on the right."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

import networkx as nx

from linkspan.drawing import canvas
from linkspan.graph.asking.results import Explanation
from linkspan.graph.asking.wording import tie_of

_INCHES = (10.0, 6.0)
_PAST, _TIE, _ITEM, _EDGE = "#dbe9f6", "#eeeeee", "#f6e3c5", "#888888"


def draw_explanation(found: Explanation, file: Path) -> None:
    """Draw an explanation into a file; the same one for the same explanation.

    Args:
        found: What was found. A path that crosses domains is dashed, a stronger one is wider.
        file: Its ending, ``.svg``, ``.png`` or ``.pdf``, says how.
    """
    graph, names, colours = nx.Graph(), {}, {}
    column: dict[str, list[str]] = {"past": [], "tie": []}

    def add(node: str, kind: str, name: str, colour: str) -> None:
        if node not in graph:
            graph.add_node(node)
            column[kind].append(node)
            names[node], colours[node] = fill(name, 24), colour

    for each in found.past:
        add(each.item, "past", f"{each.title or each.item} ({each.domain})", _PAST)
    for path in found.paths:
        add(path.past, "past", f"{path.past_title or path.past} ({path.past_domain})", _PAST)
        kind, by, alone = tie_of(path)
        tie = f"tie {kind} {by} {alone}"
        label = by if alone else f"{kind} {by}"
        add(tie, "tie", label, _TIE)
        for ends in ((path.past, tie), (tie, found.item)):
            graph.add_edge(*ends, width=1 + 4 * path.strength, dashed=path.cross_domain)
    graph.add_node(found.item)
    names[found.item] = fill(f"{found.title or found.item} ({found.domain})", 24)
    colours[found.item] = _ITEM
    places = {found.item: (2.0, 0.0)}
    for x, nodes in enumerate(column.values()):
        places |= {n: (x, (len(nodes) - 1) / 2 - y) for y, n in enumerate(nodes)}
    with canvas(file, _INCHES) as axes:
        axes.set_title(found.because.replace("$", r"\$"))
        for dashed, style in ((False, "solid"), (True, "dashed")):
            chosen = [edge for edge in graph.edges if graph.edges[edge]["dashed"] == dashed]
            widths = [graph.edges[edge]["width"] for edge in chosen]
            nx.draw_networkx_edges(
                graph, places, chosen, widths, ax=axes, edge_color=_EDGE, style=style
            )
        for node, place in places.items():
            axes.text(
                *place,
                names[node].replace("$", r"\$"),
                ha="center",
                va="center",
                fontsize=8,
                bbox={"boxstyle": "round", "facecolor": colours[node], "edgecolor": _EDGE},
            )

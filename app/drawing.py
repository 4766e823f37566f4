"""Draws the picture of a graph: labels as circles, relationship types as arrows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING

from linkspan.graph.adopting.inspecting import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = (".svg", ".png", ".pdf")
_INCHES = (10.0, 7.0)
_BLUE, _EDGE, _GREY = "#dbe9f6", "#4878a8", "#888888"


def draw(picture: Picture, file: Path) -> None:
    """Draw a picture into a file; the same one for the same picture.

    Args:
        picture: What was read.
        file: Its ending, one of `FORMATS`, says how.
    """
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(picture.labels)
    texts: dict[tuple[str, str], str] = {}
    for kind, read in picture.types.items():
        for join in read.joins:
            pair = join.source, join.target
            if set(pair) <= picture.labels.keys():
                texts[pair] = texts.get(pair, "") + f"\n{kind} {join.count:,}"
    texts = {pair: text.strip() for pair, text in texts.items()}
    graph.add_edges_from(texts)
    alone = list(nx.isolates(graph))
    places = nx.circular_layout(graph.subgraph(name for name in graph if name not in alone))
    places |= {name: (place * 0.5 - 1.0, -1.4) for place, name in enumerate(alone)}
    sizes = [900 + 500 * log10(picture.labels[name].count + 1) for name in graph]
    names = {name: f"{name}\n{picture.labels[name].count:,}" for name in graph}
    with canvas(file, _INCHES) as axes:
        style = {"ax": axes, "connectionstyle": "arc3,rad=0.08"}
        nx.draw_networkx_nodes(
            graph, places, ax=axes, node_size=sizes, node_color=_BLUE, edgecolors=_EDGE
        )
        nx.draw_networkx_labels(graph, places, names, ax=axes, font_size=9)
        nx.draw_networkx_edges(graph, places, node_size=sizes, edge_color=_GREY, **style)
        nx.draw_networkx_edge_labels(
            graph, places, texts, label_pos=0.38, font_size=7, rotate=False, **style
        )


@contextmanager
def canvas(file: Path, inches: tuple[float, float]) -> Iterator[Axes]:
    """Bare axes to draw on, saved at the end; the same picture gives the same file.

    Args:
        file: Its ending, one of `FORMATS`, says how.
        inches: Width and height.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "linkspan"}):
        figure = Figure(figsize=inches, layout="constrained")
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.margins(0.15)
        yield axes
        about = {"Date": None} if file.suffix.lower() == ".svg" else None
        figure.savefig(file, dpi=150, metadata=about)

"""Draws the picture of a graph: labels as circles, relationship types as arrows."""

from __future__ import annotations

from math import log10
from pathlib import Path

import networkx as nx

from linkspan.graph.inspecting import Picture

FORMATS = (".svg", ".png", ".pdf")
_INCHES = (10.0, 7.0)
_BLUE, _EDGE, _GREY = "#dbe9f6", "#4878a8", "#888888"


def draw(picture: Picture, file: Path) -> None:
    """Draw a picture into a file; the same one for the same picture.

    Args:
        picture: What was read.
        file: Its ending, one of `FORMATS`, says how.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    graph = nx.MultiDiGraph()
    graph.add_nodes_from(picture.labels)
    for kind, read in picture.types.items():
        for join in read.joins:
            if join.source in picture.labels and join.target in picture.labels:
                graph.add_edge(join.source, join.target, text=f"{kind} {join.count:,}")
    places = nx.spring_layout(nx.Graph(graph), seed=1, k=2.0, iterations=200)
    sizes = [900 + 700 * log10(label.count + 1) for label in picture.labels.values()]
    names = {name: f"{name}\n{label.count:,}" for name, label in picture.labels.items()}
    bends = ["arc3,rad=0.12", "arc3,rad=0.3", "arc3,rad=0.48", "arc3,rad=0.66"]
    texts = nx.get_edge_attributes(graph, "text")
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "linkspan"}):
        figure = Figure(figsize=_INCHES, layout="constrained")
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.margins(0.15)
        style = {"ax": axes, "connectionstyle": bends}
        nx.draw_networkx_nodes(
            graph, places, ax=axes, node_size=sizes, node_color=_BLUE, edgecolors=_EDGE
        )
        nx.draw_networkx_labels(graph, places, names, ax=axes, font_size=9)
        nx.draw_networkx_edges(graph, places, node_size=sizes, edge_color=_GREY, **style)
        nx.draw_networkx_edge_labels(graph, places, texts, font_size=7, rotate=False, **style)
        figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else None)

"""Draws the picture of a graph as SVG: labels as circles, relationship types as arrows."""

from __future__ import annotations

from html import escape
from math import hypot, log10

import networkx as nx

from linkspan.graph.inspecting import Picture

_WIDTH, _HEIGHT, _MARGIN = 900, 640, 90


def draw(picture: Picture) -> str:
    """The picture as an SVG document; the same one for the same picture."""
    graph = nx.Graph()
    graph.add_nodes_from(picture.labels)
    arrows: dict[tuple[str, str], list[str]] = {}
    for kind, read in picture.types.items():
        for join in read.joins:
            if join.source in picture.labels and join.target in picture.labels:
                graph.add_edge(join.source, join.target)
                text = f"{kind} {join.count:,}"
                arrows.setdefault((join.source, join.target), []).append(text)
    places = _scaled(nx.spring_layout(graph, seed=1, k=2.0, iterations=200))
    radius = {name: 18 + 8 * log10(label.count + 1) for name, label in picture.labels.items()}
    drawn = [_arrow(pair, texts, places, radius) for pair, texts in arrows.items()]
    drawn += [_circle(name, picture, places, radius[name]) for name in picture.labels]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">\n'
        '<defs><marker id="end" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L10 5L0 10z" fill="#888"/></marker></defs>\n'
        '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(drawn) + "\n</svg>\n"
    )


Places = dict[str, tuple[float, float]]


def _scaled(layout: dict[str, tuple[float, float]]) -> Places:
    """Positions on the page."""
    xs, ys = [x for x, _ in layout.values()], [y for _, y in layout.values()]

    def scale(value: float, values: list[float], size: int) -> float:
        least, span = min(values), max(values) - min(values)
        share = (value - least) / span if span > 1e-9 else 0.5
        return _MARGIN + share * (size - 2 * _MARGIN)

    return {name: (scale(x, xs, _WIDTH), scale(y, ys, _HEIGHT)) for name, (x, y) in layout.items()}


def _circle(name: str, picture: Picture, places: Places, radius: float) -> str:
    x, y = places[name]
    return (
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{radius:.0f}" fill="#dbe9f6" stroke="#4878a8"/>'
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="middle" font-weight="bold">{escape(name)}'
        f'</text><text x="{x:.0f}" y="{y + 14:.0f}" text-anchor="middle">'
        f"{picture.labels[name].count:,}</text>"
    )


def _arrow(
    pair: tuple[str, str], texts: list[str], places: Places, radius: dict[str, float]
) -> str:
    (x1, y1), (x2, y2) = (places[name] for name in pair)
    far = hypot(x2 - x1, y2 - y1)
    if pair[0] == pair[1] or far < 1:
        r = radius[pair[0]]
        path = f"M{x1 - r * 0.6:.0f} {y1 - r * 0.8:.0f}c-30 -60 {r * 1.2 + 60:.0f} -60 "
        path += f"{r * 1.2:.0f} 0"
        middle = (x1, y1 - r - 44)
    else:
        dx, dy = (x2 - x1) / far, (y2 - y1) / far
        bend = 24  # two arrows between the same labels part
        middle = ((x1 + x2) / 2 - dy * bend, (y1 + y2) / 2 + dx * bend)
        start = (x1 + dx * radius[pair[0]], y1 + dy * radius[pair[0]])
        end = (x2 - dx * radius[pair[1]], y2 - dy * radius[pair[1]])
        path = f"M{start[0]:.0f} {start[1]:.0f}Q{middle[0]:.0f} {middle[1]:.0f} "
        path += f"{end[0]:.0f} {end[1]:.0f}"
    lines = "".join(
        f'<tspan x="{middle[0]:.0f}" dy="{13 if number else 0}">{escape(text)}</tspan>'
        for number, text in enumerate(texts)
    )
    return (
        f'<path d="{path}" fill="none" stroke="#888" marker-end="url(#end)"/>'
        f'<text y="{middle[1]:.0f}" text-anchor="middle" fill="#444" font-size="11">{lines}</text>'
    )

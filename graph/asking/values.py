"""Values that the driver returns, as JSON takes them, and as what can be drawn as a graph."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from functools import singledispatch
from typing import Any

import neo4j.graph

NODES = 300
"""Nodes of a picture, at most."""

_LONG = 5_000
_VECTOR = 32
_WHOLE = 2**53


@singledispatch
def plain(value: Any) -> Any:
    """A value of a row: nodes, relationships and paths by their properties, times as text.

    Texts of more than 5,000 characters and lists of more than 32 numbers (vectors) are cut.
    """
    return value.iso_format() if hasattr(value, "iso_format") else str(value)


@plain.register
def _(value: int | None) -> Any:
    """A whole number; as text where a browser, which counts in floats, would round it."""
    return value if value is None or abs(value) <= _WHOLE else str(value)


@plain.register
def _(value: float) -> Any:
    return value if math.isfinite(value) else str(value)


@plain.register
def _(value: str) -> str:
    return value if len(value) <= _LONG else f"{value[:_LONG]}… ({len(value):,} characters)"


@plain.register
def _(value: bytes) -> str:
    return base64.b64encode(value).decode()


@plain.register
def _(value: list) -> Any:  # type: ignore[type-arg]
    return f"[{len(value):,} numbers]" if _is_vector(value) else [plain(each) for each in value]


@plain.register
def _(value: dict) -> dict[str, Any]:  # type: ignore[type-arg]
    return {str(key): plain(each) for key, each in value.items()}


@plain.register
def _(value: neo4j.graph.Path) -> list[Any]:
    return [plain(part) for part in _walk(value)]


@plain.register
def _(value: neo4j.graph.Node) -> dict[str, Any]:
    return {"labels": sorted(value.labels), **properties(value)}


@plain.register
def _(value: neo4j.graph.Relationship) -> dict[str, Any]:
    return {"type": value.type, **properties(value)}


def properties(entity: neo4j.graph.Entity) -> dict[str, Any]:
    """Properties of a node or relationship, without vectors."""
    return {key: plain(value) for key, value in entity.items() if not _is_vector(value)}


def drawn(rows: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The nodes and relationships of rows: ``nodes``, ``edges`` and ``left_out`` (nodes).

    None where there are none. Those of the first rows are kept, 300 nodes at most.
    """
    nodes: dict[str, dict[str, Any]] = {}
    edges: dict[str, dict[str, Any]] = {}
    gone: set[str] = set()
    for value in (value for row in rows for value in row.values()):
        for part in _walk(value):
            if isinstance(part, neo4j.graph.Relationship):
                ends = part.nodes
                edges[part.element_id] = {
                    "id": part.element_id,
                    "source": ends[0].element_id if ends[0] else None,
                    "target": ends[1].element_id if ends[1] else None,
                    "type": part.type,
                    "properties": properties(part),
                }
            elif len(nodes) < NODES or part.element_id in nodes:
                nodes[part.element_id] = {
                    "id": part.element_id,
                    "labels": sorted(part.labels),
                    "properties": properties(part),
                }
            else:
                gone.add(part.element_id)
    if not nodes:
        return None
    kept = [edge for edge in edges.values() if edge["source"] in nodes and edge["target"] in nodes]
    return {"nodes": list(nodes.values()), "edges": kept, "left_out": len(gone)}


def _walk(value: Any) -> Iterable[Any]:
    """Nodes and relationships in a value, however deep; nodes before what joins them."""
    if isinstance(value, neo4j.graph.Path):
        yield from value.nodes
        yield from value.relationships
    elif isinstance(value, neo4j.graph.Entity):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _walk(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _walk(each)


def _is_vector(value: Any) -> bool:
    long = isinstance(value, list) and len(value) > _VECTOR
    return long and all(isinstance(each, (int, float)) for each in value)

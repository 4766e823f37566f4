"""Queries of a table: each sets its own properties, and one without a place for them fails."""

from __future__ import annotations

import pyarrow as pa
import pytest

from linkspan import cypher
from linkspan.ingest.shaping.targets import LinkTarget, NodeTarget, Table, VectorTarget

TEXT = pa.array(["x"], pa.string())
NODES = (
    NodeTarget("User"),
    NodeTarget("Item", "Fantasy"),
    NodeTarget("Entity", "Author"),
    VectorTarget("Item", "Fantasy", name="picture"),
)
LINKS = (LinkTarget("SAVED", "user", "item"), LinkTarget("SAVED", "user", "item", repeat=True))


@pytest.mark.parametrize("target", [*NODES, *LINKS], ids=lambda target: target.shown)
@pytest.mark.parametrize("properties", [(), ("title", "x y")], ids=len)
def test_each_query_sets_each_property(
    target: NodeTarget | LinkTarget, properties: tuple[str, ...]
) -> None:
    table = _table(target, properties)
    queries = [table.write_query(), table.create_query()]
    if isinstance(target, NodeTarget):
        queries.append(table.update_query())
    for query in queries:
        assert "row.properties" not in query
        for name, place in zip(properties, table.places, strict=True):
            assert cypher.quote(name) in query
            assert f"row.{place}" in query


@pytest.mark.parametrize("target", [NODES[1], LINKS[0]], ids=lambda target: target.shown)
def test_a_query_without_a_place_for_properties_is_refused(
    target: NodeTarget | LinkTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cypher, "load", lambda *_: "UNWIND $rows AS row\nCREATE (n:User)")
    with pytest.raises(ValueError, match="0 places like"):
        _table(target, ("title",)).create_query()


def _table(target: NodeTarget | LinkTarget, properties: tuple[str, ...]) -> Table:
    names = ("key",) if isinstance(target, NodeTarget) else ("source", "target")
    at = {"at": pa.array([1], pa.int64())} if getattr(target, "repeat", False) else {}
    return Table(target, dict.fromkeys(names, TEXT) | at, dict.fromkeys(properties, TEXT))

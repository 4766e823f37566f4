"""The graph read once into frames, and what is done with them."""

from linkspan.graph.snapshot.frames import RelationKey, Snapshot

__all__ = ["RelationKey", "Snapshot"]

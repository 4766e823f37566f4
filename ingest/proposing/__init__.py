"""Proposals of ``linkspan init`` and ``inspect``: a mapping for files, roles for a graph."""

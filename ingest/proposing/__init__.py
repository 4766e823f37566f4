"""What ``linkspan init`` and ``inspect`` propose: a mapping for files, roles for a graph."""

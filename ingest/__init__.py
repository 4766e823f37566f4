"""From files to the graph: mapping, readers, checks, loading."""

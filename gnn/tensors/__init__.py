"""The graph as tensors: nodes with features, edges, parts of them, and the mask."""

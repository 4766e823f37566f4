"""Training together while each keeps its graph: what travels, what is averaged, and who leads."""

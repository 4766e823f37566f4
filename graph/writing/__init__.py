"""Batched writes, constraints and indexes, and the lease of a writer."""

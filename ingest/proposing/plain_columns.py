"""Finds the columns of a file that a mapping can name: not those with objects or lists in lists."""

from __future__ import annotations

from linkspan.ingest.readers.jsonl_reader import nested_keys
from linkspan.ingest.readers.parquet_reader import nested_names
from linkspan.ingest.readers.source import Source


def nested_columns(source: Source, rows: int) -> list[str]:
    """Names of the columns that no mapping can take, as far as the first rows tell.

    Args:
        source: The file.
        rows: How many rows of JSON to look at.
    """
    if source.format == "jsonl":
        return nested_keys(source, rows)
    return nested_names(source) if source.format == "parquet" else []

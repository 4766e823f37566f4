"""From files to the graph: mapping, readers, checks, loading."""

from __future__ import annotations

from linkspan.ingest.bulk.load import Bulk
from linkspan.ingest.load import ingest
from linkspan.ingest.mapping.model import TABLES, Mapping, mapping_from_tables
from linkspan.ingest.prune import Gone, Pruning, find_gone, prune
from linkspan.ingest.report import IngestReport, Line
from linkspan.ingest.roles import find_roles

__all__ = [
    "TABLES",
    "Bulk",
    "Gone",
    "IngestReport",
    "Line",
    "Mapping",
    "Pruning",
    "find_gone",
    "find_roles",
    "ingest",
    "mapping_from_tables",
    "prune",
]

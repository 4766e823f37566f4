"""From files to the graph: mapping, readers, checks, loading."""

from __future__ import annotations

from linkspan.ingest.load import ingest
from linkspan.ingest.mapping import TABLES, Mapping, mapping_from_tables
from linkspan.ingest.report import IngestReport, Line

__all__ = ["TABLES", "IngestReport", "Line", "Mapping", "ingest", "mapping_from_tables"]

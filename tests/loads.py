"""Reports of ingests, as tests look at them."""

from __future__ import annotations

from linkspan.ingest import IngestReport


def balanced(report: IngestReport) -> IngestReport:
    for line in report.lines:
        assert line.read == line.written + line.unchanged + line.rejected, line
    return report


def lines(report: IngestReport) -> dict[str, tuple[int, int, int, int]]:
    return {
        f"{line.file} {line.target}": (line.read, line.written, line.unchanged, line.rejected)
        for line in report.lines
    }

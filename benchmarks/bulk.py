"""Bulk loading beside the ordinary way, and beside the engine's importer alone, at two sizes.

Usage: ``python benchmarks/bulk.py [--engine arcadedb|neo4j] [--events 20000 200000]``

Generated events (`_generated`), a tenth as many items and a fifth as many users, from files into an
empty database. A round at the smaller size before warms the server up.

- ordinary: ``ingest`` by transactions.
- bulk: all of ``ingest --bulk``, checks, indexes and ledger included; on Neo4j without the time in
  which the server stops and starts.
- importer: the part of it that the engine's own importer takes, for the same files.

Seconds are by the clock; CPU seconds are those of this process, of the server and of the importer
together, and stay true on a machine that does other work. ``times`` is the ordinary way's CPU over
that of this way (5 wanted for bulk on ArcadeDB), ``of importer`` the importer's over bulk's (0.8
wanted on Neo4j).
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from _generated import generate
from _growth import RunningServer, empty
from rich.console import Console

from linkspan.console import table
from linkspan.graph.connecting.connection import Database
from linkspan.ingest import Bulk, Mapping, ingest
from linkspan.settings import load_settings
from servers import START, started
from servers.neo4j_admin import run_in_folder, write_programs

TICKS = os.sysconf("SC_CLK_TCK")


class Meter:
    """Sums of seconds by the clock and of CPU seconds, of the spans in which it runs.

    Args:
        server: Its process is counted.
    """

    def __init__(self, server: RunningServer) -> None:
        self._home = str(server.home).encode()
        self.seconds = self.cpu = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count what happens inside; the server is the same one at its beginning and end."""
        began, used = perf_counter(), self._used()
        yield
        self.seconds += perf_counter() - began
        self.cpu += self._used() - used

    def _used(self) -> float:
        own = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in own) + sum(map(_cpu, self._servers()))

    def _servers(self) -> Iterator[Path]:
        """Processes whose command names the server's home."""
        for place in Path("/proc").glob("[0-9]*"):
            try:
                if self._home in (place / "cmdline").read_bytes():
                    yield place
            except OSError:
                continue  # it has ended


def _cpu(place: Path) -> float:
    fields = (place / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(server: RunningServer, events: int) -> dict[str, tuple[int, Meter]]:
    """Rows and meter of each way."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        generate(folder, items=events // 10, users=events // 5, events=events, authors=events // 40)
        mapping = load_settings(folder / "linkspan.toml").mapping()
        ordinary, bulk, importer = (Meter(server) for _ in range(3))
        empty(server)
        with _open(server) as database, ordinary.running():
            rows = ingest(database, mapping).written
        wanted = _counts(server)
        empty(server)
        way = _neo4j if server.engine == "neo4j" else _arcadedb
        assert way(server, mapping, Bulk(folder / "bulk"), bulk, importer) == rows
        assert _counts(server) == wanted, "it is not the graph of the ordinary way"
    return {
        "ordinary": (rows, ordinary), "bulk": (rows, bulk), "importer": (rows, importer)
    }  # fmt: skip


def _arcadedb(
    server: RunningServer, mapping: Mapping, places: Bulk, bulk: Meter, importer: Meter
) -> int:
    send: Callable[..., Any] = Database.send_records

    def metered(*arguments: Any) -> Any:
        with importer.running():
            return send(*arguments)

    with _open(server) as database, bulk.running():
        try:
            Database.send_records = metered  # type: ignore[method-assign]
            return ingest(database, mapping, bulk=places).written
        finally:
            Database.send_records = send  # type: ignore[method-assign]


def _neo4j(
    server: RunningServer, mapping: Mapping, places: Bulk, bulk: Meter, importer: Meter
) -> int:
    assert server.offline is not None
    write_programs(server.home)
    with _open(server) as database, bulk.running():
        report = ingest(database, mapping, bulk=places)
    (command,) = re.findall(r"^cd .*", report.next_step or "", re.MULTILINE)

    def work() -> None:
        with bulk.running(), importer.running():
            run_in_folder(command, home=server.home)

    server.offline(work)
    with _open(server) as database:
        database.read("RETURN 1")
        with bulk.running():
            ingest(database, mapping, bulk=places)
    return report.written


def _counts(server: RunningServer) -> list[int]:
    """Counts of nodes, but for leases, and of relationships."""
    with _open(server) as database:
        nodes = database.read("MATCH (n) WHERE NOT n:Lease RETURN count(n) AS c")
        links = database.read("MATCH ()-->() RETURN count(*) AS c")
        return [nodes[0]["c"], links[0]["c"]]


def _open(server: RunningServer) -> Database:
    return Database(server.uri, server.user, server.password, http_url=server.http_url)


def main() -> None:
    """Measure the servers named on the command line, both by default."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", action="append", choices=START)
    parser.add_argument("--events", type=int, nargs=2, default=(20_000, 200_000))
    arguments = parser.parse_args()
    for engine in arguments.engine or START:
        columns = (">events", "way", ">seconds", ">rows/s", ">CPU s", ">times", ">of importer")
        shown = table(*columns, title=f"\n{engine}")
        with started(engine) as server:
            measure(server, min(arguments.events))
            for events in arguments.events:
                found = measure(server, events)
                (_, ordinary), (_, bulk), (_, importer) = found.values()
                for way, (rows, meter) in found.items():
                    cells = [f"{meter.seconds:.1f}", f"{rows / meter.seconds:,.0f}"]
                    ratios = [f"{ordinary.cpu / meter.cpu:.1f}"]
                    ratios.append(f"{importer.cpu / bulk.cpu:.2f}" if way == "bulk" else "")
                    shown.add_row(f"{events:,}", way, *cells, f"{meter.cpu:.1f}", *ratios)
        Console().print(shown)


if __name__ == "__main__":
    main()

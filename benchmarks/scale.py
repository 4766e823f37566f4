"""The whole job, from files to published lists, at sizes that grow: time and memory of each stage.

Usage: ``python benchmarks/scale.py [--engine arcadedb|neo4j] [--events 1000000 5000000] [--bulk]``

Generated events (`_generated`), skewed like real ones: twenty for each user, in four domains, with
an author for five items; a million are of 100,000 items, twenty million of 500,000 (`items_of`).
Each command is a process of its own, with the default settings but for the encoder (``hash``: the
time of a language model is texts over its rate), two epochs, and no guard. What no server has a
part in is done and measured with the first one; the others publish the same lists.

- seconds: of each stage, as it tells them.
- growth: seconds of the largest size over those of the smallest, as a share of the events'. 1.3 or
  less is wanted; below 1, what a stage needs at any size still counts.
- GB: the most that the command held at the largest size, all its processes, without the server; and
  the server at the end.
- 100 million, a billion: hours on this machine, computed and not measured: the seconds of the
  largest size, growing on as the events do.

Needs an idle machine.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from time import sleep

import psutil
from _generated import MAPPING, generate
from _growth import RunningServer, started
from demo import resident
from rich.console import Console

from linkspan.console import table
from servers import START

COMMANDS = ("ingest", "snapshot", "embed", "train", "evaluate --baselines popularity", "publish")
AHEAD = {"100 million": 1e8, "a billion": 1e9}
OF_SERVERS = ("ingest", "snapshot", "publish")
STAGE = re.compile(r"^(\w+)\s+([\d.]+) s  ", re.MULTILINE)
SETTINGS = """
[database]
uri = "{uri}"
http = "{http}"
[train.encoding]
encoder = "hash"
[train.learning]
epochs = 2
guard = false
"""

Taken = dict[str, tuple[float, float]]
"""Stage to its seconds, and to the most memory of its command in GB."""


def items_of(events: int) -> int:
    """Items of a catalogue with so many events: it grows more slowly than they do."""
    return min(events // 10, round(100_000 * (events / 1e6) ** 0.537))


def run_stages(server: RunningServer, folder: Path, events: int, *, bulk: bool) -> Taken:
    """All stages on an empty server; those of servers where the folder has lists already."""
    taken: Taken = {}
    commands = OF_SERVERS if folder.exists() else COMMANDS
    if not folder.exists():
        folder.mkdir()
        items = items_of(events)
        generate(folder, items, events // 20, events, authors=items // 5, tastes=21)
    settings = SETTINGS.format(uri=server.uri, http=server.http_url)
    (folder / "linkspan.toml").write_text(MAPPING + settings)
    for command in commands:
        flags = ["--bulk"] if bulk and command == "ingest" else []
        told, peak = _run([*command.split(), *flags], folder, server)
        for stage, seconds in STAGE.findall(told):
            if stage != "server" and stage not in taken:
                taken[stage] = (float(seconds), peak)
                print(f"{events:,} events: {stage} {seconds} s, {peak:.1f} GB", file=sys.stderr)
    return taken


def _run(command: list[str], folder: Path, server: RunningServer) -> tuple[str, float]:
    """Run a command; returns all that it told of its stages, and its memory in GB."""
    login = {"NEO4J_USERNAME": server.user, "NEO4J_PASSWORD": server.password}
    log = folder / "log"
    with log.open("w") as file:
        child = subprocess.Popen(
            [sys.executable, "-m", "linkspan.cli", *command, "--json"],
            cwd=folder,
            env={**os.environ, **login},
            stdout=subprocess.DEVNULL,
            stderr=file,
        )
        peak = 0
        while child.poll() is None:
            peak = max(peak, resident(child.pid))
            sleep(0.5)
    if child.returncode:
        raise SystemExit(log.read_text())
    return log.read_text(), peak / 1e9


def of_server(server: RunningServer) -> float:
    """GB that the server holds."""
    for process in psutil.process_iter(["cmdline"]):
        if str(server.home) in " ".join(process.info["cmdline"] or ()):
            return float(process.memory_info().rss) / 1e9
    return 0.0


def main() -> None:
    """Run all sizes on each server and print a table for each."""
    parser = argparse.ArgumentParser(description="Time and memory of the whole job.")
    parser.add_argument("--engine", action="append", choices=START)
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000, 5_000_000])
    parser.add_argument("--bulk", action="store_true", help="load by the engine's own importer")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for engine in arguments.engine or START:
            run_sizes(engine, Path(name), sorted(arguments.events), bulk=arguments.bulk)


def run_sizes(engine: str, folder: Path, sizes: list[int], *, bulk: bool) -> None:
    """Run all sizes on one server, each in a folder of its own, and print a table."""
    found = []
    for events in sizes:
        with started(engine) as server:
            found.append(run_stages(server, folder / str(events), events, bulk=bulk))
            held = of_server(server)
    columns = [f">{events:,}" for events in sizes]
    later = [f">{name}" for name in AHEAD]
    shown = table("seconds", *columns, ">growth", ">GB", *later, title=f"\n{engine}")
    rows = [
        ([taken[stage][0] for taken in found], f"{found[-1][stage][1]:.1f}", stage)
        for stage in found[-1]
    ]
    total = [sum(seconds) for seconds in zip(*(row[0] for row in rows), strict=True)]
    for seconds, memory, stage in [*rows, (total, "", "all")]:
        growth = seconds[-1] / max(seconds[0], 0.1) / (sizes[-1] / sizes[0])
        shown.add_row(
            stage,
            *(f"{each:,.1f}" for each in seconds),
            f"{growth:.2f}" if len(sizes) > 1 else "",
            memory,
            *(f"{seconds[-1] * ahead / sizes[-1] / 3600:,.1f} h" for ahead in AHEAD.values()),
        )
    shown.add_row("server", *[""] * (len(sizes) + 1), f"{held:.1f}", *[""] * len(later))
    Console().print(shown)


if __name__ == "__main__":
    main()

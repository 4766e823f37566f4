"""Tables of rates at two sizes ten times apart, beside the best way known, and their growth."""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

from rich.console import Console

from linkspan.console import table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from servers import START, RunningServer, empty, started

__all__ = ["Rates", "RunningServer", "apart", "arguments_of", "compare", "empty", "tell"]

Rates = dict[str, float]
"""Stage to work done in a second; a stage that is a latency has ``ms`` in its name."""


def arguments_of(text: str, unit: str, sizes: tuple[int, int]) -> argparse.ArgumentParser:
    """A command line with ``--engine`` and two sizes, such as ``--items 10000 100000``."""
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("--engine", action="append", choices=START)
    parser.add_argument(f"--{unit}", dest="sizes", type=int, nargs=2, default=sizes)
    return parser


def apart(server: RunningServer, flag: str, *arguments: str) -> dict[str, Any]:
    """Start the script anew with ``flag URI USER …``, so that its memory is its own; what it told.

    The child reads the password from its standard input, and tells by `tell`.
    """
    command = [sys.executable, sys.argv[0], flag, server.uri, server.user, *arguments]
    child = server.child(command)
    text, _ = child.communicate()
    if child.returncode:
        raise SystemExit(child.returncode)  # it has said why
    told: dict[str, Any] = json.loads(text)
    return told


def tell(**found: Any) -> None:
    """Print what was found, and the most resident memory so far in MB as ``peak``."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**found, "peak": peak}))


def compare(
    arguments: argparse.Namespace,
    unit: str,
    measure: Callable[[RunningServer, int], tuple[Rates, Rates]],
) -> None:
    """Measure Linkspan and the other side on each server, at both sizes, and print a table.

    Args:
        arguments: As `arguments_of` reads them.
        unit: Name of what a size counts.
        measure: Takes a server and a size; returns Linkspan's rates and those of the other side.
            It is called for the smaller size once before, which warms the server up.
    """
    for engine in arguments.engine or START:
        with started(engine) as server:
            measure(server, min(arguments.sizes))
            found = [measure(server, size) for size in arguments.sizes]
        Console().print(_table(f"\n{engine}, {unit}", arguments.sizes, found))


def _table(title: str, sizes: tuple[int, int], found: list[tuple[Rates, Rates]]) -> object:
    """A row for each stage: rates and growth of both sides, and the ratio at the larger size."""
    columns = ((*(f">{who}{size:,}" for size in sizes), ">growth") for who in ("", "other "))
    shown = table("a second", *chain(*columns), ">ratio", title=title)
    (small, small_other), (large, large_other) = found
    for stage in large:
        cells = [stage, *_cells(small, large, stage), *_cells(small_other, large_other, stage)]
        known = stage in large_other
        shown.add_row(*cells, f"{large[stage] / large_other[stage]:.2f}" if known else "")
    return shown


def _cells(small: Rates, large: Rates, stage: str) -> list[str]:
    """Both rates of a side, and the larger size's over the smaller one's."""
    if stage not in large:
        return ["", "", ""]
    rates = [small[stage], large[stage]]
    shown = [f"{1000 / rate:.2f}" if "ms" in stage.split() else f"{rate:,.0f}" for rate in rates]
    return [*shown, f"{rates[1] / rates[0]:.2f}"]

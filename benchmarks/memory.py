"""Training within bounds on memory: what it takes, beside what was estimated, and what it costs.

Usage: ``python benchmarks/memory.py [--users 12000] [--seeds 1] [--skip-quality]``

- A generated graph, trained for an epoch without a bound and within a share of what that would
  take, each in a process of its own: the estimate, the most bytes of memory (resident, beside what
  was held before the model and the graph were built), and seconds. Wanted: the memory stays within
  the bound.
- The bundled books: NDCG@10 of the network on validation rows, on subgraphs beside the whole graph.
  The plans are forced: on so small a graph a bound asks for pieces alone. Wanted: 0.95 or more.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from linkspan import gnn
from linkspan.console import table
from linkspan.gnn.training import trainer as training
from linkspan.gnn.training.memory import MIB, Plan
from linkspan.gnn.training.trainer import Trainer
from linkspan.graph.roles import InteractionRole, Roles
from linkspan.graph.snapshot import Snapshot

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from goodbooks import read_goodbooks

SHARES = (1.0, 0.8)
PLANS = (None, Plan(2048, 16, 0, 1), Plan(512, 4, 0, 1))
EVENTS, USERS_AN_ITEM = 10, 2


def drawn(users: int, seed: int = 0) -> Snapshot:
    """Users with ten events each, over half as many items in two domains, skewed."""
    random = np.random.default_rng(seed)
    items = max(users // USERS_AN_ITEM, 20)
    chance = 1 / np.arange(1, items + 1) ** 0.6
    rows = np.repeat(np.arange(users, dtype=np.int32), EVENTS)
    frame = pd.DataFrame({"user": rows, "at": np.tile(np.arange(1, EVENTS + 1), users)})
    frame["item"] = random.choice(items, len(rows), p=chance / chance.sum()).astype(np.int32)
    frame["weight"], frame["sign"] = np.float32(1), np.int8(1)
    frame = frame.drop_duplicates(["user", "item"]).sort_values(["user", "item"], ignore_index=True)
    ids = [f"{n:07}" for n in range(items)]
    table = pd.DataFrame({"id": ids, "domain": [("a", "b")[2 * n // items] for n in range(items)]})
    table["key"], table["title"], table["text"] = table["domain"] + "/" + table["id"], "", ""
    keys = [f"{n:07}" for n in range(users)]
    return Snapshot(
        roles=Roles(domains={"a": "A", "b": "B"}, interactions=(InteractionRole(type="SAVED"),)),
        users=pd.DataFrame({"key": keys, "id": keys}),
        items=table,
        entities={},
        interactions={"SAVED": frame},
        relations={},
    )


def resident(what: str) -> int:
    """Bytes of this process: ``VmRSS``, or ``VmHWM``, the most so far."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {what} in /proc/self/status")


def train_once(users: int, memory: int) -> dict[str, Any]:
    """An epoch and what validation needs, in this process."""
    settings = gnn.TrainSettings.of(epochs=1, memory=memory, device="cpu")
    small = drawn(40)
    gnn.train_all(small, {}, settings.changed(memory=0), epochs=1)  # loads code
    snapshot = drawn(users)
    events = snapshot.events()
    text = {"item": np.random.default_rng(0).normal(size=(len(snapshot.items), 64))}
    before = resident("VmRSS")
    text = {"item": text["item"].astype(np.float32)}
    trainer = Trainer(gnn.View(snapshot, text, events), settings)
    built = resident("VmHWM") - before
    Path("/proc/self/clear_refs").write_text("5")  # the most so far begins anew
    started = perf_counter()
    trainer.run_epoch()
    seconds = perf_counter() - started
    weights = trainer.weights()
    trainer.fitted().states  # noqa: B018
    del weights
    return {
        "whole": trainer.plan.whole,
        "estimate": trainer.plan.bytes,
        "how": trainer.plan.note() or "whole graph, whole batches",
        "peak": resident("VmHWM") - before,
        "built": built,
        "seconds": seconds,
    }


def in_process(users: int, memory: int) -> dict[str, Any]:
    """`train_once` in a process of its own."""
    command = [sys.executable, __file__, "--users", str(users), "--once", str(memory)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def memory_table(users: int) -> Any:
    """Table of the memory and time that training a generated graph takes."""
    title = f"One epoch, {users:,} users, {EVENTS} events each"
    shown = table("bound, MiB", ">estimate", ">measured", ">building", ">s", "how", title=title)
    whole = 0
    for share in SHARES:
        memory = int(whole * share / MIB) if whole else 0
        found = in_process(users, memory)
        whole = found["whole"]
        figures = (found["estimate"], found["peak"], found["built"])
        how = found["how"].partition(" (~")[0]
        shown.add_row(f"{memory or 'none'}", *(f"{size / MIB:,.0f}" for size in figures),
                      f"{found['seconds']:.0f}", how)  # fmt: skip
    return shown


def quality_table(seeds: int, epochs: int) -> Any:
    """Table of the NDCG that subgraphs cost on the bundled books."""
    snapshot = read_goodbooks(Path(str(files("linkspan") / "data" / "goodbooks")))
    text = gnn.embed_snapshot(snapshot, gnn.EncodingSettings()).vectors
    split, first, choose = gnn.last_out(snapshot), 0.0, training.choose_plan
    title = "\nNDCG@10 of the network on validation rows, goodbooks"
    shown = table("how", ">NDCG@10", ">of the whole graph", title=title)
    for plan in PLANS:
        training.choose_plan = choose if plan is None else lambda *_, plan=plan: plan
        found = []
        for seed in range(seeds):
            settings = gnn.TrainSettings.of(epochs=epochs, seed=seed)
            fitted = gnn.train(snapshot, split, text, settings)
            found.append(max(epoch.ndcg or 0.0 for epoch in fitted.curves))
        mean = float(np.mean(found))
        first = first or mean
        how = plan.note().partition(" (~")[0] if plan else "whole graph, whole batches"
        shown.add_row(how, f"{100 * mean:.2f}", f"{mean / first:.3f}")
    training.choose_plan = choose
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--users", type=int, default=12_000, help="of the generated graph")
    parser.add_argument("--seeds", type=int, default=1, help="trainings for each bound")
    parser.add_argument("--epochs", type=int, default=30, help="at most, on goodbooks")
    parser.add_argument("--skip-quality", action="store_true", help="leave goodbooks out")
    parser.add_argument("--once", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once is not None:
        print(json.dumps(train_once(options.users, options.once)))
        return
    console = Console(width=110, highlight=False)
    console.print(memory_table(options.users))
    if not options.skip_quality:
        console.print(quality_table(options.seeds, options.epochs))


if __name__ == "__main__":
    main()

"""Training and scoring by two workers of a Ray cluster, beside one process; a core each.

Usage: ``python benchmarks/cluster.py [--users 3000 30000] [--workers 2]``

Generated events (ten a user, in two domains, skewed), at two sizes ten times apart:

- Training: events/s of an epoch over all events, without the time to begin: what a longer training
  takes more than a shorter one. Beside it the most that can be had: an epoch of a worker with its
  part of each batch and its columns of the messages, to which all others answer at once.
- Scoring: users/s of the lists of all users, with reasons, without the time to begin: the fastest
  of three, after one in which workers load the code. What that one takes more is told below; a
  command that makes lists once pays it.

Ray is started before. The one process has one thread, also in BLAS, as each worker has. Wanted: 1.7
times the rates. Needs an idle machine with a core for each worker: where others work, two workers
may be slower than one process. How many cores others had while lists were made is told below.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import psutil
import torch
from memory import drawn
from rich.console import Console
from threadpoolctl import threadpool_limits
from torch import distributed

from linkspan import gnn
from linkspan.console import table
from linkspan.gnn.cluster.engine import ClusterEngine
from linkspan.gnn.training.engine import Engine
from linkspan.gnn.training.trainer import Trainer
from linkspan.graph.snapshot import Snapshot

SHORT, LONG = 1, 4
"""Epochs of the two trainings."""
REPEATS = 3
"""Times that lists are made after the first time."""
WIDTH = 64
"""Width of the vectors that stand for texts."""
SETTINGS = gnn.TrainSettings.of(device="cpu")

Text = dict[str, np.ndarray]


def seconds_of(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def train_rate(snapshot: Snapshot, text: Text) -> float:
    """Events/s of training, by whoever works now."""
    taken = [
        seconds_of(lambda epochs=epochs: gnn.train_all(snapshot, text, SETTINGS, epochs))
        for epochs in (SHORT, LONG)
    ]
    return len(snapshot.events()) * (LONG - SHORT) / (taken[1] - taken[0])


class Scoring(NamedTuple):
    """Scoring of all users.

    Attributes:
        rate: Users/s, the time to begin left out.
        begin: Seconds that the first lists took more.
        others: Cores that were used by whatever is not of this benchmark.
    """

    rate: float
    begin: float
    others: float


def score(model: gnn.FittedModel) -> Scoring:
    """Scoring, likewise."""
    first = seconds_of(lambda: gnn.score_top(model, 10))
    before = used_by_others()
    taken = [seconds_of(lambda: gnn.score_top(model, 10)) for _ in range(REPEATS)]
    others = (used_by_others() - before) / sum(taken)
    return Scoring(len(model.snapshot.users) / min(taken), first - min(taken), max(others, 0.0))


def used_by_others() -> float:
    """Seconds of CPU that processes other than this one and its children took so far."""
    machine, own = psutil.cpu_times(), psutil.Process()
    ours = [each.cpu_times() for each in (own, *own.children(recursive=True))]
    # Time of guests is in that of users.
    busy = machine.user + machine.nice + machine.system
    return float(busy - sum(each.user + each.system for each in ours))


def ceiling(snapshot: Snapshot, text: Text, workers: int) -> float:
    """Times as fast as one process that a worker could be if sending took no time."""
    taken = []
    for engine in (Engine(torch.device("cpu")), ClusterEngine(0, workers, lambda _: None)):
        trainer = Trainer(gnn.View.whole(snapshot, text), SETTINGS, engine=engine)
        with answered():
            trainer.run_epoch()
            taken.append(seconds_of(trainer.run_epoch))
    return taken[0] / taken[1]


@contextmanager
def answered() -> Iterator[None]:
    """Inside, whatever a worker sends is what it hears from each of the others."""

    def gather(into: torch.Tensor, part: torch.Tensor) -> None:
        into.copy_(part.repeat(len(into) // len(part), 1))

    with (
        patch.object(distributed, "all_reduce"),
        patch.object(distributed, "all_gather_into_tensor", gather),
        patch.object(distributed, "all_to_all_single", torch.Tensor.copy_),
    ):
        yield


def fit(snapshot: Snapshot, text: Text) -> gnn.FittedModel:
    """A hybrid of one epoch."""
    split = gnn.last_out(snapshot)
    fitted = gnn.train(snapshot, split, text, SETTINGS.changed(epochs=1))
    return gnn.fit_hybrid(fitted, split)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--users", type=int, nargs=2, default=(3_000, 30_000))
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)  # BLAS would take the other cores, and gain nothing
    console = Console(width=100, highlight=False)
    cluster = gnn.ClusterSettings(address="local", workers=options.workers)
    for users in options.users:
        snapshot = drawn(users)
        random = np.random.default_rng(0)
        text = {"item": random.normal(size=(len(snapshot.items), WIDTH)).astype(np.float32)}
        model, most = fit(snapshot, text), ceiling(snapshot, text, options.workers)
        alone = train_rate(snapshot, text), score(model)
        with gnn.open_cluster(cluster):
            shared = train_rate(snapshot, text), score(model)
        names = "events trained", "users scored"
        shown = table(
            f"{users:,} users, {len(snapshot.events()):,} events",
            *(">one process", f">{options.workers} workers", ">ratio", ">at most", ">wanted"),
            title="\na second",
        )
        lists, by_workers = alone[1], shared[1]
        rates = (alone[0], lists.rate), (shared[0], by_workers.rate)
        for name, one, many, least in zip(names, *rates, (f"{most:.2f}", ""), strict=True):
            shown.add_row(name, f"{one:,.0f}", f"{many:,.0f}", f"{many / one:.2f}", least, "1.7")
        console.print(shown)
        console.print(
            f"The first lists took {lists.begin:.1f} and {by_workers.begin:.1f} s more; others had "
            f"{lists.others:.2f} and {by_workers.others:.2f} cores while lists were made."
        )


if __name__ == "__main__":
    main()

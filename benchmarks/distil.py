"""A network of half the width and one hop that learns from a larger one, beside both without.

Usage: ``python benchmarks/distil.py [--seed 0] [--texts FOLDER]``

On the bundled books with the default settings: the network as it is, a small one that learns from
events alone, and a small one that learns from the first how it ranks, too (`linkspan train
--distil`). NDCG@10 in percent on each user's last event, ranked among all items of its domain, of
the hybrid and of the network alone: over all rows, and the mean of the domains. Milliseconds of
processor time (set OMP_NUM_THREADS=1), the best of three, of passing messages, of scoring all items
of each domain for all users, and of an epoch of training.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
import torch

from linkspan import gnn
from linkspan.gnn.scores.components import Cosine
from linkspan.gnn.scores.scoring import CHUNK
from linkspan.gnn.tensors.adjacency import adjacencies
from linkspan.gnn.training.trainer import Trainer
from linkspan.settings import demo_settings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from goodbooks import read_goodbooks

REPEATS = 3


def best(work: Callable[[], object]) -> float:
    """Milliseconds of processor time of the fastest of some repeats, after one that warms up."""
    work()
    seconds = []
    for _ in range(REPEATS):
        began = process_time()
        work()
        seconds.append(process_time() - began)
    return 1000 * min(seconds)


def quality(fitted: gnn.FittedModel, split: gnn.Split) -> list[float]:
    """NDCG@10 in percent of the hybrid, over all rows and the mean of domains; of the network."""
    table = gnn.evaluate(gnn.fit_hybrid(fitted, split), split, ()).table()
    found = table.set_index(["method", "segment"])["ndcg"]
    return [100 * found[m, s] for m in ("hybrid", "gnn") for s in ("all", "macro")]


def times(fitted: gnn.FittedModel, teacher: gnn.FittedModel | None) -> list[float]:
    """Milliseconds of messages, of scores, and of an epoch."""
    matrices, cosine = adjacencies(fitted.data), Cosine(fitted)
    users = np.arange(len(fitted.snapshot.users))

    @torch.no_grad()
    def messages() -> None:
        fitted.model.encode(fitted.data, matrices)

    def scores() -> None:
        for start in range(0, len(users), CHUNK):
            for domain in fitted.snapshot.domains:
                cosine.score(users[start : start + CHUNK], domain)

    found = [best(messages), best(scores)]
    trainer = Trainer(fitted.view, fitted.settings, teacher=teacher)
    return [*found, best(trainer.run_epoch)]


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--texts", type=Path, help="folder of vectors made before")
    arguments = parser.parse_args()
    settings = demo_settings(Path()).train.changed(seed=arguments.seed)
    snapshot = read_goodbooks(Path(str(files("linkspan") / "data" / "goodbooks")))
    with TemporaryDirectory() as folder:
        cache = arguments.texts or Path(folder)
        text = gnn.embed_snapshot(snapshot, settings.encoding, Path(), cache).vectors
    split, small = gnn.last_out(snapshot), gnn.small_settings(settings)
    whole = gnn.train(snapshot, split, text, settings)
    alone = gnn.train(snapshot, split, text, small)
    taught = gnn.train(snapshot, split, text, small, teacher=whole)
    print("| network | epochs | hybrid, rows | domains | network, rows | domains | messages "
          "| scores | epoch |\n|---|" + "---:|" * 8)  # fmt: skip
    rows = (("as it is", whole, None), ("small", alone, None), ("small, taught", taught, whole))
    for name, fitted, teacher in rows:
        shown = " | ".join(f"{value:.2f}" for value in quality(fitted, split))
        taken = " | ".join(f"{value:,.0f}" for value in times(fitted, teacher))
        print(f"| {name} | {fitted.best_epoch} | {shown} | {taken} |", flush=True)


if __name__ == "__main__":
    main()

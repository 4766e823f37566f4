"""A domain learned on top of a model that has never seen it, beside a full training.

Usage: ``python benchmarks/new_domain.py [DOMAIN ...] [--seed 0]``

On the bundled books with the default settings. A model learns the books of all domains but one, and
adapts to that one in few steps, with a beginning learned from the other domains (Reptile, two
rounds) and without. Of the network alone, NDCG@10 in percent on the domain's test rows (each user's
last event), ranked among all its items, and seconds, in which nothing is weighed.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from linkspan import gnn
from linkspan.gnn.evaluation.ranking import rank_events
from linkspan.gnn.metrics import ndcg
from linkspan.gnn.scores.hybrid import mixtures
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.erasing import without_domain
from linkspan.settings import demo_settings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from goodbooks import read_goodbooks

ROUNDS = 2


def timed(work: Any) -> tuple[Any, float]:
    """Result of some work, and how long it takes, in seconds."""
    began = perf_counter()
    return work(), perf_counter() - began


def figure(learned: gnn.Learned, snapshot: Snapshot, split: gnn.Split, text: dict) -> float:
    """NDCG@10 of the network on the test rows of a split, in percent; validation rows are known."""
    events = snapshot.events()
    held_out = events.iloc[split.test]
    view = gnn.View(snapshot, text, events.iloc[split.history], held_out)
    fitted = replace(learned, weights={}).on(view)
    return 100 * ndcg(rank_events(fitted, held_out, mixtures(fitted)).table["gnn"].to_numpy(), 10)


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("domains", nargs="*", default=["comics", "romance", "science-fiction"])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    settings = demo_settings(Path()).train.changed(seed=arguments.seed)
    snapshot = read_goodbooks(Path(str(files("linkspan") / "data" / "goodbooks")))
    with TemporaryDirectory() as cache:
        text = gnn.embed_snapshot(snapshot, settings.encoding, Path(), Path(cache)).vectors
    split = gnn.last_out(snapshot)
    full, whole = timed(lambda: gnn.train(snapshot, split, text, settings))
    print("| domain | rows | full training | as it is | 5 steps | 20 steps | 5, begun | 20, begun "
          "| seconds |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|")  # fmt: skip
    for domain in arguments.domains:
        before, places = without_domain(snapshot, domain)
        known = {
            name: part[places[kind] >= 0] if kind in places else part
            for name, part in text.items()
            for kind in [name.split("/")[0]]
        }
        best = gnn.train(before, gnn.last_out(before), known, settings).best_epoch
        trained = gnn.train_all(before, known, settings, best)
        begun, meta = timed(lambda trained=trained: gnn.learn_beginnings(trained, ROUNDS))
        own, found, seconds = gnn.split_within(split, snapshot, domain), [], 0.0
        found.append(figure(full.learned, snapshot, own, text))
        found.append(figure(trained.learned, snapshot, own, text))
        for base in (trained.learned, begun.learned):
            for steps in (5, 20):
                adapted, seconds = timed(
                    lambda base=base, steps=steps, domain=domain: gnn.adapt(
                        base, snapshot, split, text, domain, steps
                    )
                )
                found.append(figure(replace(adapted.learned, base=None), snapshot, own, text))
        shown = " | ".join(f"{value:.2f}" for value in found)
        print(f"| {domain} | {len(own.test):,} | {shown} "
              f"| {seconds:.1f} of {whole:.0f}; begin {meta:.0f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

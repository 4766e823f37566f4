"""Quality under privacy budgets, beside what is free of them, and what attacks prove.

    python benchmarks/privacy.py                              (goodbooks; minutes)
    python benchmarks/privacy.py --sets goodbooks food_kitchen --seeds 3

Of each set: the hybrid without a budget (`linkspan.gnn.train`, seed 0), then private models at each
ε (δ = 1e-6), and popularity counted with the whole of the same budget. NDCG@10 in percent, full
ranking of the held-out events; time is that of a private training over the one without a budget.

Attackers know all events of all others in a sample of goodbooks, and see what was learned once:

- membership: was a user there whose past is two items that nobody else has met? From noised sums
  (the exact ratio of likelihoods), a model folder or a list (ratios fitted to shadow models, the
  first half), for some hundred models without and as many with that user. The advantage, and the
  ε that it proves with 95% confidence, are of the other half.
- attribute: all of a user's past but one item is known, which is one of two, or of ten.
- reconstruction: which items did a user meet? Area under the curve of the user's items among all,
  beside the area without the user in the sums, and how many of n items are among n guesses.

A budget holds if each stays below its bound.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

from linkspan import gnn
from linkspan.gnn.events.domains import rows_by_domain
from linkspan.gnn.metrics import ndcg_by_row, paired_interval
from linkspan.gnn.parts.historic import Popular
from linkspan.pipeline import Pipeline

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

from _attacks import SEEN, Claim, Sample, membership, past  # noqa: E402
from quality import SETS, read_snapshot  # noqa: E402

EPSILONS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
DELTA = 1e-6


def counted(events: pd.DataFrame, items: int, noise: float, random: np.random.Generator) -> Any:
    """Numbers of users of items with the whole budget: a user with n items adds 1 / √n to each."""
    once = events.drop_duplicates(["user", "item"])
    size = once.groupby("user")["item"].transform("size").to_numpy()
    sums = np.bincount(once["item"], size**-0.5, minlength=items)
    return np.maximum(sums + random.normal(0, noise, items), 0)


def measure(name: str, folder: Path, seeds: int) -> Iterator[str]:
    """Rows of the table of a data set."""
    chosen = next(each for each in SETS if each.name == name)
    settings = chosen.settings(folder / name)
    pipeline = Pipeline(settings)
    snapshot = read_snapshot(pipeline)
    text, events = pipeline.embed(snapshot), snapshot.events()
    split = gnn.split_events(snapshot, settings.split)
    learned, rows = events.iloc[split.train], rows_by_domain(snapshot)
    began = perf_counter()
    free = gnn.fit_hybrid(gnn.train(snapshot, split, text, settings.train), split)
    seconds = perf_counter() - began
    whole = ndcg_by_row(gnn.evaluate(free, split).ranks["hybrid"].to_numpy(), 10).mean()
    yield f"| {name} | none | {100 * whole:.2f} | 100% | | | 1.00 |"
    for epsilon in EPSILONS:
        gains, spans, popular, times = [], [], [], []
        for seed in range(seeds):
            began = perf_counter()
            privacy = gnn.PrivacySettings(epsilon=epsilon, delta=DELTA)
            random = np.random.default_rng(seed)
            fitted = gnn.fit_private(
                snapshot, text, learned, settings.train, privacy, random=random
            )
            times.append(perf_counter() - began)
            found = gnn.evaluate(fitted, split, ()).ranks
            own = ndcg_by_row(found[gnn.method(fitted)].to_numpy(), 10)
            noised = counted(learned, len(snapshot.items), gnn.noise_for(epsilon, DELTA), random)
            ranks = ranked(fitted, split, Popular(noised, rows))
            gains.append(own.mean())
            popular.append(ranks.mean())
            spans.append(paired_interval(own, ranks))
        low, high = min(each[0] for each in spans), max(each[1] for each in spans)
        mean = float(np.mean(gains))
        yield (
            f"| {name} | {epsilon:g} | {100 * mean:.2f} | {mean / whole:.0%} "
            f"| {100 * np.mean(popular):.2f} | {100 * low:+.2f} to {100 * high:+.2f} "
            f"| {np.mean(times) / seconds:.2f} |"
        )


def ranked(fitted: gnn.FittedModel, split: gnn.Split, popular: Popular) -> Any:
    """(R,) NDCG@10 of test rows by popularity."""
    from linkspan.gnn.evaluation.ranking import has_choice, rank_events

    events = fitted.snapshot.events()
    known = fitted.learned.on(fitted.view.over(events.iloc[split.history]))
    table = rank_events(known, events.iloc[split.test], {"popularity": popular}).table
    return ndcg_by_row(table[has_choice(table)]["popularity"].to_numpy(), 10)


def attack(folder: Path, models: int) -> Iterator[str]:
    """Lines of the tables of attacks, on a sample of goodbooks."""
    pipeline = Pipeline(SETS[0].settings(folder / "goodbooks"))
    sample = Sample(pipeline, read_snapshot(pipeline))
    claims = [Claim(epsilon, DELTA) for epsilon in (*EPSILONS, np.inf)]
    yield "| ε | right of 2 | bound | of 10 | bound | area | without | bound | found | bound |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    yield from past(sample, claims, models)
    yield f"\n| ε | bound | {' | '.join(SEEN)} |\n|{'---|' * (2 + len(SEEN))}"
    yield from membership(sample, claims, models)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", nargs="*", default=["goodbooks"])
    parser.add_argument("--seeds", type=int, default=3, help="seeds of the noise (default 3)")
    parser.add_argument(
        "--models",
        type=int,
        default=300,
        help="models a side, and users attacked (default 300); 0: no attack",
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "quality")
    options = parser.parse_args()
    os.environ["LINKSPAN_DATA"] = os.environ.get("LINKSPAN_DATA") or str(
        ROOT.parent / "shared" / "data"
    )
    if options.sets:
        print("| data | ε | NDCG@10 | of free | popularity, same ε | gain over it | time |")
        print("|---|---|---|---|---|---|---|")
    for name in options.sets:
        for row in measure(name, options.folder, options.seeds):
            print(row, flush=True)
    if options.models:
        print()
        for row in attack(options.folder, options.models):
            print(row, flush=True)


if __name__ == "__main__":
    main()

"""Cost and loss of a refresh, beside a full run, where 1% of the events are new.

Usage: ``python benchmarks/refresh.py [--share 0.01] [--folder DIR]``

On the bundled books. The last event of each user (by position) is held out to be ranked. Of the
events before it the last of some users, drawn by chance until they are ``--share`` of all, are new:
a model is trained without them. Then the full run learns from all events before the held-out ones,
and the refresh carries the known parameters over to them. Both rank the held-out events of users
with new events, and of all users, among all items of the domain. Seconds are those from the arrays
of the snapshot to the lists, with the same texts. Reading the graph, which both do, and publishing,
where a refresh writes the lists of a few, are not part of them.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import pandas as pd

from linkspan import gnn
from linkspan.gnn.evaluation.ranking import rank_events
from linkspan.gnn.metrics import ndcg
from linkspan.gnn.scores.hybrid import published
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.changes import find_changes
from linkspan.settings import demo_settings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from goodbooks import read_goodbooks


def without(snapshot: Snapshot, pairs: set[tuple[int, int]]) -> Snapshot:
    """The snapshot without the events of some pairs of user and item."""
    kept = {}
    for name, frame in snapshot.interactions.items():
        known = list(zip(frame["user"].tolist(), frame["item"].tolist(), strict=True))
        mask = np.array([pair not in pairs for pair in known])
        kept[name] = frame[mask].reset_index(drop=True)
    return replace(snapshot, interactions=kept)


def full_run(snapshot: Snapshot, text: dict, settings: gnn.TrainSettings) -> gnn.FittedModel:
    """Train, weigh and refit, as `linkspan train` does."""
    split = gnn.split_events(snapshot)
    fitted = gnn.fit_hybrid(gnn.train(snapshot, split, text, settings), split)
    final = gnn.train_all(snapshot, text, settings, fitted.best_epoch)
    return gnn.with_weights(final, fitted.weights)


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--folder", type=Path, help="A .linkspan folder with texts.")
    arguments = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        settings = demo_settings(folder).train
        whole = read_goodbooks(Path(str(files("linkspan") / "data" / "goodbooks")))
        encoder = gnn.build_encoder(settings.encoding.encoder)
        text = gnn.embed_snapshot_text(whole, encoder, folder / "text")
        events = whole.events()
        last = events[~events.duplicated("user", keep="last")]
        sizes = events.groupby("user")["item"].transform("size")
        last = last[sizes.loc[last.index] >= 5]
        before = events.drop(last.index)
        rng = np.random.default_rng(0)
        newest = before[~before.duplicated("user", keep="last")]
        newest = newest[newest["user"].isin(last["user"])]
        count = min(round(arguments.share * len(events)), len(newest))
        new = newest.iloc[np.sort(rng.choice(len(newest), count, replace=False))]
        held = set(zip(last["user"].tolist(), last["item"].tolist(), strict=True))
        unseen = set(zip(new["user"].tolist(), new["item"].tolist(), strict=True))
        after, earlier = without(whole, held), without(whole, held | unseen)

        base = full_run(earlier, text, settings)
        started = perf_counter()
        full = full_run(after, text, settings)
        gnn.save(full.learned, Path(scratch) / "full")
        gnn.score_top(full, 10)
        gnn.similar_items(full, 5)
        full_seconds = perf_counter() - started

        gnn.save(base.learned, Path(scratch) / "base")
        started = perf_counter()
        changes = find_changes(earlier, after, pd.DataFrame({"user": [], "item": []}))
        fresh = gnn.load(Path(scratch) / "base").on(gnn.View.whole(after, text))
        gnn.save(fresh.learned, Path(scratch) / "refresh")
        gnn.score_top(fresh, 10, users=changes.users)
        seconds = perf_counter() - started

    print(
        f"{len(events):,} events, {len(new):,} of them new, {len(changes.users):,} users concerned"
    )
    print(f"full run {full_seconds:.1f} s, refresh {seconds:.1f} s: {seconds / full_seconds:.1%}")
    theirs = last[last["user"].isin(changes.users)]
    for name, rows in (("users concerned", theirs), ("all users", last)):
        found = {}
        for what, model in (("full run", full), ("refresh", fresh), ("before", base)):
            ranks = rank_events(model, rows, {"published": published(model)}).table
            found[what] = ndcg(ranks["published"].to_numpy(), 10)
        ratio = found["refresh"] / found["full run"] - 1
        shown = ", ".join(f"{what} {100 * value:.2f}" for what, value in found.items())
        print(f"NDCG@10 of {len(rows):,} held-out events, {name}: {shown}; refresh {ratio:+.1%}")


if __name__ == "__main__":
    main()

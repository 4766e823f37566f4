"""Test of the named reason: what a score loses without it, and without another past item.

Usage: ``python benchmarks/explanations.py [--epochs 3] [--sample 500] [--sets goodbooks ...]``

Of recommendations in the published form, some are drawn whose user has met two items or more. From
each history the item named in ``because`` is taken away, with all its events, and everything is
scored anew, all items of the domain; then likewise another past item, drawn. *Fidelity* is the
share of recommendations that lose more without the named one. Parameters stay as they are.

``LINKSPAN_DATA`` names the folder with ``amazon_food_kitchen``; without it only goodbooks, which is
bundled, is measured.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from quality import ROOT, SETS, DataSet, read_snapshot

from linkspan import gnn
from linkspan.gnn.scores.hybrid import published
from linkspan.gnn.scores.reasons import without
from linkspan.gnn.scores.scoring import score_pairs
from linkspan.pipeline import Pipeline


def fit(data_set: DataSet, folder: Path, epochs: int, encoder: str | None) -> gnn.FittedModel:
    """The model of a data set, over all events; kept in the folder."""
    settings = data_set.settings(folder / data_set.name)
    pipeline = Pipeline(
        settings, report=lambda stage: print(f"  {stage.name} {stage.seconds:.0f} s", flush=True)
    )
    snapshot, kept = read_snapshot(pipeline), folder / data_set.name / "model"
    train = settings.train.changed(epochs=epochs, **({"encoder": encoder} if encoder else {}))
    text = gnn.embed_snapshot_text(
        snapshot, gnn.build_encoder(train.encoding.encoder), pipeline.workspace.text
    )
    if kept.exists():
        return gnn.load(kept).on(gnn.View.whole(snapshot, text))
    split = gnn.split_events(snapshot, settings.split)
    fitted = gnn.fit_hybrid(gnn.train(snapshot, split, text, train), split)
    final = gnn.with_weights(
        gnn.train_all(snapshot, text, train, fitted.best_epoch), fitted.weights
    )
    gnn.save(final.learned, kept)
    return final


def draw(fitted: gnn.FittedModel, size: int, random: np.random.Generator) -> pd.DataFrame:
    """Recommendations of users with two past items or more."""
    met = fitted.events.groupby("user")["item"].nunique()
    users = met.index[met >= 2].to_numpy(np.int64)
    users = np.sort(random.choice(users, min(size, len(users)), replace=False))
    lists = gnn.score_top(fitted, 10, users=users)
    return lists.sample(size, random_state=0).reset_index(drop=True)


def losses_without(fitted: gnn.FittedModel, rows: pd.DataFrame, taken: np.ndarray) -> np.ndarray:
    """Drops of recommendations without a past item: all is scored anew, item by item."""
    users, items = rows["user"].to_numpy(np.int64), rows["item"].to_numpy(np.int64)
    events = without(fitted.events, users, taken)
    other = published(fitted).over(events, users)
    left = score_pairs(fitted, np.arange(len(rows)), items, other)
    return rows["score"].to_numpy() - left


def measure(fitted: gnn.FittedModel, size: int) -> dict[str, float]:
    """The figures of one data set."""
    random = np.random.default_rng(0)
    rows = draw(fitted, size, random)
    first = fitted.events.groupby("user")["item"]
    past = [first.get_group(user).to_numpy() for user in rows["user"]]
    latest = np.array([each[-1] for each in past])
    named = rows["because"].to_numpy(np.int64)
    others = [np.setdiff1d(each, [name]) for each, name in zip(past, named, strict=True)]
    drawn = np.array([random.choice(each) for each in others])
    lost = losses_without(fitted, rows, named)
    last_named = lost > losses_without(fitted, rows, drawn)
    others = [np.setdiff1d(each, [name]) for each, name in zip(past, latest, strict=True)]
    drawn = np.array([random.choice(each) for each in others])
    last = losses_without(fitted, rows, latest)
    lists = gnn.score_top(fitted, 10, users=np.unique(rows["user"]))
    per_user = lists.groupby("user")["because"].nunique()
    return {
        "fidelity": float(last_named.mean()),
        "fidelity of the latest item": float((last > losses_without(fitted, rows, drawn)).mean()),
        "named is the latest": float((named == latest).mean()),
        "mean loss without the named": float(lost.mean()),
        "mean loss without the latest": float(last.mean()),
        "different reasons a user": float(per_user.mean()),
        "lists a user": float(lists.groupby("user")["domain"].nunique().mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", nargs="*", default=["goodbooks", "food_kitchen"])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--encoder", help="name of the text encoder (default: the settings')")
    parser.add_argument("--sample", type=int, default=500)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "explanations")
    options = parser.parse_args()
    for data_set in SETS:
        if data_set.name not in options.sets:
            continue
        if data_set.example is not None and "LINKSPAN_DATA" not in os.environ:
            print(f"{data_set.name}: skipped, LINKSPAN_DATA does not name a folder")
            continue
        fitted = fit(data_set, options.folder, options.epochs, options.encoder)
        started = perf_counter()
        for name, value in measure(fitted, options.sample).items():
            print(f"{data_set.name:14} {name:32} {value:.3f}", flush=True)
        print(f"{data_set.name:14} measured in {perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()

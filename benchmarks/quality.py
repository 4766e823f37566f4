"""HR@10 and NDCG@10 of the hybrid on goodbooks, with its parts and baselines beside it.

    python benchmarks/quality.py

The protocol is last-out: the last event of each user over all domains is ranked among all items of
its domain that the user has not met, by parameters learned without it and the event before it.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from linkspan.gnn import (
    Component,
    Ease,
    Popularity,
    SentenceEncoder,
    TrainSettings,
    embed_snapshot_text,
    evaluate,
    fit_hybrid,
    last_out,
    train,
    train_all,
    with_weights,
)
from linkspan.gnn.metrics import ndcg_by_row, paired_interval
from linkspan.graph.roles import InteractionRole, RelationRole, Roles
from linkspan.graph.snapshot import RelationKey, Snapshot

ENTITIES = {
    "authors": ("Author", "WRITTEN_BY"),
    "series": ("Series", "IN_SERIES"),
    "tags": ("Tag", "TAGGED"),
}


def read_goodbooks(folder: Path) -> Snapshot:
    """The bundled files as the snapshot that a database would give."""
    books = pd.read_csv(folder / "books.csv.gz", dtype=str).fillna("")
    saved = pd.read_csv(folder / "to_read.csv.gz", dtype={"user_id": str, "book_id": str})
    books["key"] = books["domain"] + "/" + books["book_id"]
    books = books.sort_values("key", ignore_index=True)
    parts = [books[column].str.replace("|", ", ") for column in ("title", *ENTITIES)]
    text = [". ".join(part for part in row if part) for row in zip(*parts, strict=True)]
    items = books.rename(columns={"book_id": "id"})[["key", "id", "domain", "title"]]
    users = np.sort(saved["user_id"].unique())
    row = pd.Series(np.arange(len(books), dtype=np.int32), index=books["book_id"])
    interactions = pd.DataFrame(
        {
            "user": np.searchsorted(users, saved["user_id"].to_numpy(str)).astype(np.int32),
            "item": row[saved["book_id"]].to_numpy(),
            "at": saved["position"].to_numpy(np.int64),
            "weight": np.ones(len(saved), np.float32),
            "sign": np.ones(len(saved), np.int8),
        }
    ).sort_values(["user", "item"], ignore_index=True)
    entities: dict[str, pd.DataFrame] = {}
    relations: dict[RelationKey, pd.DataFrame] = {}
    for column, (kind, relation) in ENTITIES.items():
        values = books[column].str.split("|").explode()
        values = values[values != ""]
        names = np.sort(values.unique().astype(str))
        keys = [f"{kind}/{name}" for name in names]
        entities[kind] = pd.DataFrame({"key": keys, "name": names})
        edges = {
            "source": values.index.to_numpy(np.int32),
            "target": np.searchsorted(names, values.to_numpy(str)).astype(np.int32),
            "weight": np.ones(len(values), np.float32),
        }
        table = pd.DataFrame(edges).drop_duplicates(["source", "target"])
        table = table.sort_values(["source", "target"], ignore_index=True)
        relations["item", relation, kind] = table
    return Snapshot(
        roles=Roles(
            domains={name: name.title() for name in sorted(books["domain"].unique())},
            interactions=(InteractionRole(type="SAVED"),),
            entities=tuple(kind for kind, _ in ENTITIES.values()),
            relations=tuple(
                RelationRole(type=relation, source="item", target=kind)
                for kind, relation in ENTITIES.values()
            ),
        ),
        users=pd.DataFrame({"key": users, "id": users}),
        items=items.assign(text=text),
        entities=entities,
        interactions={"SAVED": interactions},
        relations=relations,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds (default 3)")
    parser.add_argument("--cache", type=Path, help="folder that keeps the text vectors")
    options = parser.parse_args()
    snapshot = read_goodbooks(Path(str(files("linkspan") / "data" / "goodbooks")))
    with tempfile.TemporaryDirectory() as scratch:
        begin = time.perf_counter()
        text = embed_snapshot_text(snapshot, SentenceEncoder(), options.cache or Path(scratch))
        print(f"text vectors: {time.perf_counter() - begin:.0f} s")
    split = last_out(snapshot)
    known = snapshot.events().iloc[split.history]
    print(f"{len(split.train)} training, {len(split.test)} test events\n")
    baselines: list[Component] = [
        Popularity(snapshot, known),
        Ease(snapshot, known, joint=False),
        Ease(snapshot, known, joint=True),
    ]
    found: dict[str, list[dict[str, float]]] = {}
    gains: list[tuple[float, float]] = []
    print("seed  method              HR@10  NDCG@10")
    for seed in range(options.seeds):
        settings = TrainSettings(seed=seed)
        begin = time.perf_counter()
        fitted = fit_hybrid(train(snapshot, split, text, settings), split)
        middle = time.perf_counter()
        final = train_all(snapshot, text, settings, fitted.best_epoch)
        with_weights(final, fitted.weights)
        end = time.perf_counter()
        evaluation = evaluate(fitted, split, baselines if seed == 0 else [])
        for method in evaluation.methods:
            figures = evaluation.figures(method)
            found.setdefault(method, []).append(figures)
            print(f"{seed:4}  {method:18} {100 * figures['hr']:6.2f} {100 * figures['ndcg']:8.2f}")
        interval = paired_interval(
            ndcg_by_row(evaluation.ranks["hybrid"], 10),
            ndcg_by_row(evaluation.ranks["hybrid without gnn"], 10),
        )
        gains.append(interval)
        print(f"      best epoch {fitted.best_epoch}; {middle - begin:.0f} s, final fit "
              f"{end - middle:.0f} s; hybrid over hybrid without gnn, NDCG@10, 95%: "
              f"+{100 * interval[0]:.2f} to +{100 * interval[1]:.2f}", flush=True)  # fmt: skip
    for method, rows in found.items():
        mean = {name: 100 * np.mean([row[name] for row in rows]) for name in ("hr", "ndcg")}
        print(f"mean  {method:18} {mean['hr']:6.2f} {mean['ndcg']:8.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory {peak:.0f} MiB")


if __name__ == "__main__":
    main()

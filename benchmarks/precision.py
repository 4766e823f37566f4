"""Bytes and quality of a model that is kept in single precision, in half precision and in int8.

Usage: ``python benchmarks/precision.py [FOLDER ...]``

Each FOLDER, by default this one, has a ``.linkspan`` with a snapshot (``make demo`` makes one),
and a ``linkspan.toml`` unless it is that of the demo. The latest run there that was kept in single
precision is taken; without one, one is trained. It is then kept anew in each precision and loaded
again, the weights of the signals as they are:

- files: MB of the parameters, the linear weights, the vectors of texts, and the item vectors that
  are published;
- NDCG@10 in percent, full ranking of the test rows, with the difference to single precision and its
  paired 95% bootstrap interval;
- lists: share of the ten best items of up to 2,000 users that stay among the ten;
- near: share of the ten nearest items of up to 1,000 items, by cosines of their states, and of
  their texts, that stay among the ten.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
import pandas as pd

from linkspan import gnn
from linkspan.gnn.encoding.texts import unit_rows
from linkspan.gnn.metrics import ndcg_by_row, paired_interval, top_columns
from linkspan.gnn.models.layout import KEYS, MANIFEST, PARAMETERS
from linkspan.graph.snapshot import Snapshot
from linkspan.pipeline import Pipeline
from linkspan.precision import Precision, rounded
from linkspan.run_lists import keyed_vectors
from linkspan.settings import FILE, FOLDER, demo_settings, load_settings
from linkspan.workspace import RunFolder, Workspace

K, USERS, ITEMS = 10, 2_000, 1_000


class Kept(NamedTuple):
    """A model as a precision leaves it.

    Attributes:
        megabytes: Name of a file to its size.
        ndcg: (R,) NDCG@10 of each test row.
        lists: Users' lists.
        near: Items near to some, by states and by texts.
    """

    megabytes: dict[str, float]
    ndcg: np.ndarray
    lists: list[set[int]]
    near: dict[str, list[set[int]]]


def prepare(folder: Path) -> tuple[Snapshot, RunFolder]:
    """The latest run of a folder that was kept in single precision, or a new one."""
    file = folder / FILE
    settings = load_settings(file) if file.exists() else demo_settings(folder)
    pipeline = Pipeline(
        settings, report=lambda stage: print(f"  {stage.name} {stage.seconds:.0f} s", flush=True)
    )
    for run in reversed(pipeline.workspace.runs()):
        own = run.read("run")
        if run.is_refitted and "base" not in own:
            learned = gnn.load(run.final)
            if learned.settings.model.precision == "single" and learned.private is None:
                return pipeline.workspace.load_snapshot(own["fingerprint"]), run
    snapshot = pipeline.workspace.load_snapshot()
    return snapshot, pipeline.train(snapshot, pipeline.embed(snapshot))


def keep(run: RunFolder, snapshot: Snapshot, precision: Precision, scratch: Path) -> Kept:
    """Keep a run's models in a precision, load them again, and measure."""
    embedded = scratch / "embedded.safetensors"
    vectors = gnn.load_vectors(run.embedded)
    named = {name: rounded(values, precision) for name, values in vectors.items()}
    gnn.save_vectors(named, embedded, precision)
    view = gnn.View.whole(snapshot, gnn.load_vectors(embedded))
    models = {}
    for folder in (run.held_out, run.final):
        learned = gnn.load(folder)
        own = with_precision(learned, precision)
        gnn.save(own, scratch / folder.name)
        models[folder.name] = gnn.load(scratch / folder.name).on(view)
    final = models[run.final.name]
    published = keyed_vectors(snapshot, final, run)
    published.save(scratch / "vectors.parquet")
    evaluation = gnn.evaluate(models[run.held_out.name], gnn.Split.load(run.split), ())
    ranks = evaluation.ranks[evaluation.methods[0]].to_numpy()
    sizes = {"texts": embedded, "published": scratch / "vectors.parquet"}
    megabytes = {name: file.stat().st_size / 1e6 for name, file in sizes.items()}
    others = [file for file in (scratch / run.final.name).rglob("*") if file.is_file()]
    parts = {"parameters": (PARAMETERS,), "linear": ("linear.npz", "dual.npz")}
    for name, files in parts.items():
        megabytes[name] = sum(f.stat().st_size for f in others if f.name in files) / 1e6
    megabytes["keys"] = sum(f.stat().st_size for f in others if f.name in (KEYS, MANIFEST)) / 1e6
    random = np.random.default_rng(0)
    users = np.sort(random.permutation(len(snapshot.users))[:USERS])
    lists = gnn.score_top(final, K, users=users)
    return Kept(
        megabytes,
        ndcg_by_row(ranks, K),
        [set(rows["item"]) for _, rows in lists.groupby(["user", "domain"])],
        {
            "states": near(published.states, random.permutation(len(published.keys))[:ITEMS]),
            "texts": near(published.texts, random.permutation(len(published.keys))[:ITEMS]),
        },
    )


def with_precision(learned: gnn.Learned, precision: Precision) -> gnn.Learned:
    """The same model with another setting, in all that it is made of."""
    return replace(
        learned,
        settings=learned.settings.changed(precision=precision),
        alone={name: with_precision(each, precision) for name, each in learned.alone.items()},
        base=learned.base and with_precision(learned.base, precision),
    )


def near(vectors: np.ndarray, rows: np.ndarray) -> list[set[int]]:
    """The nearest other items of some, by cosines."""
    unit = unit_rows(vectors)
    found = []
    for start in range(0, len(rows), 100):
        some = rows[start : start + 100]
        cosines = unit[some] @ unit.T
        cosines[np.arange(len(some)), some] = -np.inf
        found += [set(each) for each in top_columns(cosines, K).tolist()]
    return found


def shared(ours: list[set[int]], theirs: list[set[int]]) -> float:
    """Share in percent of what stands in the lists of one side that stands in the other's."""
    both = sum(len(one & other) for one, other in zip(ours, theirs, strict=True))
    return 100 * both / max(sum(map(len, ours)), 1)


def measure(folder: Path) -> pd.DataFrame:
    """One row for each precision."""
    snapshot, run = prepare(folder)
    table, single = [], None
    for precision in get_args(Precision):
        with tempfile.TemporaryDirectory() as scratch:
            found = keep(run, snapshot, precision, Path(scratch))
        single = single or found
        low, high = paired_interval(found.ndcg, single.ndcg)
        change = found.ndcg.mean() - single.ndcg.mean()
        table.append(
            {
                "set": folder.resolve().name,
                "precision": precision,
                **{name: f"{size:.2f}" for name, size in found.megabytes.items()},
                "MB": f"{sum(found.megabytes.values()):.2f}",
                "rows": len(found.ndcg),
                "NDCG@10": f"{100 * found.ndcg.mean():.3f}",
                "change": f"{100 * change:+.3f} ({100 * low:+.3f} to {100 * high:+.3f})",
                "lists": f"{shared(single.lists, found.lists):.2f}",
                **{
                    f"near by {name}": f"{shared(single.near[name], each):.2f}"
                    for name, each in found.near.items()
                },
            }
        )
        print(pd.DataFrame(table[-1:]).to_string(index=False), flush=True)
    return pd.DataFrame(table)


def main() -> None:
    """Measure each folder, and print a table of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, default=[Path()])
    arguments = parser.parse_args()
    tables = []
    for folder in arguments.folders:
        name = folder.resolve().name
        if Workspace(folder / FOLDER).latest is None:
            print(f"{name}: skipped, as it has no snapshot; 'make demo' makes one")
            continue
        print(name, flush=True)
        tables.append(measure(folder))
    if not tables:
        return
    table = pd.concat(tables)
    lines = [list(table.columns), ["---"] * len(table.columns), *table.astype(str).to_numpy()]
    print("\n".join(f"| {' | '.join(line)} |" for line in lines))


if __name__ == "__main__":
    main()

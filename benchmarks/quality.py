"""HR@10 and NDCG@10 on five data sets, the hybrid beside its parts and baselines.

    make bench-quality            (all of it, into docs/: some hours on two cores)
    python benchmarks/quality.py --sets goodbooks --seeds 1

``LINKSPAN_DATA`` names the folder with ``amazon_food_kitchen`` and the others; without it,
``shared/data`` beside the project. Where neither is there, only goodbooks, which is bundled, is
measured, and the pages stay as they are. One family of settings, the defaults, is used for all;
only what is held out differs, as each set's protocol wants it:

- goodbooks: ``last-out``; food_kitchen: ``last-out-per-domain``; full ranking in the domain.
- abxi_food_kitchen: the published order of events (ABXI, WWW 2025); the last event of each user
  among 999 drawn items of its domain (``abxi_food_kitchen/candidates.py``), the one before it for
  validation; with titles, brands, categories and relations, which the published figures do not use.
- sport_phone, sport_cloth: the published test files, one positive among 999 drawn candidates
  (``disencdr/candidates.py``), scored by a model over all training rows whose settings were chosen
  on a random tenth of them. A row is a *twin* if the user bought the same product in the other
  domain: an item with two or more common buyers and a Jaccard of 0.5 or more.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from linkspan import gnn
from linkspan.gnn.metrics import hit_rate, midranks, ndcg, ndcg_by_row, paired_interval
from linkspan.gnn.scores.hybrid import mixtures
from linkspan.graph.snapshot import Snapshot
from linkspan.pairs import PairsFile
from linkspan.pipeline import Pipeline
from linkspan.settings import Settings, demo_settings, load_settings

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "quality.md"
FIGURES = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- written by make bench-quality -->", "<!-- until here -->"
HYBRID, SIMPLE, NETWORK = "hybrid", "hybrid without gnn", "gnn"

Rows = dict[str, pd.DataFrame]
"""Segment to one row per test row and a column of ranks per method."""


@dataclass(frozen=True)
class DataSet:
    """A data set and its protocol.

    Attributes:
        name: What the page calls it.
        example: Folder in ``examples/``; None: the bundled data.
        protocol: What is held out.
        pair: For DisenCDR, the two domains.
        drawn: Whether the test events are ranked among candidates that a script draws.
    """

    name: str
    example: str | None
    protocol: str
    pair: tuple[str, str] | None = None
    drawn: bool = False

    def settings(self, home: Path) -> Settings:
        """Those of the example, with the protocol's split."""
        flags = {"split__protocol": self.protocol}
        if self.pair:
            flags["split__test"] = 0.0  # type: ignore[assignment]
        if self.example is None:
            return demo_settings(home, **flags)
        text = (ROOT / "examples" / self.example / "linkspan.toml").read_text()
        if self.pair:
            text = text.replace("phone", self.pair[1])
        home.mkdir(parents=True, exist_ok=True)
        (home / "linkspan.toml").write_text(text)
        return load_settings(home / "linkspan.toml", **flags)


SETS = (
    DataSet("goodbooks", None, "last-out"),
    DataSet("food_kitchen", "amazon_food_kitchen", "last-out-per-domain"),
    DataSet("abxi_food_kitchen", "abxi_food_kitchen", "last-out", drawn=True),
    DataSet("sport_phone", "disencdr", "random", ("sport", "phone")),
    DataSet("sport_cloth", "disencdr", "random", ("sport", "cloth")),
)


def read_snapshot(pipeline: Pipeline) -> Snapshot:
    """Ingest and take a snapshot, or take the one that is there."""
    if (pipeline.workspace.folder / "snapshots" / "latest").exists():
        return pipeline.workspace.load_snapshot()
    with pipeline.open_database(create=True) as database:
        pipeline.ingest(database)
        return pipeline.snapshot(database)


def ranked(fitted: gnn.FittedModel, split: gnn.Split, seed: int) -> Rows:
    """Full ranking of the held-out events."""
    baselines = gnn.BASELINES if seed == 0 else ("popularity",)
    ranks = gnn.evaluate(fitted, split, baselines).ranks
    rows = {"all rows": ranks}
    if ranks["tied"].any():
        rows["rows without ties"] = ranks[~ranks["tied"]]
    rows |= {str(name): part for name, part in ranks.groupby("domain")}
    for name, known in (("with history", True), ("without history", False)):
        if (part := ranks[ranks["history"] == known]).size:
            rows[name] = part
    return rows


def drawn(fitted: gnn.FittedModel, split: gnn.Split, data: Path, seed: int) -> Rows:
    """Ranks of the test events of ABXI among their candidates; validation events are known."""
    events = fitted.snapshot.events()
    view = fitted.view.over(events.iloc[split.history], events.iloc[split.test])
    known = fitted.learned.on(view)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "candidates.csv"
        script = data / "abxi_food_kitchen" / "candidates.py"
        subprocess.run([sys.executable, script, file, str(seed)], check=True)
        pairs = pd.read_csv(file, dtype={"user": str, "domain": str, "item": str})
    ranks = rank_candidates(known, pairs, methods_of(known, events.iloc[split.train], seed))
    test = pd.MultiIndex.from_frame(events.iloc[split.test][["user", "item"]])
    assert pd.MultiIndex.from_frame(ranks[["user", "item"]]).isin(test).all()
    domains = fitted.snapshot.items["domain"].to_numpy()[ranks["item"]]
    return {f"{name}, all rows": ranks[domains == name] for name in sorted(set(domains))}


def methods_of(fitted: gnn.FittedModel, learned: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Methods that the model scores with, and for the first seed the baselines."""
    methods: dict[str, Any] = dict(mixtures(fitted))
    if seed == 0:
        methods |= {each.name: each for each in gnn.build_baselines(fitted, learned)}
    return methods


def rank_candidates(
    fitted: gnn.FittedModel, pairs: pd.DataFrame, methods: dict[str, Any]
) -> pd.DataFrame:
    """Ranks of the first of each 1,000 pairs (columns user, domain, item) among them."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "pairs.parquet"
        pairs[["user", "domain", "item"]].to_parquet(file)
        found = list(PairsFile(file, fitted.snapshot))
    users = np.concatenate([part.users for part in found])
    items = np.concatenate([part.items for part in found])
    assert (users >= 0).all() and (items >= 0).all()
    table = {"user": users[::1000], "item": items[::1000]}
    for name, method in methods.items():
        scores = gnn.score_pairs(fitted, users, items, method).reshape(-1, 1000)
        table[name] = midranks(scores, scores[:, 0])
    return pd.DataFrame(table)


def scored(final: gnn.FittedModel, data: Path, pair: tuple[str, str], seed: int) -> Rows:
    """Ranks of the positives of the DisenCDR test files among their candidates."""
    methods = methods_of(final, final.events, seed)
    rows = {}
    for domain, other in (pair, pair[::-1]):
        folder = data / "disencdr" / f"{domain}_{other}"
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "candidates.csv"
            script = data / "disencdr" / "candidates.py"
            subprocess.run([sys.executable, script, folder, file, str(seed)], check=True)
            pairs = pd.read_csv(file, dtype={"user": str, "item": str})
        ranks = rank_candidates(final, pairs.assign(domain=domain), methods)
        ranks["twin"] = twins(final, ranks)
        rows[f"{domain}, all rows"] = ranks
        rows[f"{domain}, rows without twins"] = ranks[~ranks["twin"]]
    return rows


def twins(final: gnn.FittedModel, ranks: pd.DataFrame) -> np.ndarray:
    """Tell whether the user bought what is nearly the same item in the other domain."""
    events = final.events.drop_duplicates(["user", "item"])
    shape = (len(final.snapshot.users), len(final.snapshot.items))
    ones = np.ones(len(events), np.float32)
    met = sparse.csr_array((ones, (events["user"], events["item"])), shape=shape)
    counts = np.asarray(met.sum(axis=0)).ravel()
    domains = final.snapshot.items["domain"].to_numpy()
    common = (met.T @ met).tocsr()
    result = np.zeros(len(ranks), bool)
    for place, (user, item) in enumerate(zip(ranks["user"], ranks["item"], strict=True)):
        near = common[[item]].tocoo()
        others, shared = near.coords[1], near.data
        jaccard = shared / (counts[item] + counts[others] - shared)
        same = others[(shared >= 2) & (jaccard >= 0.5) & (domains[others] != domains[item])]
        result[place] = len(same) > 0 and met[[user]][:, same].nnz > 0
    return result


def figures(rows: Rows) -> Iterator[dict[str, Any]]:
    """HR@10 and NDCG@10 of each method, and what the hybrid gains, by segment."""
    for segment, ranks in rows.items():
        methods = [name for name in ranks if ranks[name].dtype == np.float64]
        gained = ndcg_by_row(ranks[HYBRID].to_numpy(), 10)
        for method in methods:
            found = ranks[method].to_numpy()
            low, high = paired_interval(gained, ndcg_by_row(found, 10))
            yield {
                "segment": segment,
                "rows": len(ranks),
                "method": method,
                "hr": hit_rate(found, 10),
                "ndcg": ndcg(found, 10),
                "low": low,
                "high": high,
            }


def measure(data_set: DataSet, folder: Path, seeds: list[int], data: Path) -> None:
    """Train and measure, and keep the figures of each seed in a file."""
    settings = data_set.settings(folder / data_set.name)
    pipeline = Pipeline(
        settings, report=lambda stage: print(f"  {stage.name} {stage.seconds:.0f} s")
    )
    snapshot = read_snapshot(pipeline)
    text = pipeline.embed(snapshot)
    for seed in seeds:
        file = folder / data_set.name / f"{seed}.json"
        train = settings.train.changed(seed=seed)
        held_out = settings.split.model_copy(update={"seed": seed})
        split = gnn.split_events(snapshot, held_out)
        begin = perf_counter()
        fitted = gnn.fit_hybrid(gnn.train(snapshot, split, text, train), split)
        middle = perf_counter()
        end = middle
        if data_set.pair:
            final = gnn.train_all(snapshot, text, train, fitted.best_epoch)
            final = gnn.with_weights(final, fitted.weights)
            end = perf_counter()
            rows = scored(final, data, data_set.pair, seed)
        elif data_set.drawn:
            rows = drawn(fitted, split, data, seed)
        else:
            rows = ranked(fitted, split, seed)
        found = list(figures(rows))
        result = {
            "figures": found,
            "best epoch": fitted.best_epoch,
            "validation": [epoch.ndcg for epoch in fitted.curves],
            "training": middle - begin,
            "final": end - middle,
            "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "weights": {name: each.as_dict() for name, each in fitted.weights.items()},
        }
        file.write_text(json.dumps(result, indent=1))
        print(f"{data_set.name}, seed {seed}: best epoch {fitted.best_epoch}, "
              f"{middle - begin:.0f} s, final fit {end - middle:.0f} s", flush=True)  # fmt: skip
        for row in found:
            print(f"  {row['segment']:24} {row['rows']:6} {row['method']:20} "
                  f"{100 * row['hr']:6.2f} {100 * row['ndcg']:6.2f}", flush=True)  # fmt: skip


def means(runs: list[dict[str, Any]]) -> pd.DataFrame:
    """One row for each segment and method, in percent.

    Means over the seeds that measured it, and what the hybrid of the same seeds gains, with the
    widest of their intervals.
    """
    table = pd.concat([pd.DataFrame(run["figures"]).assign(seed=at) for at, run in enumerate(runs)])
    columns = ["hr", "ndcg", "low", "high"]
    table[columns] *= 100
    hybrid = table[table["method"] == HYBRID].set_index(["segment", "seed"])["ndcg"]
    table["gain"] = hybrid.loc[list(zip(table["segment"], table["seed"], strict=True))].to_numpy()
    table["gain"] -= table["ndcg"]
    return (
        table.groupby(["segment", "method"], sort=False)
        .agg(
            rows=("rows", "first"),
            hr=("hr", "mean"),
            ndcg=("ndcg", "mean"),
            each=("ndcg", list),
            gain=("gain", "mean"),
            low=("low", "min"),
            high=("high", "max"),
        )
        .reset_index()
    )


def gain(row: Any) -> str:
    """Gain of the hybrid over a method, with its interval."""
    return f"{row.gain:+.2f} ({row.low:+.2f} to {row.high:+.2f})"


def section(name: str, runs: list[dict[str, Any]]) -> str:
    """All figures of a data set."""
    spent = ", ".join(f"{run['training']:.0f} s" for run in runs)
    memory = max(run["memory"] for run in runs)
    lines = [
        f"## {name}",
        "",
        f"{len(runs)} seed{'s' if len(runs) > 1 else ''}; training, weights included: {spent}; "
        f"peak memory {memory:,.0f} MiB.",
        "",
        "| rows | | method | HR@10 | NDCG@10 | gain |",
        "|---|---:|---|---:|---:|---|",
    ]
    for row in means(runs).itertuples():
        shown = f"{row.ndcg:.2f}"
        if row.method in (HYBRID, SIMPLE):
            shown += " (" + " / ".join(f"{value:.2f}" for value in row.each) + ")"
        lines.append(f"| {row.segment} | {row.rows:,} | {row.method} | {row.hr:.2f} | {shown} "
                     f"| {'' if row.method == HYBRID else gain(row)} |")  # fmt: skip
    return "\n".join(lines)


def summary(found: dict[str, list[dict[str, Any]]]) -> str:
    """The main rows of each data set: the hybrid, what it is made of, and the baselines."""
    lines = [
        f"| NDCG@10 | hybrid | {SIMPLE} | gain over it | network alone | EASE joint "
        "| best baseline, gain over it |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, runs in found.items():
        table = means(runs)
        for segment, rows in table.groupby("segment", sort=False):
            if "rows" not in str(segment):
                continue
            method = {row.method: row for row in rows.itertuples()}
            others = [method[each] for each in method if each not in (HYBRID, SIMPLE, NETWORK)]
            best = max(others, key=lambda row: row.ndcg)
            lines.append(
                f"| {name}, {segment} | **{method[HYBRID].ndcg:.2f}** | {method[SIMPLE].ndcg:.2f} "
                f"| {gain(method[SIMPLE])} | {method[NETWORK].ndcg:.2f} "
                f"| {method['ease-joint'].ndcg:.2f} | {best.method} {best.ndcg:.2f}, {gain(best)} |"
            )
    return "\n".join(lines)


def write_pages(folder: Path) -> None:
    """Write what `measure` kept: all as a page, its main rows into the page of figures."""
    found = {}
    for data_set in SETS:
        files = sorted((folder / data_set.name).glob("?.json"))
        if not files:
            print(f"{data_set.name} was not measured in {folder}: docs/ stays as it is")
            return
        found[data_set.name] = [json.loads(file.read_text()) for file in files]
    intro = (
        "# Quality\n\nWritten by `make bench-quality` (`benchmarks/quality.py`, which tells the "
        "protocols); do not edit. HR@10 and NDCG@10 in percent, means over seeds; baselines are of "
        "the first seed. *Gain* is what the hybrid gains in NDCG@10 over a method: the mean of the "
        "seeds, and the widest of their paired 95% bootstrap intervals over test rows."
    )
    sections = [section(name, runs) for name, runs in found.items()]
    PAGE.write_text("\n\n".join([intro, *sections]) + "\n")
    before, _, rest = FIGURES.read_text().partition(BEGIN)
    FIGURES.write_text(f"{before}{BEGIN}\n{summary(found)}\n{END}{rest.partition(END)[2]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = [data_set.name for data_set in SETS]
    parser.add_argument("--sets", nargs="*", choices=names, default=names)
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds (default 3)")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "quality")
    options = parser.parse_args()
    data = Path(os.environ.get("LINKSPAN_DATA") or ROOT.parent / "shared" / "data")
    os.environ["LINKSPAN_DATA"] = str(data)  # read by the mappings
    for data_set in SETS:
        if data_set.name not in options.sets:
            continue
        if data_set.example is not None and not data.is_dir():
            print(f"{data_set.name}: skipped, as there is no folder {data} (LINKSPAN_DATA)")
            continue
        measure(data_set, options.folder, list(range(options.seeds)), data)
    write_pages(options.folder)


if __name__ == "__main__":
    main()

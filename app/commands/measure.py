"""Commands that measure: a run beside baselines, two runs beside each other, pairs of your own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from linkspan import transfer_page
from linkspan.commands.options import Config, Json, RunId, build_pipeline, find_run, resumable
from linkspan.console import err, out, show_json, table
from linkspan.demo import show_evaluation
from linkspan.errors import ConfigError, ModelError
from linkspan.figures import as_html, as_markdown, interval, show_methods, shown
from linkspan.opening import shared_out
from linkspan.pipeline import Pipeline
from linkspan.private_training import refuse_private
from linkspan.settings import load_settings
from linkspan.transfer_report import report_transfer
from linkspan.workspace import RunFolder, Workspace

app = typer.Typer()

SHOWN = 5
"""Trials of a search that are shown."""


@app.command()
def evaluate(
    name: RunId = None,
    baselines: Annotated[
        str, typer.Option(help="Methods to stand beside it: all, or names with commas.")
    ] = "all",
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="Write all figures as Markdown.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with all figures and plots.")
    ] = None,
    transfer: Annotated[
        bool, typer.Option("--transfer", help="Tell what domains give each other.")
    ] = False,
    domains: Annotated[
        str | None, typer.Option(help="With --transfer: only these, with commas. [default: all]")
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(help="With --transfer: try these methods of [train.transfer] too, or all."),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Measure a run on its held-out events: full ranking, beside baselines.

    With --transfer it is compared instead with models that a domain or a relation is left out of,
    and with others that a method of domain adaptation is added to; broken off, the same command
    goes on with those that are not trained yet.
    """
    from linkspan import gnn

    for flag, given in (("domains", domains), ("methods", methods)):
        if given is not None and not transfer:
            raise ConfigError(f"--{flag} goes with --transfer only", hint="Add --transfer")
    pipeline = build_pipeline(load_settings(config), as_json)
    if transfer:
        tried = list(gnn.METHODS) if methods == "all" else _names(methods)
        return _evaluate_transfer(
            pipeline, name, _names(domains) or None, tried, markdown, html, as_json
        )
    trained, taken = find_run(pipeline, name)
    chosen = gnn.BASELINES if baselines == "all" else tuple(_names(baselines))
    if "popularity" not in chosen:  # what a run must be above to be published
        chosen = ("popularity", *chosen)
    with shared_out(pipeline.settings):
        evaluation = pipeline.evaluate(taken, trained, chosen)
    figures = trained.read("evaluation")
    if evaluation is None and not as_json:
        return out.print(f"Run {trained.id} has no held-out events to be measured on.")
    if markdown is not None:
        _write(markdown, as_markdown(figures))
    if html is not None:
        best = {"best epoch": str(figures.get("best_epoch", "-"))}
        _write(html, as_html(figures, _about(trained, figures["protocol"]) | best))
    if evaluation is None or as_json:
        return show_json({"run": trained.id, **figures})
    show_evaluation(evaluation, taken)
    return out.print(show_methods(figures))


@app.command()
def compare(
    one: Annotated[str, typer.Argument(metavar="RUN")],
    other: Annotated[str, typer.Argument(metavar="RUN")],
    method: Annotated[
        str | None, typer.Option(help="Method of both. [default: what each publishes]")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Compare two runs on the same held-out events, with 95% intervals of the difference."""
    workspace = Workspace(load_settings(config).folder)
    ours, theirs = (_ranks(workspace.run(name), method) for name in (one, other))
    both = ours.merge(theirs, on=["user", "item", "domain"], suffixes=("", "_other"))
    if len(both) != len(ours) or len(both) != len(theirs):
        raise ModelError(
            f"the runs were measured on other events: {len(ours):,} and {len(theirs):,}, of which "
            f"{len(both):,} are the same",
            hint="Train both on one snapshot, with the same [split]",
        )
    rows = _compared(both)
    if as_json:
        return show_json({"runs": [one, other], "comparison": rows})
    made = table(
        "", ">rows", ">first", ">second", ">difference, 95%",
        title=f"NDCG@10 in percent: first {one}, second {other}",
    )  # fmt: skip
    for row in rows:
        cells = [shown("ndcg", row["one"]), shown("ndcg", row["other"])]
        made.add_row(row["part"], f"{row['rows']:,}", *cells, interval(row))
    return out.print(made)


@app.command()
@resumable()
def tune(
    trials: Annotated[
        int, typer.Option(min=1, help="Settings to try in all; earlier trials count.")
    ] = 20,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Search settings of training on validation events; goes on where it was broken off."""
    settings = load_settings(config)
    refuse_private(settings, "a search of settings")
    pipeline = build_pipeline(settings, as_json)
    taken = pipeline.workspace.load_snapshot()
    text = pipeline.embed(taken)
    with shared_out(settings):
        found = pipeline.tune(taken, text, trials)
    before = settings.train.model_dump(mode="json")
    best = found.settings.model_dump(mode="json")
    changed = {
        part: {key: value for key, value in keys.items() if value != before[part][key]}
        for part, keys in best.items()
        if keys != before[part]
    }
    if as_json:
        return show_json({**found._asdict(), "settings": best, "changed": changed})
    made = table(">NDCG@10", "settings", title=f"The best of {found.trials} trials, in percent")
    for each in found.best[:SHOWN]:
        drawn = (
            f"{part}.{key} {value:.3g}"
            for part, keys in each["changed"].items()
            for key, value in keys.items()
        )
        made.add_row(shown("ndcg", each["ndcg"]), ", ".join(drawn) or "as you have them")
    out.print(made)
    if found.given_up:
        out.print(f"Given up early: {found.given_up}")
    best_seen, own = (shown("ndcg", value) for value in (found.ndcg, found.first))
    out.print(f"\nValidation NDCG@10 {best_seen}; as you have it {own}")
    if not changed:
        return out.print("Nothing was better than your settings.")
    out.print("The best settings, for linkspan.toml:")
    for part, keys in changed.items():
        out.print(f"\n[train.{part}]", markup=False)
        for key, value in keys.items():
            out.print(f"{key} = {json.dumps(value)}", markup=False)
    return None


@app.command()
def score(
    pairs: Annotated[
        Path, typer.Argument(help="CSV, JSONL or Parquet with columns user, domain, item.")
    ],
    to: Annotated[Path, typer.Option("--out", help="CSV or Parquet file to write.")],
    name: Annotated[str | None, typer.Option("--run", help="[default: the latest]")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Score pairs of user and item: to rank lists of your own, or to measure elsewhere."""
    if to.resolve() == pairs.resolve():
        raise ConfigError(f"--out {to} is the file of the pairs", hint="Name another file")
    pipeline = build_pipeline(load_settings(config), as_json)
    trained, taken = find_run(pipeline, name)
    counts = pipeline.score_pairs(taken, trained, pairs, to)
    show_json({"run": trained.id, **counts}) if as_json else out.print(
        f"Scores of run {trained.id} in {to}"
    )


def _ranks(run: RunFolder, method: str | None) -> pd.DataFrame:
    """Ranks of a run by one method, in the column ``rank``."""
    try:
        ranks = pd.read_parquet(run.ranks)
    except OSError as error:
        raise ModelError(
            f"run {run.id} was not measured", hint=f"Do it with 'linkspan evaluate {run.id}'"
        ) from error
    chosen = method or run.read("evaluation")["table"][0]["method"]
    if chosen not in ranks:
        raise ModelError(
            f"run {run.id} was not measured by method '{chosen}'",
            hint="Name one of those that 'linkspan evaluate' shows",
        )
    columns = ["user", "item", "domain", "candidates", "history"]
    return ranks[columns].assign(rank=ranks[chosen])


def _compared(both: pd.DataFrame) -> list[dict[str, Any]]:
    """Means and interval of NDCG over all rows, by history, and by domain."""
    from linkspan.gnn.metrics import figures_by_list, paired_interval

    parts = [("all", both)]
    for title, known in (("with history", True), ("without history", False)):
        parts.append((title, both[both["history"] == known]))
    parts += [(str(name), part) for name, part in both.groupby("domain")]
    rows = []
    for title, part in parts:
        if not len(part):
            continue
        one, other = (
            figures_by_list(part, column, 10)["ndcg"].to_numpy()
            for column in ("rank", "rank_other")
        )
        low, high = paired_interval(one, other)
        means = {"one": float(one.mean()), "other": float(other.mean())}
        gain = means["one"] - means["other"]
        rows.append({"part": title, "rows": len(part), **means, "gain": gain, "low": low,
                     "high": high})  # fmt: skip
    return rows


@resumable()
def _evaluate_transfer(
    pipeline: Pipeline,
    name: str | None,
    domains: list[str] | None,
    methods: list[str],
    markdown: Path | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Make the transfer report of a run, and write it where it is wanted."""
    refuse_private(pipeline.settings, "a transfer report")
    for file in (markdown, html):
        if file is not None and not file.absolute().parent.is_dir():  # hours of training wait
            raise ConfigError(f"{file} cannot be written: there is no such folder")
    listed = domains or methods
    if name and listed and name not in {run.id for run in pipeline.workspace.runs()}:
        raise ConfigError(
            f"there is no run {name!r}",
            hint=f"Several names stand with commas between them: {','.join([*listed, name])}",
        )
    trained, taken = find_run(pipeline, name)
    console = err if as_json else out
    report = report_transfer(pipeline, taken, trained, domains, methods, console.print)
    if markdown is not None:
        _write(markdown, transfer_page.as_markdown(report))
    if html is not None:
        about = _about(trained, report["protocol"])
        _write(html, transfer_page.as_html(report, about))
    if as_json:
        return show_json(report)
    for part in transfer_page.show_report(report):
        out.print(part)
    return None


def _names(text: str | None) -> list[str]:
    """Names that stand between commas."""
    return [name for each in text.split(",") if (name := each.strip())] if text else []


def _about(run: RunFolder, protocol: str) -> dict[str, str]:
    about = run.read("run")
    return {
        "run": run.id,
        "made": about["created"],
        "version": about["version"],
        "protocol": protocol,
        "snapshot": about["fingerprint"][:12],
        "settings": ", ".join(
            f"{part}.{key} {value}"
            for part, keys in about["settings"].items()
            for key, value in keys.items()
        ),
    }


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error

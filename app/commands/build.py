"""Commands that build: from files to the graph, to a model, to published recommendations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from linkspan.adapting import adapt_run
from linkspan.commands.feedback import as_figures, show_acceptance
from linkspan.commands.options import Config, Json, RunId, Uri, build_pipeline, find_run, resumable
from linkspan.console import (
    out,
    show_gone,
    show_ingest,
    show_json,
)
from linkspan.demo import run_demo, show_evaluation
from linkspan.errors import ConfigError
from linkspan.figures import records
from linkspan.graph.asking.client import Client
from linkspan.graph.publishing.publish import rollback as roll_back
from linkspan.opening import shared_out
from linkspan.refreshing import refresh as refresh_lists
from linkspan.settings import demo_settings, load_settings
from linkspan.settings_schema import build_schema, settings_page
from linkspan.training import distil_run

app = typer.Typer()


@app.command()
def demo(
    folder: Annotated[
        Path, typer.Option("--folder", help="Where the demo keeps its files.")
    ] = Path(),
    uri: Uri = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the training.")] = None,
    as_json: Json = False,
) -> None:
    """Run the whole job on bundled data: real books and readers in eight domains."""
    settings = demo_settings(folder, database__uri=uri, train__learning__seed=seed)
    result = run_demo(build_pipeline(settings, as_json), quiet=as_json)
    if as_json:
        show_json(result)


@app.command()
@resumable()
def run(config: Config = None, uri: Uri = None, as_json: Json = False) -> None:
    """Do all stages on your mapping: ingest, snapshot, embed, train, evaluate, score, publish."""
    pipeline = build_pipeline(load_settings(config, database__uri=uri), as_json)
    with shared_out(pipeline.settings), pipeline.open_database(create=True) as database:
        trained, taken, evaluation = pipeline.run(database)
    if as_json:
        figures = [] if evaluation is None else records(evaluation.table())
        return show_json({"run": trained.id, "evaluation": figures})
    if evaluation is None:
        return out.print(f"Run {trained.id} is published; nothing was held out to measure it.")
    show_evaluation(evaluation, taken)
    return out.print("\nNext: linkspan recommend USER, or linkspan explore for a page to look at.")


@app.command()
@resumable()
def ingest(
    config: Config = None,
    uri: Uri = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the rows up to a wrong one; write nothing.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Read unchanged files again, and let their events replace later ones."
        ),
    ] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove from the graph what has gone from the files."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it without asking.")] = False,
    bulk: Annotated[
        bool,
        typer.Option(
            "--bulk", help="Fill an empty database by its own importer, past its transactions."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Load the mapping's files into the graph."""
    for flag, given in (("--force", force), ("--prune", prune)):
        if bulk and given:
            what = "--bulk fills an empty database, where there is nothing to replace or to remove"
            raise ConfigError(what, hint=f"Leave '{flag}' out")
    if prune and as_json and not (yes or dry_run):
        raise ConfigError("--prune asks before it removes, and --json cannot", hint="Add --yes")
    pipeline = build_pipeline(load_settings(config, database__uri=uri), as_json)
    pruning = None
    with pipeline.open_database(create=True) as database:
        report = pipeline.ingest(database, dry_run=dry_run, force=force, bulk=bulk)
        if not as_json:
            show_ingest(report)
            if report.next_step:
                out.print(f"\n{report.next_step}", markup=False, soft_wrap=True)
        if prune:
            pruning = pipeline.find_gone(database)
            if not as_json:
                show_gone(pruning)
            empty = not (pruning.gone or pruning.files)
            if not (dry_run or empty) and (yes or typer.confirm("Remove all this?", abort=True)):
                pipeline.prune(database, pruning)
    if as_json:
        found = {} if pruning is None else {"pruned": pruning.as_dict()}
        show_json({**report.as_dict(), **found})


@app.command()
def schema(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="All settings with their defaults, to read.")
    ] = False,
) -> None:
    """Print the JSON Schema of linkspan.toml, for editors."""
    out.print(settings_page(), markup=False) if markdown else show_json(build_schema())


@app.command()
def snapshot(config: Config = None, uri: Uri = None, as_json: Json = False) -> None:
    """Read the graph once into arrays, for training."""
    settings = load_settings(config, database__uri=uri)
    settings.roles()  # what is wrong with them is told before a server starts
    pipeline = build_pipeline(settings, as_json)
    with pipeline.open_database() as database:
        taken = pipeline.snapshot(database)
    if as_json:
        show_json({"fingerprint": taken.fingerprint(), "rows": taken.counts()})


@app.command()
def embed(config: Config = None, as_json: Json = False) -> None:
    """Turn the texts of the snapshot into vectors; known texts come from the cache."""
    pipeline = build_pipeline(load_settings(config), as_json)
    vectors = pipeline.embed(pipeline.workspace.load_snapshot())
    if as_json:
        show_json({name: list(array.shape) for name, array in vectors.items()})


@app.command()
@resumable()
def train(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]", help="With --distil: the run to learn from. [default: the latest]"
        ),
    ] = None,
    config: Config = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the training.")] = None,
    split: Annotated[
        str | None,
        typer.Option(help="What is held out: last-out, last-out-per-domain, time, random, ..."),
    ] = None,
    refit: Annotated[
        bool,
        typer.Option(
            "--refit/--no-refit",
            help="Fit a model of all events too, which is published; without, the run is there to "
            "be measured, and 'linkspan publish' fits it.",
        ),
    ] = True,
    distil: Annotated[
        bool,
        typer.Option(
            "--distil",
            help="Train a network of half the width and one hop that learns from a run how it "
            "ranks: faster, and nearly as good. Settings, graph and split are those of the run.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a model on the latest snapshot; or, with --distil, a smaller one from a run."""
    if name is not None and not distil:
        raise ConfigError(f"there is nothing to do with run '{name}'", hint="Add --distil")
    if split is not None and distil:
        raise ConfigError(
            "--distil holds out what the run did that is learned from", hint="Leave --split out"
        )
    settings = load_settings(config, train__learning__seed=seed, split__protocol=split)
    pipeline = build_pipeline(settings, as_json)
    if distil:
        trained = distil_run(pipeline, name, seed=seed, refit=refit)
    else:
        taken = pipeline.workspace.load_snapshot()
        with shared_out(settings):
            trained = pipeline.train(taken, pipeline.embed(taken), refit=refit)
    if as_json:
        return show_json({"run": trained.id})
    return out.print(
        f"Run {trained.id}: 'linkspan evaluate' measures it, with --transfer what each\ndomain "
        "gains from the others; 'linkspan publish' publishes it."
    )


@app.command()
def adapt(
    domain: Annotated[str, typer.Argument(help="The new domain.", show_default=False)],
    name: Annotated[
        str | None, typer.Option("--run", help="The run to adapt. [default: the latest]")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Steps, of 4,096 events each.")] = 20,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Learn a domain that a run does not know, on the latest snapshot; all else stays as it is.

    After 'linkspan ingest' of the domain, 'linkspan snapshot' takes one.

    The result is a run to evaluate and publish as any other.
    """
    pipeline = build_pipeline(load_settings(config), as_json)
    base = pipeline.workspace.run(name)
    adapted = adapt_run(pipeline, pipeline.workspace.load_snapshot(), base, domain, steps)
    if as_json:
        return show_json({"run": adapted.id})
    return out.print(
        f"Run {adapted.id}: 'linkspan evaluate' measures it on {domain}, 'linkspan publish' "
        "publishes it"
    )


@app.command()
@resumable()
def publish(
    name: RunId = None,
    k: Annotated[int | None, typer.Option("-k", help="Recommendations a user and domain.")] = None,
    domain: Annotated[
        list[str] | None, typer.Option(help="Only in this domain; may be given several times.")
    ] = None,
    user: Annotated[
        list[str] | None, typer.Option(help="Only to this user; may be given several times.")
    ] = None,
    config: Config = None,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Write a run's lists into the graph; every reader sees the old list or the new one, whole.

    Rules, variety and more are in [publish] of the mapping.
    """
    flags = {
        "publish__k": k,
        "publish__domains": domain or None,
        "publish__users": user or None,
    }
    pipeline = build_pipeline(load_settings(config, database__uri=uri, **flags), as_json)
    trained, taken = find_run(pipeline, name)
    with pipeline.open_database() as database:
        pipeline.publish(database, taken, trained)
    if as_json:
        show_json({"run": trained.id})


@app.command()
def refresh(
    epochs: Annotated[
        int, typer.Option("--epochs", min=0, help="Train further, so many passes over all events.")
    ] = 0,
    config: Config = None,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Make new lists for those whom new events, users and items concern, without training."""
    settings = load_settings(config, database__uri=uri)
    settings.roles()
    pipeline = build_pipeline(settings, as_json)
    with pipeline.open_database() as database:
        done = refresh_lists(pipeline, database, epochs)
        rows = Client(database).acceptance()
    if as_json:
        return show_json({**done.as_dict(), "acceptance": [as_figures(row) for row in rows]})
    if done.run is None:
        out.print("No list has to change.")
    if rows:
        show_acceptance(rows, as_json=False)
    return None


@app.command()
def rollback(config: Config = None, uri: Uri = None, as_json: Json = False) -> None:
    """Bring the lists of the run before back."""
    settings = load_settings(config, database__uri=uri)
    with settings.open_database() as database:
        before, now = roll_back(database)
    if as_json:
        return show_json({"from": before, "to": now})
    out.print(f"Run {now} is read again; {before} is superseded.")

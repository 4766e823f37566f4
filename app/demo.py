"""Output of the demo: the stages, a table of the evaluation, and one reader's recommendations."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pandas as pd

from linkspan import cypher
from linkspan.console import out, table
from linkspan.figures import records
from linkspan.graph.asking.client import Client
from linkspan.graph.asking.results import Path, Recommendation, Results
from linkspan.graph.connecting.connection import Database
from linkspan.graph.connecting.embedded import DATABASE
from linkspan.graph.snapshot import Snapshot
from linkspan.pipeline import Pipeline
from linkspan.stages import Stage

if TYPE_CHECKING:
    from linkspan.gnn import Evaluation

_READERS_TRIED = 40
_PLAIN = ("User", "Text")
"""Kinds of paths that show little of a graph."""


def run_demo(pipeline: Pipeline, quiet: bool) -> dict[str, Any]:
    """Run all stages on the bundled data and tell one reader's story.

    Args:
        pipeline: Over the bundled mapping.
        quiet: Whether to print nothing.

    Returns:
        Run id, figures of the evaluation, seconds a stage, and the reader's recommendations.
    """
    started, seconds = perf_counter(), {}
    show = pipeline.report

    def report(stage: Stage) -> None:
        seconds[stage.name] = round(stage.seconds, 1)
        show(stage)

    pipeline.report = report
    with pipeline.open_database(create=True) as database:
        run, snapshot, evaluation = pipeline.run(database)
        assert evaluation is not None, "the bundled data has events to hold out"
        if not quiet:
            _show_total(perf_counter() - started)
            show_evaluation(evaluation, snapshot)
        client = Client(database)
        reader, found, paths = _pick_reader(client, pd.read_parquet(run.lists))
        if not quiet:
            _show_reader(client, reader, found, paths)
            show_query(reader, found[0].domain)
            uri = pipeline.settings.database.uri
            out.print("\n[bold]Look at the graph now[/]")
            out.print(f"  linkspan explore --config demo --uri {uri}", markup=False)
            out.print("  opens a page; or in the server's own browser:")
            for line in how_to_look(database, uri, reader):
                out.print(f"  {line}", markup=False)
    return {
        "run": run.id,
        "seconds": {**seconds, "total": round(perf_counter() - started, 1)},
        "evaluation": records(evaluation.table()),
        "reader": reader,
        "recommended": [
            {"item": row, "paths": path} for row, path in zip(found, paths, strict=True)
        ],
    }


def show_evaluation(evaluation: Evaluation, snapshot: Snapshot) -> None:
    """A line per domain, the model beside popularity, in percent."""
    by_domain = snapshot.items["domain"]
    events = snapshot.events()
    users = events.groupby(by_domain.to_numpy()[events["item"]])["user"].nunique()
    best = evaluation.methods[0]
    figures = {
        (row["method"], row["segment"], row["domain"]): row
        for row in evaluation.table().to_dict("records")
    }
    shown = table(
        "domain", ">users", ">items", ">rows", ">HR@10", ">NDCG@10", ">pop. HR", ">pop. NDCG",
        title="\nHeld-out events, each ranked among all items of its domain (in percent)",
    )  # fmt: skip
    # A domain may have no events, and a split may hold none out of one.
    measured = [name for name in snapshot.domains if (best, "domain", name) in figures]
    lines = [("domain", name, f"{users.get(name, 0):,}") for name in measured]
    for segment, domain, readers in [
        *lines,
        ("macro", "", ""),
        ("all", "", f"{len(snapshot.users):,}"),
    ]:
        model = figures[best, segment, domain]
        popularity = figures["popularity", segment, domain]
        items = (by_domain == domain).sum() if domain else len(by_domain)
        shown.add_row(
            domain or ("mean of domains" if segment == "macro" else "all rows"), readers,
            f"{items:,}", f"{model['rows']:,.0f}",
            *(f"{100 * row[name]:.1f}" for row in (model, popularity) for name in ("hr", "ndcg")),
            style="bold" if not domain else "",
        )  # fmt: skip
    out.print(shown)


def _pick_reader(
    client: Client, lists: pd.DataFrame
) -> tuple[str, Results[Recommendation], list[Path | None]]:
    """A reader with a short shelf and a domain that is new to them, and why each book fits.

    Among readers with a past in one or two domains, those come first whose list in a new domain
    owes most to the model; the first is taken whose every recommendation has a path.
    """
    past = client.database.read(cypher.load("short_histories"), least=4, most=8, domains=2)
    shelves = {row["user"]: set(row["domains"]) for row in past}
    lists = lists[lists["user"].isin(shelves.keys())]
    new = [d not in shelves[u] for u, d in zip(lists["user"], lists["domain"], strict=True)]
    strength = lists[new].groupby(["user", "domain"])["score"].mean().sort_values(ascending=False)
    best: tuple[str, Results[Recommendation], list[Path | None]] | None = None
    for user, domain in strength.index[:_READERS_TRIED]:
        found = client.recommend(user, domain, 5)
        paths = [_most_telling(client.explain(user, row.item).paths) for row in found]
        entities = sum(path is not None and path.kind not in _PLAIN for path in paths)
        if best is None or (all(paths) and entities >= 3):
            best = user, found, paths
            if all(paths) and entities >= 3:
                break
    assert best is not None, "the bundled data has such readers"
    return best


def _most_telling(paths: Sequence[Path]) -> Path | None:
    """The strongest path over an entity or a relation; else over fellow users, else by text."""
    return min(paths, key=lambda path: (path.kind in _PLAIN, path.kind == "Text"), default=None)


def _show_total(seconds: float) -> None:
    out.print(f"[bold]{'total':<9}[/]{seconds:>6.1f} s  peak memory {_peak_memory():.1f} GB")


def _peak_memory() -> float:
    """Largest resident size of this process so far, in GB; the server is another process."""
    import resource  # not on Windows, where the command line says what it needs

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e6)


def _show_reader(
    client: Client, reader: str, found: Results[Recommendation], paths: list[Path | None]
) -> None:
    shelf = client.history(reader, k=20)
    out.print(f"\n[bold]Reader {reader} has on the shelf[/]")
    for domain in sorted({row.domain for row in shelf}):
        titles = [row.title or row.item for row in shelf if row.domain == domain]
        out.print(f"  [dim]{domain}[/]")
        for title in titles:
            out.print(f"    {title}", markup=False)
    out.print(f"\n[bold]and nothing from {found[0].domain}. Linkspan recommends there[/]")
    for row, path in zip(found, paths, strict=True):
        out.print(f"  {row.rank} {row.title or row.item}", markup=False)
        if path is not None:
            out.print(f"    {_drawn(path)}", style="dim", markup=False)


def _drawn(path: Path) -> str:
    """A path on one line, such as ``Dune -TAGGED- space-opera (9 items)``."""
    past = _short(path.past_title or path.past)
    if path.kind == "User":
        return f"{past} <-{path.how}- {path.by} -{path.how}-> this"
    if path.kind == "Item":
        return f"{past} -{path.how}- this"
    if path.kind == "Text":
        return f"{past}: the texts are alike"
    return f"{past} -{path.how}-> {path.by} ({path.kind}, {path.ties} items) <- this"


def _short(title: str, width: int = 30) -> str:
    return title if len(title) <= width else title[: width - 1] + "…"


def show_query(reader: str, domain: str) -> None:
    """The query for a reader's list in a domain, to be pasted anywhere."""
    text = cypher.write_in(cypher.load("recommend"), {"user": reader, "domain": domain, "k": 5})
    out.print("\n[bold]The Cypher that produced it[/]")
    for line in text.splitlines():
        if not line.startswith("//"):
            out.print(f"  {line}", markup=False, emoji=False)


def how_to_look(database: Database, uri: str, reader: str) -> list[str]:
    """Steps to see the reader's graph in the browser of the database."""
    server = database.embedded
    if server is None:
        return [
            f"linkspan browser --user {reader} --uri {uri}",
            "then open Neo4j Browser (port 7474 of the server), drop both files on it,",
            "and run the saved queries '1 Start here' and '2 as_graph'",
        ]
    return [
        f"linkspan up --uri {uri}",
        f"then open {server.http_url}: user {server.user},",
        f"password in {os.path.relpath(server.folder / 'password')}, database {DATABASE},",
        "language Cypher, and paste there what this prints:",
        f"linkspan query as_graph --param user={reader} --print",
    ]

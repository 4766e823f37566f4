"""Recommendations by a history, for visitors whom the graph does not have, by a run's model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from linkspan import gnn
from linkspan.errors import ArgumentError
from linkspan.graph.asking.results import Recommendation, Results
from linkspan.graph.connecting.connection import Database
from linkspan.loading import LoadedRun, load_run, some_of
from linkspan.settings import Settings


class VisitorModel:
    """Recommends by any history, as the lists of a run were made; safe to share between threads.

    Args:
        run: Its published domains are asked where none is named.
    """

    def __init__(self, run: LoadedRun) -> None:
        self._run, self._ranker = run, run.ranker

    def recommend(
        self, history: Sequence[str], domain: str | None, k: int
    ) -> Results[Recommendation]:
        """The best items, as `linkspan.graph.asking.visitors.Recommender` says."""
        run = self._run
        unknown = [key for key in dict.fromkeys(history) if key not in run.item_rows]
        if unknown:
            raise ArgumentError(
                f"the model of run {run.id} has no item {some_of(map(repr, unknown))}",
                hint="The key of an item is domain/id; leave out what is newer than the run",
            )
        if domain is not None:
            run.check_domain(domain)
        rows = np.array([run.item_rows[key] for key in history], np.int64)
        visitor = self._ranker.for_visitor(rows)
        found = [
            row
            for each in ([domain] if domain else run.domains)
            for row in self._list(visitor, each, k)
        ]
        found.sort(key=lambda row: (row.rank, -row.score, row.item))
        return Results(found[:k], Recommendation)

    def _list(self, visitor: gnn.Ranker, domain: str, k: int) -> Iterator[Recommendation]:
        run = self._run
        for row in visitor.lists(np.zeros(1, np.int64), domain, k).to_dict("records"):
            past = row["because"]
            yield Recommendation(
                item=run.key(row["item"], domain),
                title=run.title(row["item"]),
                domain=domain,
                rank=row["rank"],
                score=row["score"],
                because=run.title(past),
                because_item=None if past < 0 else run.key(past),
                run=run.id,
                **{name: row[name] for name in gnn.PARTS},
            )


def open_visitors(
    database: Database, settings: Settings, folder: str | Path | None = None
) -> VisitorModel:
    """Load the model of a run to recommend by histories; arguments and errors of `load_run`."""
    run = load_run(database, settings, folder)
    model = VisitorModel(run)
    first = run.fitted.snapshot.items["key"].tolist()[:1]
    model.recommend(first, None, 1)  # makes what is made once
    return model

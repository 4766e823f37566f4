"""Recommendations by a history, for visitors whom the graph does not have, by a run's model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from linkspan import gnn
from linkspan.errors import ArgumentError, ModelError
from linkspan.graph.asking.results import Recommendation, Results
from linkspan.graph.connecting.connection import Database
from linkspan.graph.snapshot.identities import all_keys
from linkspan.opening import find_active, open_model
from linkspan.run_lists import build_choice, find_users
from linkspan.settings import Settings
from linkspan.workspace import RunFolder, Workspace

if TYPE_CHECKING:
    from linkspan.gnn import Choice, FittedModel

_NAMED = 5


class VisitorModel:
    """Recommends by any history, as the lists of a run were made; safe to share between threads.

    Args:
        run: Id of the run.
        fitted: Its model.
        choice: The rules of ``[publish]``.
        domains: Those that are asked where none is named; None: all.
    """

    def __init__(
        self,
        run: str,
        fitted: FittedModel,
        choice: Choice,
        domains: Sequence[str] | None = None,
    ) -> None:
        self.run, self._ranker = run, gnn.Ranker(fitted, choice)
        snapshot = fitted.snapshot
        self._known = snapshot.domains
        self._domains = list(domains or self._known)
        keys = all_keys(snapshot, "item")
        self._rows = dict(zip(keys["key"], keys["row"].tolist(), strict=True))
        self._keys, self._titles = (snapshot.items[name].tolist() for name in ("key", "title"))
        own = snapshot.items["domain"].to_numpy()[keys["row"]]
        other = keys[keys["domain"] != own].drop_duplicates(["row", "domain"])
        places = zip(other["row"].tolist(), other["domain"], strict=True)
        self._elsewhere = dict(zip(places, other["key"], strict=True))

    def recommend(
        self, history: Sequence[str], domain: str | None, k: int
    ) -> Results[Recommendation]:
        """The best items, as `linkspan.graph.asking.visitors.Recommender` says."""
        unknown = [key for key in dict.fromkeys(history) if key not in self._rows]
        if unknown:
            named = ", ".join(map(repr, unknown[:_NAMED]))
            more = f" and {len(unknown) - _NAMED:,} others" if len(unknown) > _NAMED else ""
            raise ArgumentError(
                f"the model of run {self.run} has no item {named}{more}",
                hint="The key of an item is domain/id; leave out what is newer than the run",
            )
        if domain is not None and domain not in self._known:
            raise ArgumentError(
                f"the model of run {self.run} has no domain {domain!r}",
                hint=f"It has {', '.join(self._known)}",
            )
        rows = np.array([self._rows[key] for key in history], np.int64)
        visitor = self._ranker.for_visitor(rows)
        found = [
            row
            for each in ([domain] if domain else self._domains)
            for row in self._list(visitor, each, k)
        ]
        found.sort(key=lambda row: (row.rank, -row.score, row.item))
        return Results(found[:k], Recommendation)

    def _list(self, visitor: gnn.Ranker, domain: str, k: int) -> Iterator[Recommendation]:
        for row in visitor.lists(np.zeros(1, np.int64), domain, k).to_dict("records"):
            item, past = row["item"], row["because"]
            yield Recommendation(
                item=self._elsewhere.get((item, domain), self._keys[item]),
                title=self._titles[item] or None,
                domain=domain,
                rank=row["rank"],
                score=row["score"],
                because=None if past < 0 else self._titles[past] or None,
                because_item=None if past < 0 else self._keys[past],
                run=self.run,
                **{name: row[name] for name in gnn.PARTS},
            )


def open_visitors(
    database: Database, settings: Settings, folder: str | Path | None = None
) -> VisitorModel:
    """Load the model of a run to recommend by histories.

    Args:
        database: The graph, which the rules of ``[publish]`` look at as it is now.
        settings: Whose workspace and rules count.
        folder: Of a run; None: that of the active run, or of its latest refresh.

    Raises:
        PublishError: No run is active.
        ModelError: The folder is no run's, its model or snapshot cannot be read, or the extra
            ``train`` is not installed.
        ConfigError: A rule of ``[publish]`` cannot be used, or names an unknown domain.
        DatabaseError: The server failed.
    """
    _check_installed()
    if folder is None:
        workspace = Workspace(settings.folder)
        run = find_active(database, workspace)[1][0]
    else:
        run, workspace = _run_in(Path(folder))
    snapshot = workspace.load_snapshot(run.read("run")["fingerprint"])
    wanted = settings.publish
    find_users(snapshot, wanted)
    choice, _ = build_choice(database, snapshot, wanted)
    model = VisitorModel(run.id, open_model(run, snapshot), choice, wanted.domains)
    model.recommend(snapshot.items["key"].tolist()[:1], None, 1)  # makes what is made once
    return model


def _check_installed() -> None:
    try:
        gnn.Ranker  # noqa: B018, loads torch
    except ImportError as error:
        raise ModelError(
            f"a model needs a package that is not installed ({error.name})",
            hint="Install it with: pip install 'linkspan[train]'",
        ) from error


def _run_in(folder: Path) -> tuple[RunFolder, Workspace]:
    """The run of a folder, and the workspace that it is in."""
    folder = folder.resolve()
    if not (folder / "run.json").exists():
        raise ModelError(
            f"there is no run in {folder}",
            hint="Give a folder such as .linkspan/runs/RUN, or True for the active run",
        )
    workspace = Workspace(folder.parent.parent)
    return workspace.run(folder.name), workspace

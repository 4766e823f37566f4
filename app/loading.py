"""A run loaded to be asked: its model, the rules of ``[publish]``, and the names of its items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from linkspan import gnn
from linkspan.errors import ArgumentError, ModelError
from linkspan.gnn.events.domains import rows_by_domain
from linkspan.graph.connecting.connection import Database
from linkspan.graph.snapshot.identities import all_keys
from linkspan.opening import check_installed, find_active, open_model
from linkspan.run_lists import build_choice, find_users
from linkspan.settings import Settings
from linkspan.workspace import RunFolder, Workspace

if TYPE_CHECKING:
    from linkspan.gnn import Choice, FittedModel

_NAMED = 5


class LoadedRun:
    """A run that answers questions; safe to share between threads.

    Attributes:
        folder: The run.
        id: Its id.
        fitted: Its model.
        ranker: Ranks by the rules.
        known_domains: Names of the domains that it knows.
        domains: Names of those that are published.
        user_rows: Key to row of each user, also of those that are one.
        item_rows: Likewise of each item.

    Args:
        folder: The run.
        fitted: Its model.
        choice: The rules of ``[publish]``.
        domains: Those that are published; None: all.
    """

    def __init__(
        self,
        folder: RunFolder,
        fitted: FittedModel,
        choice: Choice,
        domains: Sequence[str] | None = None,
    ) -> None:
        self.folder, self.id = folder, folder.id
        self.fitted, self.ranker = fitted, gnn.Ranker(fitted, choice)
        snapshot = fitted.snapshot
        self.known_domains = snapshot.domains
        self.domains = list(domains or self.known_domains)
        users, keys = all_keys(snapshot, "user"), all_keys(snapshot, "item")
        self.user_rows = dict(zip(users["key"], users["row"].tolist(), strict=True))
        self.item_rows = dict(zip(keys["key"], keys["row"].tolist(), strict=True))
        self._keys, self._titles = (snapshot.items[name].tolist() for name in ("key", "title"))
        own = snapshot.items["domain"].to_numpy()[keys["row"]]
        other = keys[keys["domain"] != own].drop_duplicates(["row", "domain"])
        places = zip(other["row"].tolist(), other["domain"], strict=True)
        self._elsewhere = dict(zip(places, other["key"], strict=True))

    @cached_property
    def rows_by_domain(self) -> dict[str, NDArray[np.int64]]:
        """Domain to the rows of its items, ascending."""
        return rows_by_domain(self.fitted.snapshot)

    def key(self, item: int, domain: str | None = None) -> str:
        """Key of an item row, in a domain where it has one there."""
        own: str = self._keys[item]
        return own if domain is None else self._elsewhere.get((item, domain), own)

    def title(self, item: int) -> str | None:
        """Title of an item row; None without one, and for -1."""
        return None if item < 0 else self._titles[item] or None

    def check_domain(self, domain: str) -> None:
        """See that the run has a domain.

        Raises:
            ArgumentError: It has not.
        """
        if domain not in self.known_domains:
            raise ArgumentError(
                f"the model of run {self.id} has no domain {domain!r}",
                hint=f"It has {some_of(self.known_domains)}",
            )


def some_of(names: Iterable[str]) -> str:
    """The first names, and how many others there are."""
    named = list(names)
    more = f" and {len(named) - _NAMED:,} others" if len(named) > _NAMED else ""
    return ", ".join(named[:_NAMED]) + more


def load_run(database: Database, settings: Settings, folder: str | Path | None = None) -> LoadedRun:
    """Load the model of a run to ask it.

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
    check_installed()
    if folder is None:
        workspace = Workspace(settings.folder)
        run = find_active(database, workspace)[1][0]
    else:
        run, workspace = _run_in(Path(folder))
    snapshot = workspace.load_snapshot(run.read("run")["fingerprint"])
    wanted = settings.publish
    find_users(snapshot, wanted)
    choice, _ = build_choice(database, snapshot, wanted)
    return LoadedRun(run, open_model(run, snapshot), choice, wanted.domains)


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

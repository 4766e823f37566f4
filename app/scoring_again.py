"""Completes an explanation with the model of its run: score, place, what past items are worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from linkspan.errors import ModelError
from linkspan.graph.asking.explanations import complete
from linkspan.graph.asking.results import Explanation, PastItem
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.identities import all_keys
from linkspan.workspace import Workspace

_MOST = 3


def score_again(found: Explanation, workspace: Workspace) -> Explanation:
    """The explanation with what the model of its run says, by the past that its snapshot holds.

    Args:
        found: What the database says.
        workspace: Where runs and snapshots are.

    Returns:
        With score, parts, place and the three past items without which the score falls most.

    Raises:
        ModelError: Nothing was published for the user, the files of the run are not here, or its
            snapshot lacks the user or the item.
    """
    from linkspan import gnn
    from linkspan.gnn.events.domains import rows_by_domain
    from linkspan.gnn.scores.components import Seen
    from linkspan.gnn.scores.hybrid import published
    from linkspan.gnn.scores.reasons import find_drops
    from linkspan.opening import open_model

    if found.run is None:
        raise ModelError(
            f"nothing was published for user {found.user!r}, so there is no model to ask"
        )
    folder = workspace.run(found.run)
    snapshot = workspace.load_snapshot(folder.read("run")["fingerprint"])
    user = _row(snapshot, "user", found.user, found.run)
    item = _row(snapshot, "item", found.item, found.run)
    fitted = open_model(folder, snapshot)
    users, mixture = np.array([user]), published(fitted)
    column = int(np.searchsorted(rows_by_domain(snapshot)[found.domain], item))
    scored = mixture.scored(users, found.domain)
    scores, parts = scored.all(), scored.parts(np.array([[column]]))
    own = float(scores[0, column])
    Seen(fitted, not_liked=True).hide(scores, users, found.domain)
    left = find_drops(mixture, users, found.domain, np.array([[item]]))
    drops = sorted(
        (
            (float(loss), int(row))
            for row, loss in zip(left.past[0], left.drops[0, 0], strict=True)
            if row >= 0 and loss > 0
        ),
        key=lambda pair: -pair[0],
    )
    met = bool(np.isneginf(scores[0, column]))
    return complete(
        replace(
            found,
            score=own,
            place=None if met else int((scores[0] > own).sum()) + 1,
            parts={name: float(parts[name][0, 0]) if name in parts else 0.0 for name in gnn.PARTS},
            past=[_past(snapshot, user, row, loss) for loss, row in drops[:_MOST]],
        )
    )


def _row(snapshot: Snapshot, role: str, key: str, run: str) -> int:
    keys = all_keys(snapshot, role)
    rows = keys.loc[keys["key"] == key, "row"]
    if rows.empty:
        raise ModelError(
            f"run {run} was trained before there was {role} {key!r}",
            hint="Leave out --model, or run 'linkspan run'",
        )
    return int(rows.iloc[0])


def _past(snapshot: Snapshot, user: int, row: int, loss: float) -> PastItem:
    item = snapshot.items.iloc[row]
    met = (
        name
        for name, frame in sorted(snapshot.interactions.items())
        if ((frame["user"] == user) & (frame["item"] == row)).any()
    )
    return PastItem(item["key"], item["title"] or None, item["domain"], next(met, None), loss)

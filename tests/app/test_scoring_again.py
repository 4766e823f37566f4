"""``linkspan explain --model``: what the model says must be what it published; no server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as File
from typing import Any

import numpy as np
import pytest

from linkspan import gnn
from linkspan.errors import ModelError
from linkspan.gnn.scores.hybrid import published
from linkspan.graph.asking.explanations import complete
from linkspan.graph.asking.results import Explanation, Path, Results
from linkspan.graph.snapshot import Snapshot
from linkspan.opening import open_model
from linkspan.scoring_again import score_again
from linkspan.workspace import Workspace

pytestmark = pytest.mark.usefixtures("trained_once")


@pytest.fixture
def trained(linkspan: Any, project: File, taken: Snapshot) -> tuple[Workspace, gnn.FittedModel]:
    """A workspace with one run, and its model."""
    answer = linkspan("train")
    assert answer.code == 0, answer.err
    workspace = Workspace(project / ".linkspan")
    return workspace, open_model(workspace.run(), taken)


def asked(workspace: Workspace, user: str, item: str) -> Explanation:
    """What the database says of an item in no list."""
    empty = Results[Path]([], Path)
    return complete(
        Explanation(
            user=user, item=item, title=None, domain=item.split("/", maxsplit=1)[0], met=None,
            said=None, rank=None, place=None, score=None, run=workspace.run().id, parts={}, past=[],
            paths=empty,
        )
    )  # fmt: skip


def test_a_list_is_scored_again_as_it_was_published(
    trained: tuple[Workspace, gnn.FittedModel], taken: Snapshot
) -> None:
    workspace, fitted = trained
    users = np.array([0, 7, 100])
    lists = gnn.score_top(fitted, 3, users=users)
    assert len(lists) == 3 * 2 * 3
    keys = taken.items["key"].to_numpy()
    for row in lists.itertuples():
        found = score_again(
            asked(workspace, taken.users["key"][row.user], keys[row.item]), workspace
        )
        assert found.place == row.rank and found.score == pytest.approx(row.score, abs=1e-5)
        assert found.parts == {
            name: pytest.approx(getattr(row, name), abs=1e-5) for name in gnn.PARTS
        }
        assert sum(found.parts.values()) == pytest.approx(found.score, abs=1e-5)
        assert found.past[0].item == keys[row.because]
        losses = [past.loss for past in found.past]
        assert 1 <= len(losses) <= 3 and losses == sorted(losses, reverse=True)  # type: ignore[type-var]
        assert min(losses) > 0  # type: ignore[type-var, operator]
        assert {past.met for past in found.past} == {"SAVED"}
        assert found.because.startswith("because you saved The ")
        assert f"it would be number {row.rank}" in found.words[0]
    met = taken.items["key"][fitted.events.loc[fitted.events["user"] == 7, "item"].iloc[0]]
    found = replace(asked(workspace, taken.users["key"][7], met), met="SAVED")
    found = score_again(found, workspace)
    assert found.place is None and found.score is not None and found.past
    assert found.words[0].endswith(": you saved it already")


def test_a_loss_is_what_the_score_falls_by_without_the_past_item(
    trained: tuple[Workspace, gnn.FittedModel], taken: Snapshot
) -> None:
    workspace, fitted = trained
    keys = taken.items["key"].to_numpy()
    item = int(gnn.score_top(fitted, 9, users=np.array([7]))["item"].iloc[8])
    found = score_again(asked(workspace, taken.users["key"][7], keys[item]), workspace)
    mine = fitted.events[fitted.events["user"] == 7]
    for past in found.past:
        left = mine[keys[mine["item"]] != past.item].assign(user=0)
        assert len(left) == len(mine) - 1
        other = published(fitted).over(left, np.array([7]))
        (score,) = gnn.score_pairs(fitted, np.array([0]), np.array([item]), other)
        assert past.loss == pytest.approx(found.score - score, abs=1e-4)  # type: ignore[operator]
    for change, told in (
        ({"run": None}, "nothing was published for user '7', so there is no model to ask"),
        ({"run": "gone"}, "there is no run 'gone'"),
        ({"user": "nobody"}, "was trained before there was user 'nobody'"),
        ({"item": "books/new"}, "was trained before there was item 'books/new'"),
    ):
        with pytest.raises(ModelError, match=told):
            score_again(replace(asked(workspace, "7", "books/2"), **change), workspace)

"""Parameters on a later reading of the graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from linkspan.gnn import TrainSettings, View, train_all, train_further
from linkspan.gnn.models.keys import NodeKeys
from linkspan.graph.snapshot import Snapshot

NEW, UNMET = 60, 7
"""Row of the item that is new; row of one that nobody has met at first."""


def without_events(snapshot: Snapshot, item: int) -> Snapshot:
    frame = snapshot.interactions["SAVED"]
    return replace(snapshot, interactions={"SAVED": frame[frame["item"] != item]})


def with_item(snapshot: Snapshot) -> Snapshot:
    """One more item of the first domain, so that all rows of the others move by one."""
    row = snapshot.items.iloc[NEW - 1].replace({"art/0059": "art/0060", "0059": "0060"})
    items = pd.concat(
        [snapshot.items[:NEW], row.to_frame().T, snapshot.items[NEW:]], ignore_index=True
    )
    assert items["key"].is_monotonic_increasing and items["key"].is_unique

    def moved(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
        changed = {name: (frame[name] + (frame[name] >= NEW)).astype(np.int32) for name in columns}
        return frame.assign(**changed)

    relations = {
        key: moved(frame, [n for n, kind in zip(("source", "target"), key[::2], strict=True)
                           if kind == "item"])
        for key, frame in snapshot.relations.items()
    }  # fmt: skip
    interactions = {"SAVED": moved(snapshot.interactions["SAVED"], ["item"])}
    return replace(snapshot, items=items, relations=relations, interactions=interactions)


@pytest.mark.parametrize("epochs", [0, 1])
def test_more_items_than_before_are_taken_in(
    planted: Snapshot,
    text_of: Callable[[Snapshot], dict[str, np.ndarray]],
    settings: TrainSettings,
    epochs: int,
) -> None:
    before = without_events(planted, UNMET)
    base = train_all(before, text_of(before), settings, epochs=2)
    later = with_item(before)
    event = later.interactions["SAVED"].iloc[[0]].assign(item=np.int32(UNMET), at=99)
    met = pd.concat([later.interactions["SAVED"], event], ignore_index=True)
    later = replace(later, interactions={"SAVED": met})
    fitted = base.learned.on(View.whole(later, text_of(later)))
    if epochs:
        fitted = train_further(fitted, epochs)
    assert fitted.item_states.shape[0] == len(later.items) and np.isfinite(fitted.prior).all()
    if epochs:
        return
    rows = np.delete(np.arange(len(later.items)), NEW)
    known = np.delete(np.arange(len(before.items)), UNMET)
    identity, first = (each.model.identity["item_nodes"].detach() for each in (fitted, base))
    assert np.array_equal(identity[rows][known], first[known])
    # What was learned of an item that nobody had met is how to be a negative: it begins anew.
    assert not identity[NEW].any() and not identity[UNMET].any()
    bias = fitted.model.bias.detach()
    least = base.model.bias.detach()[known][base.data["item"].count[known] <= 1]
    assert bias[UNMET] == bias[NEW] and bias[rows][known].equal(base.model.bias[known])
    assert len(least) == 0 or np.isclose(float(bias[NEW]), float(least.mean()))
    count = fitted.data["item"].count
    assert fitted.model.met.equal((count > 0).float()) and count[NEW] == 0 and count[UNMET] == 1


def _rows(before: Snapshot, after: Snapshot, kind: str) -> np.ndarray:
    """The row that each node had before."""
    return NodeKeys.of(before).rows_of(NodeKeys.of(after), kind)


def test_an_item_keeps_what_was_learned_of_it_under_another_key(planted: Snapshot) -> None:
    """One key is joined to a new, smaller one; two that were one are parted again."""
    first, second = planted.items["key"].iloc[:2]
    fewer = planted.items.drop(index=1).reset_index(drop=True)
    gone = pd.DataFrame({"row": np.array([0], np.int32), "key": second, "domain": "art"})
    joined = replace(planted, items=fewer, aliases={"item": gone})
    assert _rows(joined, planted, "item")[:3].tolist() == [0, 0, 1]
    assert _rows(planted, joined, "item")[:2].tolist() == [0, 2]
    renamed = fewer.assign(key=fewer["key"].replace(first, "a/0"))
    other = gone.assign(key=first)
    assert _rows(planted, replace(planted, items=renamed, aliases={"item": other}), "item")[0] == 0
    assert _rows(planted, replace(planted, items=renamed), "item")[0] == -1

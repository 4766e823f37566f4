"""The edges that a batch takes out of its messages, beside what all steps, one by one, say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linkspan.gnn import TrainSettings
from linkspan.gnn.events.domains import item_domains
from linkspan.gnn.events.transitions import NEXT, NEXT_INSIDE
from linkspan.gnn.tensors.adjacency import edges_of
from linkspan.gnn.tensors.hetero_data import build_hetero_data
from linkspan.gnn.tensors.masking import SupervisionMask
from linkspan.graph.snapshot import Snapshot

ITEMS = 8
PASTS = st.lists(
    st.lists(st.integers(0, ITEMS - 1), max_size=7, unique=True), min_size=1, max_size=5
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(PASTS.filter(lambda pasts: any(len(past) > 1 for past in pasts)), st.integers(1, 4))
def test_the_steps_into_out_of_and_over_an_event_are_cut(
    build: Callable[..., Snapshot], pasts: list[list[int]], window: int
) -> None:
    """Each step is found by the pairs of events that it joins, one by one."""
    snapshot = build({"a": [0] * (ITEMS // 2), "b": [0] * (ITEMS // 2)}, pasts)
    chosen = TrainSettings.of(transition_window=window)
    events, domains = snapshot.events(), item_domains(snapshot)
    data = build_hetero_data(snapshot, events, {}, chosen.model)
    mask = SupervisionMask(data, events, chosen)
    users, items = events["user"].to_numpy(), events["item"].to_numpy()
    for key in (NEXT, NEXT_INSIDE):
        edges = {pair: n for n, pair in enumerate(map(tuple, edges_of(data[key].adj).T.tolist()))}
        groups = users if key == NEXT else users * 2 + domains[items]
        expected: list[list[tuple[int, float]]] = [[] for _ in events.index]
        for group in np.unique(groups):
            own = np.flatnonzero(groups == group)
            for place, first in enumerate(own):
                for steps, last in enumerate(own[place + 1 : place + 1 + window]):
                    weight = float(np.float32(chosen.model.transition_decay**steps))
                    for over in own[place : place + 2 + steps]:
                        expected[over].append((edges[items[first], items[last]], weight))
        found, weights = mask._cuts[key].cut(torch.arange(len(events)))
        for row, (numbers, sizes) in enumerate(zip(found.tolist(), weights.tolist(), strict=True)):
            there = [pair for pair in zip(numbers, sizes, strict=True) if pair[0] >= 0]
            assert sorted(there) == sorted(expected[row])


def test_a_mask_takes_little_beside_the_edges(planted: Snapshot) -> None:
    """An event may stand in twenty steps of each kind; what is kept of it are twelve numbers."""
    events = planted.events()
    data = build_hetero_data(planted, events, {}, TrainSettings.of().model)
    mask = SupervisionMask(data, events, TrainSettings.of())
    assert mask.nbytes <= len(events) * 4 * (5 + 5 + 1 + 1)

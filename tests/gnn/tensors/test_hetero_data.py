from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch_geometric.data import HeteroData

from linkspan.errors import ModelError
from linkspan.gnn import Split, TrainSettings, last_out
from linkspan.gnn.events.domains import item_domains
from linkspan.gnn.events.transitions import NEXT, NEXT_INSIDE, all_transitions, transitions
from linkspan.gnn.tensors.adjacency import (
    Adjacency,
    adjacencies,
    build_adjacency,
    edges_of,
    weighted_sum,
)
from linkspan.gnn.tensors.hetero_data import build_hetero_data, check_no_leak
from linkspan.gnn.tensors.masking import SupervisionMask
from linkspan.graph.snapshot import Snapshot

SETTINGS = TrainSettings.of(encoder="hash")
Built = tuple[HeteroData, pd.DataFrame, pd.DataFrame]


def held_out_of(snapshot: Snapshot, split: Split) -> pd.DataFrame:
    return snapshot.events().iloc[np.concatenate([split.validation, split.test])]


@pytest.fixture(params=[True, False], ids=["timed", "sets"])
def built(request: pytest.FixtureRequest, plant: Callable[..., Snapshot]) -> Built:
    snapshot = plant(users=60, timed=request.param)
    split = last_out(snapshot)
    events, held_out = snapshot.events().iloc[split.train], held_out_of(snapshot, split)
    return build_hetero_data(snapshot, events, {}, SETTINGS.model, held_out), events, held_out


def add_edge(data: HeteroData, key: tuple[str, str, str], source: int, target: int) -> None:
    """In this type alone, and not in its reverse."""
    store, edges, weights = data[key], torch.tensor([[source], [target]]), torch.ones(1)
    if "adj" in store:
        edges = torch.cat([edges_of(store.adj), edges], dim=1)
        weights = torch.cat([store.adj.values(), weights])
        if "edge_weight" in store:
            weights[:-1] = store.edge_weight
    shape = data[key[2]].num_nodes, data[key[0]].num_nodes
    store.adj_t, store.adj = build_adjacency(edges[1], edges[0], weights, shape)
    store.edge_weight = store.adj.values()


def test_every_relation_is_there_forward_and_reverse(planted: Snapshot) -> None:
    data = build_hetero_data(planted, planted.events(), {}, SETTINGS.model)
    forward = [("user", "SAVED", "item"), NEXT, NEXT_INSIDE, *planted.relations]
    assert set(data.edge_types) == {*forward, *((t, f"rev_{name}", s) for s, name, t in forward)}
    for source, name, target in forward:
        there, back = data[source, name, target], data[target, f"rev_{name}", source]
        pairs = set(map(tuple, edges_of(there.adj).T.tolist()))
        assert pairs == set(map(tuple, edges_of(back.adj).flip(0).T.tolist()))
        assert len(pairs) == len(there.edge_weight) == len(back.adj_t.values())
    makers = planted.relations["item", "MADE_BY", "Maker"]
    assert edges_of(data["item", "MADE_BY", "Maker"].adj).tolist() == [
        makers["source"].tolist(),
        makers["target"].tolist(),
    ]


def test_transitions_by_hand(build: Callable[..., Snapshot]) -> None:
    snapshot = build({"a": [0] * 5}, [[0, 1, 2], [0, 1], [3]])
    moves = transitions(snapshot.events(), window=2, decay=0.5)
    summed = moves.groupby(["source", "target"])["weight"].sum().to_dict()
    assert summed == {(0, 1): 2.0, (1, 2): 1.0, (0, 2): 0.5}
    data = build_hetero_data(snapshot, snapshot.events(), {}, SETTINGS.model)
    found = zip(edges_of(data[NEXT].adj).T.tolist(), data[NEXT].edge_weight.tolist(), strict=True)
    assert {tuple(pair): weight for pair, weight in found} == pytest.approx(
        {(0, 1): 2.0, (0, 2): 0.7, (1, 2): 1.0}
    )
    assert data["item"].count.tolist() == [2, 2, 1, 1, 0]


def test_transitions_within_domains_skip_the_others(build: Callable[..., Snapshot]) -> None:
    """Items 0 to 2 are of one domain, 3 to 5 of the other."""
    snapshot = build({"a": [0] * 3, "b": [0] * 3}, [[0, 3, 1, 4, 2], [5, 0]])
    steps = all_transitions(
        snapshot.events(),
        item_domains(snapshot),
        SETTINGS.changed(transition_window=1).model,
    )
    pairs = {key: set(zip(*each.tocoo().coords, strict=True)) for key, each in steps}
    assert pairs == {
        NEXT: {(0, 3), (3, 1), (1, 4), (4, 2), (5, 0)},
        NEXT_INSIDE: {(0, 1), (1, 2), (3, 4)},
    }


def test_histories_that_are_sets_have_no_transitions(build: Callable[..., Snapshot]) -> None:
    snapshot = build({"a": [0] * 4}, [[0, 1, 2], [1, 0], [3]], timed=False)
    data = build_hetero_data(snapshot, snapshot.events(), {}, SETTINGS.model)
    assert NEXT not in data.edge_types


def test_what_was_built_from_training_events_passes(built: Built) -> None:
    check_no_leak(*built, SETTINGS.model)


@pytest.mark.parametrize("name", ["SAVED", "rev_SAVED", "VIEWED", "rev_VIEWED"])
def test_a_held_out_edge_its_reverse_and_a_parallel_type_are_found(built: Built, name: str) -> None:
    data, _, held_out = built
    user, item = held_out.iloc[5][["user", "item"]].astype(int)
    if name.startswith("rev_"):
        add_edge(data, ("item", name, "user"), item, user)
    else:
        add_edge(data, ("user", name, "item"), user, item)
    with pytest.raises(ModelError, match=f"leak: .* joined by '{name}'"):
        check_no_leak(*built, SETTINGS.model)


def test_a_held_out_event_in_a_count_is_found(built: Built) -> None:
    data, _, held_out = built
    data["item"].count[int(held_out["item"].iloc[0])] += 1
    with pytest.raises(ModelError, match="leak: the popularity"):
        check_no_leak(*built, SETTINGS.model)


def test_a_held_out_event_in_the_transitions_is_found(built: Built) -> None:
    data, events, held_out = built
    if NEXT not in data.edge_types:
        pytest.skip("histories are sets")
    add_edge(data, NEXT, int(events["item"].iloc[0]), int(held_out["item"].iloc[0]))
    with pytest.raises(ModelError, match="leak: item transitions"):
        check_no_leak(*built, SETTINGS.model)


def test_many_steps_between_the_same_items_are_no_leak(planted: Snapshot) -> None:
    """Serials and songs on repeat: an edge that sums so many events is rounded."""
    events = pd.DataFrame({"user": 0, "item": np.zeros(300_000, np.int64), "type": "SAVED"})
    nothing = planted.events().iloc[:0]
    build_hetero_data(planted, events, {}, SETTINGS.model, nothing)


def test_building_from_held_out_events_is_refused(planted: Snapshot) -> None:
    split = last_out(planted)
    events = planted.events()
    with pytest.raises(ModelError, match="leak: a held-out event is among"):
        build_hetero_data(planted, events, {}, SETTINGS.model, held_out_of(planted, split))


def test_a_relation_parallel_to_the_interactions_loses_held_out_pairs(planted: Snapshot) -> None:
    split = last_out(planted)
    events = planted.events()
    table = events[["user", "item", "weight"]].rename(columns={"user": "source", "item": "target"})
    turned = table.rename(columns={"source": "target", "target": "source"})
    snapshot = replace(
        planted,
        relations={("user", "WISHED", "item"): table, ("item", "WISHED_BY", "user"): turned},
    )
    known, held_out = events.iloc[split.train], held_out_of(planted, split)
    data = build_hetero_data(snapshot, known, {}, SETTINGS.model, held_out)
    for key in (("user", "WISHED", "item"), ("item", "WISHED_BY", "user")):
        assert len(data[key].adj.values()) == len(events) - len(held_out)


def test_the_weighted_sum_and_its_gradients_equal_the_dense_ones(planted: Snapshot) -> None:
    data = build_hetero_data(planted, planted.events(), {}, SETTINGS.model)
    for key, adjacency in adjacencies(data).items():
        dense = adjacency.adj_t.to_dense()
        assert torch.equal(dense.T, adjacency.adj.to_dense()), key
        if key[1].startswith("rev_"):
            continue
        store = data[key]
        edges, weight = edges_of(store.adj), store.edge_weight
        assert torch.equal(edges[:, store.order_t.long()].flip(0), edges_of(store.adj_t))
        into = weight[edges[1] == edges[1, 3]].sum()
        out = weight[edges[0] == edges[0, 3]].sum()
        assert dense[edges[1, 3], edges[0, 3]] == pytest.approx(
            float(weight[3] / (into * out) ** 0.5), rel=1e-5
        )
    keys = [NEXT, NEXT_INSIDE, ("item", f"rev_{NEXT[1]}", "item")]
    double = [Adjacency(*(matrix.double() for matrix in adjacencies(data)[key])) for key in keys]
    x = torch.randn(3, 180, 2, dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([0.5, -2.0, 0.0], dtype=torch.float64, requires_grad=True)
    expected = sum(
        weight * (each.adj_t.to_dense() @ states)
        for weight, each, states in zip(weights, double, x, strict=True)
    )
    assert torch.allclose(weighted_sum(double, weights, list(x)), expected)
    assert torch.autograd.gradcheck(lambda w, x: weighted_sum(double, w, list(x)), (weights, x))


@pytest.mark.parametrize("width", [8, 19, 24])
def test_a_sum_by_slices_of_columns_is_the_whole_one(
    planted: Snapshot, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    data = build_hetero_data(planted, planted.events(), {}, SETTINGS.model)
    keys = [NEXT, NEXT_INSIDE, ("user", "SAVED", "item")]
    matrices = [adjacencies(data)[key] for key in keys]
    torch.manual_seed(0)
    items, users = torch.randn(180, width), torch.randn(240, width)
    aim = torch.randn(180, width)

    def sums_and_slopes(cached: int) -> list[torch.Tensor]:
        monkeypatch.setattr("linkspan.gnn.tensors.adjacency._CACHED", cached)
        sources = [each.clone().requires_grad_() for each in (items, users)]
        weights = torch.tensor([0.5, -2.0, 0.3], requires_grad=True)
        found = weighted_sum(matrices, weights, [sources[0], sources[0], sources[1]])
        (found * aim).sum().backward()
        return [found.detach(), weights.grad, *(each.grad for each in sources)]

    whole = sums_and_slopes(2**21)
    for cached in (1, 240 * 8 + 1, 240 * 16):  # slices of 8, of 8, of 16 columns
        for found, expected in zip(sums_and_slopes(cached), whole, strict=True):
            torch.testing.assert_close(found, expected)


def test_masking_cuts_the_steps_of_a_user_and_leaves_no_hole(
    build: Callable[..., Snapshot],
) -> None:
    snapshot = build({"a": [0] * 6}, [*[[0, 1, 2, 3]] * 5, [4, 5]])
    events = snapshot.events()
    data = build_hetero_data(snapshot, events, {}, SETTINGS.model)
    full = adjacencies(data)
    matrices = SupervisionMask(data, events, SETTINGS).without(torch.tensor([1]))
    weights = np.zeros((6, 6))  # by target and source; four of five users are left
    weights[[1, 2, 3], [0, 1, 2]] = 4, 4, 5
    weights[[2, 3, 3], [0, 1, 0]] = 4 * 0.7, 4 * 0.7, 4 * 0.49
    weights[5, 4] = 1
    ends = np.outer(weights.sum(axis=1), weights.sum(axis=0))
    expected = weights / np.sqrt(np.where(weights > 0, ends, 1))
    np.testing.assert_allclose(matrices[NEXT].adj_t.to_dense(), expected, atol=1e-6)
    saved = matrices["user", "SAVED", "item"].adj_t.to_dense()
    assert saved[1, 0] == pytest.approx(0, abs=1e-6) and saved[1, 1] == pytest.approx(1 / 4)
    for key in (NEXT, ("user", "SAVED", "item")):
        reverse = matrices[key[2], f"rev_{key[1]}", key[0]]
        assert torch.equal(reverse.adj_t.to_dense(), matrices[key].adj_t.to_dense().T)
        assert torch.equal(reverse.adj_t.to_dense(), matrices[key].adj.to_dense())
    # All that comes into item 5 is from the event that is asked for: nothing may tell it by that.
    lone = SupervisionMask(data, events, SETTINGS).without(torch.tensor([len(events) - 1]))
    np.testing.assert_allclose(lone[NEXT].adj_t.to_dense(), full[NEXT].adj_t.to_dense(), atol=1e-6)


def test_a_batch_of_all_events_keeps_all_edges(built: Built) -> None:
    """Each item would lose all that comes in: on a small graph nothing is masked."""
    data, events, _ = built
    mask = SupervisionMask(data, events, SETTINGS)
    for rows, some in ((torch.arange(len(events)), False), (torch.arange(0, len(events), 9), True)):
        lost = sum(float(loss.lost.sum()) for loss in mask.removed(rows).values())
        assert (lost > 0) == some


@pytest.mark.parametrize("name", ["WISHED_BY", "rev_WISHED"])
def test_a_relation_stored_from_items_to_users_is_masked_too(
    build: Callable[..., Snapshot], name: str
) -> None:
    ends = {"source": [0, 0, 0, 1, 1, 2], "target": [0, 1, 2, 0, 1, 2]}
    wished = pd.DataFrame(ends, dtype=np.int32).assign(weight=np.float32(1))
    snapshot = build({"a": [0] * 4}, [[0, 1, 2]] * 3, relations={("item", name, "user"): wished})
    events = snapshot.events()
    data = build_hetero_data(snapshot, events, {}, SETTINGS.model)
    key = ("item", name.replace("rev_", "stated_rev_"), "user")
    full = adjacencies(data)[key].adj.to_dense()  # by item and user
    event = int(np.flatnonzero((events["user"] == 1) & (events["item"] == 0))[0])
    masked = SupervisionMask(data, events, SETTINGS).without(torch.tensor([event]))
    found = masked[key].adj.to_dense()
    assert full[0, 1] > 0 and found[0, 1] == pytest.approx(0, abs=1e-6)
    assert ((found > 1e-6) == (full > 0)).sum() == full.numel() - 1
    assert torch.equal(masked["user", f"rev_{key[1]}", "item"].adj_t.to_dense(), found)
    lone = int(np.flatnonzero((events["user"] == 2) & (events["item"] == 2))[0])
    kept = SupervisionMask(data, events, SETTINGS).without(torch.tensor([lone]))
    assert torch.allclose(kept[key].adj.to_dense(), full)  # its only one: nothing may tell it


def test_without_pyg_the_extra_is_named(planted: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_geometric.data", None)
    with pytest.raises(
        ModelError, match=r"not installed \(torch_geometric.data\).*'linkspan\[train\]'"
    ):
        build_hetero_data(planted, planted.events(), {}, SETTINGS.model)

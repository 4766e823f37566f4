from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from linkspan.gnn import TrainSettings, evaluate, last_out, load, save, score_top, train
from linkspan.gnn.events.transitions import NEXT
from linkspan.gnn.network.convolutions import build_hop, unmasked_edges
from linkspan.gnn.tensors.adjacency import adjacencies, edges_of
from linkspan.gnn.tensors.hetero_data import build_hetero_data
from linkspan.gnn.tensors.masking import SupervisionMask
from linkspan.graph.snapshot import Snapshot

TextOf = Callable[[Snapshot], dict[str, np.ndarray]]
KINDS = ("light", "sage", "gat", "hgt")


def test_relations_of_like_names_have_weights_of_their_own() -> None:
    keys = [("item", name, "item") for name in ("A.B", "A_B")]
    assert len(list(build_hop("sage", keys, 4).children())) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_messages_go_along_the_edges_and_nowhere_else(
    planted: Snapshot, settings: TrainSettings, kind: str
) -> None:
    data = build_hetero_data(planted, planted.events(), {}, settings.model)
    key = ("item", "SEQUEL", "item")
    torch.manual_seed(0)
    hop = build_hop(kind, [key], 16)  # type: ignore[arg-type]
    x = torch.randn(180, 16)
    with torch.no_grad():
        before = hop({"item": x}, adjacencies(data))["item"]
        changed = x.clone()
        changed[0] += 1.0  # its sequel is item 6; an attention also asks the target itself
        after = hop({"item": changed}, adjacencies(data))["item"]
    moved = set(torch.nonzero((before - after).abs().sum(dim=1) > 1e-6).flatten().tolist())
    assert 6 in moved
    assert moved <= {0, 6}


def test_a_light_hop_is_a_weighted_sum(planted: Snapshot, settings: TrainSettings) -> None:
    data = build_hetero_data(planted, planted.events(), {}, settings.model)
    hop = build_hop("light", [NEXT], 16)
    x = torch.randn(180, 16)
    with torch.no_grad():
        found = hop({"item": x}, adjacencies(data))["item"]
    expected = np.zeros((180, 16))
    store = data[NEXT]
    out, into = store.out.numpy(), store.into.numpy()
    for (source, target), weight in zip(
        edges_of(store.adj).T.tolist(), store.edge_weight.tolist(), strict=True
    ):
        norm = (out[source] * into[target]) ** -0.5
        expected[target] += 0.3 * weight * norm * x[source].numpy()
    assert found.numpy() == pytest.approx(expected, abs=1e-4)


def test_edges_that_are_masked_are_left_out(planted: Snapshot, settings: TrainSettings) -> None:
    events = planted.events()
    data = build_hetero_data(planted, events, {}, settings.model)
    key = ("user", "SAVED", "item")
    rows = torch.tensor([5, 77])
    masked = SupervisionMask(data, events, settings).without(rows)
    whole = set(map(tuple, unmasked_edges(adjacencies(data)[key]).T.tolist()))
    left = set(map(tuple, unmasked_edges(masked[key]).T.tolist()))
    chosen = events.iloc[rows.numpy()][["user", "item"]]
    assert whole - left == set(chosen.itertuples(index=False, name=None))
    assert whole == set(map(tuple, edges_of(data[key].adj).T.tolist()))


@pytest.mark.parametrize(
    "update",
    [
        {"convolution": "sage"},
        {"convolution": "gat"},
        {"convolution": "hgt"},
        {"loss": "bpr"},
    ],
    ids=lambda update: next(iter(update.values())),
)
def test_each_convolution_and_loss_learns_the_planted_tastes(
    planted: Snapshot,
    text_of: TextOf,
    settings: TrainSettings,
    update: dict[str, str],
    tmp_path: Path,
) -> None:
    """By chance 1 of 6 unmet items is of the taste; NDCG@10 is to be twice that of popularity."""
    split = last_out(planted)
    fitted = train(planted, split, text_of(planted), settings.changed(**update))
    evaluation = evaluate(fitted, split)
    ours, popularity = (evaluation.figures(name)["ndcg"] for name in ("gnn", "popularity"))
    assert ours > 2 * popularity
    known = fitted.learned.on(fitted.view.over(planted.events()))
    save(known.learned, tmp_path)
    users = np.arange(8)
    again = score_top(load(tmp_path).on(known.view), k=3, users=users)["score"]
    assert again.tolist() == score_top(known, k=3, users=users)["score"].tolist()


def test_heads_share_the_width() -> None:
    with pytest.raises(ValidationError, match="multiple of 4"):
        TrainSettings.of(convolution="hgt", embedding_size=18)

"""Speed of message passing beside PyG's LightGCN, and of top-10 lists beside `implicit`.

Usage: ``python benchmarks/propagation.py [--edges 5000000]``

- Forward and backward over the user-item relation, two layers, width 64: Linkspan's sparse products
  beside `torch_geometric.nn.models.LightGCN` given ``edge_index`` (3 wanted), and the whole network
  of the bundled books with all their relations beside LightGCN on their user-item edges alone
  (1 wanted).
- One propagation over 0.1 to 5 million generated edges: seconds and memory an edge, beside the
  arrays that are held.
- Top-10 of all users of the bundled books in each domain: the network alone beside `implicit`'s
  ``recommend`` (1 wanted), and the whole hybrid beside it (0.1 wanted); with reasons, for a tenth.

Best of five. Needs an idle machine.
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from implicit.als import AlternatingLeastSquares
from rich.console import Console
from scipy import sparse
from torch_geometric.data import HeteroData
from torch_geometric.nn.models import LightGCN

from linkspan import gnn
from linkspan.console import table
from linkspan.gnn.events.domains import rows_by_domain
from linkspan.gnn.metrics import top_columns
from linkspan.gnn.network.model import HistoryGNN
from linkspan.gnn.scores.components import Seen
from linkspan.gnn.scores.hybrid import published
from linkspan.gnn.scores.scoring import CHUNK
from linkspan.gnn.tensors.adjacency import Adjacency, add_relation, adjacencies, weighted_sum
from linkspan.gnn.tensors.hetero_data import build_hetero_data
from linkspan.graph.snapshot import Snapshot

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from goodbooks import read_goodbooks

WIDTH, LAYERS, REPEATS = 64, 2, 5
KEY = ("user", "SAVED", "item")


def best(work: Callable[[], object]) -> float:
    """Seconds of the fastest of some repeats, after one that warms up."""
    work()
    seconds = []
    for _ in range(REPEATS):
        started = perf_counter()
        work()
        seconds.append(perf_counter() - started)
    return min(seconds)


def drawn_edges(edges: int, seed: int = 0) -> tuple[np.ndarray, int, int]:
    """About so many distinct user-item edges (2, E), items skewed; numbers of users and items."""
    random = np.random.default_rng(seed)
    users, items = max(edges // 20, 10), max(edges // 100, 10)
    chance = 1 / np.arange(1, items + 1) ** 0.8
    pairs = np.stack(
        [random.integers(0, users, edges), random.choice(items, edges, p=chance / chance.sum())]
    )
    return np.unique(pairs, axis=1), users, items


def our_pass(pairs: np.ndarray, users: int, items: int) -> Callable[[], None]:
    """Two layers to both sides and back, as light propagation does them."""
    data = HeteroData()
    data["user"].num_nodes, data["item"].num_nodes = users, items
    add_relation(data, KEY, *pairs, np.ones(pairs.shape[1], np.float32))
    to_items = Adjacency(data[KEY].adj_t, data[KEY].adj)
    to_users = Adjacency(data[KEY].adj, data[KEY].adj_t)
    x = [torch.randn(size, WIDTH, requires_grad=True) for size in (users, items)]
    one = torch.ones(1)

    def run() -> None:
        user, item = x
        sums = [user, item]
        for _ in range(LAYERS):
            user, item = (
                weighted_sum([to_users], one, [item]),
                weighted_sum([to_items], one, [user]),
            )
            sums = [sums[0] + user, sums[1] + item]
        (sums[0].sum() + sums[1].sum()).backward()

    return run


def their_pass(pairs: np.ndarray, users: int, items: int) -> Callable[[], None]:
    """The same by PyG's own model."""
    both = torch.from_numpy(np.concatenate([pairs, pairs[::-1]], axis=1).copy())
    both[1, : pairs.shape[1]] += users
    both[0, pairs.shape[1] :] += users
    model = LightGCN(users + items, WIDTH, LAYERS)

    def run() -> None:
        model.get_embedding(both).sum().backward()

    return run


Text = dict[str, np.ndarray]


def books() -> tuple[Snapshot, Text, np.ndarray]:
    """The bundled books, with vectors drawn in place of texts, and their user-item pairs (2, E)."""
    snapshot = read_goodbooks(Path(str(files("linkspan") / "data" / "goodbooks")))
    pairs = snapshot.events()[["user", "item"]].drop_duplicates().to_numpy(np.int64).T
    text = np.random.default_rng(0).normal(size=(len(snapshot.items), 384)).astype(np.float32)
    return snapshot, {"item": text}, pairs


def measure_passes(console: Console, snapshot: Snapshot, text: Text, pairs: np.ndarray) -> None:
    """Forward and backward beside LightGCN."""
    events, settings = snapshot.events(), gnn.TrainSettings()
    sizes = len(snapshot.users), len(snapshot.items)
    theirs, ours = best(their_pass(pairs, *sizes)), best(our_pass(pairs, *sizes))
    data = build_hetero_data(snapshot, events, text, settings.model)
    model, matrices = HistoryGNN(data, len(snapshot.domains), settings), adjacencies(data)

    def hetero() -> None:
        model.encode(data, matrices).items.sum().backward()

    whole = best(hetero)
    shown = table("forward and backward, goodbooks", ">edges", ">ms", ">LightGCN / this", ">wanted")
    edges = sum(len(data[key].adj.values()) for key in data.edge_types)
    count = 2 * pairs.shape[1]
    shown.add_row("PyG LightGCN, user-item", f"{count:,}", f"{1e3 * theirs:.1f}", "1.0", "")
    rows = (
        ("Linkspan, user-item", count, ours, "3"),
        ("Linkspan, all relations", edges, whole, "1"),
    )
    for name, size, seconds, wanted in rows:
        shown.add_row(name, f"{size:,}", f"{1e3 * seconds:.1f}", f"{theirs / seconds:.1f}", wanted)
    console.print(shown)


def measure_growth(console: Console, most: int) -> None:
    """Generated edges, up to so many."""
    shown = table("edges", ">ms", ">ns an edge", ">arrays held", ">peak memory", title="\nGrowth")
    for size in (100_000, 500_000, 1_000_000, 2_000_000, most):
        drawn, users, items = drawn_edges(size)
        seconds = best(our_pass(drawn, users, items))
        held = drawn.shape[1] * (16 + 4 + 2 * 8 + 4 + 16) + (users + items) * WIDTH * 4 * 2
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        shown.add_row(f"{drawn.shape[1]:,}", f"{1e3 * seconds:.0f}",
                      f"{1e9 * seconds / drawn.shape[1]:.0f}", f"{held / 1e6:.0f} MB",
                      f"{peak / 1e6:.0f} MB")  # fmt: skip
    console.print(shown)


def measure_lists(console: Console, snapshot: Snapshot, text: Text, pairs: np.ndarray) -> None:
    """Top-10 lists beside `implicit`."""
    events, sizes = snapshot.events(), (len(snapshot.users), len(snapshot.items))
    fitted = gnn.train_all(snapshot, text, gnn.TrainSettings(), epochs=1)
    split = gnn.last_out(snapshot)
    weighed = gnn.fit_hybrid(fitted.learned.on(fitted.view.over(events.iloc[split.train])), split)
    hybrid = gnn.with_weights(fitted, weighed.weights)
    network = replace(hybrid, weights={}, linear=None)
    ones = np.ones(pairs.shape[1], np.float32)
    met = sparse.csr_matrix((ones, (pairs[0], pairs[1])), shape=sizes)
    als = AlternatingLeastSquares(factors=WIDTH, random_state=0, use_gpu=False)
    als.fit(met, show_progress=False)
    everybody, rows = np.arange(sizes[0]), rows_by_domain(snapshot)
    likewise = best(lambda: [als.recommend(everybody, met, N=10, items=r) for r in rows.values()])
    shown = table("top-10 of all users, goodbooks", ">users/s", ">this / implicit", ">wanted")
    shown.title = f"\nLists: ten of each of {len(rows)} domains"
    one = best(lambda: als.recommend(everybody, met, N=10))
    shown.add_row("implicit ALS", f"{sizes[0] / likewise:,.0f}", "1.00", "")
    shown.add_row("  ten of all items", f"{sizes[0] / one:,.0f}", f"{likewise / one:.2f}", "")
    for name, chosen, wanted in (("network alone", network, "1"), ("hybrid", hybrid, "0.1")):
        seconds = best(lambda chosen=chosen: top_ten(chosen))
        shown.add_row(name, f"{sizes[0] / seconds:,.0f}", f"{likewise / seconds:.2f}", wanted)
        some = everybody[::10]
        seconds = best(lambda chosen=chosen, some=some: gnn.score_top(chosen, k=10, users=some))
        rate = len(some) / seconds
        shown.add_row("  with reasons", f"{rate:,.0f}", f"{likewise * rate / sizes[0]:.2f}", "")
    console.print(shown)


def top_ten(fitted: gnn.FittedModel) -> None:
    """Lists of all users in each domain as `linkspan.gnn.score_top` makes them, without reasons."""
    mixture, seen = published(fitted), Seen(fitted)
    users = np.arange(len(fitted.snapshot.users))
    for start in range(0, len(users), CHUNK):
        chunk = users[start : start + CHUNK]
        for domain in fitted.snapshot.domains:
            scores = mixture.score(chunk, domain)
            seen.hide(scores, chunk, domain)
            top_columns(scores, 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--edges", type=int, default=5_000_000, help="most edges that are drawn")
    options = parser.parse_args()
    console = Console(width=80, highlight=False)
    known = books()
    measure_passes(console, *known)
    measure_growth(console, options.edges)
    measure_lists(console, *known)


if __name__ == "__main__":
    main()

"""Dense work is cut into pieces that do not grow with a domain, and the pieces change nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from linkspan import gnn
from linkspan.gnn.evaluation.baselines import weights_kept
from linkspan.gnn.evaluation.ranking import LIST, rank_events
from linkspan.gnn.events.domains import AT_ONCE, rows_at_once, rows_by_domain
from linkspan.gnn.events.split import Split
from linkspan.gnn.metrics import top_columns
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.parts.dual_ease import Dual
from linkspan.gnn.parts.historic import ItemMatrix
from linkspan.gnn.parts.walks import Walked
from linkspan.gnn.scores.components import Cosine
from linkspan.gnn.scores.hybrid import Mixture, mixtures, published
from linkspan.gnn.scores.reasons import find_drops
from linkspan.gnn.scores.signals import HYBRID
from linkspan.gnn.settings import SplitSettings, TrainSettings
from linkspan.graph.snapshot import Snapshot

USERS, ITEMS, WIDTHS = 30, 40, {"a": 15, "b": 25}
BUDGET = 1_500
"""Numbers in dense arrays: 2 to 16 rows."""

Model = tuple[FittedModel, Split]


class Recorded:
    """A method whose scores are given; it records who is asked for."""

    name = "recorded"

    def __init__(self, scores: np.ndarray, rows: dict[str, np.ndarray]) -> None:
        self.scores, self.rows = scores.astype(np.float32), rows
        self.asked: list[tuple[str, list[int]]] = []

    def score(self, users: np.ndarray, domain: str) -> np.ndarray:
        self.asked.append((domain, users.tolist()))
        return self.scores[users][:, self.rows[domain]]


@pytest.fixture(scope="module", params=[False, True], ids=["sets", "timed"])
def model(request: pytest.FixtureRequest, build: Callable[..., Snapshot]) -> Model:
    """A hybrid over training events, with the other events of the split."""
    random = np.random.default_rng(0)
    histories = [random.choice(ITEMS, 12, replace=False).tolist() for _ in range(USERS)]
    snapshot = build(
        {name: [0] * width for name, width in WIDTHS.items()}, histories, timed=request.param
    )
    split = gnn.split_events(snapshot, SplitSettings(protocol="random"))
    settings = TrainSettings.of(encoder="hash", embedding_size=8, epochs=2, device="cpu")
    return gnn.fit_hybrid(gnn.train(snapshot, split, {}, settings), split), split


@pytest.fixture
def many(model: Model) -> pd.DataFrame:
    """Events to rank: several of a user in a domain, between those of others."""
    fitted, split = model
    held_out = np.concatenate([split.validation, split.test])
    events = fitted.snapshot.events().iloc[held_out]
    more = pd.MultiIndex.from_frame(fitted.events[["user", "item"]])
    pairs = pd.MultiIndex.from_product([range(0, USERS, 3), range(ITEMS)], names=["user", "item"])
    added = pairs.difference(more).to_frame(index=False)
    whole = pd.concat([events[["user", "item"]], added]).drop_duplicates()
    return whole.sample(frac=1.0, random_state=1).reset_index(drop=True)


def record_sizes(monkeypatch: pytest.MonkeyPatch, sizes: dict[str, list[int]]) -> None:
    """Keep the sizes of all that is as wide as a domain, by what makes it."""

    def record(owner: type, method: str) -> None:
        plain = getattr(owner, method)

        def recording(self: object, users: np.ndarray, domain: str, **more: bool) -> object:
            sizes[f"{owner.__name__}.{method}"].append(len(users) * WIDTHS[domain])
            return plain(self, users, domain, **more)

        monkeypatch.setattr(owner, method, recording)

    for owner, method in (
        (Cosine, "score"), (Mixture, "scored"), (Dual, "score"), (ItemMatrix, "found"),
        (Walked, "found"),
    ):  # fmt: skip
        record(owner, method)

    def top(scores: np.ndarray, k: int) -> np.ndarray:
        sizes["similar"].append(scores.size)
        return top_columns(scores, k)

    monkeypatch.setattr("linkspan.gnn.scores.scoring.top_columns", top)


def recorded(fitted: FittedModel) -> Recorded:
    scores = np.random.default_rng(2).integers(0, 12, (USERS, ITEMS))  # with ties
    return Recorded(scores, rows_by_domain(fitted.snapshot))


def test_rows_stay_within_the_budget() -> None:
    assert rows_at_once(1_000, 10, 1024) == 1024
    assert rows_at_once(0, 10, 1024) == 1024
    rows = rows_at_once(300_000, 10, 1024)
    assert 1 < rows < 1024 and AT_ONCE * 0.9 < rows * 300_000 * 10 <= AT_ONCE
    assert rows_at_once(AT_ONCE, 10, 1024) == 1


@pytest.mark.parametrize("budget", [AT_ONCE, 1_000])
def test_ranks_of_many_rows_are_those_of_a_loop_and_each_user_is_scored_once(
    model: Model, many: pd.DataFrame, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkspan.gnn.events.domains.AT_ONCE", budget)
    fitted, _ = model
    method = recorded(fitted)
    table, lists = rank_events(fitted, many, {"recorded": method}, lists=True)
    names = fitted.snapshot.items["domain"].to_numpy()
    met = fitted.events.groupby("user")["item"].apply(set)
    assert table.groupby(["user", "domain"]).size().max() > 5
    assert table[["user", "item"]].to_numpy().tolist() == many.to_numpy().tolist()
    for row, found in zip(table.itertuples(), lists["recorded"], strict=True):
        known = met.get(row.user, set())
        inside = [i for i in range(ITEMS) if names[i] == row.domain and i not in known]
        scores, own = method.scores[row.user, inside], method.scores[row.user, row.item]
        assert row.domain == names[row.item] and row.candidates == len(inside)
        assert row.recorded == 0.5 + (scores > own).sum() + (scores == own).sum() / 2
        assert row.history == any(names[i] == row.domain for i in known)
        best = [inside[place] for place in np.argsort(-scores, kind="stable")[:LIST]]
        assert found[found >= 0].tolist() == best
    asked = [(domain, user) for domain, users in method.asked for user in users]
    assert len(asked) == len(set(asked)) == len(table.groupby(["user", "domain"]))
    largest = max(len(users) for _, users in method.asked)
    assert largest > 5 if budget == AT_ONCE else largest <= 1_000 // 150


def test_one_row_a_user_is_scored_in_the_order_of_the_rows(model: Model) -> None:
    fitted, _ = model
    method = recorded(fitted)
    users = np.random.default_rng(3).permutation(USERS)
    met = fitted.events.groupby("user")["item"].apply(set)
    items = [min(set(range(15)) - met.get(user, set())) for user in users]
    rank_events(fitted, pd.DataFrame({"user": users, "item": items}), {"recorded": method})
    assert method.asked == [("a", users.tolist())]


def test_pieces_change_nothing(
    model: Model, many: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted, split = model
    users = np.arange(USERS)

    def everything() -> list[pd.DataFrame]:
        methods, whole = (
            mixtures(fitted),
            fitted.learned.on(fitted.view.over(fitted.snapshot.events())),
        )
        pairs = gnn.score_pairs(fitted, many["user"].to_numpy(), many["item"].to_numpy())
        rows = rows_by_domain(fitted.snapshot)["b"]
        found = find_drops(published(fitted), users, "b", np.tile(rows[3:9], (USERS, 1)))
        weights = gnn.fit_hybrid(fitted, split).weights[HYBRID].usual
        return [
            rank_events(fitted, many, methods).table,
            gnn.score_top(whole, 4),
            gnn.similar_items(fitted, 5),
            pd.DataFrame({"pairs": pairs}),
            pd.DataFrame({"losses": found.drops.ravel()}),
            pd.DataFrame({"weights": [*weights.shared, *weights.of("a"), *weights.of("b")]}),
        ]

    expected = everything()
    monkeypatch.setattr("linkspan.gnn.events.domains.AT_ONCE", BUDGET)
    record_sizes(monkeypatch, sizes := defaultdict(list))
    for before, after in zip(expected, everything(), strict=True):
        pd.testing.assert_frame_equal(after, before, rtol=1e-4, atol=1e-4)
    assert {"Cosine.score", "Mixture.scored", "similar"} < set(sizes)
    for name, found in sizes.items():
        assert 4 * max(found) <= BUDGET, name


def test_baselines_keep_fewer_weights_of_many_items() -> None:
    assert weights_kept(70_000) == 1_000
    assert weights_kept(300_000) == 333
    assert weights_kept(10_000_000) == 50

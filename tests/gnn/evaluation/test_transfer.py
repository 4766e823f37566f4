"""What a domain gives another, on planted graphs where it is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from linkspan.gnn import (
    METHODS,
    Cell,
    FittedModel,
    Split,
    TrainSettings,
    compare_cells,
    find_apart,
    find_bridges,
    fit_hybrid,
    last_out,
    leave_out,
    plan_cells,
    rank_tests,
    settings_of,
    train,
    why_unlearnable,
)
from linkspan.gnn.evaluation.transfer import difference
from linkspan.graph.snapshot import Snapshot

TASTES = 6


def two_domains(build: Callable[..., Snapshot], *, common: bool, users: int = 240) -> Snapshot:
    """Art, which everyone knows well, and books, which come last and are few: of the same taste as
    the art, or of one drawn for themselves. No text or relation tells any taste."""
    random = np.random.default_rng(0)
    taste_of = np.arange(60) % TASTES
    own = random.integers(0, TASTES, users)
    histories = []
    for user in range(users):
        taste = user % TASTES
        art = random.permutation(np.flatnonzero(taste_of == taste))[:7]
        read = np.flatnonzero(taste_of == (taste if common else own[user])) + 60
        books = random.permutation(read)[: (1, 3, 5)[user // TASTES % 3]]
        histories.append([*art.tolist(), *books.tolist()])
    tastes = {name: taste_of.tolist() for name in ("art", "books")}
    snapshot = build(tastes, histories)
    return replace(snapshot, items=snapshot.items.assign(text=""))


@pytest.fixture(scope="module")
def figures(
    build: Callable[..., Snapshot], settings: TrainSettings
) -> Callable[[bool], dict[str, Any]]:
    """What the first domain gives the second, by whether tastes are common."""

    def compared(common: bool) -> dict[str, Any]:
        snapshot = two_domains(build, common=common)
        split = last_out(snapshot)
        joint = trained(snapshot, split, settings)
        plan = plan_cells(snapshot, split, ["art", "books"])
        ranks = {}
        for cell in plan.cells:
            left, own = leave_out(snapshot, split, cell)
            if not why_unlearnable(left, own):
                ranks[cell] = rank_tests(trained(left, own, settings), own)
        return compare_cells(snapshot, split, plan, rank_tests(joint, split), ranks)

    return compared


def trained(snapshot: Snapshot, split: Split, settings: TrainSettings) -> FittedModel:
    return fit_hybrid(train(snapshot, split, {}, settings), split)


def row_of(rows: list[dict[str, Any]], **wanted: str) -> dict[str, Any]:
    (found,) = (row for row in rows if wanted.items() <= row.items())
    return found


def test_a_domain_of_the_same_tastes_helps_one_with_few_events(
    figures: Callable[[bool], dict[str, Any]],
) -> None:
    found = figures(True)
    whole = row_of(found["segments"], domain="books", segment="all")
    assert whole["certain"] and whole["low"] > 0.05, whole
    new = row_of(found["segments"], domain="books", segment="0")
    assert new["gain"] > 0.2 and new["certain"], new
    given = row_of(found["domains"], domain="books", left_out="art")
    assert given["gain"] == whole["gain"]  # of two domains, alone is without the other


def test_a_domain_of_other_tastes_does_not_help(
    figures: Callable[[bool], dict[str, Any]],
) -> None:
    found = figures(False)
    whole = row_of(found["segments"], domain="books", segment="all")
    assert not (whole["certain"] and whole["gain"] > 0), whole
    assert whole["gain"] < 0.05, whole


def test_what_is_left_out_is_neither_learned_from_nor_known(planted: Snapshot) -> None:
    split = last_out(planted)
    plan = plan_cells(planted, split, planted.domains)
    assert plan.alone["art"] == Cell(("art",))
    assert plan.less_domain["art"] == Cell(("book", "film"))
    assert set(plan.less_relation) == {"FOLLOWS", "FRIEND", "MADE_BY", "SEQUEL"}
    assert len(plan.cells) == 3 + 3 + 4
    assert len(plan_cells(planted, split, planted.domains, ["mmd", "gan"]).cells) == 12
    snapshot, own = leave_out(planted, split, plan.less_domain["art"])
    domains = planted.items["domain"].to_numpy()[planted.events()["item"]]
    for part in ("train", "validation", "test"):
        rows = getattr(own, part)
        whole = getattr(split, part)
        assert rows.tolist() == whole[domains[whole] != "art"].tolist()
    assert snapshot is planted
    snapshot, own = leave_out(planted, split, plan.less_relation["SEQUEL"])
    assert ("item", "SEQUEL", "item") not in snapshot.relations
    assert len(snapshot.relations) == len(planted.relations) - 1
    assert own.fingerprint == snapshot.fingerprint() != split.fingerprint
    assert own.test.tolist() == split.test.tolist()


def test_two_domains_need_one_training_each(build: Callable[..., Snapshot]) -> None:
    snapshot = two_domains(build, common=True)
    assert len(plan_cells(snapshot, last_out(snapshot), snapshot.domains).cells) == 2


def test_bridges_are_found(build: Callable[..., Snapshot], planted: Snapshot) -> None:
    apart = build(
        {"art": [0] * 6, "books": [0] * 6}, [[0, 1, 2, 3], [2, 3, 4, 5], [6, 7, 8], [8, 9, 10, 11]]
    )
    (pair,) = find_bridges(apart, apart.events(), {})
    assert pair == {"one": "art", "other": "books", "users": 0, "tied": False, "alike": False}
    text = np.ones((12, 4), np.float32)
    (pair,) = find_bridges(apart, apart.events(), {"item": text})
    assert pair["alike"] and not pair["tied"]
    text[6:] = 0
    (pair,) = find_bridges(apart, apart.events(), {"item": text})
    assert not pair["alike"]
    pairs = find_bridges(planted, planted.events(), {})
    assert len(pairs) == 3 and all(row["tied"] and row["users"] > 200 for row in pairs)
    none = planted.events().iloc[:0]
    assert all(row["tied"] and not row["users"] for row in find_bridges(planted, none, {}))


def test_domains_that_nothing_joins_are_named(build: Callable[..., Snapshot]) -> None:
    tastes = {name: [0] * 6 for name in ("art", "books", "films")}
    histories = [[0, 1, 2], [2, 3, 4, 5], [6, 7], [12, 13, 14]]
    apart = build(tastes, histories)
    bridges = find_bridges(apart, apart.events(), {})
    assert find_apart(bridges) == ["art", "books", "films"]
    joined = build(tastes, [*histories, [5, 6]])
    assert find_apart(find_bridges(joined, joined.events(), {})) == ["films"]
    text = np.ones((18, 4), np.float32)
    assert find_apart(find_bridges(apart, apart.events(), {"item": text})) == []
    one = build({"art": [0] * 6}, [[0, 1, 2]])
    assert find_apart(find_bridges(one, one.events(), {})) == []


def test_users_are_cut_apart_by_domain(planted: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "benchmarks"))
    cut = import_module("zero_overlap").cut_users(planted)

    def met(snapshot: Snapshot) -> list[tuple[str, str, int]]:
        events = snapshot.events()
        users = snapshot.users["key"].to_numpy()[events["user"]]
        keys = snapshot.items["key"].to_numpy()[events["item"]]
        return list(zip(users, keys, events["at"], strict=True))

    expected = {(f"{item.split('/')[0]}/{user}", item, at) for user, item, at in met(planted)}
    assert set(met(cut)) == expected and len(met(cut)) == len(expected)
    assert cut.users["key"].is_monotonic_increasing and cut.users["key"].is_unique
    assert len(cut.users) > 2 * len(planted.users)
    pairs = find_bridges(planted, planted.events(), {}), find_bridges(cut, cut.events(), {})
    assert [sum(row["users"] for row in rows) > 0 for rows in pairs] == [True, False]
    # Entities tie items still; who follows whom would tie users, and with them the domains.
    assert {key[1] for key in cut.relations} == {"MADE_BY", "SEQUEL"}
    assert cut.interactions["SAVED"].dtypes.equals(planted.interactions["SAVED"].dtypes)


def test_a_domain_that_nothing_joins_is_served_as_if_learned_alone(
    build: Callable[..., Snapshot], settings: TrainSettings
) -> None:
    random, tastes = np.random.default_rng(0), np.arange(60) % TASTES
    histories = [
        (first + random.permutation(np.flatnonzero(tastes == user % TASTES))[:6]).tolist()
        for first in (0, 60)
        for user in range(120)
    ]
    snapshot = build({name: tastes.tolist() for name in ("art", "books")}, histories)
    snapshot = replace(snapshot, items=snapshot.items.assign(text=""))
    split = last_out(snapshot)
    joint = rank_tests(trained(snapshot, split, settings), split)
    for domain in ("art", "books"):
        left, own = leave_out(snapshot, split, Cell((domain,)))
        alone = rank_tests(trained(left, own, settings), own).set_index("event")["rank"]
        ours = joint[joint["domain"] == domain]
        other = alone.loc[ours["event"]].to_numpy()
        found = difference(ours.assign(joint=ours["rank"], other=other))
        assert found["lists"] == 120 and found["low"] < 0 < found["high"], found
        assert found["joint"] > 0.5, found


def test_a_domain_where_nobody_met_two_items_cannot_be_learned_alone(
    build: Callable[..., Snapshot],
) -> None:
    histories = [[n % 6, (n + 1) % 6, (n + 2) % 6, 6 + n % 4] for n in range(40)]
    snapshot = build({"art": [0] * 6, "books": [0] * 4}, histories)
    split = last_out(snapshot)
    plan = plan_cells(snapshot, split, snapshot.domains)
    assert "two of its items" in why_unlearnable(*leave_out(snapshot, split, Cell(("books",))))
    assert not why_unlearnable(*leave_out(snapshot, split, Cell(("art",))))
    assert list(plan.alone) == []  # books has no event to learn from, art none that is held out


def test_a_difference_of_a_few_lists_is_not_certain() -> None:
    import pandas as pd

    both = pd.DataFrame(
        {"user": range(40), "domain": "art", "candidates": 50, "joint": 1.0, "other": 3.0}
    )
    found = difference(both)
    assert (found["joint"], found["other"], found["gain"]) == (1.0, 0.5, 0.5)
    assert found["certain"] and found["lists"] == 40
    assert not difference(both.head(5))["certain"]


def test_a_method_is_switched() -> None:
    settings, cell = TrainSettings.of(coral=0.5), Cell(("a", "b"), method="coral")
    assert settings_of(settings, cell).transfer.coral == 0
    assert settings_of(TrainSettings(), cell).transfer.coral == METHODS["coral"] > 0
    assert settings_of(settings, Cell(("a",))) == settings

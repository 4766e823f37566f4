"""Association of items by the knowledge graph, and the weights of what is new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from linkspan.gnn import FittedModel, SplitSettings, TrainSettings, evaluate, fit_hybrid, train
from linkspan.gnn.events.domains import item_domains, rows_by_domain
from linkspan.gnn.events.known import KnownEvents
from linkspan.gnn.events.split import Split, split_events
from linkspan.gnn.models.weights import MixtureWeights, SignalWeights
from linkspan.gnn.parts.relations import Association, item_profiles
from linkspan.gnn.scores.hybrid import mixtures
from linkspan.gnn.scores.reasons import find_drops
from linkspan.gnn.scores.related import related_items
from linkspan.gnn.scores.scoring import score_top
from linkspan.gnn.scores.signals import HYBRID, SIMPLE, build_signals
from linkspan.graph.snapshot import Snapshot

Build = Callable[..., Snapshot]


def edges(source: list[int], target: list[int]) -> pd.DataFrame:
    """A relation whose edges weigh alike."""
    frame = pd.DataFrame({"source": source, "target": target}, dtype=np.int32)
    return frame.assign(weight=np.float32(1))


def made_by(build: Build, makers: list[int], **more: pd.DataFrame) -> Snapshot:
    """Items 0 to 3 of a, 4 to 7 of b, each made by one maker, or by none (-1)."""
    known = [item for item, maker in enumerate(makers) if maker >= 0]
    names = [f"Maker/{n}" for n in range(max(makers) + 1)]
    return build(
        {"a": [0] * 4, "b": [0] * 4},
        [[0, 5], [1]],
        entities={"Maker": pd.DataFrame({"key": names, "name": names})},
        relations={
            ("item", "MADE_BY", "Maker"): edges(known, [makers[item] for item in known]),
            **{("item", name, "item"): frame for name, frame in more.items()},
        },
    )


def test_rare_things_in_common_count_more_and_what_nobody_shares_not_at_all(build: Build) -> None:
    snapshot = made_by(build, [0, 0, 1, 1, 1, 1, 2, -1])
    profile = item_profiles(snapshot)["MADE_BY"].toarray()
    np.testing.assert_allclose(np.linalg.norm(profile, axis=1), [1, 1, 1, 1, 1, 1, 0, 0], rtol=1e-6)
    both = made_by(build, [0, 0, 1, 1, 1, 1, 2, -1])
    frame = both.relations["item", "MADE_BY", "Maker"]
    both.relations["item", "MADE_BY", "Maker"] = pd.concat([frame, edges([0], [1])])
    first = item_profiles(both)["MADE_BY"].toarray()[0]
    assert first[0] > first[1] > 0  # maker 0 made two things, maker 1 five
    assert first[0] / first[1] == pytest.approx(np.log(8 / 2) / np.log(8 / 5), rel=1e-5)


def test_items_that_a_relation_joins_are_alike_in_both_directions(build: Build) -> None:
    snapshot = made_by(build, [-1] * 7 + [0], NEXT_PART=edges([0, 1], [5, 5]))
    profiles = item_profiles(snapshot)
    assert list(profiles) == ["NEXT_PART"]  # one maker of one thing says nothing
    alike = (profiles["NEXT_PART"] @ profiles["NEXT_PART"].T).toarray()
    assert alike[0, 5] > 0 and alike[5, 0] > 0 and alike[0, 1] > 0  # by way of the third
    assert alike[0, 2] == 0


def test_two_relations_of_one_name_stay_two(build: Build) -> None:
    snapshot = made_by(build, [0, 0, 1, 1, 1, 1, 2, -1], MADE_BY=edges([0], [5]))
    assert set(item_profiles(snapshot)) == {"MADE_BY", "item MADE_BY item"}


def test_related_items_are_those_that_share_most_each_with_what_ties_them(build: Build) -> None:
    snapshot = made_by(build, [0, 0, 1, 1, 1, 1, 0, -1], NEXT_PART=edges([3], [7]))
    found = related_items(snapshot, 2)
    alike = sum((own @ own.T).toarray() for own in item_profiles(snapshot).values()) / 2
    for row in found.itertuples():
        assert row.score == pytest.approx(alike[row.item, row.other], rel=1e-5)
        assert row.inside == ((row.item < 4) == (row.other < 4))
    # Of equal ones the first; within the domain of an item, then in the other.
    lists = {
        item: list(zip(rows["other"], rows["inside"], rows["rank"], rows["how"], strict=True))
        for item, rows in found.groupby("item")
    }
    assert lists[0] == [(1, True, 1, "MADE_BY"), (6, False, 1, "MADE_BY")]
    assert lists[2] == [
        (3, True, 1, "MADE_BY"), (4, False, 1, "MADE_BY"), (5, False, 2, "MADE_BY"),
    ]  # fmt: skip
    assert lists[7] == [(3, False, 1, "NEXT_PART")]
    by = found.set_index(["item", "other"])["by"]
    assert by[0, 1] == "Maker/0" and by[2, 3] == "Maker/1" and by[7, 3] == "NEXT_PART"


def test_items_by_way_of_a_third_are_told_its_name(build: Build) -> None:
    snapshot = made_by(build, [-1] * 7 + [0], NEXT_PART=edges([0, 1], [5, 5]))
    titles = snapshot.items.assign(title=[f"Part {n}" for n in range(8)])
    for items, name in ((titles, "Part 5"), (snapshot.items, "b/0001")):
        found = related_items(replace(snapshot, items=items), 1).set_index(["item", "other"])
        assert found.loc[(0, 1), ["how", "by"]].tolist() == ["NEXT_PART", name]
        assert found.loc[(0, 5), "by"] == "NEXT_PART"


def test_what_too_many_items_share_makes_none_alike(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = made_by(build, [0, 0, 1, 1, 1, 1, 2, -1])
    assert set(related_items(snapshot)["item"]) == {0, 1, 2, 3, 4, 5}
    monkeypatch.setattr("linkspan.gnn.scores.related.MOST_TIED", 3)
    assert set(related_items(snapshot)["item"]) == {0, 1}


def test_without_relations_nothing_is_related(build: Build) -> None:
    found = related_items(build({"a": [0] * 4}, [[0, 1]]))
    assert found.empty and {"item", "other", "rank", "how", "by"} <= set(found)


def test_related_items_in_pieces_are_the_same(
    goodbooks: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = related_items(goodbooks, 5)
    assert 50_000 < len(whole) < 62_000 and whole["how"].notna().all()
    assert not whole.duplicated(["item", "other"]).any() and (whole["item"] != whole["other"]).all()
    monkeypatch.setattr("linkspan.gnn.scores.related.CHUNK", 2000)
    pd.testing.assert_frame_equal(related_items(goodbooks, 5), whole)


def test_a_history_leads_to_what_shares_its_things(build: Build) -> None:
    snapshot = made_by(build, [0, 1, 1, 2, 2, 0, 0, 1])
    known = KnownEvents(snapshot.events(), item_domains(snapshot), timed=True)
    rows = rows_by_domain(snapshot)
    signal = Association("MADE_BY", item_profiles(snapshot)["MADE_BY"], known, rows, 0.5)
    users = np.array([0, 1])  # the first met items 0 and then 5, both by maker 0
    expected = [np.sqrt([0, 1.5, 1.5, 0]), [0, 0, 0, 1]]
    np.testing.assert_allclose(signal.score(users, "b"), expected, rtol=1e-6)
    some = np.array([[0, 1], [3, 2]])
    found = signal.values(users, "b")
    scores = signal.score(users, "b")
    np.testing.assert_allclose(found.at(some), np.take_along_axis(scores, some, 1), rtol=1e-6)
    np.testing.assert_allclose(found.mean, scores.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(found.deviation, scores.std(axis=1), rtol=1e-5)


@pytest.fixture(scope="module")
def arrivals(build: Build, settings: TrainSettings) -> tuple[FittedModel, Split]:
    """A model of a graph where makers alone tell the tastes, and a tenth of the items is new."""
    random = np.random.default_rng(3)
    taste = np.tile(np.arange(60) % 6, 2)
    histories = [
        random.permutation(np.flatnonzero(taste == user % 6))[:8].tolist() for user in range(300)
    ]
    makers = pd.DataFrame({"key": [f"Maker/{n}" for n in range(6)], "name": [""] * 6})
    snapshot = build(
        {"a": [0] * 60, "b": [0] * 60},
        histories,
        entities={"Maker": makers},
        relations={("item", "MADE_BY", "Maker"): edges(list(range(120)), taste.tolist())},
    )
    split = split_events(snapshot, SplitSettings(protocol="items-out", test=0.2))
    short = settings.changed(epochs=2, linear_regularization=5.0)
    return fit_hybrid(train(snapshot, split, {}, short), split), split


def test_new_items_are_found_by_what_the_graph_says_of_them(
    arrivals: tuple[FittedModel, Split],
) -> None:
    fitted, split = arrivals
    weights = fitted.weights[SIMPLE]
    assert weights.new_items is not None and weights.new_items.shared["MADE_BY 0.9"] > 0
    found = evaluate(fitted, split).table().set_index(["method", "segment"])["ndcg"]
    chance = found["popularity", "among new items"]
    assert found[SIMPLE, "among new items"] > 2 * chance
    # Without the relation nothing is known of them, and ties count half.
    without = {
        name: replace(each, new_items=SignalWeights({"text 0.9": 1.0}, {}))
        for name, each in fitted.weights.items()
    }
    blind = evaluate(replace(fitted, weights=without), split)
    blind_found = blind.table().set_index(["method", "segment"])["ndcg"]
    assert blind_found[SIMPLE, "among new items"] < 1.2 * chance


def test_parts_with_weights_for_newcomers_and_new_items_add_up(
    arrivals: tuple[FittedModel, Split],
) -> None:
    fitted, _ = arrivals
    mixture = mixtures(fitted)[HYBRID]
    users = np.arange(40)
    parts = mixture.scored(users, "b").parts(np.tile(np.arange(60), (40, 1)))
    np.testing.assert_allclose(sum(parts.values()), mixture.score(users, "b"), atol=1e-5)
    new = ~np.isin(rows_by_domain(fitted.snapshot)["b"], fitted.events["item"])
    assert new.sum() == 12 and np.abs(parts["relations"][:, new]).max() > 0
    top = score_top(fitted, 5, users=users)
    total = top[["gnn", "linear", "transitions", "text", "relations", "popularity"]].sum(axis=1)
    np.testing.assert_allclose(total, top["score"], atol=1e-4)


def test_a_newcomer_is_scored_by_weights_of_its_own(build: Build, settings: TrainSettings) -> None:
    random = np.random.default_rng(0)
    histories = [random.permutation(24)[:8].tolist() for _ in range(60)]
    snapshot = build({"a": [0] * 12, "b": [0] * 12}, [*histories, [1, 2, 3, 4]])
    split = split_events(snapshot, SplitSettings(protocol="last-out"))
    fitted = fit_hybrid(train(snapshot, split, {}, settings.changed(epochs=1)), split)
    names = [signal.name for signal in build_signals(fitted)[HYBRID]]
    only = {name: SignalWeights({name: 1.0}, {}) for name in names}
    fitted = replace(
        fitted, weights={HYBRID: MixtureWeights(only["popularity"], newcomers=only["linear 1"])}
    )
    mixture = next(
        iter(
            mixtures(
                replace(
                    fitted, weights={**fitted.weights, SIMPLE: MixtureWeights(only["popularity"])}
                )
            ).values()
        )
    )
    inside, outside = (
        mixture.scored(np.array([60]), domain).parts(np.arange(12)[None]) for domain in "ab"
    )
    assert np.abs(inside["popularity"]).max() > 0 and set(inside) == {"popularity"}
    assert np.abs(outside["linear"]).max() > 0 and set(outside) == {"linear"}
    # The reason for a newcomer's item is what the newcomer's own weights say.
    drops = find_drops(mixture, np.array([60]), "b", np.array([[12, 15]]))
    lost = drops.drops.max(axis=2) > 0  # where the score falls without something, it is named
    assert lost.any() and np.array_equal(drops.because() >= 0, lost)

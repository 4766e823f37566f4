"""An item that does not exist is met as a refresh meets a new one, and nothing is kept of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from linkspan import gnn
from linkspan.errors import ArgumentError, ModelError
from linkspan.exploring import newcomers
from linkspan.exploring.newcomers import Met, Newcomers
from linkspan.graph.roles import FeatureRole
from linkspan.loading import LoadedRun
from linkspan.workspace import RunFolder

from .conftest import ITEMS, USERS, Planted

TEXT = "space spaces book"


@pytest.fixture(scope="module")
def found(planted: Planted) -> Met:
    return Newcomers(planted.loaded).meet(TEXT, "book", k=14)


def loaded_as(planted: Planted, fitted: gnn.FittedModel) -> LoadedRun:
    return LoadedRun(planted.run, fitted, gnn.Choice())


def taste(key: str) -> int:
    return int(key.split("/")[1]) % 3


def test_a_newcomer_is_near_what_is_like_it(found: Met, planted: Planted) -> None:
    assert found.run == planted.run.id and len(found.near) == 14
    assert {taste(row.item) for row in found.near} == {0}
    assert {"book", "film"} <= {row.domain for row in found.near}
    scores = [row.score for row in found.near]
    assert scores == sorted(scores, reverse=True) and 0.5 < scores[0] <= 1
    titles = planted.snapshot.items.set_index("key")["title"]
    assert all(row.title == titles[row.item] for row in found.near)
    assert all(row.item.split("/")[0] == row.domain for row in found.near)


def test_users_are_those_in_whose_lists_it_would_stand_highest(
    found: Met, planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A film this time too, whose lists come from a model of its own."""
    assert {int(row.user[1:]) % 3 for row in found.users} == {0} and len(found.users) == 14
    seen = []
    real = gnn.place_item

    def place(fitted: gnn.FittedModel, item: int, domain: str) -> pd.DataFrame:
        seen.append((fitted, item, real(fitted, item, domain)))
        return seen[-1][2]

    monkeypatch.setattr(gnn, "place_item", place)
    for domain in ("book", "film"):
        users = Newcomers(planted.loaded).meet(TEXT, domain, k=USERS).users
        fitted, item, table = seen.pop()
        assert item == len(planted.snapshot.items) == len(fitted.snapshot.items) - 1
        lists = gnn.score_top(fitted, 99, [domain])
        own = lists[lists["item"] == item].set_index("user")
        sizes = lists.groupby("user").size()
        expected = 1 - (own["rank"] - 1) / (sizes - 1)
        assert len(users) == USERS and expected.nunique() > 3
        for row in users:
            user = planted.loaded.user_rows[row.user]
            assert row.score == pytest.approx(expected[user]) and row.history == 7
        np.testing.assert_allclose(table["score"], own.loc[table["user"], "score"], atol=1e-5)
        places = list(zip(table["place"], table["score"], strict=True))
        assert places == sorted(places, reverse=True)


def test_nothing_is_kept(planted: Planted) -> None:
    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in planted.workspace.folder.rglob("*")}

    before, newcomer = files(), Newcomers(planted.loaded)
    first = newcomer.meet(TEXT, "book")
    other = newcomer.meet("crime crimes film", "film")
    assert {taste(row.item) for row in other.near} == {2} and newcomer.meet(TEXT, "book") == first
    assert files() == before
    assert len(planted.loaded.fitted.snapshot.items) == 2 * ITEMS + 4


def test_an_untrained_network_leaves_it_to_the_texts(planted: Planted) -> None:
    fitted = replace(planted.loaded.fitted, best_epoch=0, alone={})
    found = Newcomers(loaded_as(planted, fitted)).meet("garden gardens", "game", k=52)
    (vector,) = gnn.HashEncoder().encode(["garden gardens"])
    cosines = fitted.text["item"] @ vector
    assert [row.score for row in found.near] == pytest.approx(
        sorted(cosines[cosines != 0].tolist(), reverse=True), abs=1e-6
    )
    assert {taste(row.item) for row in found.near[:16]} == {1}


def test_other_properties_of_a_newcomer_are_empty(planted: Planted) -> None:
    size = 2 * ITEMS + 4
    features = {
        "pages": pd.DataFrame({"value": np.arange(float(size))}),
        "kind": pd.DataFrame({"value": ["a", "b"] * (size // 2)}),
        "shape": pd.DataFrame(np.ones((size, 2), np.float32), columns=["0", "1"]),
    }
    longer = newcomers._with_item(replace(planted.snapshot, features=features), "text", "book")
    last = {name: frame.iloc[-1].tolist() for name, frame in longer.features.items()}
    assert last["kind"] == [""] and np.isnan([*last["pages"], *last["shape"]]).all()
    assert longer.features["shape"].dtypes.tolist() == [np.float32] * 2
    assert longer.features["kind"]["value"][:size].equals(features["kind"]["value"])
    twice = newcomers._with_item(longer, "text", "book")
    assert twice.items["key"].is_unique and twice.items["domain"].iloc[-1] == "book"


def test_vectors_of_properties_are_none_for_a_newcomer(planted: Planted) -> None:
    """A model that reads the vectors of a property meets an item without one."""
    kept = planted.snapshot
    roles = kept.roles.model_copy(
        update={"features": (FeatureRole(property="about", kind="text"),)}
    )
    told = pd.DataFrame({"value": kept.items["text"].str.upper()})
    snapshot = replace(kept, roles=roles, features={"about": told})
    vectors = {**planted.loaded.fitted.text, "item/about": planted.loaded.fitted.text["item"][::-1]}
    settings = planted.loaded.fitted.settings
    fitted = gnn.train_all(snapshot, vectors, settings, 1)
    found = Newcomers(loaded_as(planted, fitted)).meet(TEXT, "film", k=3)
    assert len(found.near) == len(found.users) == 3


def test_what_cannot_be_met_is_told(planted: Planted, tmp_path: Path) -> None:
    newcomer = Newcomers(planted.loaded)
    for arguments, told in (
        ((" \n", "book"), "the text is empty"),
        ((TEXT, "music"), "no domain 'music'. It has book, film, game"),
        ((TEXT, "book", 0), "k is 0"),
    ):
        with pytest.raises(ArgumentError, match=told):
            newcomer.meet(*arguments)  # type: ignore[arg-type]
    known = planted.loaded.fitted
    bare = replace(known, view=gnn.View(known.snapshot, {}, known.events))
    with pytest.raises(ModelError, match=r"no item of run .* has a text"):
        Newcomers(loaded_as(planted, bare))

    gone = known.settings.changed(encoder=str(tmp_path / "gone"))
    without = replace(known, settings=gone)
    with pytest.raises(ModelError, match="the text encoder has changed"):
        Newcomers(loaded_as(planted, without))
    run = RunFolder(tmp_path)
    run.write("run", {"encoders": gnn.encoder_names(gone.encoding)})
    missing = Newcomers(LoadedRun(run, without, gnn.Choice()))
    with pytest.raises(ModelError, match=r"no text encoder could be loaded.*Name a sentence"):
        missing.meet(TEXT, "book")

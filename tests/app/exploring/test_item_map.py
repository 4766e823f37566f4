"""A map keeps neighbours together, is made once, and works for graphs of any size."""

from __future__ import annotations

import numpy as np
import pytest

from linkspan.exploring import item_map as maps
from linkspan.exploring.item_map import ItemMap, item_map

from .conftest import Planted


def assert_same(one: ItemMap, other: ItemMap) -> None:
    for name in ("key", "title", "domain", "x", "y"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert one.left_out == other.left_out


def test_a_map_is_made_once_and_kept(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    made = item_map(planted.run, planted.snapshot)  # opens the model
    assert sorted(made.key) == sorted(planted.snapshot.items["key"]) and made.left_out == 0
    titles = planted.snapshot.items.set_index("key")["title"]
    assert made.title.tolist() == titles[made.key].tolist()
    assert [key.split("/")[0] for key in made.key] == made.domain.tolist()
    for values in (made.x, made.y):
        assert values.dtype == np.float32 and values.min() >= 0 and values.max() <= 1
    assert max(np.ptp(made.x), np.ptp(made.y)) == pytest.approx(1)
    places = np.stack([made.x, made.y], axis=1)
    away = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(away, np.inf)
    tastes = np.array([int(key.split("/")[1]) % 3 for key in made.key])
    assert (tastes[away.argmin(axis=1)] == tastes).mean() > 0.8

    def refuse(*_: object) -> None:
        raise AssertionError("the map was made again")

    with monkeypatch.context() as patch:
        patch.setattr(maps, "_placed", refuse)
        patch.setattr(maps, "open_model", refuse)
        assert_same(item_map(planted.run, planted.snapshot), made)
    file = planted.run.folder / "map.parquet"
    for damage in (lambda: file.write_text("no map"), file.unlink):
        damage()
        assert_same(item_map(planted.run, planted.snapshot, planted.loaded.fitted), made)
    assert [path.name for path in file.parent.glob("map*")] == ["map.parquet"]
    file.unlink()


def test_of_many_items_the_most_met_are_on_it(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "MOST", 20)
    monkeypatch.setattr(maps, "_LEAST", 3)
    made = item_map(planted.run, planted.snapshot, planted.loaded.fitted)
    (planted.run.folder / "map.parquet").unlink()
    names, sizes = np.unique(made.domain, return_counts=True)
    assert dict(zip(names, sizes.tolist(), strict=True)) == {"book": 8, "film": 8, "game": 3}
    assert made.left_out == 52 - 19
    counts = planted.loaded.fitted.events["item"].value_counts()
    met = counts.rename(index=planted.snapshot.items["key"])
    for domain in ("book", "film"):
        inside = met[met.index.str.startswith(domain)].sort_values(ascending=False)
        on_it = met[made.key[made.domain == domain]]
        assert on_it.tolist() == inside[:8].tolist()


@pytest.mark.parametrize(("sizes", "most"), [([5000, 3, 900], 3000), ([9] * 40, 30), ([7], 3000)])
def test_every_domain_has_its_share(
    sizes: list[int], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "MOST", most)
    domains = np.repeat([f"d{n:02}" for n in range(len(sizes))], sizes).astype(object)
    rows = maps._chosen(domains, np.zeros(len(domains), np.int64))
    assert len(rows) == len(set(rows.tolist())) <= most
    found = np.unique(domains[rows], return_counts=True)[1]
    if most > len(sizes):
        assert len(found) == len(sizes) and found.min() >= min(3, *sizes)
        assert len(rows) >= min(most, sum(sizes)) - len(sizes)


@pytest.mark.parametrize("items", [1, 2, 5, 9, 10, 12])
@pytest.mark.parametrize("kind", ["different", "equal", "zero"])
def test_tiny_graphs_have_a_map(items: int, kind: str) -> None:
    states = np.random.default_rng(0).normal(size=(items, 4)).astype(np.float32)
    if kind != "different":
        states[:] = states[0] * (kind == "equal")
    places = maps._placed(states)
    assert places.shape == (items, 2) and places.dtype == np.float32
    assert np.isfinite(places).all() and places.min() >= 0 and places.max() <= 1
    assert len(np.unique(places, axis=0)) == items

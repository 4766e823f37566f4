"""Sites that train together, in one process: what is shared, what travels, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from federations import RoomLink, together

from linkspan.errors import ConfigError, ModelError
from linkspan.gnn import FittedModel, Split, TrainSettings, View, split_events
from linkspan.gnn.federation.coordinator import Coordinator
from linkspan.gnn.federation.engine import FederatedEngine, shared_views
from linkspan.gnn.federation.messages import PROTOCOL, Message
from linkspan.gnn.federation.site import Site, check_floor
from linkspan.gnn.federation.states import Sealer
from linkspan.gnn.scores.hybrid import published
from linkspan.gnn.settings import FederationSettings, SplitSettings
from linkspan.gnn.training.train import train_all
from linkspan.graph.snapshot import Snapshot

DOMAINS = ("art", "book", "film")


@dataclass(frozen=True)
class Place:
    """A site's graph, without the events of some of its users; and its split."""

    view: View
    split: Split

    @property
    def names(self) -> dict[str, int]:
        return {key: row for row, key in enumerate(self.view.snapshot.users["key"])}


@pytest.fixture(scope="module")
def places(planted: Snapshot, text_of: Callable[[Snapshot], Any]) -> dict[str, Place]:
    """A site for each domain; every tenth user has done nothing in books, nor follows anyone."""
    found = {}
    own = {key: each for key, each in planted.relations.items() if key[0] == "item"}
    planted = replace(planted, relations=own)
    for name in DOMAINS:
        view = View.whole(planted, text_of(planted))
        for other in DOMAINS:
            view = view if other == name else view.without(other)
        snapshot = view.snapshot
        if name == "book":
            frame = snapshot.interactions["SAVED"]
            kept = frame[frame["user"] % 10 != 0].reset_index(drop=True)
            snapshot = replace(snapshot, interactions={"SAVED": kept})
        split = split_events(snapshot, SplitSettings())
        found[name] = Place(View.whole(snapshot, view.vectors), split)
    return found


def copied(network: Any) -> dict[str, torch.Tensor]:
    return {name: view.clone() for name, view in shared_views(network).items()}


def site_of(link: RoomLink, name: str, place: Place, settings: TrainSettings) -> Site:
    sealer = Sealer("a secret of all sites", place.names)
    return Site(link, FederationSettings(name=name), settings, "1", "1111", sealer)


@pytest.fixture(scope="module")
def trained(
    places: dict[str, Place], settings: TrainSettings
) -> tuple[dict[str, FittedModel], list[tuple[str, Message]]]:
    """Models to publish of all sites, and all that they said."""
    heard: list[tuple[str, Message]] = []

    def task(name: str, link: RoomLink) -> FittedModel:
        place = places[name]
        site = site_of(link, name, place, settings)
        fitted = site.train(place.view.snapshot, place.split, dict(place.view.vectors))
        assert site.others == [other for other in DOMAINS if other != name]
        heard[:] = link.room.heard
        return site.train_all(fitted)

    coordinator = Coordinator("1")
    found = together(coordinator, [partial(task, name) for name in DOMAINS])
    assert sorted(coordinator.ended) == list(DOMAINS) and coordinator.gone == {}
    models = {name: each for name, each in zip(DOMAINS, found, strict=True)}
    assert all(isinstance(each, FittedModel) for each in models.values()), found
    return models, heard  # type: ignore[return-value]


def test_after_each_epoch_all_have_the_same_shared_parameters_and_nothing_else(
    places: dict[str, Place], settings: TrainSettings
) -> None:
    """The mean of what each made of them, weighted by events, to the last bits."""

    class Noted(FederatedEngine):
        def end_epoch(self, network: Any, events: int) -> None:
            before = copied(network)
            super().end_epoch(network, events)
            notes.append((self._about["site"], events, before, copied(network)))

    notes: list[Any] = []

    def task(name: str, link: RoomLink) -> FittedModel:
        about = {"protocol": PROTOCOL, "version": "1", "site": name}
        engine = Noted(torch.device("cpu"), link, about)
        view = places[name].view
        return train_all(view.snapshot, dict(view.vectors), settings, 2, engine=engine)

    found = together(Coordinator("1"), [partial(task, name) for name in DOMAINS])
    first, *others = [each.model for each in found]  # type: ignore[union-attr]
    for other in others:
        for name, view in shared_views(first).items():
            assert torch.equal(shared_views(other)[name], view), name
        assert not torch.equal(other.identity["item_nodes"], first.identity["item_nodes"])
    weights = [note[1] for note in notes[:3]]
    for name, after in notes[0][3].items():
        mean = sum(w * note[2][name] for w, note in zip(weights, notes[:3], strict=True))
        assert torch.allclose(after, mean / sum(weights), atol=1e-5), name


def test_what_is_of_a_node_or_a_domain_does_not_travel(
    trained: tuple[dict[str, FittedModel], list[tuple[str, Message]]],
    places: dict[str, Place],
) -> None:
    _, heard = trained
    names = {name for _, message in heard for name in message.arrays}
    assert names and not any(
        name == "bias" or name.startswith("identity.") or "adapters" in name for name in names
    ), names
    nodes = {len(place.view.snapshot.items) for place in places.values()} | {240}
    sizes = {n for _, m in heard for a in m.arrays.values() if a.dtype != np.uint8 for n in a.shape}
    assert not nodes & sizes, "nothing has a row for each item or user"
    said = " ".join(str(message.about) for _, message in heard)
    for place in places.values():
        snapshot = place.view.snapshot
        assert not any(key in said for key in [*snapshot.items["key"], *snapshot.users["key"]])


def test_who_has_done_nothing_here_gets_what_they_like_elsewhere(
    trained: tuple[dict[str, FittedModel], list[tuple[str, Message]]], places: dict[str, Place]
) -> None:
    """Each user has one taste in all domains, and films and art know it."""
    models, _ = trained
    fitted = models["book"]
    assert fitted.foreign is not None and fitted.foreign.sites == ("art", "film")
    newcomers = np.arange(0, 240, 10)
    assert not fitted.events["user"].isin(newcomers).any()

    def right(model: FittedModel) -> float:
        """Share of the first ten places that are of the user's taste."""
        scores = published(model).score(newcomers, "book")
        best = np.argsort(-scores, axis=1)[:, :10]
        return float((best % 6 == newcomers[:, None] % 6).mean())

    assert right(fitted) > 0.8
    assert right(replace(fitted, foreign=None)) < 0.4


def test_the_others_go_on_without_a_site_that_fails(
    places: dict[str, Place], settings: TrainSettings
) -> None:
    def fails(link: RoomLink) -> None:
        view = places["art"].view

        class Broken(FederatedEngine):
            def end_epoch(self, network: Any, events: int) -> None:
                raise OSError("the machine is switched off")

        about = {"protocol": PROTOCOL, "version": "1", "site": "art"}
        engine = Broken(torch.device("cpu"), link, about)
        train_all(view.snapshot, dict(view.vectors), settings, 2, engine=engine)

    def task(name: str, link: RoomLink) -> FittedModel:
        about = {"protocol": PROTOCOL, "version": "1", "site": name}
        engine = FederatedEngine(torch.device("cpu"), link, about)
        view = places[name].view
        return train_all(view.snapshot, dict(view.vectors), settings, 2, engine=engine)

    coordinator = Coordinator("1")
    found = together(coordinator, [fails, partial(task, "book"), partial(task, "film")])
    assert isinstance(found[0], OSError)
    assert all(isinstance(each, FittedModel) for each in found[1:]), found
    assert coordinator.gone["art"].startswith("its connection was lost")


def test_one_that_is_left_alone_is_told(places: dict[str, Place], settings: TrainSettings) -> None:
    def fails(link: RoomLink) -> None:
        raise OSError("no graph")

    def task(link: RoomLink) -> FittedModel:
        place = places["book"]
        site = site_of(link, "book", place, settings)
        return site.train(place.view.snapshot, place.split, dict(place.view.vectors))

    found = together(Coordinator("1"), [fails, task])
    assert isinstance(found[1], ModelError) and "too few sites" in str(found[1])


def test_a_site_of_twenty_users_is_refused(build: Callable[..., Snapshot]) -> None:
    snapshot = build({"book": [0, 1, 2]}, [[0, 1]] * 20 + [[]] * 200)
    with pytest.raises(ConfigError, match="20 users met two items or more here"):
        check_floor(snapshot, FederationSettings(name="book"))
    one = build({"book": [0, 1, 2]}, [[0]] * 200 + [[0, 1]])
    with pytest.raises(
        ConfigError, match="1 users met two items or more here, and a site needs 100"
    ):
        check_floor(one, FederationSettings(name="book"))
    with pytest.raises(ValueError, match="greater than or equal to 25"):
        FederationSettings(floor=20)
    check_floor(build({"book": [0, 1, 2]}, [[0, 1]] * 25), FederationSettings(floor=25))


def test_relations_are_averaged_by_what_they_are(
    build: Callable[..., Snapshot], text_of: Callable[[Snapshot], Any], settings: TrainSettings
) -> None:
    """Two shops whose relations have other names, numbers and places."""

    def shop(domain: str, *makers: str) -> View:
        random = np.random.default_rng(len(makers))
        histories = [random.permutation(12)[:5].tolist() for _ in range(60)]
        kinds = {name: pd.DataFrame({"key": [f"{name}/1"], "name": [name]}) for name in makers}
        ties = pd.DataFrame({"source": np.arange(12), "target": 0, "weight": np.float32(1)})
        ties = ties.astype({"source": np.int32, "target": np.int32})
        relations = {("item", f"TO_{name.upper()}", name): ties for name in makers}
        snapshot = build({domain: [0, 1, 2] * 4}, histories, entities=kinds, relations=relations)
        return View.whole(snapshot, text_of(snapshot))

    views = {"books": shop("books", "Author", "Series"), "films": shop("films", "Series")}
    started: dict[str, set[str]] = {}

    def task(name: str, link: RoomLink) -> FittedModel:
        about = {"protocol": PROTOCOL, "version": "1", "site": name}
        engine = FederatedEngine(torch.device("cpu"), link, about)
        view = views[name]
        fitted = train_all(view.snapshot, dict(view.vectors), settings, 1, engine=engine)
        started[name] = engine._common
        return fitted

    found = together(Coordinator("1"), [partial(task, name) for name in views])
    books, films = (shared_views(each.model) for each in found)  # type: ignore[union-attr]
    weights = {name for name in books if name.startswith("convs.")}
    ties = {name for name in weights if "Author" in name}
    both = {name for name in weights if "TO_SERIES" in name}
    assert ties and both and not ties & started["books"]
    assert both <= started["books"] == started["films"]
    for name in both:
        assert torch.equal(books[name], films[name])

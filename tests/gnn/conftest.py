"""Planted graphs whose answers are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from goodbooks import read_goodbooks

from linkspan.gnn import HashEncoder, TrainSettings, embed_snapshot_text
from linkspan.graph.roles import InteractionRole, Roles
from linkspan.graph.snapshot import RelationKey, Snapshot

ROOT = Path(__file__).parents[2]
TASTES = 6
WORDS = [f"alpha{taste} beta{taste} gamma{taste}" for taste in range(TASTES)]


def build_snapshot(
    item_tastes: dict[str, list[int]],
    histories: list[list[int]],
    *,
    timed: bool = True,
    relations: dict[RelationKey, pd.DataFrame] | None = None,
    entities: dict[str, pd.DataFrame] | None = None,
) -> Snapshot:
    """A snapshot from each item's taste, by domain, and each user's item rows in order."""
    items = pd.DataFrame(
        [
            {"id": f"{place:04}", "domain": domain, "title": "", "text": WORDS[taste % TASTES]}
            for domain, tastes in sorted(item_tastes.items())
            for place, taste in enumerate(tastes)
        ]
    )
    items.insert(0, "key", items["domain"] + "/" + items["id"])
    keys = [f"{user:05}" for user in range(len(histories))]
    rows = [
        (user, item, place + 1 if timed else 0)
        for user, history in enumerate(histories)
        for place, item in enumerate(history)
    ]
    frame = pd.DataFrame(rows, columns=["user", "item", "at"])
    frame = frame.astype({"user": np.int32, "item": np.int32, "at": np.int64})
    frame["weight"], frame["sign"] = np.float32(1), np.int8(1)
    frame = frame.sort_values(["user", "item"], ignore_index=True)
    return Snapshot(
        roles=Roles(
            domains={domain: domain.title() for domain in item_tastes},
            interactions=(InteractionRole(type="SAVED"),),
        ),
        users=pd.DataFrame({"key": keys, "id": keys}),
        items=items,
        entities=entities or {},
        interactions={"SAVED": frame},
        relations=relations or {},
    )


def edges(source: list[int], target: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source": np.array(source, np.int32),
            "target": np.array(target, np.int32),
            "weight": np.ones(len(source), np.float32),
        }
    )


def planted_snapshot(seed: int = 0, users: int = 240, timed: bool = True) -> Snapshot:
    """Three domains of 60 items; each user has one of six tastes, and meets items of it in all."""
    random = np.random.default_rng(seed)
    tastes = {domain: [item % TASTES for item in range(60)] for domain in ("art", "book", "film")}
    taste_of = np.tile(np.arange(60) % TASTES, 3)
    histories = []
    for user in range(users):
        liked = np.flatnonzero(taste_of == user % TASTES)
        histories.append(random.permutation(liked)[:9].tolist())
    makers = pd.DataFrame(
        {"key": [f"Maker/{n}" for n in range(12)], "name": [f"maker number{n}" for n in range(12)]}
    )
    everyone = list(range(users))
    return build_snapshot(
        tastes,
        histories,
        timed=timed,
        entities={"Maker": makers},
        relations={
            ("item", "MADE_BY", "Maker"): edges(list(range(180)), (np.arange(180) % 12).tolist()),
            ("item", "SEQUEL", "item"): edges(list(range(0, 174)), list(range(6, 180))),
            ("user", "FOLLOWS", "Maker"): edges(everyone, [user % TASTES for user in everyone]),
            ("user", "FRIEND", "user"): edges(everyone[:-6], everyone[6:]),
        },
    )


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Planted graphs are so small that threads only wait for each other, on a busy machine long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def build() -> Callable[..., Snapshot]:
    return build_snapshot


@pytest.fixture(scope="session")
def plant() -> Callable[..., Snapshot]:
    return planted_snapshot


@pytest.fixture(scope="session")
def planted() -> Snapshot:
    return planted_snapshot()


@pytest.fixture(scope="session")
def text_of() -> Callable[[Snapshot], dict[str, np.ndarray]]:
    return lambda snapshot: embed_snapshot_text(snapshot, HashEncoder(32))


@pytest.fixture(scope="session")
def settings() -> TrainSettings:
    return TrainSettings.of(
        encoder="hash",
        embedding_size=16,
        adapter_size=2,
        history_length=6,
        negatives=40,
        batch_size=256,
        learning_rate=0.01,
        epochs=12,
        patience=4,
        device="cpu",
    )


@pytest.fixture(scope="session")
def goodbooks() -> Snapshot:
    """The bundled data."""
    return read_goodbooks(ROOT / "app" / "data" / "goodbooks")

"""A run over a small planted graph, trained once for all that is asked of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from linkspan import gnn
from linkspan.gnn.models.weights import MixtureWeights, SignalWeights
from linkspan.gnn.scores.hybrid import with_linear
from linkspan.gnn.scores.signals import HYBRID, build_signals
from linkspan.graph.roles import InteractionRole, Roles
from linkspan.graph.snapshot import Snapshot
from linkspan.loading import LoadedRun
from linkspan.opening import open_model
from linkspan.workspace import RunFolder, Workspace

TASTES = ("space", "garden", "crime")
USERS, ITEMS = 60, 24


@dataclass
class Planted:
    """The workspace, the run in it, and the run loaded."""

    workspace: Workspace
    run: RunFolder
    snapshot: Snapshot
    loaded: LoadedRun


def plant() -> Snapshot:
    """Books, films and games of three tastes, which users keep to; they met no game.

    ``book/000`` and ``film/two`` are one, as are ``u00`` and ``zoe``; each user disliked two books,
    and every second one has friends.
    """
    random = np.random.default_rng(0)
    items = pd.DataFrame(
        [
            {"id": f"{n:03}", "domain": domain, "title": f"{domain} {n}", "text": text}
            for domain in ("book", "film", "game")
            for n in range(ITEMS if domain != "game" else 4)
            for text in [f"{TASTES[n % 3]} {TASTES[n % 3]}s {domain} {n}"]
        ]
    )
    items.insert(0, "key", items["domain"] + "/" + items["id"])
    events = []
    for user in range(USERS):
        liked = [n for n in range(2 * ITEMS) if n % 3 == user % 3]
        for at, item in enumerate(random.permutation(liked)[:7]):
            events.append((user, item, at + 1, 1))
        for item in random.permutation([n for n in range(ITEMS) if n % 3 != user % 3])[:2]:
            events.append((user, item, 1, -1))
    frame = pd.DataFrame(events, columns=["user", "item", "at", "sign"])
    frame = frame.astype({"user": np.int32, "item": np.int32, "at": np.int64, "sign": np.int8})
    frame.insert(3, "weight", np.float32(1))
    even = np.arange(0, USERS, 2)
    friends = pd.DataFrame({"source": even[:-1], "target": even[1:]})
    keys = [f"u{user:02}" for user in range(USERS)]
    return Snapshot(
        roles=Roles(
            domains={name: name.title() for name in ("book", "film", "game")},
            interactions=(InteractionRole(type="SAVED"),),
        ),
        users=pd.DataFrame({"key": keys, "id": keys}),
        items=items,
        entities={},
        interactions={"SAVED": frame.sort_values(["user", "item"], ignore_index=True)},
        relations={
            ("user", "FRIEND", "user"): friends.astype(np.int32).assign(weight=np.float32(1))
        },
        aliases={
            "item": pd.DataFrame(
                {"row": np.zeros(1, np.int32), "key": ["film/two"], "domain": ["film"]}
            ),
            "user": pd.DataFrame({"row": np.zeros(1, np.int32), "key": ["zoe"]}),
        },
    )


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """The lists of films come from a model of their events only, as the guard makes one."""
    workspace, snapshot = Workspace(tmp_path_factory.mktemp("explored")), plant()
    settings = gnn.TrainSettings.of(
        encoder="hash", embedding_size=16, adapter_size=2, negatives=20, batch_size=128,
        learning_rate=0.01, linear_regularization=5.0, device="cpu",
    )  # fmt: skip
    text = gnn.embed_snapshot_text(snapshot, gnn.HashEncoder())
    fitted = with_linear(gnn.train_all(snapshot, text, settings, 4))
    names = [signal.name for signal in build_signals(fitted)[HYBRID]]
    weights = MixtureWeights(
        SignalWeights(dict.fromkeys(names, 0.1), {}),
        SignalWeights({name: 0.1 * (n % 3 + 1) for n, name in enumerate(names)}, {}),
        SignalWeights({"gnn": 0.2, **{n: 0.4 for n in names if n.startswith("text")}}, {}),
    )
    fitted = replace(fitted, weights={HYBRID: weights})
    alone = fitted.learned.on(fitted.view.within("film"))
    fitted = replace(fitted, alone={"film": alone})
    workspace.save_snapshot(snapshot)
    run = workspace.new_run(
        version="0",
        fingerprint=snapshot.fingerprint(),
        settings=settings.model_dump(mode="json"),
        encoders=gnn.encoder_names(settings.encoding),
    )
    gnn.save_vectors(text, run.embedded)
    gnn.save(fitted.learned, run.final)
    loaded = LoadedRun(run, open_model(run, snapshot), gnn.Choice())
    return Planted(workspace, run, snapshot, loaded)

"""The part that other sites' states make: the map, its rows, and its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cryptography.fernet import InvalidToken

from linkspan.errors import ModelError
from linkspan.gnn import HashEncoder, TrainSettings, View, embed_snapshot_text
from linkspan.gnn.federation.states import Sealer, user_states
from linkspan.gnn.parts.foreign import RIDGE, Foreign, ForeignPart
from linkspan.gnn.training.train import untrained
from linkspan.graph.snapshot import Snapshot

Build = Callable[..., Snapshot]


@pytest.fixture
def snapshot(build: Build) -> Snapshot:
    random = np.random.default_rng(0)
    histories = [list(random.permutation(12)[:5]) for _ in range(30)]
    return build({"books": [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]}, histories)


@pytest.fixture
def part(snapshot: Snapshot) -> ForeignPart:
    random = np.random.default_rng(1)
    states = random.normal(size=(20, 6)).astype(np.float32)
    users = snapshot.users["key"].tolist()[5:25]
    return ForeignPart.fit(["films", "games"], users, states, snapshot, snapshot.events())


def test_the_map_is_the_ridge_regression_of_all_users(
    snapshot: Snapshot, part: ForeignPart
) -> None:
    """Against least squares with λ as rows of their own."""
    states = np.zeros((30, 6))
    states[5:25] = part.states
    met = np.zeros((30, 12))
    events = snapshot.events()
    met[events["user"], events["item"]] = 1
    wide = np.concatenate([states, np.sqrt(RIDGE) * np.eye(6)])
    wanted, *_ = np.linalg.lstsq(wide, np.concatenate([met, np.zeros((6, 12))]), rcond=None)
    assert part.weights == pytest.approx(wanted, abs=1e-5)


def test_users_whom_no_site_knows_get_nothing(snapshot: Snapshot, part: ForeignPart) -> None:
    signal = Foreign(part, snapshot, {"books": np.arange(12)})
    scores = signal.score(np.arange(30), "books")
    assert (scores[:5] == 0).all() and (scores[25:] == 0).all()
    assert scores[5:25] == pytest.approx(part.states @ part.weights, abs=1e-5)
    # A visitor is no user of the graph, and least of all its last one.
    assert (signal.of(np.array([-1])).score(np.array([0]), "books") == 0).all()
    owned = signal.of(np.array([7, 29])).score(np.array([0, 1]), "books")
    assert owned[0] == pytest.approx(scores[7]) and (owned[1] == 0).all()


def test_items_that_are_new_and_users_who_have_gone(snapshot: Snapshot, part: ForeignPart) -> None:
    moved = part.moved(np.array([3, -1, 0]))
    assert moved.weights[:, [0, 2]] == pytest.approx(part.weights[:, [3, 0]])
    assert (moved.weights[:, 1] == 0).all()
    fewer = replace(snapshot, users=snapshot.users.iloc[10:].reset_index(drop=True))
    assert part.states_in(fewer)[:15] == pytest.approx(part.states[5:])


def test_users_that_are_one_have_one_state(snapshot: Snapshot, part: ForeignPart) -> None:
    twin = pd.DataFrame({"key": ["00005-b"], "row": [0]})
    joined = replace(snapshot, aliases={"user": twin})
    other = replace(part, users=("00005-b", *part.users[1:]))
    assert other.states_in(joined)[0] == pytest.approx(part.states[0])


def test_it_comes_back_from_its_file(part: ForeignPart, tmp_path: Path) -> None:
    assert ForeignPart.load(tmp_path) is None
    part.save(tmp_path)
    found = ForeignPart.load(tmp_path)
    assert found is not None and found.sites == ("films", "games") and found.users == part.users
    assert found.states.tobytes() == part.states.tobytes()
    assert found.weights.tobytes() == part.weights.tobytes()


def test_states_are_opened_by_pseudonym_by_those_with_the_secret_alone(snapshot: Snapshot) -> None:
    fitted = untrained(
        View.whole(snapshot, embed_snapshot_text(snapshot, HashEncoder())), TrainSettings()
    )
    states = user_states(fitted)
    assert np.linalg.norm(states, axis=1) == pytest.approx(np.ones(30), abs=1e-5)
    met = snapshot.events()[lambda events: events["user"] == 3]["item"]
    mean = fitted.item_states[met].sum(axis=0)
    assert states[3] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)
    theirs = Sealer("a secret of theirs", {f"pseudonym {row}": row for row in range(30)})
    sealed = theirs.seal(fitted)
    assert b"pseudonym" not in sealed.tobytes()
    # Here other rows have these pseudonyms, and one has none.
    ours = Sealer("a secret of theirs", {f"pseudonym {row}": 29 - row for row in range(29)})
    found = ours.open(fitted, {"films": sealed})
    assert found is not None and len(found.users) == 29
    assert found.states_in(snapshot)[29 - 3] == pytest.approx(states[3], abs=1e-6)
    assert (found.states_in(snapshot)[0] == 0).all()
    with pytest.raises(ModelError, match="the states of site 'films' cannot be opened") as error:
        Sealer("another secret", {}).open(fitted, {"films": sealed})
    assert isinstance(error.value.__cause__, InvalidToken)
    strangers = Sealer("a secret of theirs", {"q": 0})
    assert strangers.open(fitted, {"films": sealed}) is None


def test_one_who_is_several_elsewhere_has_the_mean_of_their_states(snapshot: Snapshot) -> None:
    fitted = untrained(
        View.whole(snapshot, embed_snapshot_text(snapshot, HashEncoder())), TrainSettings()
    )
    theirs = Sealer("a secret of theirs", {"ann": 3, "ann at work": 8})
    ours = Sealer("a secret of theirs", {"ann": 1, "ann at work": 1})
    found = ours.open(fitted, {"films": theirs.seal(fitted)})
    assert found is not None
    both = user_states(fitted)[[3, 8]].sum(axis=0)
    assert found.states_in(snapshot)[1] == pytest.approx(both / np.linalg.norm(both), abs=1e-6)

"""Refreshing: new lists for those concerned, all others as they were; undone by rollback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from linkspan.errors import ModelError
from linkspan.graph.asking.client import Client
from linkspan.graph.conditions import Condition
from linkspan.graph.connecting.connection import Database
from linkspan.graph.roles import FeatureRole, InteractionRole, Roles
from linkspan.refreshing import _check_roles

pytestmark = pytest.mark.usefixtures("trained_once")
ALL = "MATCH (u:User)-[r:RECOMMENDED]->(i) WHERE r.run = u.run RETURN u.key AS user, "
ALL += "u.run AS run, r.domain AS domain, r.rank AS rank, i.key AS item, r.score AS score"


def read_lists(database: Database) -> pd.DataFrame:
    """All lists as users read them."""
    frame = pd.DataFrame(database.read(ALL))
    return frame.sort_values(["user", "domain", "rank"], ignore_index=True)


def test_a_refresh_concerns_those_with_news(
    linkspan: Any, project: Path, on_server: Database
) -> None:
    change("embedding_size = 16", "embedding_size = 64")  # so that it needs more than a MiB
    first = json.loads(linkspan("run", "--json").out)["run"]
    before = read_lists(on_server)
    assert linkspan("refresh").out.rstrip().endswith("No list has to change.")
    assert linkspan("query", "runs", "--json").out.count('"run"') == 1

    # User 7 accepts a book, a new user has one event, two items are new, one of user 9 has gone.
    client = Client(on_server)
    taken = client.recommend("7", domain="books")[0].item
    client.feedback("7", taken)
    with Path("events.csv").open("a") as file:
        file.write("newcomer,1,1\n")
    with Path("items.csv").open("a") as file:
        file.write("60,books,The space 60,Author 0\n61,films,The space 61,Author 1\n")
    assert linkspan("ingest").code == 0
    gone = client.recommend("9", domain="films")[0].item
    on_server.write("MATCH (i:Item {key: $key}) DETACH DELETE i", key=gone)
    losers = set(before.loc[before["item"] == gone, "user"])
    met = {u for u in before["user"] if gone in {r.item for r in client.history(u, k=99)}}
    # Deleting the item took its events: their users are concerned, too.
    events = pd.read_csv("events.csv").astype(str)
    met = set(events.loc[events["item"] == gone.removeprefix("films/"), "user"])

    done = json.loads(linkspan("refresh", "--json").out)
    assert done["base"] == first and done["run"] > first
    assert (done["changes"]["new_users"], done["changes"]["new_items"]) == (1, 2)
    after = read_lists(on_server)
    concerned = {"7", "newcomer", *losers, *met}
    assert set(after.loc[after["run"] == done["run"], "user"]) == concerned
    same = ~before["user"].isin(concerned)
    rest = after[~after["user"].isin(concerned)].reset_index(drop=True)
    pd.testing.assert_frame_equal(rest, before[same].reset_index(drop=True))
    mine = after[after["user"] == "7"]
    assert taken not in set(mine["item"]) and len(mine) == 6
    assert (after.groupby("user").size() == 6).all() and after["user"].nunique() == 221
    assert after.groupby("user")["run"].nunique().max() == 1
    assert len(client.similar("films/1")) > 0  # by the run that is active still
    states = {run.run: run.state for run in client.runs()}
    assert states == {first: "active", done["run"]: "refresh"}
    told = {line.split()[0]: line for line in linkspan("runs").out.splitlines() if line.strip()}
    assert told[done["run"]].rstrip().endswith("undone") and told[first].rstrip().endswith("no")

    # A second one begins from the first, and trains a little further.
    client.feedback("11", client.recommend("11")[0].item, "dislike")
    change("[publish]", "[train.machine]\nmemory = 1\n\n[publish]")  # of today, not of the run
    answer = linkspan("refresh", "--epochs", "1")
    assert answer.code == 5 and "'memory' in [train.machine] allows 1" in answer.err, answer.err
    change("memory = 1", "memory = 100")
    again = json.loads(linkspan("refresh", "--epochs", "1", "--json").out)
    now = read_lists(on_server)
    assert set(now.loc[now["run"] == again["run"], "user"]) == {"11"}
    assert sum(row["shown"] for row in again["acceptance"]) == 2
    assert json.loads(linkspan("rollback", "--json").out) == {"from": again["run"], "to": first}
    pd.testing.assert_frame_equal(read_lists(on_server), after)

    # A full run supersedes all; rolled back, everyone reads what was read before it.
    assert linkspan("snapshot").code == 0
    for stage in ("train", "evaluate", "publish"):
        answer = linkspan(stage)
        assert answer.code == 0, (stage, answer.err)
    assert read_lists(on_server)["run"].nunique() == 1
    assert {run.state for run in client.runs()} == {"active", "superseded"}
    assert linkspan("rollback").code == 0
    pd.testing.assert_frame_equal(read_lists(on_server), after)
    assert {run.run: run.state for run in client.runs()}[done["run"]] == "refresh"
    assert json.loads(linkspan("rollback", "--json").out)["from"] == done["run"]
    base = read_lists(on_server)
    assert set(base["run"]) == {first}


def change(before: str, after: str) -> None:
    text = Path("linkspan.toml").read_text()
    assert before in text
    Path("linkspan.toml").write_text(text.replace(before, after))


def test_a_refresh_is_by_the_settings_of_its_run(
    linkspan: Any, project: Path, on_server: Database
) -> None:
    first = json.loads(linkspan("run", "--json").out)["run"]
    client = Client(on_server)
    client.feedback("7", client.recommend("7")[0].item)
    # Vectors of an encoder that is not there would stop it, and those of another spoil it.
    change('encoder = "hash"', 'encoder = "no-such-encoder"\nmax_tokens = 8\nlong_texts = "mean"')
    change("embedding_size = 16", 'embedding_size = 8\nfusion = "concat"')
    answer = linkspan("refresh", "--json")
    assert answer.code == 0, answer.err
    done = json.loads(answer.out)
    assert done["base"] == first and done["changes"]["users"] == 1
    runs = project / ".linkspan" / "runs"
    made, was = (
        json.loads((runs / name / "run.json").read_text()) for name in (done["run"], first)
    )
    assert made["settings"] == was["settings"] and made["encoders"] == was["encoders"]

    client.feedback("8", client.recommend("8")[0].item)
    before = 'text = ["title"]\n\n[items.properties]\ntitle = "title"\n'
    after = 'text = ["title", "by"]\n\n[items.properties]\ntitle = "title"\nby = "author"\n'
    change(before, after)
    answer = linkspan("refresh")
    assert answer.code == 5 and "other text than when run" in answer.err, answer.err
    change(after, before)
    told = {**made, "encoders": {"text": "folder@1234-64", "image": "-"}}
    (runs / done["run"] / "run.json").write_text(json.dumps(told))
    answer = linkspan("refresh")
    assert answer.code == 5 and "the text encoder has changed since run" in answer.err
    (runs / done["run"] / "run.json").write_text(json.dumps(made))
    assert linkspan("refresh").code == 0


def test_other_roles_than_those_of_the_run_are_told() -> None:
    saved, lent = InteractionRole(type="SAVED"), InteractionRole(type="LENT")
    positive = Condition(property="rating", operator=">=", value=4)
    roles = Roles(domains={"x": "X"}, text=("title", "plot"), interactions=(saved, lent))
    for same in ({"interactions": (lent, saved)}, {"domains": {"x": "X", "y": "Y"}}):
        _check_roles(roles, roles.model_copy(update=same), "r")
    for name, value in (
        ("text", ("plot", "title")),
        ("interactions", (saved.model_copy(update={"positive": positive}), lent)),
        ("features", (FeatureRole(property="year", kind="number"),)),
    ):
        with pytest.raises(ModelError, match=f"other {name} than when run r was trained"):
            _check_roles(roles, roles.model_copy(update={name: value}), "r")


def test_an_unknown_active_run_is_told(linkspan: Any, project: Path, on_server: Database) -> None:
    assert linkspan("ingest").code == 0
    assert "no run is active" in linkspan("refresh").err
    on_server.write("CREATE (:Run {id: 'x', state: 'active', interactions: ['SAVED']})")
    answer = linkspan("refresh")
    assert answer.code == 5 and "the active run x is not in" in answer.err

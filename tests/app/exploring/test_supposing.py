"""Lists with the whole past are those that are published, and without a part of it they change."""

from __future__ import annotations

import numpy as np
import pytest

from linkspan import gnn
from linkspan.errors import ArgumentError
from linkspan.exploring.supposing import Change, Supposing
from linkspan.graph.snapshot.identities import keyed_lists
from linkspan.loading import LoadedRun

from .conftest import Planted


@pytest.fixture(scope="module")
def supposing(planted: Planted) -> Supposing:
    return Supposing(planted.loaded)


def published(planted: Planted, user: int, k: int, choice: gnn.Choice | None = None) -> list[tuple]:
    lists = gnn.score_top(planted.loaded.fitted, k, users=np.array([user]), choice=choice)
    lists = keyed_lists(planted.snapshot, lists)
    lists = lists[lists["user"] == planted.snapshot.users["key"][user]]
    titles = planted.snapshot.items.set_index("key")["title"]
    return [
        (row.domain, row.rank, row.item, pytest.approx(row.score, abs=1e-5), titles[row.because])
        for row in lists.itertuples()
    ]


def listed(changes: list[Change]) -> list[tuple]:
    return [
        (row.domain, row.before, row.item, row.score_before, row.because_after)
        for row in changes
        if row.before is not None
    ]


@pytest.mark.parametrize("user", ["u00", "zoe", "u07", "u59"])
def test_with_the_whole_past_lists_are_the_published_ones(
    supposing: Supposing, planted: Planted, user: str
) -> None:
    row = planted.loaded.user_rows[user]
    found = supposing.without(user, k=6)
    assert planted.loaded.fitted.alone.keys() == {"film"}
    assert listed(found.changes) == published(planted, row, 6)
    assert (found.run, found.user, found.history, found.taken) == (planted.run.id, user, 7, 0)
    assert all(
        (row.before, row.score_before, row.taken) == (row.after, row.score_after, False)
        for row in found.changes
    )
    disliked = planted.snapshot.not_liked().query("user == @row")["item"]
    keys = set(planted.snapshot.items["key"][disliked])
    everything = {row.item for row in supposing.without(user, k=99).changes}
    assert len(keys) == 2 and not keys & everything


def test_rules_on_users_hold(planted: Planted) -> None:
    codes = np.arange(60) % 2, np.arange(len(planted.snapshot.items)) % 2
    choice = gnn.Choice(matches=[codes], diversity=0.2, calibration=0.3)
    run = LoadedRun(planted.run, planted.loaded.fitted, choice)
    for user in (6, 7):
        found = Supposing(run).without(f"u{user:02}", k=5)
        assert listed(found.changes) == published(planted, user, 5, choice)


def test_what_is_taken_away_changes_lists_and_may_be_recommended(
    supposing: Supposing, planted: Planted
) -> None:
    events = planted.loaded.fitted.events
    past = events.loc[events["user"] == 7, "item"].tolist()
    key = planted.loaded.key(past[-1])
    found = supposing.without("u07", [key], k=99)
    assert (found.history, found.taken) == (7, 1)
    (own,) = (row for row in found.changes if row.taken)
    assert own.item == key and own.before is None and own.score_before is None
    assert own.after is not None and own.after <= 8 and own.score_after is not None
    moved = [row for row in found.changes if row.score_before != row.score_after]
    assert len(moved) > 20 and any(row.before != row.after for row in moved)
    assert planted.loaded.title(past[-1]) not in {row.because_after for row in found.changes}
    order = [(row.domain, row.before or 999, row.after or 999) for row in found.changes]
    assert order == sorted(order)
    short = supposing.without("u07", [key], k=3)
    assert {row.domain for row in short.changes} == {"book", "film", "game"}
    for row in short.changes:
        ranks = (row.before, row.after)
        assert ranks != (None, None) and all(rank is None or rank <= 3 for rank in ranks)
        assert [rank is None for rank in ranks] == [
            score is None for score in (row.score_before, row.score_after)
        ]


def test_without_a_domain_the_user_is_new_to_it(supposing: Supposing, planted: Planted) -> None:
    """So the lists of a domain that the user never met are those of a visitor of that history."""
    fitted, zero = planted.loaded.fitted, np.zeros(1, np.int64)
    past = fitted.events.loc[fitted.events["user"] == 9, "item"].to_numpy(np.int64)
    films = past[past >= 24]
    assert 0 < len(films) < len(past)
    found = supposing.without("u09", domains=["book"], k=5)
    assert (found.history, found.taken) == (len(past), len(past) - len(films))
    expected = planted.loaded.ranker.for_visitor(films).lists(zero, "game", 5)["score"].tolist()
    rows = {
        domain: [row for row in found.changes if row.domain == domain]
        for domain in ("book", "film", "game")
    }
    scores = sorted((row.score_after or 0 for row in rows["game"]), reverse=True)
    assert scores == pytest.approx(expected, abs=1e-5)
    whole = planted.loaded.ranker.for_visitor(past).lists(zero, "game", 5)["score"].tolist()
    assert scores != pytest.approx(whole, abs=1e-3)
    # Films are listed by their own events only, which are all there.
    assert all(
        (row.before, row.score_before) == (row.after, row.score_after) for row in rows["film"]
    )
    assert any(row.taken for row in supposing.without("u09", domains=["book"], k=99).changes)


def test_without_the_whole_past_there_is_no_reason(supposing: Supposing) -> None:
    found = supposing.without("u07", domains=["film", "book", "game"])
    assert found.taken == found.history == 7
    assert {row.because_after for row in found.changes} == {None}


def test_an_item_of_two_keys_is_taken_by_either(supposing: Supposing, planted: Planted) -> None:
    events = planted.loaded.fitted.events
    user = int(events.loc[events["item"] == 0, "user"].iloc[0])
    found = [supposing.without(f"u{user:02}", [key], k=50) for key in ("book/000", "film/two")]
    assert found[0] == found[1] and found[0].taken == 1
    taken = {row.domain: row.item for row in found[0].changes if row.taken}
    assert taken == {"book": "book/000", "film": "film/two"}
    both = supposing.without(f"u{user:02}", ["book/000", "film/two"], k=50)
    assert both.taken == 1
    assert supposing.without(f"u{user:02}", domains=["film"]).taken > sum(
        events["item"][events["user"] == user] >= 24
    )


def test_what_cannot_be_supposed_is_told(supposing: Supposing, planted: Planted) -> None:
    for arguments, told in (
        (("nobody",), r"no user 'nobody'.* newer than the run.*u00, u01, .* and 56 others"),
        (("u07", [], ["music"]), "no domain 'music'. It has book, film, game"),
        (("u07", [], [], 0), "k is 0"),
    ):
        with pytest.raises(ArgumentError, match=told):
            supposing.without(*arguments)  # type: ignore[arg-type]


def test_what_is_taken_away_is_not_hidden_as_disliked_either(planted: Planted) -> None:
    ranker, zero = planted.loaded.ranker, np.zeros(1, np.int64)
    disliked = planted.snapshot.not_liked().query("user == 7")["item"].to_numpy(np.int64)
    hidden = set(ranker.for_user(7).lists(zero, "book", 99)["item"])
    free = set(ranker.for_user(7, disliked).lists(zero, "book", 99)["item"])
    assert not hidden & set(disliked) and free == hidden | set(disliked)


def test_items_met_since_the_run_are_told_and_disliked_ones_may_be_taken(
    supposing: Supposing, planted: Planted
) -> None:
    events, disliked = planted.loaded.fitted.events, planted.snapshot.not_liked_by(7)
    (unmet, *_) = set(range(48)) - {*events.loc[events["user"] == 7, "item"], *disliked}
    since = [planted.loaded.key(unmet), "book/x"]
    found = supposing.without("u07", [*since, *since])
    assert found.unknown == since and found.taken == 0
    assert all(change.before == change.after for change in found.changes)
    found = supposing.without("u07", [planted.loaded.key(item) for item in disliked], k=99)
    assert found.unknown == [] and found.taken == 0 and len(disliked) == 2
    came = {change.item for change in found.changes if change.before is None}
    assert {planted.loaded.item_rows[key] for key in came} == set(disliked)
    assert all(change.taken for change in found.changes if change.item in came)


def test_lists_with_the_whole_past_are_made_once(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[int, int]] = []
    ranker = gnn.Ranker.for_user

    def counted(self: gnn.Ranker, user: int, without: np.ndarray | None = None) -> gnn.Ranker:
        made.append((user, 0 if without is None else len(without)))
        return ranker(self, user, without)

    monkeypatch.setattr(gnn.Ranker, "for_user", counted)
    asked, row = Supposing(planted.loaded), planted.loaded.user_rows["u07"]
    known = planted.loaded.fitted.events.query("user == @row")["item"]
    keys = [planted.loaded.key(item) for item in known]
    first = asked.without("u07", keys[:1])
    asked.without("u07", keys[:2])
    assert asked.without("u07", ["film/none"]).changes and made == [(row, 0), (row, 1), (row, 2)]
    assert asked.without("u07", keys[:1]) == first

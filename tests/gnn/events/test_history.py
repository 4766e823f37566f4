"""What a user has met beside an event: the item that is asked for is never in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from linkspan.gnn.events.history import (
    PAD,
    SET_LENGTH,
    EventHistories,
    before_events,
    other_events,
)
from linkspan.gnn.events.known import KnownEvents

DOMAINS = np.zeros(9, np.int64)


def items_of(histories: EventHistories) -> np.ndarray:
    found = histories.take(np.arange(len(histories.users))).items
    assert ((found != PAD).any(axis=1) == histories.begun).all()
    return found


def test_others_of_a_set_are_all_of_them_or_as_many_as_are_asked_for() -> None:
    events = pd.DataFrame({"user": [0, 0, 0, 1], "item": [3, 5, 8, 3]})
    random = np.random.default_rng(0)
    whole = items_of(other_events(events, DOMAINS, 4, random))
    assert [set(row) - {PAD} for row in whole] == [{5, 8}, {3, 8}, {3, 5}, set()]
    cut = items_of(other_events(events, DOMAINS, 1, random))[:, 0]
    assert all(found in {3, 5, 8} - {own} for found, own in zip(cut, [3, 5, 8], strict=False))
    assert cut[3] == PAD


def test_an_item_met_twice_is_not_in_its_own_history() -> None:
    """Viewed and bought: who is asked for one must not see the other."""
    events = pd.DataFrame({"user": [0, 0, 0, 1, 1], "item": [3, 3, 5, 4, 4]})
    found = other_events(events, DOMAINS, 4, np.random.default_rng(0))
    assert [set(row) - {PAD} for row in items_of(found)] == [{5}, {5}, {3}, set(), set()]
    assert found.users.tolist() == [0, 0, 0, 1, 1]


def test_a_long_set_is_seen_by_a_sample_of_all_its_domains() -> None:
    """Ids begin with the domain, and rows are in their order: the last ones are all of one."""
    domains = np.repeat([0, 1], 100)
    events = pd.DataFrame({"user": [0] * 160 + [1, 1], "item": [*range(20, 180), 3, 150]})
    known_events = KnownEvents(events, domains, timed=False)
    for domain in (0, 1):
        seen = known_events.recent(np.array([0, 1]), domain, SET_LENGTH)
        first = seen.items[:, :SET_LENGTH]
        assert len(set(first[0])) == SET_LENGTH and PAD not in first[0]
        shares = np.bincount(domains[first[0]]) / SET_LENGTH
        assert (shares > 0.25).all()
        assert first[1].tolist() == [150, 3, *[PAD] * (SET_LENGTH - 2)]  # a short one as it is
    again = KnownEvents(events[events["item"] != first[0, 0]], domains, timed=False)
    left = again.recent(np.array([0]), 1, SET_LENGTH).items[0, :SET_LENGTH]
    assert set(first[0, 1:]) == set(left[:-1])  # an item that is taken away draws no other sample
    kept = KnownEvents(events, domains, timed=True).recent(np.array([0]), 1, SET_LENGTH)
    assert kept.items[0, :SET_LENGTH].tolist() == list(range(179, 129, -1))


@given(st.lists(st.lists(st.integers(0, 8), max_size=7), min_size=1, max_size=5), st.booleans())
def test_before_an_event_stand_the_latest_of_all_and_of_its_domain(
    pasts: list[list[int]], inside: bool
) -> None:
    domains = np.array([0] * 5 + [1] * 4)
    rows = [(user, item) for user, past in enumerate(pasts) for item in past]
    events = pd.DataFrame(rows, columns=["user", "item"], dtype=np.int64)
    histories = before_events(events, domains, 3, inside=inside)
    found = histories.take(np.arange(len(rows))).items.tolist()
    for place, ((user, item), own) in enumerate(zip(rows, found, strict=True)):
        past = [other for who, other in rows[:place] if who == user][::-1]
        same = [other for other in past if domains[other] == domains[item]]
        expected = [(each + [PAD] * 3)[:3] for each in ([past, same] if inside else [past])]
        assert own == [row for each in expected for row in each]
        assert histories.begun[place] == bool(past)

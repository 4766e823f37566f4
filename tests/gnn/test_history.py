"""What a user has met beside an event: the item that is asked for is never in it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from linkspan.gnn.history import PAD, other_events

DOMAINS = np.zeros(9, np.int64)


def test_others_of_a_set_are_all_of_them_or_as_many_as_are_asked_for() -> None:
    events = pd.DataFrame({"user": [0, 0, 0, 1], "item": [3, 5, 8, 3]})
    random = np.random.default_rng(0)
    whole = other_events(events, DOMAINS, 4, random).items
    assert [set(row) - {PAD} for row in whole] == [{5, 8}, {3, 8}, {3, 5}, set()]
    cut = other_events(events, DOMAINS, 1, random).items[:, 0]
    assert all(found in {3, 5, 8} - {own} for found, own in zip(cut, [3, 5, 8], strict=False))
    assert cut[3] == PAD


def test_an_item_met_twice_is_not_in_its_own_history() -> None:
    """Viewed and bought: who is asked for one must not see the other."""
    events = pd.DataFrame({"user": [0, 0, 0, 1, 1], "item": [3, 3, 5, 4, 4]})
    found = other_events(events, DOMAINS, 4, np.random.default_rng(0))
    assert [set(row) - {PAD} for row in found.items] == [{5}, {5}, {3}, set(), set()]
    assert found.users.tolist() == [0, 0, 0, 1, 1]

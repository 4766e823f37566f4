"""Places of an item in the lists that users would get, were they as long as a domain."""

from __future__ import annotations

import numpy as np
import pandas as pd

from linkspan.gnn.events.domains import rows_at_once, rows_by_domain
from linkspan.gnn.metrics import midranks
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.scores.components import PARTS, Seen
from linkspan.gnn.scores.hybrid import published

_CHUNK = 1024
"""Users scored at once, at most."""

_ARRAYS = len(PARTS) + 4
"""As in `linkspan.gnn.scores.scoring`, with ranks in place of a choice."""


def place_item(fitted: FittedModel, item: int, domain: str) -> pd.DataFrame:
    """Rank an item for each user who has a past, by the mixture that lists are made by.

    Scores can be compared within one user only, so it is places that compare users.

    Args:
        fitted: Its known events are what users have met.
        item: Row of an item that the users have not met.
        domain: Name of a domain that has it.

    Returns:
        The users in whose view it stands highest first; where places are equal, the higher score
        (of parts that are standardised for each user) decides. Columns ``user`` (int32 row),
        ``place`` (share, from 0 to 1, of the domain's other items that the user has not met and
        that score lower, ties by half; 1 where there is no other), ``score`` (float32) and
        ``history`` (number of events). Costs the scores of all items of the domain for all users.
    """
    users, counts = np.unique(fitted.events["user"].to_numpy(np.int64), return_counts=True)
    scorer, seen = published(fitted), Seen(fitted, not_liked=True)
    rows = rows_by_domain(fitted.snapshot)[domain]
    column = int(np.searchsorted(rows, item))
    places, own = np.zeros(len(users)), np.zeros(len(users), np.float32)
    size = rows_at_once(len(rows), _ARRAYS, _CHUNK)
    for start in range(0, len(users), size):
        part = slice(start, start + size)
        scores = scorer.score(users[part], domain)  # (B, N)
        own[part] = scores[:, column]
        seen.hide(scores, users[part], domain)
        others = np.isfinite(scores).sum(axis=1) - 1
        places[part] = 1 - (midranks(scores, own[part]) - 1) / np.maximum(others, 1)
    table = pd.DataFrame({"user": users.astype(np.int32), "place": places, "score": own})
    table = table.assign(history=counts)
    return table.sort_values(["place", "score"], ascending=False, kind="stable", ignore_index=True)

"""Words of users on items, as a snapshot takes it: the last word counts, and brings no order."""

from __future__ import annotations

import numpy as np
import pandas as pd

_SIGNS = {"positive": 1, "negative": -1, "hidden": 0}


def without_order(interactions: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Interactions that are ordered only where those that feedback did not write are.

    Feedback has times. Where nothing else has, or where all events of each user have one time, a
    few of them would make sequences of histories that are sets. There an event of feedback has the
    time that the user's others have.

    Args:
        interactions: As `linkspan.graph.snapshot.Snapshot` has them, and a column ``told`` (bool):
            whether feedback wrote the event.

    Returns:
        The same tables without that column.
    """
    frames = interactions.values()
    own = pd.concat([f.loc[~f["told"] & (f["sign"] > 0), ["user", "at"]] for f in frames])
    times = own.groupby("user")["at"].agg(["min", "max"])
    keep = own.empty or (times["min"] < times["max"]).any()
    result = {}
    for name, frame in interactions.items():
        at, told = frame["at"], frame.pop("told")
        if not keep and told.any():
            usual = frame["user"].map(times["min"]).fillna(own["at"].max()).astype(np.int64)
            frame = frame.assign(at=at.mask(told, usual))  # noqa: PLW2901
            frame = frame.sort_values(["user", "item", "at"], ignore_index=True)  # noqa: PLW2901
        result[name] = frame
    return result


def with_feedback(
    interactions: dict[str, pd.DataFrame], said: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Interactions together with what users said: their last word on an item counts.

    After a negative one, earlier events of the user and the item are negative, after a positive one
    positive, whatever the graph says of them. One that is hidden changes no event. Where there is
    none, a negative or hidden one is an event itself.

    Args:
        interactions: As `linkspan.graph.snapshot.Snapshot` has them.
        said: Columns ``user``, ``item`` (int32 rows), ``at`` (ms UTC) and ``counts``.

    Returns:
        The same tables, in the same order of rows.
    """
    timed = any(frame["at"].any() for frame in interactions.values())
    last = said.sort_values(["user", "item", "at", "counts"])
    last = last.drop_duplicates(["user", "item"], keep="last")
    last = last.assign(sign=last["counts"].map(_SIGNS).astype(np.int8))
    if last.empty:
        return interactions
    pairs = pd.MultiIndex.from_frame(last[["user", "item"]])
    met = np.zeros(len(last), bool)
    result = {}
    for name, frame in interactions.items():
        place = pairs.get_indexer(pd.MultiIndex.from_frame(frame[["user", "item"]]))
        met[place[place >= 0]] = True
        signs = last["sign"].to_numpy()[place]
        judged = (place >= 0) & (signs != 0)
        if timed:
            judged &= frame["at"].to_numpy() <= last["at"].to_numpy()[place]
        result[name] = frame.assign(sign=frame["sign"].mask(judged, signs).astype(np.int8))
    home = next(iter(interactions))
    new = last.loc[~met & (last["sign"] <= 0), ["user", "item", "at", "sign"]].assign(
        weight=np.float32(1)
    )
    if not timed:
        new["at"] = 0
    columns = list(interactions[home].columns)
    grown = pd.concat([result[home], new[columns].astype(interactions[home].dtypes)])
    result[home] = grown.sort_values(["user", "item", "at"], ignore_index=True)
    return result

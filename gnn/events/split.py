"""Splits of the events, by several protocols, into what is learned from and what is held out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkspan.errors import ModelError
from linkspan.gnn.events.sampling import at_most
from linkspan.gnn.settings import SplitSettings
from linkspan.graph.snapshot import Snapshot

IntArray = NDArray[np.int64]
Parts = tuple[IntArray, IntArray, IntArray]

MIN_EVENTS = 3
"""A user (in one domain, for last-out-per-domain) with fewer events is trained on only."""

MOST_VALIDATED = 6_000
"""Validation events that epochs and weights are chosen on; more cost time and change little."""

_SPARED = "Leave 'protocol' out of [split]: then only what users can spare is held out, if any is"
_log = logging.getLogger(__name__)


class NothingHeldOutError(ModelError):
    """Histories are too short for a protocol."""


@dataclass(frozen=True)
class Split:
    """Positions of rows in ``Snapshot.events()``; an event is in one part or in none.

    In none: events that repeat a held-out pair of user and item, and those after a held-out event.

    Attributes:
        protocol: How it was made.
        train: Rows from which parameters are learned, ascending.
        validation: Rows on which settings and epochs are chosen, ascending.
        test: Rows on which figures are measured, ascending.
        fingerprint: Of the snapshot that was split.
    """

    protocol: str
    train: IntArray
    validation: IntArray
    test: IntArray
    fingerprint: str

    @property
    def history(self) -> IntArray:
        """Rows that are known when test rows are ranked: training and validation, ascending."""
        return np.sort(np.concatenate([self.train, self.validation]))

    def save(self, file: Path) -> None:
        """Write a Parquet file with columns ``event`` (position) and ``part``."""
        parts = ("train", "validation", "test")
        rows = [getattr(self, part) for part in parts]
        names = np.repeat(parts, [len(part) for part in rows])
        table = pa.table({"event": np.concatenate(rows), "part": names})
        about = {"protocol": self.protocol, "fingerprint": self.fingerprint}
        pq.write_table(table.replace_schema_metadata(about), file)

    @classmethod
    def load(cls, file: Path) -> Split:
        """Read what `save` wrote.

        Raises:
            ModelError: There is no such file, or it holds no split.
        """
        try:
            table = pq.read_table(file)
            about = table.schema.metadata or {}
            frame = table.to_pandas()
            parts = {
                part: frame.loc[frame["part"] == part, "event"].to_numpy(np.int64)
                for part in ("train", "validation", "test")
            }
            return cls(
                about[b"protocol"].decode(), **parts, fingerprint=about[b"fingerprint"].decode()
            )
        except (OSError, pa.ArrowException, KeyError, ValueError) as error:
            raise ModelError(f"{file}: not a readable split ({error})") from error


def split_events(
    snapshot: Snapshot,
    settings: SplitSettings | None = None,
    parts: pd.DataFrame | None = None,
) -> Split:
    """Split the positive events of a graph.

    A pair of user and item is held out once: its other events are in no part. By chance are drawn
    only events of users who keep others.

    Args:
        snapshot: The graph.
        settings: The protocol and its numbers, its ``seed`` among them.
        parts: For protocol ``file``: columns ``user``, ``item`` (rows) and ``part``
            (``validation`` or ``test``); all other events are trained on, but where it has no
            validation rows: these are taken from them then.

    Raises:
        ModelError: No event can be held out, or a domain is unknown.
    """
    settings = settings or SplitSettings()
    if settings.protocol == "auto":
        return _spared(snapshot, settings)
    protocol = settings.protocol
    events = snapshot.events()
    events["domain"] = snapshot.items["domain"].to_numpy()[events["item"]]
    events["fresh"] = ~events.duplicated(["user", "item"])
    random = np.random.default_rng(settings.seed)
    made: dict[str, Callable[[], Parts]] = {
        "last-out": lambda: _last_out(events, ["user"]),
        "last-out-per-domain": lambda: _last_out(events, ["user", "domain"]),
        "time": lambda: _time(events, settings),
        "random": lambda: _random(events, random, settings),
        "fold": lambda: _fold(events, random, settings),
        "domain-out": lambda: _domain_out(events, random, settings),
        "items-out": lambda: _items_out(events, random, settings, timed=snapshot.timed),
        "file": lambda: _stated(events, random, settings, parts, timed=snapshot.timed),
    }
    train, validation, test = made[protocol]()
    held_out = np.zeros(len(events), bool)
    held_out[np.concatenate([validation, test])] = True
    pairs = pd.MultiIndex.from_frame(events[["user", "item"]])
    train = train[~pairs[train].isin(pairs[held_out])]
    if not len(train):
        raise NothingHeldOutError(
            f"protocol '{protocol}' leaves no event to learn from",
            hint="Hold out less, in [split]",
        )
    return Split(protocol, train, validation, test, snapshot.fingerprint())


def _spared(snapshot: Snapshot, settings: SplitSettings) -> Split:
    """The first split that leaves something to learn from; else one that holds out nothing."""
    events = snapshot.events()
    for protocol in ("last-out", "random") if snapshot.timed else ("random",):
        try:
            own = settings.model_copy(update={"protocol": protocol})
            split = split_events(snapshot, own)
        except NothingHeldOutError:
            continue
        if has_histories(events.iloc[split.train]):
            return split
    _log.warning("no user can spare an event, so nothing is held out and nothing is measured")
    nothing = np.zeros(0, np.int64)
    every = np.arange(len(events))
    return Split("none", every, nothing, nothing, snapshot.fingerprint())


def has_histories(events: pd.DataFrame) -> bool:
    """Tell whether some user met two items; columns ``user`` and ``item``."""
    return bool(events.drop_duplicates(["user", "item"])["user"].duplicated().any())


def some_validation(split: Split, events: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Validation events, at most `MOST_VALIDATED` of them, drawn by chance if there are more.

    Args:
        split: Says which they are.
        events: All events of the snapshot.
        seed: Of the draw.
    """
    return at_most(events.iloc[split.validation], MOST_VALIDATED, np.random.default_rng(seed))


def last_out(snapshot: Snapshot, per_domain: bool = False) -> Split:
    """Hold out each user's last event for test and the one before it for validation.

    Only the first event of a user and an item counts; a later one repeats what is known.

    Args:
        snapshot: The graph. Where histories are sets, their order is that of the item ids.
        per_domain: Within each domain, instead of over the whole history.

    Raises:
        ModelError: No user has three events or more.
    """
    return split_events(
        snapshot, SplitSettings(protocol="last-out-per-domain" if per_domain else "last-out")
    )


def _last_out(events: pd.DataFrame, group: list[str]) -> Parts:
    fresh = events[events["fresh"]]
    sizes = fresh.groupby(group, sort=False)["item"].transform("size").to_numpy()
    from_end = fresh.groupby(group, sort=False).cumcount(ascending=False).to_numpy()
    large = sizes >= MIN_EVENTS
    test = fresh.index.to_numpy(np.int64)[large & (from_end == 0)]
    validation = fresh.index.to_numpy(np.int64)[large & (from_end == 1)]
    if not len(test):
        raise NothingHeldOutError(
            f"no user has {MIN_EVENTS} events or more, so none can be held out", hint=_SPARED
        )
    # Nothing at or after the validation event of an event's group is learned from.
    cut = events.iloc[validation].assign(cut=validation)[[*group, "cut"]]
    cuts = events[group].merge(cut, on=group, how="left")["cut"].to_numpy()
    before = np.isnan(cuts) | (np.arange(len(events)) < cuts)
    return np.flatnonzero(before).astype(np.int64), validation, test


def _time(events: pd.DataFrame, settings: SplitSettings) -> Parts:
    """Test from a moment on, and validation from one before it."""
    at = events["at"].to_numpy()
    if at.min() == at.max():
        raise ModelError(
            "events have no times, so no moment divides them",
            hint="Take protocol 'random', or name the column of time as 'at' in the mapping",
        )
    moment = settings.at
    if moment is None:
        moment = int(np.quantile(at, 1 - settings.test, method="higher"))
    before = np.sort(at[at < moment])
    if len(before) in (0, len(at)):
        side = "at or after" if len(before) else "before"
        raise ModelError(
            f"no event is {side} {moment}, where the test part begins",
            hint=f"Events are from {at.min()} to {at.max()}",
        )
    first = before[max(len(before) - max(int(settings.validation * len(at)), 1), 0)]
    fresh = events["fresh"].to_numpy()
    parts = at < first, fresh & (at >= first) & (at < moment), fresh & (at >= moment)
    train, validation, test = (np.flatnonzero(part).astype(np.int64) for part in parts)
    return train, validation, test


def _random(events: pd.DataFrame, random: np.random.Generator, settings: SplitSettings) -> Parts:
    """Shares of the events by chance."""
    drawn = _free(events, random)
    part = np.full(len(events), -1)
    ends = np.round(np.cumsum([settings.test, settings.validation]) * len(drawn)).astype(int)
    part[drawn[: ends[0]]] = 0
    part[drawn[ends[0] : ends[1]]] = 1
    return _numbered(part, test=0, validation=1)


def _fold(events: pd.DataFrame, random: np.random.Generator, settings: SplitSettings) -> Parts:
    """Equal parts by chance, the same for every fold of a seed."""
    drawn = _free(events, random)
    part = np.full(len(events), -1)
    part[drawn] = np.arange(len(drawn)) % settings.folds
    following = (settings.fold + 1) % settings.folds
    return _numbered(part, test=settings.fold, validation=following)


def _free(events: pd.DataFrame, random: np.random.Generator) -> IntArray:
    """Rows that may be held out, in a random order: of each user all pairs but one."""
    fresh = np.flatnonzero(events["fresh"])
    order = fresh[random.permutation(len(fresh))]
    free: IntArray = random.permutation(order[events["user"].iloc[order].duplicated().to_numpy()])
    if not len(free):
        raise NothingHeldOutError(
            "no user has 2 events or more, so none can be held out", hint=_SPARED
        )
    return free


def _domain_out(
    events: pd.DataFrame, random: np.random.Generator, settings: SplitSettings
) -> Parts:
    """All that a share of the users who know other domains too did in one."""
    known = sorted(events["domain"].unique())
    if settings.domain is not None and settings.domain not in known:
        raise ModelError(
            f"[split] domain: there is no domain '{settings.domain}' with events",
            hint=f"There are {', '.join(known)}",
        )
    pairs = events[["user", "domain"]].drop_duplicates()
    pairs = pairs[pairs["user"].duplicated(keep=False)]
    if settings.domain is None:  # each user can lose one domain, drawn by chance
        pairs = pairs.iloc[random.permutation(len(pairs))].drop_duplicates("user")
    else:
        pairs = pairs[pairs["domain"] == settings.domain]
    if len(pairs) < 2:
        asked = "domain" if settings.domain is None else f"domain '{settings.domain}'"
        raise NothingHeldOutError(
            f"[split] protocol 'domain-out': of the users of {asked} {len(pairs)} know another, "
            "so none can be held out",
            hint="Name a domain that shares two users or more with others, or another 'protocol'",
        )
    drawn = pairs.sort_values("user").iloc[random.permutation(len(pairs))]
    part = np.full(len(events), -1)
    every = pd.MultiIndex.from_frame(events[["user", "domain"]])
    start = 0
    for number, share in enumerate((settings.test, settings.validation)):
        end = start + max(round(len(drawn) * share), 1)
        part[every.isin(pd.MultiIndex.from_frame(drawn.iloc[start:end]))] = number
        start = end
    rows = np.flatnonzero(part >= 0)
    part[rows[~events["fresh"].to_numpy()[rows]]] = -2
    return _numbered(part, test=0, validation=1)


def _items_out(
    events: pd.DataFrame,
    random: np.random.Generator,
    settings: SplitSettings,
    *,
    timed: bool,
) -> Parts:
    """Each user's last event with an item that is new: nobody's events with it are learned from.

    Validation is as usual, among the other items: the last event of each user who keeps one where
    there are times, else a share.
    """
    new: list[IntArray] = []
    for _, items in events.groupby("domain", sort=True)["item"]:
        known = np.sort(items.unique()).astype(np.int64)
        count = min(max(round(settings.test * len(known)), 1), len(known) - 1)
        new.append(random.choice(known, count, replace=False))
    out = events["item"].isin(np.concatenate(new)).to_numpy()
    keeps = events["user"].isin(events["user"][~out]).to_numpy()
    test = np.flatnonzero(out & keeps & events["fresh"].to_numpy())
    test = test[~events["user"].iloc[test].duplicated(keep="last").to_numpy()]
    if not len(test):
        raise NothingHeldOutError(
            "no user met an item that was drawn as new and another one", hint=_SPARED
        )
    rows = np.flatnonzero(~out)
    fresh = rows[events["fresh"].to_numpy()[rows]]
    users = events["user"].iloc[fresh]
    if timed:
        validation = fresh[(users.duplicated() & ~users.duplicated(keep="last")).to_numpy()]
    else:
        drawn = rows[_free(events.iloc[rows], random)]
        validation = drawn[: max(round(settings.validation * len(drawn)), 1)]
    return np.setdiff1d(rows, validation), np.sort(validation), test


def _stated(
    events: pd.DataFrame,
    random: np.random.Generator,
    settings: SplitSettings,
    parts: pd.DataFrame | None,
    *,
    timed: bool,
) -> Parts:
    """Parts as a table says of pairs; where it validates on none, some that are trained on do."""
    assert parts is not None, "protocol 'file' needs the parts"
    pairs = pd.MultiIndex.from_frame(parts[["user", "item"]])
    place = pairs.get_indexer(pd.MultiIndex.from_frame(events[["user", "item"]]))
    codes = np.append(parts["part"].map({"test": 0, "validation": 1}).to_numpy(np.int64), -1)
    part = codes[place]
    part[(part >= 0) & ~events["fresh"].to_numpy()] = -2
    if (part == 0).any() and not (part == 1).any():
        taken, which = _like_test(events, part, random, settings.validation, timed=timed)
        part[taken] = 1
        _log.warning(
            "the file of [split] has no validation rows: of those to train on %d are taken, %s",
            len(taken),
            which,
        )
    return _numbered(part, test=0, validation=1)


def _like_test(
    events: pd.DataFrame, part: IntArray, random: np.random.Generator, share: float, *, timed: bool
) -> tuple[IntArray, str]:
    """Rows to validate on that resemble the test rows (0 in ``part``), and which they are.

    They are of the same domains, and each user keeps another there. Where nobody who is tested has
    two, a share of all is drawn, as where histories are sets.
    """
    tested = events[part == 0]
    inside = events["fresh"] & events["domain"].isin(tested["domain"])
    rows = np.flatnonzero((part == -1) & inside)
    users = events["user"].iloc[rows]
    last = users.isin(tested["user"]) & users.duplicated() & ~users.duplicated(keep="last")
    if timed and last.any():
        return rows[last], "the last of each user of the test rows"
    drawn = rows[_free(events.iloc[rows], random)]
    return drawn[: max(round(share * len(drawn)), 1)], f"{share:.0%} by chance"


def _numbered(part: IntArray, test: int, validation: int) -> Parts:
    """Rows by the number of their part; -2 is in none."""
    rows = np.arange(len(part), dtype=np.int64)
    learned = (part != test) & (part != validation) & (part != -2)
    return rows[learned], rows[part == validation], rows[part == test]
